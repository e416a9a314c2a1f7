package admissionpolicy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/mutate/admissionpolicy"
	"github.com/irsa-go/irsa/mutate/azure"
	"github.com/irsa-go/irsa/mutate/google"
)

const tenant = "6d7e8f90-1111-4222-8333-944445555666"

func TestTheCloudsPoliciesAreAsRecorded(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]func() (admissionpolicy.Injection, error){
		"azure": func() (admissionpolicy.Injection, error) {
			return admissionpolicy.Azure(azure.Config{TenantID: tenant}, admissionpolicy.Config{})
		},
		"azure-full": func() (admissionpolicy.Injection, error) {
			return admissionpolicy.Azure(azure.Config{
				TenantID: tenant, Cloud: azure.USGovernmentCloud, Audience: `it's "\ mine`, IdentityBinding: azure.IdentityBinding{
					TokenProxy: "https://kubernetes.default.svc", TrustBundleSigner: "example.com/proxy", TrustBundleLabels: map[string]string{"a/b": "c"},
				},
			}, admissionpolicy.Config{Name: "pods"})
		},
		"google": func() (admissionpolicy.Injection, error) {
			return admissionpolicy.Google(google.Config{}, admissionpolicy.Config{})
		},
		"google-full": func() (admissionpolicy.Injection, error) {
			return admissionpolicy.Google(google.Config{
				Audience: "sts.googleapis.com", DefaultMode: 0o440, Project: "p", ComputeRegion: "r", UniverseDomain: "sovereign.example",
			}, admissionpolicy.Config{Name: "pods"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			injection, err := policy()
			require.NoError(t, err)
			assertGolden(t, "cloud-"+name, []any{injection.Policy, injection.Binding})
			written, err := json.Marshal(injection.Policy)
			require.NoError(t, err)
			assert.NotContains(t, string(written), "\uE000", "a reference is left over")
			again, err := policy()
			require.NoError(t, err)
			injection.Policy.Spec.Variables[0].Expression = "changed"
			injection.Policy.Spec.MatchConstraints.ResourceRules[0].Resources[0] = "changed"
			assert.NotEqual(t, injection, again)
			_, err = again.Static()
			assert.ErrorContains(t, err, "parameters")
		})
	}
}

func TestACloudsPolicyOfABadConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]func() (admissionpolicy.Injection, error){
		"TenantID": func() (admissionpolicy.Injection, error) {
			return admissionpolicy.Azure(azure.Config{}, admissionpolicy.Config{})
		},
		"UniverseDomain": func() (admissionpolicy.Injection, error) {
			return admissionpolicy.Google(google.Config{UniverseDomain: "a/b"}, admissionpolicy.Config{})
		},
		"Name": func() (admissionpolicy.Injection, error) {
			return admissionpolicy.Google(google.Config{}, admissionpolicy.Config{Name: "Not A Name"})
		},
	} {
		injection, err := policy()
		assert.ErrorContains(t, err, "admissionpolicy: ")
		assert.ErrorContains(t, err, name)
		assert.Zero(t, injection)
	}
}

func TestThePackagesDocumentHasTheListOfTheCloudsFeatures(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	table := fmt.Sprintf("//\t%-24s %-8s %s\n", "feature", "webhook", "policy")
	for _, f := range admissionpolicy.CloudFeatures() {
		table += fmt.Sprintf("//\t%-24s %-8s %s\n", f.Name, map[bool]string{true: "yes", false: "no"}[f.Webhook], map[bool]string{true: "yes", false: "no"}[f.Policy])
		assert.NotEmpty(t, f.Why, f.Name)
		assert.False(t, f.Rule)
	}
	assert.Contains(t, string(document), table+"//\n")
	admissionpolicy.CloudFeatures()[0].Webhook = false
	assert.True(t, admissionpolicy.CloudFeatures()[0].Webhook)
}
