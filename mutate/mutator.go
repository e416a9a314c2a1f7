package mutate

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/partition"
)

// Mutator plans patches for one [Config]. Make it with [New]. It is immutable and safe for
// concurrent use.
type Mutator struct {
	engine
	cfg      Config // resolved
	defaults []rule // the most specific first
	accounts map[Target]bool
	// annotations are the annotations' whole keys, put together once.
	annotations struct {
		role, audience, regional string
	}
	// partition is the partition of the region; "" without one.
	partition string
	// last is the identity that was checked last: most pods of a cluster come in groups.
	last atomic.Pointer[checkedIdentity]
}

var errNoMutator = errors.New("the Mutator was not made by New")

// New checks c and makes a Mutator. The error joins everything wrong with c.
func New(c Config) (*Mutator, error) {
	resolved, err := c.Resolved()
	if err != nil {
		return nil, err
	}
	m := &Mutator{engine: newEngine(resolved.profile()), cfg: resolved, defaults: sortedRules(c.Defaults), accounts: map[Target]bool{}}
	for _, t := range c.PodIdentityAccounts {
		m.accounts[t] = true
	}
	m.cfg.Defaults, m.cfg.PodIdentityAccounts = nil, nil // the caller's slices
	m.annotations.role = resolved.AnnotationKey(AnnotationRoleARN)
	m.annotations.audience = resolved.AnnotationKey(AnnotationAudience)
	m.annotations.regional = resolved.AnnotationKey(AnnotationRegionalSTS)
	m.ruleLabel = resolved.AnnotationKey(LabelRoleByRule)
	m.asksByRule = !resolved.RoleRule.IsZero() && !resolved.RoleRuleForEveryPod
	m.lax = resolved.BadAnnotations != RefuseAllBad
	m.choose(resolved.choiceRules())
	if p, ok := partition.ByRegion(resolved.Region); ok {
		m.partition = p.Name
	}
	return m, nil
}

// Pod plans the patch for a decoded pod. The patch applies to the pod's JSON as
// [encoding/json] writes it. The pod is not changed. A zero id, or a mirror pod, gives a
// zero Result.
//
// It fails for an id that cannot be injected, and under [RefuseAllBad] for a pod with bad
// annotations.
func (m *Mutator) Pod(pod *corev1.Pod, id Identity) (Result, error) {
	if m == nil || m.scanners == nil {
		return Result{}, fmt.Errorf("mutate: pod: %w", errNoMutator)
	}
	if id.IsZero() && pod != nil {
		return Result{}, nil
	}
	doc, err := marshalPod(pod)
	if err != nil {
		return Result{}, fmt.Errorf("mutate: pod: it %w", err)
	}
	return m.RawPod(doc, id)
}

// marshalPod writes what matters of a pod.
func marshalPod(pod *corev1.Pod) ([]byte, error) {
	if pod == nil {
		return nil, errors.New("is nil")
	}
	doc, err := json.Marshal(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: pod.Name, GenerateName: pod.GenerateName, Labels: pod.Labels, Annotations: pod.Annotations,
	}, Spec: pod.Spec})
	if err != nil {
		return nil, errors.New("cannot be written as JSON")
	}
	return doc, nil
}

// RawPod plans the patch for a pod's JSON, such as AdmissionRequest.Object.Raw, reading it
// once and only as deep as it must. The patch applies to those bytes. A zero id gives a zero
// Result without reading the pod; a mirror pod gives one too.
//
// It fails as [Mutator.Pod] does, with a [*SyntaxError] for what is not JSON (RFC 8259), has
// duplicate names or invalid UTF-8, or is not a pod where it was read, and with [ErrTooLarge]
// for more than 9 MiB.
func (m *Mutator) RawPod(pod []byte, id Identity) (Result, error) {
	if m == nil || m.scanners == nil {
		return Result{}, fmt.Errorf("mutate: pod: %w", errNoMutator)
	}
	if id.IsZero() {
		return Result{}, nil
	}
	s := m.scanner()
	defer m.release(s)
	s.view.noLabels = id.Method != PodIdentity
	err := s.scan(pod)
	if err != nil {
		return Result{}, fmt.Errorf("mutate: pod: %w", err)
	}
	r, err := m.planFor(&s.view, id)
	if err != nil {
		return Result{}, fmt.Errorf("mutate: pod: %w", err)
	}
	return r, nil
}
