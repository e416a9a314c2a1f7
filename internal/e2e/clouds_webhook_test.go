package e2e_test

import (
	"encoding/pem"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/azure"
	"github.com/irsa-go/irsa/mutate/google"
	"github.com/irsa-go/irsa/mutate/webhook"
	"github.com/irsa-go/irsa/oidc"
)

// newCloudsWebhook serves AWS, Azure and Google.
func newCloudsWebhook(t *testing.T) (*webhookBench, *clouds) {
	t.Helper()
	c := newClouds(t, startCluster(t, cluster.Config{}))
	b := newWebhookBenchAt(t, c.testCluster, mutate.Config{}, webhook.Config{Clouds: []webhook.Cloud{c.azure, c.google}})
	return b, c
}

func TestTheCloudsClientsReadWhatTheWebhookGives(t *testing.T) {
	t.Parallel()
	b, c := newCloudsWebhook(t)
	c.cloudAccounts(t, map[string]string{"eks.amazonaws.com/role-arn": testRole})
	c.assertClients(t)

	before := b.reviews.Load()
	pod, err := c.dryRun(t.Context(), cloudPod("app", nil))
	require.NoError(t, err)
	assert.Equal(t, int64(1), b.reviews.Load()-before, "one call, one patch")
	assertInjected(t, pod, testRole)
	pod, err = c.dryRun(t.Context(), cloudPod("app", asksForAzure))
	require.NoError(t, err)
	assertInjected(t, pod, testRole)
	assertAsDocumented(t, pod, 3)
}

// TestAzuresPodsAreRefusedWhileTheWebhookIsDown: as azure-workload-identity has it, and the others are let in.
func TestAzuresPodsAreRefusedWhileTheWebhookIsDown(t *testing.T) {
	t.Parallel()
	b, c := newCloudsWebhook(t)
	b.register(t, func(cfg webhook.ManifestConfig) (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
		return webhook.OptIn(cfg, azure.LabelUse, azure.LabelUseValue)
	})
	c.account(t, cloudNamespace, "app", ofClouds)
	eventually(t, "a second call in force", func() bool {
		before := b.reviews.Load()
		_, err := c.dryRun(t.Context(), cloudPod("app", asksForAzure))
		return err == nil && b.reviews.Load()-before > 1
	})
	pod, err := c.dryRun(t.Context(), cloudPod("app", asksForAzure))
	require.NoError(t, err)
	assertAsDocumented(t, pod, 2)

	b.down.Store(true)
	_, err = c.dryRun(t.Context(), cloudPod("app", asksForAzure))
	require.ErrorContains(t, err, `failed calling webhook "pod-identity-webhook-opt-in.`)
	pod, err = c.dryRun(t.Context(), cloudPod("app", nil))
	require.NoError(t, err)
	assert.Empty(t, pod.Spec.Volumes)
}

// TestAClientTakesAzuresIdentityBinding: the pod's client asks the endpoint in the cluster, which it
// knows and trusts by what was injected, with the token for that endpoint.
func TestAClientTakesAzuresIdentityBinding(t *testing.T) {
	t.Parallel()
	c := newClouds(t, startCluster(t, cluster.Config{}))
	credential, err := c.azure.FederatedCredential(c.URL, mutate.Target{Namespace: cloudNamespace, ServiceAccount: "bound"})
	require.NoError(t, err)
	credential.Audiences = []string{"api://AKSIdentityBinding"}
	asked := &entra{client: &oidc.Client{RootCAs: c.CertPool}, tenant: tenantID, credentials: map[string]azure.FederatedCredential{clientID: credential}}
	endpoint := httptest.NewTLSServer(asked)
	t.Cleanup(endpoint.Close)
	_, err = c.client.CoreV1().ConfigMaps(cloudNamespace).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "proxy-ca"},
		Data:       map[string]string{"ca.crt": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: endpoint.Certificate().Raw}))},
	}, metav1.CreateOptions{})
	require.NoError(t, err)

	m, err := azure.New(azure.Config{TenantID: tenantID, IdentityBinding: azure.IdentityBinding{
		TokenProxy: endpoint.URL, SNIName: "example.com", CAConfigMap: "proxy-ca", // a name in the endpoint's certificate
	}})
	require.NoError(t, err)
	id, err := m.Identity(c.account(t, cloudNamespace, "bound", map[string]string{azure.AnnotationClientID: clientID}))
	require.NoError(t, err)
	for _, binding := range []string{"true", "false"} {
		pod := cloudPod("bound", asksForAzure)
		pod.Annotations = map[string]string{azure.AnnotationIdentityBinding: binding}
		result, err := m.Pod(pod, id)
		require.NoError(t, err)
		_, container := c.run(t, patched(t, pod, result.PatchJSON()))
		token, err := c.ask(t, container, azidentity)
		if binding == "false" {
			require.ErrorContains(t, err, "AADSTS700213", "Entra itself knows another account only")
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, "entra:"+clientID, token)
		assert.Empty(t, c.network.Hosts(), "nothing else was asked")
	}
}

