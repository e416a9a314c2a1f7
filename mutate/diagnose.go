package mutate

import (
	"errors"
	"fmt"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Standing is what credentials the AWS SDKs of a container find.
type Standing uint8

const (
	// Unknown: it depends on values that the pod does not show, such as those of a Secret.
	Unknown Standing = iota
	// HasIdentity: those of the identity asked about.
	HasIdentity
	// HasOther: others that its author gave it.
	HasOther
	// Broken: it is told to use a token that it does not have; what SDKs do then differs.
	Broken
	// FallsToNode: none; it runs as the node's role, where the node lets it.
	FallsToNode
	// HasNone: none, and it must not ask the node.
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
	// CauseNotMutated: nothing was injected, as when the webhook was not there or did not
	// know the account yet. Creating the pod again cures it.
	CauseNotMutated Cause = "not-mutated"
	// CauseSkipped: the pod's annotation skip-containers names it.
	CauseSkipped Cause = "skipped"
	// CauseNoIdentity: the account has no identity.
	CauseNoIdentity Cause = "no-identity"
	// CausePartial: it has one of the two identity variables.
	CausePartial Cause = "partial-identity"
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
	// CauseReference: an identity variable's value comes from elsewhere.
	CauseReference Cause = "reference"
)

// Finding is how one container stands.
type Finding struct {
	Name     string
	Kind     Kind
	Index    int
	Standing Standing
	// Causes is why it does not have the identity; empty when it has.
	Causes []Cause
	// Message says it in words.
	Message string
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

// Missed returns the containers that were to have the identity and have nothing of their
// own instead: those that run as the node's role, or fail.
func (d Diagnosis) Missed() (missed []Finding) {
	for _, f := range d.Containers {
		if f.Standing >= Broken && !f.has(CauseSkipped) && !f.has(CauseNoIdentity) {
			missed = append(missed, f)
		}
	}
	return missed
}

func (f Finding) has(c Cause) bool {
	for _, cause := range f.Causes {
		if cause == c {
			return true
		}
	}
	return false
}

// Diagnose says for a pod that exists whether its containers get the credentials of id, the
// [Mutator.Identity] of its account now. It looks at the pod alone: whether the role trusts
// the account is for package trust to say. A zero id asks what pods of an account without
// an identity have.
func (m *Mutator) Diagnose(pod *corev1.Pod, id Identity) (Diagnosis, error) {
	if m == nil || m.scanners == nil {
		return Diagnosis{}, fmt.Errorf("mutate: diagnose: %w", errNoMutator)
	}
	if pod == nil {
		return Diagnosis{}, errors.New("mutate: diagnose: the pod is nil")
	}
	if !id.IsZero() {
		if _, err := id.check(); err != nil {
			return Diagnosis{}, fmt.Errorf("mutate: diagnose: identity: %w", err)
		}
	}
	d := diagnoser{m: m, pod: pod, id: id, skipped: map[string]bool{}}
	if names, err := parseSkip(pod.Annotations[m.keys.skip]); err == nil {
		for _, name := range names {
			d.skipped[name] = true
		}
	}
	var out Diagnosis
	for i := range pod.Spec.InitContainers {
		out.Containers = append(out.Containers, d.container(InitContainer, i, &pod.Spec.InitContainers[i]))
	}
	for i := range pod.Spec.Containers {
		out.Containers = append(out.Containers, d.container(Container, i, &pod.Spec.Containers[i]))
	}
	for i := range pod.Spec.EphemeralContainers {
		c := (*corev1.Container)(&pod.Spec.EphemeralContainers[i].EphemeralContainerCommon)
		out.Containers = append(out.Containers, d.container(EphemeralContainer, i, c))
	}
	return out, nil
}

type diagnoser struct {
	m       *Mutator
	pod     *corev1.Pod
	id      Identity
	skipped map[string]bool
}

// variable is an environment variable as a pod shows it.
type variable struct {
	set, shown bool // shown: its value stands in the pod
	value      string
}

func (d *diagnoser) container(kind Kind, index int, c *corev1.Container) Finding {
	f := Finding{Name: c.Name, Kind: kind, Index: index}
	env := map[string]variable{}
	for _, e := range c.Env { // the last of a name counts
		env[e.Name] = variable{set: true, shown: e.ValueFrom == nil && !strings.Contains(e.Value, "$("), value: e.Value}
	}
	f.Standing, f.Causes, f.Message = d.stand(c, env)
	if f.Standing != HasIdentity && d.skipped[c.Name] {
		f.Causes = append(f.Causes, CauseSkipped)
	}
	if f.Standing != HasIdentity && d.id.IsZero() {
		f.Causes = append(f.Causes, CauseNoIdentity)
	}
	return f
}

// stand follows the order in which the SDKs look for credentials
// (https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html).
func (d *diagnoser) stand(c *corev1.Container, env map[string]variable) (Standing, []Cause, string) {
	role, file := env[EnvRoleARN], env[EnvTokenFile]
	uri, auth := env[EnvCredentialsURI], env[EnvCredentialsAuth]
	switch {
	case env["AWS_ACCESS_KEY_ID"].set:
		return HasOther, []Cause{CauseStaticCredentials}, "AWS_ACCESS_KEY_ID is set, which SDKs prefer"
	case role.set && file.set:
		return d.pair(WebIdentity, c, role, file)
	case uri.set && auth.set:
		return d.pair(PodIdentity, c, uri, auth)
	case len(c.EnvFrom) > 0:
		return Unknown, []Cause{CauseReference}, "variables from envFrom may or may not hold an identity"
	case role.set || file.set || uri.set || auth.set:
		return d.none(env), []Cause{CausePartial}, "only one of two identity variables is set"
	}
	return d.none(env), []Cause{CauseNotMutated}, "no identity variables are set"
}

// none is how a container without credentials stands.
func (d *diagnoser) none(env map[string]variable) Standing {
	if strings.EqualFold(env[EnvEC2Metadata].value, "true") {
		return HasNone
	}
	return FallsToNode
}

// pair looks at a container that sets both variables of a method.
func (d *diagnoser) pair(method Method, c *corev1.Container, first, file variable) (Standing, []Cause, string) {
	if !first.shown || !file.shown {
		return Unknown, []Cause{CauseReference}, "the value of an identity variable does not stand in the pod"
	}
	token, mounted := d.token(c, file.value)
	want := orElse(d.id.Audience, d.m.methods[method].audience)
	switch {
	case d.id.IsZero():
		return HasOther, nil, "it has an identity, and its account none"
	case method != d.id.Method:
		return HasOther, []Cause{CauseOtherMethod}, "it uses " + method.String()
	case method == WebIdentity && first.value != d.id.RoleARN:
		return HasOther, []Cause{CauseOtherRole}, "its role is " + quoted(first.value)
	case method == PodIdentity && first.value != PodIdentityURI && first.value != PodIdentityURIv6:
		return HasOther, []Cause{CauseOtherMethod}, "its credentials are those of " + quoted(first.value)
	case !mounted:
		return Broken, []Cause{CauseNoToken}, "no service account token is mounted at " + quoted(file.value)
	case token.Audience != want:
		return Broken, []Cause{CauseOtherAudience}, "its token is for audience " + quoted(token.Audience) + ", not " + quoted(want)
	}
	return HasIdentity, nil, "it has the identity"
}

// token finds the projection that a file comes from: the mount above it, and in its volume
// the token of that path.
func (d *diagnoser) token(c *corev1.Container, file string) (*corev1.ServiceAccountTokenProjection, bool) {
	file = path.Clean(strings.ReplaceAll(strings.TrimPrefix(file, "C:"), `\`, "/"))
	var best *corev1.VolumeMount
	for i := range c.VolumeMounts {
		mount := &c.VolumeMounts[i]
		dir := path.Clean(mount.MountPath)
		under := file == dir || strings.HasPrefix(file, strings.TrimSuffix(dir, "/")+"/")
		if under && (best == nil || len(dir) > len(path.Clean(best.MountPath))) {
			best = mount
		}
	}
	if best == nil || best.SubPathExpr != "" {
		return nil, false
	}
	inVolume := path.Join(best.SubPath, strings.TrimPrefix(file[len(path.Clean(best.MountPath)):], "/"))
	for i := range d.pod.Spec.Volumes {
		v := &d.pod.Spec.Volumes[i]
		if v.Name != best.Name || v.Projected == nil {
			continue
		}
		for _, src := range v.Projected.Sources {
			if src.ServiceAccountToken != nil && path.Clean(src.ServiceAccountToken.Path) == inVolume {
				return src.ServiceAccountToken, true
			}
		}
	}
	return nil, false
}
