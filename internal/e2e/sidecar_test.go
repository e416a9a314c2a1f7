package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// serveTLS serves the handler on loopback with a certificate of its own, and returns the address and
// the certificate, PEM.
func serveTLS(t *testing.T, handler http.Handler) (url string, caBundle []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "webhook"},
		NotBefore:    time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
}

const lateSidecar = "late-sidecar"

// registerSidecars registers a second webhook, somebody else's, that gives every pod a sidecar. Its
// configuration's name makes the API server call it after ours.
func (c *testCluster) registerSidecars(t *testing.T) {
	t.Helper()
	url, caBundle := serveTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if json.NewDecoder(r.Body).Decode(&review) != nil || review.Request == nil {
			http.Error(w, "no review", http.StatusBadRequest)
			return
		}
		response := &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
		var pod corev1.Pod
		if json.Unmarshal(review.Request.Object.Raw, &pod) == nil && !hasContainer(&pod, lateSidecar) {
			patchType := admissionv1.PatchTypeJSONPatch
			response.PatchType = &patchType
			response.Patch = []byte(`[{"op":"add","path":"/spec/containers/-","value":{"name":"` + lateSidecar + `","image":"sidecar"}}]`)
		}
		review.Request, review.Response = nil, response
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(review)
	}))
	fail, none := admissionregistrationv1.Fail, admissionregistrationv1.SideEffectClassNone
	_, err := c.client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(t.Context(), &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "zz-sidecars"},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name:                    "sidecars.example.com",
			ClientConfig:            admissionregistrationv1.WebhookClientConfig{URL: &url, CABundle: caBundle},
			FailurePolicy:           &fail,
			SideEffects:             &none,
			AdmissionReviewVersions: []string{"v1"},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}},
		}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
}

func hasContainer(pod *corev1.Pod, name string) bool {
	for _, c := range pod.Spec.Containers {
		if c.Name == name {
			return true
		}
	}
	return false
}

// assertLateSidecarInjected creates a pod and says that the sidecar, too, has the role, and that no
// container has anything twice.
func (c *testCluster) assertLateSidecarInjected(t *testing.T, pod *corev1.Pod, role string) {
	t.Helper()
	eventually(t, "sidecars in force", func() bool {
		got, err := c.dryRun(t.Context(), pod)
		return err == nil && hasContainer(got, lateSidecar)
	})
	got, err := c.create(t.Context(), pod)
	require.NoError(t, err)
	require.True(t, hasContainer(got, lateSidecar))
	assertInjected(t, got, role)
	for _, container := range got.Spec.Containers {
		seen := map[string]int{}
		for _, e := range container.Env {
			seen[e.Name]++
		}
		for _, m := range container.VolumeMounts {
			seen[m.Name]++
		}
		for name, times := range seen {
			require.Equal(t, 1, times, "%s of container %s", name, container.Name)
		}
	}
}
