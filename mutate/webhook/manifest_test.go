package webhook_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/irsa-go/irsa/mutate/azure"
	"github.com/irsa-go/irsa/mutate/webhook"
)

var update = flag.Bool("update", false, "write the golden files")

func TestManifests(t *testing.T) {
	t.Parallel()
	service := types.NamespacedName{Namespace: "kube-system", Name: "pod-identity-webhook"}
	ca, err := os.ReadFile("testdata/ca.crt")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		make func(webhook.ManifestConfig) (*admissionregistrationv1.MutatingWebhookConfiguration, error)
		cfg  webhook.ManifestConfig
	}{
		"default":  {webhook.Default, webhook.ManifestConfig{Service: service}},
		"required": {webhook.Required, webhook.ManifestConfig{Service: service}},
		"everything-set": {webhook.Default, webhook.ManifestConfig{
			Service: service, Port: 9443, Path: "/pods", CABundle: ca,
			AnnotationDomain: "irsa.example.com", OwnLabel: "app=irsa", Timeout: 3 * time.Second,
			FailurePolicy: admissionregistrationv1.Fail, Annotations: map[string]string{"example.com/owner": "platform"},
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"irsa": "on"}},
			ObjectSelector:    &metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}},
		}},
		"opt-in": {optIn, webhook.ManifestConfig{Service: service}},
		"cert-manager": {webhook.Required, webhook.ManifestConfig{
			Service: service, CertManager: true, FailurePolicy: admissionregistrationv1.Fail,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manifest, err := c.make(c.cfg)
			require.NoError(t, err)
			got, err := json.MarshalIndent(manifest, "", "  ")
			require.NoError(t, err)
			assertGolden(t, "manifest-"+name+".json", append(got, '\n'))
		})
	}
}

// optIn is that of Azure's pods.
func optIn(c webhook.ManifestConfig) (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	return webhook.OptIn(c, azure.LabelUse, azure.LabelUseValue)
}

func assertGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(want, got), "run with -update and look at the difference: %s", got)
}

func TestTheManifestsAreWrittenAsYAML(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]webhook.ManifestConfig{
		"plain":        {},
		"cert-manager": {CertManager: true, TargetPort: 9443, OwnLabel: "app=irsa"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg.Service = types.NamespacedName{Namespace: "kube-system", Name: "pod-identity-webhook"}
			companions, err := cfg.Companions()
			require.NoError(t, err)
			manifest, err := webhook.Default(cfg)
			require.NoError(t, err)
			got, err := webhook.YAML(append(companions.Objects(), manifest)...)
			require.NoError(t, err)
			assertGolden(t, "all-"+name+".yaml", got)
		})
	}
}

func TestYAMLRefusesWhatIsNotAnObject(t *testing.T) {
	t.Parallel()
	document, err := webhook.YAML(&runtime.Unknown{Raw: []byte("{"), ContentType: runtime.ContentTypeJSON})
	assert.ErrorContains(t, err, "object 0: json")
	assert.Nil(t, document)
	assert.Nil(t, webhook.Companions{}.Objects())
}

func TestTheCallersValuesAreNotShared(t *testing.T) {
	t.Parallel()
	cfg := webhook.ManifestConfig{
		Service:           types.NamespacedName{Namespace: "a", Name: "b"},
		Annotations:       map[string]string{"k": "v"},
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"k": "v"}},
		ObjectSelector:    &metav1.LabelSelector{MatchExpressions: make([]metav1.LabelSelectorRequirement, 0, 8)},
	}
	first, err := webhook.Default(cfg)
	require.NoError(t, err)
	second, err := webhook.Required(cfg)
	require.NoError(t, err)
	_, err = optIn(cfg)
	require.NoError(t, err)
	first.Annotations["k"] = "changed"
	first.Webhooks[0].NamespaceSelector.MatchLabels["k"] = "changed"
	assert.Equal(t, "v", second.Annotations["k"])
	assert.Equal(t, "v", cfg.NamespaceSelector.MatchLabels["k"])
	assert.NotEqual(t, first.Webhooks[0].ObjectSelector, second.Webhooks[0].ObjectSelector)
	assert.Empty(t, cfg.ObjectSelector.MatchExpressions)
}

