package mutate_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/identitycases"
	"github.com/irsa-go/irsa/mutate"
)

func TestOneRuleSaysWhetherAContainerHasAnIdentity(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.EKS("eu-central-1"))
	for _, c := range identitycases.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			sa := account(nil)
			if c.Annotated {
				sa = account(map[string]string{"role-arn": identitycases.RoleARN})
			}
			reading, err := m.Read(request([]byte(c.Pod)))
			require.NoError(t, err)
			reviewed := reading.Review(sa)
			require.NoError(t, reviewed.Err)
			assert.Equal(t, c.Admitted, reviewed.Result.Complete(), "%v", reviewed.Result.Incomplete())

			var pod corev1.Pod
			require.NoError(t, json.Unmarshal(apply(t, []byte(c.Pod), reviewed.Result), &pod))
			d, err := m.Diagnose(&pod, reviewed.Identity)
			require.NoError(t, err)
			require.Len(t, d.Containers, 1)
			found := d.Containers[0]
			assert.Equal(t, c.Standing, found.Standing, found.Message)
			if !c.Admitted {
				require.Len(t, reviewed.Result.Incomplete(), 1)
				found = reviewed.Result.Incomplete()[0] // which knows of conflicts too
				assert.Equal(t, c.Standing, found.Standing, found.Message)
			}
			if c.Cause == "" {
				assert.Empty(t, found.Causes)
			} else {
				assert.Contains(t, found.Causes, c.Cause)
			}
		})
	}
}

func TestAPatchIsNotAppliedToAnotherPod(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	r, err := m.RawPod([]byte(simplePod), mutate.Identity{RoleARN: role})
	require.NoError(t, err)
	for _, other := range []string{``, `null`, `[]`, `{}`, `{"spec":1}`, `{"spec":{"containers":[]}}`, `{"spec":{"containers":{}}}`,
		`{"spec":{"containers":[{"env":[]}]}}`, `{"spec":{"containers":[{"name":"a"}`} {
		patched, err := r.Apply([]byte(other))
		assert.ErrorContains(t, err, "mutate: apply: /spec", other)
		assert.Nil(t, patched)
	}
	pod := []byte(simplePod)
	same, err := mutate.Result{}.Apply(pod)
	require.NoError(t, err)
	assert.Equal(t, pod, same)
	assert.NotSame(t, &pod[0], &same[0])
}
