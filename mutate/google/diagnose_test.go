package google_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/patchlaws"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/google"
)

func TestADiagnosisSaysWhatAPodHas(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	_, patched, err := mutatePod(t, m, []byte(plain), direct)
	require.NoError(t, err)
	projected := func(p *corev1.Pod) []corev1.VolumeProjection { return p.Spec.Volumes[0].Projected.Sources }
	for name, c := range map[string]struct {
		change   func(*corev1.Pod)
		id       google.Identity
		standing mutate.Standing
		cause    mutate.Cause
	}{
		"mutated":                   {nil, direct, mutate.HasIdentity, ""},
		"another identity":          {nil, impersonating, mutate.Broken, mutate.CauseNoToken},
		"nobody's":                  {nil, google.Identity{}, mutate.HasOther, mutate.CauseNoIdentity},
		"without the annotation":    {func(p *corev1.Pod) { p.Annotations = nil }, direct, mutate.Broken, mutate.CauseNoToken},
		"without the configuration": {func(p *corev1.Pod) { p.Spec.Volumes[0].Projected.Sources = projected(p)[:1] }, direct, mutate.Broken, mutate.CauseNoToken},
		"without the token":         {func(p *corev1.Pod) { p.Spec.Volumes[0].Projected.Sources = projected(p)[1:] }, direct, mutate.Broken, mutate.CauseNoToken},
		"of another field":          {func(p *corev1.Pod) { projected(p)[1].DownwardAPI.Items[0].FieldRef.FieldPath = "metadata.name" }, direct, mutate.Broken, mutate.CauseNoToken},
		"another audience":          {func(p *corev1.Pod) { projected(p)[0].ServiceAccountToken.Audience = "x" }, direct, mutate.Broken, mutate.CauseOtherAudience},
		"not mounted":               {func(p *corev1.Pod) { p.Spec.Containers[0].VolumeMounts = nil }, direct, mutate.Broken, mutate.CauseNoToken},
		"a key of its own":          {func(p *corev1.Pod) { p.Spec.Containers[0].Env[0].Value = "/own/key.json" }, direct, mutate.HasOther, mutate.CauseOtherRole},
		"an empty variable":         {func(p *corev1.Pod) { p.Spec.Containers[0].Env[0].Value = "" }, direct, mutate.FallsToNode, mutate.CauseEmpty},
		"not mutated":               {func(p *corev1.Pod) { p.Spec.Containers[0].Env = nil }, direct, mutate.FallsToNode, mutate.CauseNotMutated},
	} {
		pod := patchlaws.Decode(t, patched)
		if c.change != nil {
			c.change(pod)
		}
		d, err := m.Diagnose(pod, c.id)
		require.NoError(t, err, name)
		require.Len(t, d.Containers, 1, name)
		got := d.Containers[0]
		assert.Equal(t, c.standing, got.Standing, "%s: %v", name, got)
		if c.cause == "" {
			assert.Empty(t, got.Causes, name)
		} else {
			assert.Contains(t, got.Causes, c.cause, name)
		}
	}
}

func TestWhatCannotBeDiagnosedIsAnError(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	var none *google.Mutator
	for _, try := range []func() (mutate.Diagnosis, error){
		func() (mutate.Diagnosis, error) { return none.Diagnose(&corev1.Pod{}, direct) },
		func() (mutate.Diagnosis, error) { return m.Diagnose(nil, direct) },
		func() (mutate.Diagnosis, error) { return m.Diagnose(&corev1.Pod{}, google.Identity{Provider: "x"}) },
	} {
		d, err := try()
		require.ErrorContains(t, err, "google: diagnose: ")
		assert.Zero(t, d)
	}
}