// The API server wants names of three parts.
func TestTheNamesOfWebhooksAreDomains(t *testing.T) {
	t.Parallel()
	for domain, want := range map[string]string{"": ".eks.amazonaws.com", "aws.example.com": ".aws.example.com", "example": ".irsa.example"} {
		cfg := webhook.ManifestConfig{Service: types.NamespacedName{Namespace: "irsa", Name: "webhook"}, AnnotationDomain: domain}
		for suffix, manifest := range map[string]func(webhook.ManifestConfig) (*admissionregistrationv1.MutatingWebhookConfiguration, error){
			"": webhook.Default, "-opt-in": optIn, "-required": webhook.Required,
		} {
			m, err := manifest(cfg)
			require.NoError(t, err)
			assert.Equal(t, "webhook"+suffix+want, m.Webhooks[0].Name)
			assert.Empty(t, validation.IsFullyQualifiedName(field.NewPath("name"), m.Webhooks[0].Name))
		}
	}
}

// The bundle can be read by many: what is not a certificate stays out.
func TestABundleHasCertificatesAlone(t *testing.T) {
	t.Parallel()
	ca, err := os.ReadFile("testdata/ca.crt")
	require.NoError(t, err)
	block := func(kind, text string) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte(text)}) }
	cfg := webhook.ManifestConfig{Service: types.NamespacedName{Namespace: "kube-system", Name: "pod-identity-webhook"}}
	cfg.CABundle = slices.Concat(ca, ca)
	_, err = webhook.Default(cfg)
	require.NoError(t, err)
	for name, bundle := range map[string][]byte{
		"nothing":                    {},
		"a certificate that is none": block("CERTIFICATE", "x"),
		"a private key too":          slices.Concat(ca, block("EC PRIVATE KEY", "x")),
		"half a private key too":     slices.Concat(ca, []byte("-----BEGIN PRIVATE KEY-----\nx")),
		"a public key too":           slices.Concat(ca, block("PUBLIC KEY", "x")),
	} {
		cfg.CABundle = bundle
		manifest, err := webhook.Default(cfg)
		assert.ErrorContains(t, err, "manifest: CABundle: ", name)
		assert.Nil(t, manifest, name)
	}
}

func TestManifestsNameEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	manifest, err := webhook.Required(webhook.ManifestConfig{
		Service: types.NamespacedName{Namespace: "Kube", Name: "a.b"}, Port: -1, Path: "x",
		AnnotationDomain: "!", OwnLabel: "app", Timeout: time.Hour, TargetPort: 70000,
		CertManager: true, CABundle: []byte("PEM"), Annotations: map[string]string{"a b": ""},
		NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "k", Operator: "Near"}}},
		ObjectSelector:    &metav1.LabelSelector{MatchLabels: map[string]string{"k": "not a value"}},
	})
	assert.Nil(t, manifest)
	for _, field := range []string{
		"Service", "Port", "TargetPort", "Path", "AnnotationDomain", "OwnLabel", "Timeout", "CABundle", "Annotations",
		"NamespaceSelector", "ObjectSelector",
	} {
		assert.ErrorContains(t, err, "manifest: "+field)
	}
	for _, label := range []string{"app", "=irsa", "app=", "app=the webhook", "an app=irsa"} {
		manifest, err = webhook.Default(webhook.ManifestConfig{Service: types.NamespacedName{Namespace: "a", Name: "b"}, OwnLabel: label})
		assert.Nil(t, manifest)
		assert.ErrorContains(t, err, "manifest: OwnLabel", label)
	}
	manifest, err = webhook.OptIn(webhook.ManifestConfig{Service: types.NamespacedName{Namespace: "a", Name: "b"}}, "no label", "true")
	assert.Nil(t, manifest)
	assert.ErrorContains(t, err, `"no label"`)
	companions, err := webhook.ManifestConfig{}.Companions()
	assert.ErrorContains(t, err, "manifest: Service")
	assert.Zero(t, companions)
}

func TestOnlyWhatIsRequiredMayNotIgnoreThatTheWebhookDoesNotAnswer(t *testing.T) {
	t.Parallel()
	cfg := webhook.ManifestConfig{Service: types.NamespacedName{Namespace: "a", Name: "b"}, FailurePolicy: admissionregistrationv1.Ignore}
	_, err := webhook.Default(cfg)
	assert.NoError(t, err)
	manifest, err := optIn(cfg)
	require.NoError(t, err)
	assert.Equal(t, admissionregistrationv1.Ignore, *manifest.Webhooks[0].FailurePolicy)
	_, err = webhook.Required(cfg)
	assert.ErrorContains(t, err, "FailurePolicy")
	cfg.FailurePolicy = "Sometimes"
	_, err = webhook.Default(cfg)
	assert.ErrorContains(t, err, "FailurePolicy")
}
