// Package profile is what a cloud does to pods, as data: package mutate carries it out.
package profile

import (
	"fmt"
	"strconv"
)

// Profile is what one cloud does to the pods of one cluster. Names and paths in it are the cloud's
// own constants, and all text is valid UTF-8: whoever makes a Profile checks what comes from
// somebody else.
type Profile struct {
	Cloud   string // begins the errors
	Name    string // of the cloud, in warnings
	Clients string // who reads the variables, in warnings

	// Label and LabelValue choose the pods: those that carry the label with exactly this value.
	// Label "": every pod.
	Label, LabelValue string

	// Leave is the annotation whose value "true", and the label whose presence, keeps from a pod what
	// Label does not. "": the profile has none.
	Leave string

	// Vars are the variables that matter: those that are added, in this order, and those that are
	// only looked at. At most 16, and at most 6 annotations in all.
	Vars []Var

	// Methods are the ways to an identity, one or two, the one that clients prefer first.
	Methods []Method
	// Choose is an annotation of the pod that picks the second method where it is "true" in any
	// case; clients then know of no other. "": the Grant says which method it is, and clients
	// look for both.
	Choose string

	Expiration Expiration
	Skip       Skip

	// Unsupported are annotations of the pod that ask for what is not done: a warning says so.
	Unsupported []string

	// Refuse refuses a pod with a conflict, which else is a warning.
	Refuse bool

	// AsEKS does three things as EKS's webhook does. A container that has all Identity variables
	// keeps them and gets everything else; the others' get nothing when one of those is their own,
	// and what is missing when none is. A volume that is mounted elsewhere, or in part, is not
	// mounted again. What is mounted in front of a file is a warning; the others' is a conflict.
	AsEKS bool
}

// Use is what a variable is for.
type Use uint8

// The uses.
const (
	// IfAbsent is added where its name is not set.
	IfAbsent Use = iota
	// Identity is added together with the method's others or not at all: a container that has only
	// some of them is a conflict.
	Identity
	// Together is added with all others of this use where none of them is set.
	Together
	// WithIdentity is added where the Identity variables are, and its name is not set.
	WithIdentity
	// NodeOff is added where its name is not set, in spite of conflicts. "true" keeps clients from
	// the node's identity.
	NodeOff
	// Static is part of a credential that clients prefer to every Method.
	Static
	// Proxy names an HTTP proxy, and NoProxy what needs none.
	Proxy
	NoProxy
)

// Var is an environment variable.
type Var struct {
	Name string
	Also []string // its other names
	Use  Use
	// Method is the one that it belongs to, from 1. 0: all.
	Method int
	// Needed variables are of no use when they are absent or empty, as Identity variables are.
	Needed bool
	// File is a needed variable with the path of the file that clients start from, always Value.
	File bool
	// Credential numbers the credential of a Static variable; all of its variables make it.
	Credential int
	// Whole variables are what a container has that gets no mount: all Identity ones, every
	// IfAbsent one and any Together one.
	Whole bool
	// Is says in messages what the value is. "": the variable's name.
	Is string
	// Value is what is added, unless the Grant has another. Without a value it is left out.
	Value string
	// From is the field of the pod that the value comes from instead.
	From string
}

// Method is one way to an identity: a token, and what goes with it.
type Method struct {
	Name, Title string // short and long, in warnings

	Volume    Volume
	MountPath string // absolute and clean
	Audience  string // of the token, unless the Grant has another
	File      string // the token's path in the volume
	Sources   []Source
	Mark      Mark

	// WindowsPath writes the File variable's value as a path of Windows in pods for it.
	WindowsPath bool
	// Agents are the addresses of the agent that gives the credentials; the Needed variable that
	// is no File has one of them. Any other address gives credentials of its own, and no proxy can
	// reach these.
	Agents []string
}

// Volume is the projected volume.
type Volume struct {
	// Name is the whole name; of ByPodName it is what stands before 30 digits that follow from
	// the pod's name.
	Name      string
	ByPodName bool
	// DefaultMode is the files' mode. 0: Kubernetes' own, 0644.
	DefaultMode int32
	// First puts it before the pod's own volumes.
	First bool
}

// Source is a source of the volume beside the token.
type Source struct {
	JSON string // one element of projected.sources
	File string // its path in the volume
	// FieldPath is the field that a downward API file shows; "" for other sources.
	FieldPath string
}

// Mark is a label or an annotation that the pod gets. Key "": none.
type Mark struct {
	Key, Value string // a Grant may have another value
	// Label: it is one. Another value is left there with a warning; that of an annotation is a
	// conflict.
	Label bool
}

// Grant is what one identity gives to a pod.
type Grant struct {
	Method   int               // its index
	Values   map[string]string // of the variables, by name
	Audience string            // "": the Method's
	Seconds  int64             // the token's lifetime without the pod's annotation
	Mark     string            // "": the Method's
}

// Expiration is the pod's annotation with the token's lifetime in seconds.
type Expiration struct {
	Key string
	// Min and Max bound it. Beyond Max the pod is refused, and below Min too unless RaiseToMin.
	Min, Max   int64
	RaiseToMin bool
	// FromBelow admits what is below 0 with RaiseToMin.
	FromBelow bool
	// EmptyIsAbsent: an empty annotation says nothing; else it is refused.
	EmptyIsAbsent bool
}

// Skip is the pod's annotation that names containers to leave alone. Separator "": it is one record
// of CSV.
type Skip struct{ Key, Separator string }

// Parse reads an annotation's seconds. Those below Min are returned as they are with RaiseToMin,
// for the caller to raise. The error says what is allowed.
func (e Expiration) Parse(value string) (int64, error) {
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil || seconds > e.Max || seconds < e.Min && (!e.RaiseToMin || seconds < 0 && !e.FromBelow) {
		from := e.Min
		if e.RaiseToMin && !e.FromBelow {
			from = 0
		}
		return 0, fmt.Errorf("whole seconds, %d to %d", from, e.Max)
	}
	return seconds, nil
}
