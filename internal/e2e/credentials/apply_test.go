package credentials_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

// apply mutates the pod's JSON, as the API server would with a webhook's answer.
func apply(t *testing.T, mutator *mutate.Mutator, pod *corev1.Pod, identity mutate.Identity) *corev1.Pod {
	t.Helper()
	raw, err := json.Marshal(pod)
	require.NoError(t, err)
	result, err := mutator.RawPod(raw, identity)
	require.NoError(t, err)
	require.Empty(t, result.Warnings)
	patch, err := jsonpatch.DecodePatch(result.PatchJSON())
	require.NoError(t, err)
	patched, err := patch.Apply(raw)
	require.NoError(t, err)
	mutated := new(corev1.Pod)
	require.NoError(t, json.Unmarshal(patched, mutated))
	return mutated
}
