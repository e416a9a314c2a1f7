package mutate

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Standing says which credentials the AWS SDKs of a container find.
type Standing uint8

const (
	// Unknown: it depends on values that the pod does not show, such as those of a Secret.
	Unknown Standing = iota
	// HasIdentity: those of the identity that was asked about.
	HasIdentity
	// HasOther: others that its author gave it.
	HasOther
	// Broken: it is told to use an identity that it cannot get, such as by a token that it
	// does not have; what SDKs do then differs.
	Broken
	// FallsToNode: none. It runs with the node's role if the node lets it.
	FallsToNode
	// HasNone: none, and it does not ask the node.
	HasNone
)

// String returns the constant's name.
func (s Standing) String() string {
	names := [...]string{"Unknown", "HasIdentity", "HasOther", "Broken", "FallsToNode", "HasNone"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("Standing(%d)", uint8(s))
}

// Cause says why a container does not have the identity. Causes are stable.
type Cause string

// The causes.
const (
	// CauseNotMutated: nothing was injected, as when the webhook was not there or did not know the
	// account yet. Creating the pod again mends it.
	CauseNotMutated Cause = "not-mutated"
	// CauseSkipped: the pod's annotation skip-containers names it.
	CauseSkipped Cause = "skipped"
	// CauseNoIdentity: the account has no identity.
	CauseNoIdentity Cause = "no-identity"
	// CausePartial: it has one of the two identity variables.
	CausePartial Cause = "partial-identity"
	// CauseEmpty: an identity variable is set to nothing, or may be.
	CauseEmpty Cause = "empty-identity"
	// CauseNoToken: no token is mounted where the variable says.
	CauseNoToken Cause = "no-token"
	// CauseOtherRole: it has another role, as when the account's was changed later.
	CauseOtherRole Cause = "other-role"
	// CauseOtherAudience: its token is for another audience.
	CauseOtherAudience Cause = "other-audience"
	// CauseOtherMethod: it uses the other Method, or another endpoint of PodIdentity.
	CauseOtherMethod Cause = "other-method"
	// CauseStaticCredentials: it has an access key.
	CauseStaticCredentials Cause = "static-credentials"
	// CauseReference: a value that matters comes from elsewhere.
	CauseReference Cause = "reference"
	// CauseProxy: it would ask a proxy for what only the agent on its node can give.
	CauseProxy Cause = "proxy"
)

// Finding is how one container stands.
type Finding struct {
	Name     string
	Kind     Kind
	Index    int
	Standing Standing
	// Causes say why it does not have the identity; empty when it has.
	Causes []Cause
	// Message describes the finding in words.
	Message string

	works bool // as of verdict
}

// Diagnosis is how each container of a pod stands, init containers first.
type Diagnosis struct {
	Containers []Finding
}

// OK says that every container, but for those skipped by annotation, has the identity.
func (d Diagnosis) OK() bool {
	for _, f := range d.Containers {
		if f.Standing != HasIdentity && !f.has(CauseSkipped) {
			return false
		}
	}
	return true
}

// Missed returns the containers that should have the identity and have no other that works: those
// that run as the node's role or fail, and those that were not mutated or may have empty variables,
// where values that the pod does not show decide.
func (d Diagnosis) Missed() (missed []Finding) {
	for _, f := range d.Containers {
		bad := f.Standing >= Broken || f.Standing == Unknown && (f.has(CauseNotMutated) || f.has(CauseEmpty))
		if bad && !f.has(CauseSkipped) && !f.has(CauseNoIdentity) {
			missed = append(missed, f)
		}
	}
	return missed
}

func (f Finding) has(c Cause) bool { return slices.Contains(f.Causes, c) }

// Diagnose says for a pod that exists whether its containers get the credentials of id, the
// [Mutator.Identity] of its account now. It looks at the pod alone: whether the role trusts
// the account is for package trust to say. A zero id asks what pods of an account without
// an identity have.
func (m *Mutator) Diagnose(pod *corev1.Pod, id Identity) (Diagnosis, error) {
	if m == nil || m.scanners == nil {
		return Diagnosis{}, fmt.Errorf("mutate: diagnose: %w", errNoMutator)
	}
	g, err := m.grant(id)
	if err != nil {
		return Diagnosis{}, fmt.Errorf("mutate: diagnose: identity: %w", err)
	}
	d, err := m.diagnosePod(pod, func(*view) *grant { return g })
	if err != nil {
		return Diagnosis{}, fmt.Errorf("mutate: diagnose: %w", err)
	}
	return d, nil
}

// diagnosePod is diagnose for a decoded pod and what it is granted.
func (e *engine) diagnosePod(pod *corev1.Pod, granted func(*view) *grant) (Diagnosis, error) {
	doc, err := marshalPod(pod)
	if err != nil {
		return Diagnosis{}, fmt.Errorf("the pod %w", err)
	}
	s := e.scanner()
	defer e.release(s)
	s.view.lists = allLists
	if err := s.scan(doc); err != nil {
		return Diagnosis{}, fmt.Errorf("pod: %w", err)
	}
	return e.diagnose(&s.view, granted(&s.view)), nil
}

func (e *engine) diagnose(v *view, g *grant) (d Diagnosis) {
	j := e.newJudge(v, g)
	names, _ := parseSkip(v.settings[skipSetting].value, e.Skip.Separator) // what cannot be read skips nothing
	skipped := make(map[string]bool, len(names))
	for _, name := range names {
		skipped[name] = true
	}
	for i := range v.containers {
		c := &v.containers[i]
		f := j.stand(c, gain{}).finding(c)
		if f.Standing != HasIdentity && skipped[c.name] {
			f.Causes = append(f.Causes, CauseSkipped)
		}
		if f.Standing != HasIdentity && g == nil {
			f.Causes = append(f.Causes, CauseNoIdentity)
		}
		d.Containers = append(d.Containers, f)
	}
	return d
}
