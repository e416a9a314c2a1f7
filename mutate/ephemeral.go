package mutate

import (
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// EphemeralContainers plans the patch for ephemeral containers that are being added to a
// running pod: those of pod that old does not have. They get variables and mount when the
// pod has the volume already, since none can be added to it; otherwise they are conflicts.
// Neither pod is changed. Errors are as of [Mutator.Pod].
func (m *Mutator) EphemeralContainers(pod, old *corev1.Pod, id Identity) (Result, error) {
	if m == nil || m.scanners == nil {
		return Result{}, fmt.Errorf("mutate: ephemeral containers: %w", errNoMutator)
	}
	if pod == nil || old == nil {
		return Result{}, errors.New("mutate: ephemeral containers: a pod is nil")
	}
	if id.IsZero() {
		return Result{}, nil
	}
	known := make(map[string]bool, len(old.Spec.EphemeralContainers))
	for i := range old.Spec.EphemeralContainers {
		known[old.Spec.EphemeralContainers[i].Name] = true
	}
	v := view{debug: true}
	m.viewPod(&v, pod)
	return m.planEphemeral(&v, known, id)
}

// RawEphemeralContainers is [Mutator.EphemeralContainers] for the pods' JSON, such as
// AdmissionRequest.Object.Raw and AdmissionRequest.OldObject.Raw of an UPDATE of
// pods/ephemeralcontainers. Errors are as of [Mutator.RawPod].
func (m *Mutator) RawEphemeralContainers(pod, old []byte, id Identity) (Result, error) {
	if m == nil || m.scanners == nil {
		return Result{}, fmt.Errorf("mutate: ephemeral containers: %w", errNoMutator)
	}
	if id.IsZero() {
		return Result{}, nil
	}
	known := map[string]bool{}
	before := m.scanner()
	defer m.release(before)
	before.view.debug = true
	if err := before.scan(old); err != nil {
		return Result{}, fmt.Errorf("mutate: ephemeral containers: old pod: %w", err)
	}
	for _, c := range before.view.containers {
		known[c.name] = true
	}
	after := m.scanner()
	defer m.release(after)
	after.view.debug = true
	if err := after.scan(pod); err != nil {
		return Result{}, fmt.Errorf("mutate: ephemeral containers: pod: %w", err)
	}
	return m.planEphemeral(&after.view, known, id)
}

func (m *Mutator) planEphemeral(v *view, known map[string]bool, id Identity) (Result, error) {
	v.containers = slices.DeleteFunc(v.containers, func(c containerView) bool { return known[c.name] })
	if len(v.containers) == 0 {
		return Result{}, nil
	}
	r, err := m.plan(v, id)
	if err != nil {
		return Result{}, fmt.Errorf("mutate: ephemeral containers: %w", err)
	}
	return r, nil
}
