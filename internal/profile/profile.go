// Package profile is what one identity of one cloud does to a pod, as data: the rules of a cloud
// with the values of one service account in them. mutate.Engine carries it out.
package profile

import (
	"fmt"
	"strconv"
)

// Profile is what one identity does to a pod. Names and paths in it are the cloud's own constants,
// and all text is valid UTF-8: whoever makes a Profile checks what comes from somebody else.
type Profile struct {
	// Cloud begins the errors.
	Cloud string

	// Label and LabelValue choose the pods: those that carry the label with exactly this value.
	// Label "": every pod.
	Label, LabelValue string

	Volume    Volume
	MountPath string // absolute and clean

	// Grant is what the pod gets, unless the annotation Choose.Key of the pod is "true" in any
	// case: then it is Choose.Grant.
	Grant  Grant
	Choose Choose

	Expiration Expiration
	Skip       Skip

	// Annotation is one that the pod gets. Key "": none.
	Annotation Annotation

	// Preferred are variables with credentials that the cloud's clients prefer to the injected
	// identity: a container that sets one is warned.
	Preferred []string

	// Unsupported are annotations of the pod that ask for what is not done: a warning says so.
	Unsupported []string
}

// Volume is the projected volume.
type Volume struct {
	// Name is the whole name; of ByPodName it is what stands before 30 digits that follow from
	// the pod's name.
	Name      string
	ByPodName bool
	// DefaultMode is the files' mode. 0: Kubernetes' own, 0644.
	DefaultMode int32
}

// Grant is a token and what goes with it.
type Grant struct {
	Audience string
	File     string   // the token's path in the volume
	Sources  []Source // the volume's others
	Env      []Env    // in this order
}

// Source is a source of the volume beside the token.
type Source struct {
	JSON string // one element of projected.sources
	File string // its path in the volume
	// FieldPath is the field that a downward API file shows; "" for other sources.
	FieldPath string
}

// Env is a variable that every container gets.
type Env struct {
	Name, Value string // without a value it is left out
	// Identity variables are added together or not at all: a container that has all of them
	// keeps its own identity and gets nothing, and one that has only some is a conflict. The
	// others are added each where its name is not set.
	Identity bool
	// Needed variables are of no use when they are empty, as Identity variables are: a container
	// that sets one to nothing has no identity.
	Needed bool
}

// Choose is another Grant, by an annotation of the pod.
type Choose struct {
	Key   string // "": there is none
	Grant Grant
}

// Expiration is the token's lifetime in seconds.
type Expiration struct {
	Seconds int64 // without the pod's annotation
	Key     string
	// Min and Max bound the annotation. Beyond Max the pod is refused, and below Min too unless
	// RaiseToMin.
	Min, Max   int64
	RaiseToMin bool
	// EmptyIsAbsent: an empty annotation says nothing; else it is refused.
	EmptyIsAbsent bool
}

// Skip is the pod's annotation that names containers to leave alone.
type Skip struct{ Key, Separator string }

// Annotation is an annotation's key and value.
type Annotation struct{ Key, Value string }

// Parse reads an annotation's seconds. Those below Min are returned as they are with RaiseToMin,
// for the caller to raise. The error says what is allowed.
func (e Expiration) Parse(value string) (int64, error) {
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil || seconds > e.Max || seconds < e.Min && (!e.RaiseToMin || seconds < 0) {
		from := e.Min
		if e.RaiseToMin {
			from = 0
		}
		return 0, fmt.Errorf("whole seconds, %d to %d", from, e.Max)
	}
	return seconds, nil
}
