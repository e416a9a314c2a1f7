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
	return wrapEphemeral(m.planEphemeral(&v, known, id))
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
	known, err := m.ephemeralNames(old)
	if err != nil {
		return Result{}, fmt.Errorf("mutate: ephemeral containers: old pod: %w", err)
	}
	after := m.scanner()
	defer m.release(after)
	after.view.debug = true
	if err := after.scan(pod); err != nil {
		return Result{}, fmt.Errorf("mutate: ephemeral containers: pod: %w", err)
	}
	return wrapEphemeral(m.planEphemeral(&after.view, known, id))
}

// ephemeralNames are the names of a raw pod's ephemeral containers.
func (m *Mutator) ephemeralNames(pod []byte) (map[string]bool, error) {
	s := m.scanner()
	defer m.release(s)
	s.view.debug = true
	if err := s.scan(pod); err != nil {
		return nil, err
	}
	names := make(map[string]bool, len(s.view.containers))
	for _, c := range s.view.containers {
		names[c.name] = true
	}
	return names, nil
}

func (m *Mutator) planEphemeral(v *view, known map[string]bool, id Identity) (Result, error) {
	v.containers = slices.DeleteFunc(v.containers, func(c containerView) bool { return known[c.name] })
	if len(v.containers) == 0 {
		return Result{}, nil
	}
	return m.plan(v, id)
}

func wrapEphemeral(r Result, err error) (Result, error) {
	if err != nil {
		return Result{}, fmt.Errorf("mutate: ephemeral containers: %w", err)
	}
	return r, nil
}
