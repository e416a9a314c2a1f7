package e2e_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
	"github.com/irsa-go/irsa/oidc"
)

// TestTheWebhookKnowsTheAPIServersToken lets a real API server issue the token that it is to call the
// webhook with (KEP-6060), and another one for the same audience.
func TestTheWebhookKnowsTheAPIServersToken(t *testing.T) {
	t.Parallel()
	c := startCluster(t, cluster.Config{ExtraFlags: []string{"--feature-gates=APIServerWebhookAuthenticationToken=true"}})
	manifest, err := webhook.Default(webhook.ManifestConfig{Service: types.NamespacedName{Namespace: "kube-system", Name: "irsa"}})
	require.NoError(t, err)
	manifest, err = c.client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(t.Context(), manifest, metav1.CreateOptions{})
	require.NoError(t, err)
	c.account(t, "kube-system", "webhook-auth", nil)
	_, err = c.client.RbacV1().ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "attest"},
		Rules:      []rbacv1.PolicyRule{{Verbs: []string{"attest"}, APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"admissionReviewAPIGroups", "admissionreviewapigroups"}, ResourceNames: []string{"*"}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = c.client.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "attest"},
		RoleRef:    rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: "attest"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "kube-system", Name: "webhook-auth"}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)

	const audience = "https://irsa.kube-system.svc:443/mutate"
	var bound string
	eventually(t, "token issued", func() bool {
		request, err := c.client.CoreV1().ServiceAccounts("kube-system").CreateToken(t.Context(), "webhook-auth", &authenticationv1.TokenRequest{
			Spec: authenticationv1.TokenRequestSpec{
				Audiences:    []string{audience},
				Attestations: map[string]authenticationv1.AttestationValue{authenticationv1.AttestationAdmissionReviewAPIGroups: {"*"}},
				BoundObjectRef: &authenticationv1.BoundObjectReference{
					APIVersion: "admissionregistration.k8s.io/v1", Kind: "MutatingWebhookConfiguration", Name: manifest.Name, UID: manifest.UID,
				},
			},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Log(err)
			return false
		}
		bound = request.Status.Token
		return true
	})
	plain, err := c.client.CoreV1().ServiceAccounts("kube-system").CreateToken(t.Context(), "webhook-auth", &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)

	handler := handlerOfVerifiedCallers(t, c, audience, manifest.Name)
	for token, want := range map[string]int{bound: http.StatusOK, plain.Status.Token: http.StatusForbidden, "": http.StatusUnauthorized} {
		r := httptest.NewRequest(http.MethodPost, "/mutate", strings.NewReader(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"1"}}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		assert.Equal(t, want, w.Code, w.Body.String())
	}
}

func handlerOfVerifiedCallers(t *testing.T, c *testCluster, audience, configuration string) http.Handler {
	t.Helper()
	issuer, err := oidc.ParseIssuer(c.URL)
	require.NoError(t, err)
	document, err := c.client.CoreV1().RESTClient().Get().AbsPath("/openid/v1/jwks").SetHeader("Accept", "application/jwk-set+json").DoRaw(t.Context())
	require.NoError(t, err)
	keys, err := oidc.ParseKeySet(document)
	require.NoError(t, err)
	verifier, err := oidc.NewVerifier(issuer, audience, oidc.VerifierConfig{Keys: keys})
	require.NoError(t, err)
	mutator, err := mutate.New(mutate.Config{})
	require.NoError(t, err)
	handler, err := webhook.New(mutator, webhook.AccountsFunc(func(context.Context, string, string) (*corev1.ServiceAccount, error) {
		return nil, webhook.ErrNotFound
	}), webhook.Config{
		Configuration: configuration,
		Verifier:      verifier,
	})
	require.NoError(t, err)
	return handler
}
