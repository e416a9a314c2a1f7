package e2e_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/internal/e2e/real"
	"github.com/irsa-go/irsa/oidc"
)

// discoverable lets everybody read the issuer's documents, as clusters do whose issuer AWS reads.
func (c *testCluster) discoverable(t *testing.T) {
	t.Helper()
	_, err := c.client.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "issuer-discovery-for-everybody"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:service-account-issuer-discovery"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "system:unauthenticated"}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
}

// token asks for a token as the kubelet does: of an account, bound to a pod.
func (c *testCluster) token(t *testing.T, pod *corev1.Pod, audience string, seconds int64) string {
	t.Helper()
	request, err := c.client.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(t.Context(), pod.Spec.ServiceAccountName, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{
			Audiences:         []string{audience},
			ExpirationSeconds: &seconds,
			BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	return request.Status.Token
}

// podOf creates a namespace, an account and a pod of that account.
func (c *testCluster) podOf(t *testing.T, namespace, account string) *corev1.Pod {
	t.Helper()
	c.namespace(t, namespace, nil)
	c.account(t, namespace, account, nil)
	pod, err := c.create(t.Context(), racer(namespace, account, nil))
	require.NoError(t, err)
	return pod
}

func TestTheClustersOwnIssuer(t *testing.T) {
	t.Parallel()
	c := startCluster(t, cluster.Config{})
	issuer, err := oidc.ParseIssuer(c.URL)
	require.NoError(t, err)
	client := &oidc.Client{RootCAs: c.CertPool}
	_, err = client.Discover(t.Context(), issuer)
	require.Error(t, err, "a cluster's issuer is closed until it is opened")
	c.discoverable(t)

	var document *oidc.Document
	eventually(t, "issuer open to everybody", func() bool {
		document, err = client.Discover(t.Context(), issuer)
		return err == nil
	})
	assert.Equal(t, issuer, document.Issuer)
	assert.Equal(t, c.URL+"/openid/v1/jwks", document.JWKSURI)

	keys, err := client.Keys(t.Context(), issuer)
	require.NoError(t, err)
	own := keysOf(t, c.SigningKeyFile)
	assert.Equal(t, own.IDs(), keys.IDs(), "key ids are worked out as the API server does")
	assert.NoError(t, keys.CheckSTS())

	pod := c.podOf(t, "issuer", "app")
	real.Met(t, "kube-apiserver %s as issuer and signer of tokens", c.Version)
	verifier, err := oidc.NewVerifier(issuer, "sts.amazonaws.com", oidc.VerifierConfig{Client: client})
	require.NoError(t, err)
	claims, err := verifier.Verify(t.Context(), c.token(t, pod, "sts.amazonaws.com", 3600))
	require.NoError(t, err)
	assert.Equal(t, "system:serviceaccount:issuer:app", claims.Subject)
	assert.Equal(t, pod.Name, claims.Pod.Name)
	assert.Equal(t, string(pod.UID), claims.Pod.UID)
	for name, token := range map[string]string{
		"another audience":  c.token(t, pod, "vault", 3600),
		"the API server's":  c.token(t, pod, c.URL, 3600),
		"a longer audience": c.token(t, pod, "sts.amazonaws.com.cn", 3600),
	} {
		_, err = verifier.Verify(t.Context(), token)
		assert.ErrorIs(t, err, oidc.ErrAudience, name)
	}
	header, rest, _ := strings.Cut(c.token(t, pod, "sts.amazonaws.com", 3600), ".")
	_, signature, _ := strings.Cut(rest, ".")
	payload, _, _ := strings.Cut(strings.SplitN(c.token(t, pod, "sts.amazonaws.com", 7200), ".", 2)[1], ".")
	_, err = verifier.Verify(t.Context(), header+"."+payload+"."+signature)
	assert.ErrorIs(t, err, oidc.ErrSignature, "one token's claims under another's signature")
}

func keysOf(t *testing.T, privateKeyFile string) *oidc.KeySet {
	t.Helper()
	document, err := os.ReadFile(privateKeyFile)
	require.NoError(t, err)
	block, _ := pem.Decode(document)
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	require.NoError(t, err)
	keys, err := oidc.NewKeySet(key.Public())
	require.NoError(t, err)
	return keys
}

// TestTheThumbprintIsThatOfOpenSSL compares the API server's certificate chain as AWS documents it.
func TestTheThumbprintIsThatOfOpenSSL(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	real.Need(t, err, exec.ErrNotFound)
	version, err := exec.Command(openssl, "version").Output()
	require.NoError(t, err)
	real.Met(t, "%s", strings.TrimSpace(string(version)))

	c := startCluster(t, cluster.Config{})
	c.discoverable(t)
	issuer, err := oidc.ParseIssuer(c.URL)
	require.NoError(t, err)
	client := &oidc.Client{RootCAs: c.CertPool}
	eventually(t, "issuer open to everybody", func() bool {
		_, err := client.Discover(t.Context(), issuer)
		return err == nil
	})
	report, err := client.Thumbprints(t.Context(), issuer)
	require.NoError(t, err)

	sClient := exec.CommandContext(t.Context(), openssl, "s_client", "-connect", strings.TrimPrefix(c.URL, "https://"), "-showcerts")
	shown, err := sClient.Output()
	require.NoError(t, err)
	const end = "-----END CERTIFICATE-----"
	certificates := strings.SplitAfter(string(shown), end)
	require.Greater(t, len(certificates), 1)
	last := certificates[len(certificates)-2]
	fingerprint := exec.CommandContext(t.Context(), openssl, "x509", "-noout", "-fingerprint", "-sha1")
	fingerprint.Stdin = strings.NewReader(last[strings.Index(last, "-----BEGIN"):])
	printed, err := fingerprint.Output()
	require.NoError(t, err)
	_, hex, found := bytes.Cut(bytes.TrimSpace(printed), []byte("="))
	require.True(t, found)
	want := strings.ToLower(strings.ReplaceAll(string(hex), ":", ""))
	assert.Equal(t, []string{want}, report.Thumbprints)
}

// TestASelfHostedIssuerThroughAKeyRotation publishes the issuer's documents with the project's own
// tools, lets a real API server sign for it, and changes the key while tokens of both are in use.
func TestASelfHostedIssuerThroughAKeyRotation(t *testing.T) {
	t.Parallel()
	folder, etcd := t.TempDir(), t.TempDir()
	server := httptest.NewTLSServer(http.FileServer(http.Dir(folder)))
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	client := &oidc.Client{RootCAs: roots}
	issuer, err := oidc.ParseIssuer(server.URL)
	require.NoError(t, err)
	cfg := cluster.Config{Issuer: server.URL, JWKSURI: server.URL + "/keys.json", EtcdDir: etcd}
	publish := func(keys *oidc.KeySet, drop ...string) {
		document, err := oidc.NewDocument(issuer, cfg.JWKSURI, keys)
		require.NoError(t, err)
		require.NoError(t, oidc.Publish(t.Context(), oidc.Directory(folder), document, keys, oidc.PublishConfig{Drop: drop}))
	}
	verify := func(token string) error {
		verifier, err := oidc.NewVerifier(issuer, "sts.amazonaws.com", oidc.VerifierConfig{Client: client})
		require.NoError(t, err)
		_, err = verifier.Verify(t.Context(), token)
		return err
	}

	before := startCluster(t, cfg)
	oldKeys := keysOf(t, before.SigningKeyFile)
	publish(oldKeys)
	pod := before.podOf(t, "rotation", "app")
	oldToken := before.token(t, pod, "sts.amazonaws.com", 3600)
	require.NoError(t, verify(oldToken))
	oldOfServer := before.token(t, pod, before.URL, 3600)
	before.Stop()

	cfg.VerificationKeyFiles = []string{before.SigningKeyFile}
	cfg.ExtraFlags = []string{"--api-audiences=" + before.URL}
	after := startCluster(t, cfg)
	newKeys := keysOf(t, after.SigningKeyFile)
	merged, err := oldKeys.Merge(newKeys)
	require.NoError(t, err)
	publish(merged)
	newToken := after.token(t, pod, "sts.amazonaws.com", 3600)
	assert.NoError(t, verify(oldToken), "the old key's tokens stay valid")
	assert.NoError(t, verify(newToken))
	review, err := after.client.AuthenticationV1().TokenReviews().Create(t.Context(), &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: oldOfServer},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	assert.True(t, review.Status.Authenticated, "the API server itself agrees: %s", review.Status.Error)

	remaining, err := merged.Without(oldKeys.IDs()...)
	require.NoError(t, err)
	publish(remaining, oldKeys.IDs()...)
	assert.Error(t, verify(oldToken), "the old key is retired")
	assert.NoError(t, verify(newToken))
}