// TestGooglesClientsStayInTheirUniverse: everything is asked of the other domain.
func TestGooglesClientsStayInTheirUniverse(t *testing.T) {
	t.Parallel()
	c := newClouds(t, startCluster(t, cluster.Config{}))
	m, err := google.New(google.Config{UniverseDomain: otherUniverse})
	require.NoError(t, err)
	id, err := m.Identity(c.account(t, cloudNamespace, "app", ofClouds))
	require.NoError(t, err)
	pod := cloudPod("app", nil)
	result, err := m.Pod(pod, id)
	require.NoError(t, err)
	_, container := c.run(t, patched(t, pod, result.PatchJSON()))
	for _, module := range []string{googleAuth, oauth2} {
		token, err := c.ask(t, container, module)
		require.NoError(t, err, module)
		assert.Equal(t, "google:"+email, token)
	}
	assert.Equal(t, []string{"iamcredentials." + otherUniverse, "sts." + otherUniverse}, c.network.Hosts())
}

// assertAsDocumented compares the pod with what Azure and Google document
// (https://azure.github.io/azure-workload-identity/docs/installation/mutating-admission-webhook.html for
// the variables and the projection, with the paths of release 1.6;
// https://cloud.google.com/iam/docs/workload-identity-federation-with-kubernetes).
func assertAsDocumented(t *testing.T, pod *corev1.Pod, volumes int) {
	t.Helper()
	env := map[string]string{}
	for _, v := range pod.Spec.Containers[0].Env {
		env[v.Name] = v.Value
	}
	for name, want := range map[string]string{
		"AZURE_CLIENT_ID": clientID, "AZURE_TENANT_ID": tenantID, "AZURE_FEDERATED_TOKEN_FILE": azureToken,
		"AZURE_AUTHORITY_HOST":           "https://login.microsoftonline.com/",
		"GOOGLE_APPLICATION_CREDENTIALS": "/var/run/secrets/sts.googleapis.com/serviceaccount/federation.json",
	} {
		assert.Equal(t, want, env[name], name)
	}
	require.Len(t, pod.Spec.Volumes, volumes)
	sources := map[string]*corev1.ServiceAccountTokenProjection{}
	for _, volume := range pod.Spec.Volumes {
		for _, source := range volume.Projected.Sources {
			if token := source.ServiceAccountToken; token != nil {
				sources[token.Audience] = token
			}
		}
	}
	for audience, want := range map[string]struct {
		seconds int64
		path    string
	}{
		"api://AzureADTokenExchange":             {3600, "token/azure-identity-token"},
		"https://iam.googleapis.com/" + provider: {86400, "token"},
	} {
		require.Contains(t, sources, audience)
		assert.Equal(t, want.seconds, *sources[audience].ExpirationSeconds)
		assert.Equal(t, want.path, sources[audience].Path)
	}
	for _, mount := range pod.Spec.Containers[0].VolumeMounts {
		assert.True(t, mount.ReadOnly)
	}
	assert.JSONEq(t, `{"type":"external_account","audience":"//iam.googleapis.com/`+provider+`",
		"subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"https://sts.googleapis.com/v1/token",
		"service_account_impersonation_url":"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/`+email+`:generateAccessToken",
		"credential_source":{"file":"`+googleToken+`","format":{"type":"text"}}}`,
		pod.Annotations["cloud.google.com/external-credentials-json"])
}
