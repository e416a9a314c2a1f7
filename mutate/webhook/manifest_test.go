package webhook_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/irsa-go/irsa/mutate/webhook"
)

var update = flag.Bool("update", false, "write the golden files")

func TestManifests(t *testing.T) {
	t.Parallel()
	service := types.NamespacedName{Namespace: "kube-system", Name: "pod-identity-webhook"}
	for name, c := range map[string]struct {
		make func(webhook.ManifestConfig) (*admissionregistrationv1.MutatingWebhookConfiguration, error)
		cfg  webhook.ManifestConfig
	}{
		"default":  {webhook.Default, webhook.ManifestConfig{Service: service}},
		"required": {webhook.Required, webhook.ManifestConfig{Service: service}},
		"everything-set": {webhook.Default, webhook.ManifestConfig{
			Service: service, Port: 9443, Path: "/pods", CABundle: []byte("PEM"),
			AnnotationDomain: "irsa.example.com", OwnLabel: "app=irsa", Timeout: 3 * time.Second,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manifest, err := c.make(c.cfg)
			require.NoError(t, err)
			got, err := json.MarshalIndent(manifest, "", "  ")
			require.NoError(t, err)
			got = append(got, '\n')
			file := filepath.Join("testdata", "manifest-"+name+".json")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(file, got, 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(want, got), "run with -update and look at the difference: %s", got)
		})
	}
}

func TestManifestsNameEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	manifest, err := webhook.Required(webhook.ManifestConfig{
		Service: types.NamespacedName{Namespace: "Kube", Name: "a.b"}, Port: -1, Path: "x",
		AnnotationDomain: "!", OwnLabel: "app", Timeout: time.Hour,
	})
	assert.Nil(t, manifest)
	for _, field := range []string{"Service", "Port", "Path", "AnnotationDomain", "OwnLabel", "Timeout"} {
		assert.ErrorContains(t, err, field)
	}
}
