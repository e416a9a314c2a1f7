package azure_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/patchlaws"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/azure"
)

func TestADiagnosisSaysWhatAPodHas(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant, IdentityBinding: azure.IdentityBinding{TokenProxy: "https://proxy", CAConfigMap: "ca"}})
	other := reader
	other.ClientID = "00000000-0000-4000-8000-000000000000"
	mutated := func(annotations string) *corev1.Pod {
		_, patched, err := mutatePod(t, m, []byte(`{"metadata":{"name":"demo",`+chosen+annotations+`},"spec":{"containers":[{"name":"a"}]}}`), reader)
		require.NoError(t, err)
		return patchlaws.Decode(t, patched)
	}
	plain := mutated("")
	for name, c := range map[string]struct {
		pod      *corev1.Pod
		change   func(*corev1.Pod)
		id       azure.Identity
		standing mutate.Standing
		cause    mutate.Cause
	}{
		"mutated":           {plain, nil, reader, mutate.HasIdentity, ""},
		"bound":             {mutated(`,"annotations":{"azure.workload.identity/use-identity-binding":"true"}`), nil, reader, mutate.HasIdentity, ""},
		"another client":    {plain, nil, other, mutate.HasOther, mutate.CauseOtherRole},
		"no client of ours": {plain, nil, azure.Identity{TenantID: tenant}, mutate.HasIdentity, ""},
		"nobody's":          {plain, nil, azure.Identity{}, mutate.HasOther, mutate.CauseNoIdentity},
		"without the label": {plain, func(p *corev1.Pod) { p.Labels = nil }, reader, mutate.HasOther, mutate.CauseNoIdentity},
		"not mutated":       {plain, func(p *corev1.Pod) { p.Spec.Containers[0].Env = nil }, reader, mutate.FallsToNode, mutate.CauseNotMutated},
		"skipped": {plain, func(p *corev1.Pod) {
			p.Spec.Containers[0].Env = nil
			p.Annotations = map[string]string{azure.AnnotationSkipContainers: "a"}
		}, reader, mutate.FallsToNode, mutate.CauseSkipped},
		"without a tenant":   {plain, func(p *corev1.Pod) { p.Spec.Containers[0].Env = p.Spec.Containers[0].Env[2:] }, reader, mutate.FallsToNode, mutate.CausePartial},
		"an empty client":    {plain, func(p *corev1.Pod) { p.Spec.Containers[0].Env[0].Value = "" }, reader, mutate.FallsToNode, mutate.CauseEmpty},
		"not mounted":        {plain, func(p *corev1.Pod) { p.Spec.Containers[0].VolumeMounts = nil }, reader, mutate.Broken, mutate.CauseNoToken},
		"another audience":   {plain, func(p *corev1.Pod) { p.Spec.Volumes[0].Projected.Sources[0].ServiceAccountToken.Audience = "x" }, reader, mutate.Broken, mutate.CauseOtherAudience},
		"bound, not mutated": {plain, func(p *corev1.Pod) { p.Annotations = map[string]string{azure.AnnotationIdentityBinding: "true"} }, reader, mutate.FallsToNode, mutate.CausePartial},
		"a secret":           {plain, func(p *corev1.Pod) { addEnv(p, "AZURE_CLIENT_SECRET") }, reader, mutate.HasOther, mutate.CauseStaticCredentials},
		"a certificate":      {plain, func(p *corev1.Pod) { addEnv(p, "AZURE_CLIENT_CERTIFICATE_PATH") }, reader, mutate.HasOther, mutate.CauseStaticCredentials},
	} {
		pod := c.pod.DeepCopy()
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

func addEnv(pod *corev1.Pod, name string) {
	c := &pod.Spec.Containers[0]
	c.Env = append(c.Env, corev1.EnvVar{Name: name, Value: "x"})
}

func TestWhatCannotBeDiagnosedIsAnError(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant})
	var none *azure.Mutator
	for _, try := range []func() (mutate.Diagnosis, error){
		func() (mutate.Diagnosis, error) { return none.Diagnose(&corev1.Pod{}, reader) },
		func() (mutate.Diagnosis, error) { return m.Diagnose(nil, reader) },
		func() (mutate.Diagnosis, error) { return m.Diagnose(&corev1.Pod{}, azure.Identity{ClientID: "a b"}) },
	} {
		d, err := try()
		require.ErrorContains(t, err, "azure: diagnose: ")
		assert.Zero(t, d)
	}
}

// TestAPodOfTheOtherLayoutIsDiagnosedAsOneOfOurs: which layout a cluster's pods have is up to the
// version of AKS's add-on, and clients go by the variables.
func TestAPodOfTheOtherLayoutIsDiagnosedAsOneOfOurs(t *testing.T) {
	t.Parallel()
	doc := []byte(`{"metadata":{` + chosen + `},"spec":{"containers":[{"name":"a"}]}}`)
	for _, layouts := range [][2]azure.Layout{{azure.LayoutV1_5, azure.LayoutV1_6}, {azure.LayoutV1_6, azure.LayoutV1_5}} {
		_, patched, err := mutatePod(t, newMutator(t, azure.Config{TenantID: tenant, Layout: layouts[0]}), doc, reader)
		require.NoError(t, err)
		pod := patchlaws.Decode(t, patched)
		d, err := newMutator(t, azure.Config{TenantID: tenant, Layout: layouts[1]}).Diagnose(pod, reader)
		require.NoError(t, err)
		assert.True(t, d.OK(), "%+v", d)
		assert.Equal(t, mutate.HasIdentity, d.Containers[0].Standing)
	}
}
