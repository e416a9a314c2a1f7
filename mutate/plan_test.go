package mutate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/mutate"
)

func TestTheDefaultExpirationOfPodIdentityIsSpreadByTheSeed(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	expiration := func(r mutate.Result) (seconds int64) {
		for _, op := range r.Operations() {
			if op.Path == "/spec/volumes/0" {
				doc, err := json.Marshal(op.Value)
				require.NoError(t, err)
				var v struct {
					Projected struct {
						Sources []struct {
							ServiceAccountToken struct{ ExpirationSeconds int64 }
						}
					}
				}
				require.NoError(t, json.Unmarshal(doc, &v))
				return v.Projected.Sources[0].ServiceAccountToken.ExpirationSeconds
			}
		}
		return 0
	}
	plan := func(id mutate.Identity, pod string) int64 {
		r, err := m.RawPod([]byte(pod), id)
		require.NoError(t, err)
		return expiration(r)
	}
	id := mutate.Identity{Method: mutate.PodIdentity}
	assert.EqualValues(t, 86400, plan(id, simplePod), "without a seed")
	seen := map[int64]bool{}
	var least, most int64 = 1 << 40, 0
	for i := range 4000 {
		id.Seed = strings.Repeat("u", i%7) + string(rune('a'+i%26)) + strings.Repeat("x", i/26)
		s := plan(id, simplePod)
		assert.Equal(t, s, plan(id, simplePod), "the same seed")
		seen[s], least, most = true, min(least, s), max(most, s)
	}
	assert.GreaterOrEqual(t, least, int64(79200))
	assert.LessOrEqual(t, most, int64(86400))
	assert.Less(t, least, int64(79300))
	assert.Greater(t, most, int64(86300))
	assert.Greater(t, len(seen), 1500)

	annotated := `{"metadata":{"annotations":{"eks.amazonaws.com/token-expiration":"86400"}},"spec":{"containers":[{"name":"a"}]}}`
	assert.EqualValues(t, 86400, plan(id, annotated), "what the author asks for is not spread")

	// Another invocation has another UID: what is there is not wrong.
	first, err := m.RawPod([]byte(simplePod), id)
	require.NoError(t, err)
	id.Seed = "another"
	second, err := m.RawPod(apply(t, []byte(simplePod), first), id)
	require.NoError(t, err)
	assert.False(t, second.Changed())
	assert.Empty(t, second.Warnings)
}

func TestALateSidecarIsTheOnlyThingPatched(t *testing.T) {
	t.Parallel()
	m, id := newMutator(t, mutate.EKS("eu-central-1")), mutate.Identity{RoleARN: role, RegionalSTS: true}
	first, err := m.RawPod([]byte(simplePod), id)
	require.NoError(t, err)
	patched := apply(t, []byte(simplePod), first)
	withSidecar := strings.Replace(string(patched), `"containers":[`, `"initContainers":[{"name":"late","restartPolicy":"Always"}],"containers":[`, 1)
	second, err := m.RawPod([]byte(withSidecar), id)
	require.NoError(t, err)
	require.True(t, second.Changed())
	for _, op := range second.Operations() {
		assert.True(t, strings.HasPrefix(op.Path, "/spec/initContainers/0/"), op.Path)
		assert.Equal(t, "add", op.Operation)
	}
}
