package patchlaws

import (
	"encoding/json"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

// Cloud is one mutation and diagnosis, for one identity.
type Cloud struct {
	RawPod   func([]byte) (mutate.Result, error)
	Pod      func(*corev1.Pod) (mutate.Result, error)
	Diagnose func(*corev1.Pod) (mutate.Diagnosis, error)
	// Own are variables that a container may have of its own and be injected all the same: then it
	// may not be known to have the identity.
	Own []string
}

// CheckDiagnosis asserts, for a pod that Kubernetes' types hold and that can be mutated, that the
// mutation knows how its containers stand once it is done.
func (c Cloud) CheckDiagnosis(t *testing.T, raw []byte) {
	t.Helper()
	var pod corev1.Pod
	if json.Unmarshal(raw, &pod) != nil {
		return
	}
	doc, err := json.Marshal(&pod) // encoding/json folds the case of names: begin with its own
	require.NoError(t, err)
	r, err := c.RawPod(doc)
	typed, typedErr := c.Pod(&pod)
	require.Equal(t, err, typedErr)
	require.Equal(t, r, typed)
	if err != nil {
		return
	}
	patched := Decode(t, Apply(t, doc, r))
	d, err := c.Diagnose(patched)
	require.NoError(t, err)
	if r.Containers == nil && !r.Complete() {
		require.False(t, r.Changed(), "the pod is none of the mutation's")
		return
	}
	stands := byPlace(d.Containers)
	incomplete := byPlace(r.Incomplete())
	for at, f := range incomplete {
		require.Equal(t, stands[at].Standing, f.Standing, "%s: %v, %v\n%s", at, stands[at], f, raw)
		require.NotEqual(t, mutate.HasIdentity, f.Standing)
	}
	require.Equal(t, len(incomplete) == 0, r.Complete())
	for _, container := range r.Containers {
		at := place(container.Kind, container.Index)
		_, bad := incomplete[at]
		if !bad && container.Reason != mutate.ReasonAnnotation {
			require.LessOrEqual(t, stands[at].Standing, mutate.HasOther, "%s: %v\n%s", at, stands[at], raw)
		}
		if container.Outcome == mutate.Injected && len(r.Warnings) == 0 && !c.hasOwn(&pod, container) {
			require.Equal(t, mutate.HasIdentity, stands[at].Standing, "%s: %v\n%s", at, stands[at], raw)
		}
	}
}

// hasOwn says whether a container sets one of the Own variables.
func (c Cloud) hasOwn(pod *corev1.Pod, r mutate.ContainerResult) bool {
	list := pod.Spec.Containers
	if r.Kind == mutate.InitContainer {
		list = pod.Spec.InitContainers
	}
	return slices.ContainsFunc(list[r.Index].Env, func(e corev1.EnvVar) bool { return slices.Contains(c.Own, e.Name) })
}

func byPlace(findings []mutate.Finding) map[string]mutate.Finding {
	places := map[string]mutate.Finding{}
	for _, f := range findings {
		places[place(f.Kind, f.Index)] = f
	}
	return places
}

func place(k mutate.Kind, index int) string { return k.String() + "/" + strconv.Itoa(index) }
