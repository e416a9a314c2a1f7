package azure_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/patchlaws"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/azure"
)

type recordedConfig struct {
	TenantID, Version                                           string
	IdentityBinding                                             bool
	TokenProxy, SNIName, CAConfigMap, CAData, TrustBundleSigner string
}

func (c recordedConfig) config() azure.Config {
	cfg := azure.Config{TenantID: c.TenantID}
	if c.Version == "v1.5.1" {
		cfg.Layout = azure.LayoutV1_5
	}
	if c.IdentityBinding {
		cfg.IdentityBinding = azure.IdentityBinding{
			TokenProxy: c.TokenProxy, SNIName: c.SNIName, CAConfigMap: c.CAConfigMap, CAData: c.CAData, TrustBundleSigner: c.TrustBundleSigner,
		}
	}
	return cfg
}

// right is, for the recorded cases that say where azure-workload-identity is wrong, how our
// result differs from theirs.
var right = map[string]func(*testing.T, patchlaws.Case, mutate.Result, []byte){
	"foreign-volume-of-the-name": conflict(mutate.CodeForeignVolume),
	"foreign-mount-at-the-path":  conflict(mutate.CodeForeignMount),
	"no-label": func(t *testing.T, _ patchlaws.Case, r mutate.Result, _ []byte) {
		assert.Zero(t, r)
	},
	"unknown-field": func(t *testing.T, c patchlaws.Case, _ mutate.Result, patched []byte) {
		assert.JSONEq(t, patchlaws.Normal(t, c.Want), patchlaws.Normal(t, patched))
		assert.Contains(t, string(patched), `"futureField"`)
		assert.Contains(t, string(patched), `"futureToo"`)
	},
	"quantity-rewritten": func(t *testing.T, c patchlaws.Case, _ mutate.Result, patched []byte) {
		assert.Contains(t, string(patched), `"1024Mi"`)
	},
	"proxy": func(t *testing.T, _ patchlaws.Case, r mutate.Result, patched []byte) {
		assert.Len(t, patchlaws.Decode(t, patched).Spec.InitContainers, 1)
		require.Len(t, r.Warnings, 1)
		assert.Equal(t, mutate.CodeUnsupported, r.Warnings[0].Code)
	},
	"v1.5.1-volume-of-another-name": func(t *testing.T, _ patchlaws.Case, r mutate.Result, patched []byte) {
		volumes := patchlaws.Decode(t, patched).Spec.Volumes
		require.Len(t, volumes, 2)
		assert.Equal(t, "azure-identity-token", volumes[1].Name)
		assert.True(t, r.Complete())
	},
}

func conflict(code mutate.Code) func(*testing.T, patchlaws.Case, mutate.Result, []byte) {
	return func(t *testing.T, _ patchlaws.Case, r mutate.Result, _ []byte) {
		assert.False(t, r.Changed())
		assert.False(t, r.Complete())
		require.Len(t, r.Warnings, 1)
		assert.Equal(t, code, r.Warnings[0].Code)
		assert.Equal(t, mutate.Conflict, r.Containers[0].Outcome)
	}
}

func TestTheCorpusComesOutAsRecorded(t *testing.T) {
	t.Parallel()
	for _, c := range patchlaws.Corpus[patchlaws.Case](t, "../..", "azure.jsonl") {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			var cfg recordedConfig
			require.NoError(t, json.Unmarshal(c.Config, &cfg))
			m := newMutator(t, cfg.config())
			id, err := m.Identity(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
				Namespace: "ns", Name: "sa", Annotations: c.ServiceAccountAnnotations,
			}})
			var r mutate.Result
			var patched []byte
			if err == nil {
				r, patched, err = mutatePod(t, m, c.Pod, id)
			}
			if !c.Allowed {
				require.ErrorIs(t, err, mutate.ErrBadAnnotation)
				return
			}
			require.NoError(t, err)
			if c.Differs == "" {
				assert.JSONEq(t, patchlaws.Normal(t, c.Want), patchlaws.Normal(t, patched))
				assert.Equal(t, c.Name != "env-value-from", r.Complete(), "its ConfigMap need not be there")
				return
			}
			require.Contains(t, right, c.Name)
			right[c.Name](t, c, r, patched)
		})
	}
}

func mutatePod(t *testing.T, m *azure.Mutator, doc []byte, id azure.Identity) (mutate.Result, []byte, error) {
	t.Helper()
	return patchlaws.Mutate(t, doc,
		func(doc []byte) (mutate.Result, error) { return m.RawPod(doc, id) },
		func(pod *corev1.Pod) (mutate.Result, error) { return m.Pod(pod, id) })
}

func newMutator(t testing.TB, c azure.Config) *azure.Mutator {
	t.Helper()
	m, err := azure.New(c)
	require.NoError(t, err)
	return m
}
