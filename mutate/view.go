package mutate

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// view is all that the mutation and the diagnosis need to know of a pod. Nothing writes to it
// once it has been read.
type view struct {
	noLabels    bool // they do not matter and are left out
	hasMetadata bool // an object, not absent or null
	hasLabels   bool // an object, with or without members
	label       setting
	chosen      bool // it carries the label that chooses pods
	left        bool // it carries the one that keeps from it what is done

	hasAnnotations bool // an object, with or without members
	settings       [maxSettings]setting
	mirror         bool // the static pod of a kubelet: the API server refuses tokens in it

	name, generateName string // where a volume's name follows from them
	nameFits           bool   // the pod's name can be an STS session name

	byRule       bool   // its label asks for the role by rule
	wantAccount  bool   // read the following two as well
	account      string // of spec.serviceAccountName
	accountAlias string // of spec.serviceAccount, the same field under its first name

	osName         string // of spec.os
	windowsByLabel bool   // by node selector or by required node affinity

	lists lists // which containers are read
	debug bool  // the containers are new ephemeral ones of a pod that exists

	hasVolumes bool         // an array with members
	volumeList []byte       // its JSON, a part of the document
	volumes    []projection // those whose names matter
	containers []containerView
}

// accountName is the pod's account, as the API server defaults it.
func (v *view) accountName() string { return orElse(v.account, orElse(v.accountAlias, "default")) }

// lists says which of a pod's lists of containers are read.
type lists uint8

const (
	ofNewPod  lists = iota // all but the ephemeral ones, which a new pod cannot have
	ephemeral              // these alone
	allLists
)

func (l lists) has(k Kind) bool {
	return l == allLists || (l == ephemeral) == (k == EphemeralContainer)
}

// setting is an annotation's or a label's value, if it is there.
type setting struct {
	value string
	set   bool
}

// projection is what a volume projects, as far as it matters for tokens.
type projection struct {
	name      string
	index     int
	projected bool
	others    bool // sources of another kind
	tokens    []tokenSource
	files     []projectedFile // of the other sources
}

// tokenSource is a serviceAccountToken of a projected volume.
type tokenSource struct {
	path       string // clean
	audience   string
	expiration int64 // seconds; 0: not given
}

// projectedFile is a file that is not a token; fieldPath is that of the downward API.
type projectedFile struct{ path, fieldPath string }

// sort makes both lists ones that can be searched: a pod may have any number of either. Of two at one
// path, the first stays in front.
func (p *projection) sort() {
	slices.SortStableFunc(p.tokens, func(a, b tokenSource) int { return strings.Compare(a.path, b.path) })
	slices.SortFunc(p.files, projectedFile.compare)
}

// at returns the token at a clean path in the volume.
func (p *projection) at(file string) (tokenSource, bool) {
	i, ok := slices.BinarySearchFunc(p.tokens, file, func(t tokenSource, file string) int { return strings.Compare(t.path, file) })
	if !ok {
		return tokenSource{}, false
	}
	return p.tokens[i], true
}

// has says whether the volume has a file that is not a token.
func (p *projection) has(f projectedFile) bool {
	_, ok := slices.BinarySearchFunc(p.files, f, projectedFile.compare)
	return ok
}

func (f projectedFile) compare(g projectedFile) int {
	return cmp.Or(strings.Compare(f.path, g.path), strings.Compare(f.fieldPath, g.fieldPath))
}

// cleanPath is a path in a volume without "." and slashes too many.
func cleanPath(p string) string {
	if p == "" {
		return ""
	}
	return path.Clean(p)
}

// volumeView is the volume of a pod that is a method's, or would be.
type volumeView struct {
	state volumeState
	name  string // of the volume that the pod has or gets
	index int
	token tokenSource
}

type volumeState uint8

const (
	volumeAbsent volumeState = iota
	volumeOurs               // projects a service account token to our file, and our other files
	volumeForeign
)

// containerView is a container as the pod has it.
type containerView struct {
	name  string
	kind  Kind
	index int

	env     envSet // the variables that it sets, by name alone
	envFrom envSet // those that its envFrom may hold
	// Of the variables that it sets, by the last entry of each name, which is the one that
	// counts:
	empty  envSet     // those without a value
	hidden envSet     // those whose value is not in the pod
	maybe  envSet     // those of the hidden ones that may turn out to be empty
	values []envValue // where the last of a variable has no value, with an empty one at the end

	hasEnv    bool   // an array with members
	hasMounts bool   // an array with members
	mountList []byte // its JSON, a part of the document
	near      []nearMount
}

// nearMount is a mount of a volume that may be ours, or of what is near a mount path of ours, or a
// device there.
type nearMount struct {
	name, path string // "": it does not matter
	part       bool
}

// envValue is the value of a variable that stands in the pod.
type envValue struct {
	variable envVar
	value    string
}

// given says which of the variables are set to something, as far as can be seen: SDKs take an
// empty one as absent.
func (c *containerView) given() envSet { return c.env &^ c.empty }

// value returns the value of the last entry of a variable; "" where none is shown.
func (c *containerView) value(v envVar) string {
	for i := len(c.values) - 1; i >= 0; i-- {
		if c.values[i].variable == v {
			return c.values[i].value
		}
	}
	return ""
}

// mountView is how a container stands to a method's volume and mount path.
type mountView struct {
	atPath    bool // our volume is mounted at our path
	elsewhere bool // it is mounted at another
	inPart    bool // a part of it is mounted, somewhere
	foreign   bool // something else is at our path
	alias     bool // something else is at another name of it
	inFront   bool // something is mounted in front of a file
}

func (m mountView) mounted() bool { return m.atPath || m.elsewhere || m.inPart }

// windows says whether the pod runs on Windows. What the pod says of itself decides; only
// without it do the nodes that it asks for.
func (v *view) windows() bool {
	if v.osName != "" {
		return v.osName == windowsOS
	}
	return v.windowsByLabel
}

const (
	windowsOS    = "windows"
	labelOS      = "kubernetes.io/os"
	labelOSBeta  = "beta.kubernetes.io/os"
	mirrorPodKey = "kubernetes.io/config.mirror"
)

// fitsSessionName says whether a pod with names of these lengths gets one that STS takes as a
// session name: the characters of a DNS subdomain all fit, 2 to 64 of them. The API server cuts
// generated names to 63 (names.go in k8s.io/apiserver).
func fitsSessionName(name, generateName int) bool {
	if name == 0 {
		return generateName > 0
	}
	return 2 <= name && name <= 64
}
