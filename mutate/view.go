package mutate

// view is all that the mutation needs to know of a pod. It is read from a decoded pod or
// from JSON; what follows is the same for both.
type view struct {
	noLabels    bool // they do not matter and are left out
	hasMetadata bool // an object, not absent or null
	hasLabels   bool // likewise, with or without members
	label       setting
	expiration  setting
	skip        setting
	mirror      bool // the static pod of a kubelet: the API server refuses tokens in it
	nameFits    bool // the pod's name can be an STS session name

	wantAccount  bool   // read the following two as well
	account      string // of spec.serviceAccountName
	accountAlias string // of spec.serviceAccount, the same field under its first name

	osName         string // of spec.os
	windowsByLabel bool   // by node selector or by required node affinity

	debug bool // containers are new ephemeral ones of a pod that exists

	hasVolumes bool          // an array with members
	volumes    [2]volumeView // by Method
	containers []containerView
}

// setting is an annotation's or a label's value, if it is there.
type setting struct {
	value string
	set   bool
}

// volumeView is the pod's volume with the name of a method's.
type volumeView struct {
	state      volumeState
	index      int
	audience   string
	expiration int64 // seconds; 0: not given
}

type volumeState uint8

const (
	volumeAbsent volumeState = iota
	volumeOurs               // projects a service account token to our file
	volumeForeign
)

// containerView is a container, and later what is to be done to it.
type containerView struct {
	name      string
	kind      Kind
	index     int
	env       envSet // the variables that it sets
	envFrom   envSet // those that its envFrom may hold
	hasEnv    bool   // an array with members
	hasMounts bool   // likewise
	mounts    [2]mountView

	skip     bool // by annotation
	add      envSet
	addMount bool
}

// mountView is how a container stands to a method's volume and mount path.
type mountView struct {
	atPath    bool // our volume is mounted at our path
	elsewhere bool // it is mounted at another
	foreign   bool // something else is at our path
}

func (m mountView) mounted() bool { return m.atPath || m.elsewhere }

// see records one mount or, with device set, one volume device.
func (m *mountView) see(ours, atPath bool) {
	switch {
	case ours && atPath:
		m.atPath = true
	case ours:
		m.elsewhere = true
	case atPath:
		m.foreign = true
	}
}

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

// fitsSessionName says whether a pod with names of these lengths gets one that STS takes as a session
// name: the characters of a DNS subdomain all fit, 2 to 64 of them. The API server cuts
// generated names to 63 (names.go in k8s.io/apiserver).
func fitsSessionName(name, generateName int) bool {
	if name == 0 {
		return generateName > 0
	}
	return 2 <= name && name <= 64
}
