package webhook_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
	"github.com/irsa-go/irsa/oidc"
)

// A webhook like EKS's own, beside whatever else the mux serves.
func Example() {
	mutator, err := mutate.New(mutate.EKS("eu-central-1"))
	if err != nil {
		log.Fatal(err)
	}
	// In a real program, Cache is an informer's lister and Live a client's GET.
	accounts := webhook.CachedAccounts{
		Cache: func(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
			return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}, nil
		},
		Live: func(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
			return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
				Namespace: namespace, Name: name, // it has just been annotated
				Annotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/reader"},
			}}, nil
		},
	}
	handler, err := webhook.New(mutator, accounts, webhook.Config{
		OnReview: func(_ context.Context, e webhook.Event) { fmt.Println(e.Target, e.Verdict) },
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/mutate", handler)

	r := httptest.NewRequest(http.MethodPost, "/mutate", strings.NewReader(`{
		"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
		"request": {"uid": "1", "operation": "CREATE", "namespace": "team-a",
			"kind": {"version": "v1", "kind": "Pod"}, "resource": {"version": "v1", "resource": "pods"},
			"object": {"spec": {"serviceAccountName": "reader", "containers": [{"name": "main"}]}}}}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code)
	// Output:
	// team-a/reader mutated
	// 200
}

func ExampleNewCertificate() {
	cert, err := webhook.NewCertificate("/nowhere/tls.crt", "/nowhere/tls.key", webhook.CertificateConfig{})
	if err != nil {
		fmt.Println("not without a certificate")
		return
	}
	srv := http.Server{Addr: ":8443", TLSConfig: &tls.Config{GetCertificate: cert.GetCertificate}}
	log.Fatal(srv.ListenAndServeTLS("", ""))
	// Output: not without a certificate
}

// Who calls must show a token that the cluster gave it for calling this webhook.
func ExampleVerifier() {
	issuer, err := oidc.ParseIssuer("https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE")
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := oidc.NewVerifier(issuer, "https://pod-identity-webhook.kube-system.svc:443/mutate", oidc.VerifierConfig{})
	if err != nil {
		log.Fatal(err)
	}
	mutator, err := mutate.New(mutate.Config{})
	if err != nil {
		log.Fatal(err)
	}
	accounts := webhook.AccountsFunc(func(context.Context, string, string) (*corev1.ServiceAccount, error) {
		return nil, webhook.ErrNotFound // a real program asks the API server
	})
	handler, err := webhook.New(mutator, accounts, webhook.Config{
		Configuration: "pod-identity-webhook",
		Verifier:      tokens,
	})
	if err != nil {
		log.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/mutate", nil))
	fmt.Println(w.Code)
	// Output: 401
}

// Everything that the webhook's pods need beside their Deployment, as one file.
func ExampleYAML() {
	cfg := webhook.ManifestConfig{
		Service:     types.NamespacedName{Namespace: "kube-system", Name: "pod-identity-webhook"},
		CertManager: true,
	}
	companions, err := cfg.Companions()
	if err != nil {
		log.Fatal(err)
	}
	manifest, err := webhook.Default(cfg)
	if err != nil {
		log.Fatal(err)
	}
	document, err := webhook.YAML(append(companions.Objects(), manifest)...)
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(string(document)) {
		if strings.HasPrefix(line, "kind:") {
			fmt.Print(line)
		}
	}
	// Output:
	// kind: ServiceAccount
	// kind: ClusterRole
	// kind: ClusterRoleBinding
	// kind: Service
	// kind: Issuer
	// kind: Certificate
	// kind: MutatingWebhookConfiguration
}

func ExampleRequired() {
	manifest, err := webhook.Required(webhook.ManifestConfig{
		Service: types.NamespacedName{Namespace: "kube-system", Name: "pod-identity-webhook"},
	})
	if err != nil {
		log.Fatal(err)
	}
	hook := manifest.Webhooks[0]
	fmt.Println(manifest.Name, *hook.FailurePolicy, hook.ObjectSelector.MatchExpressions[0].Key)
	// Output: pod-identity-webhook-required Fail eks.amazonaws.com/require-identity
}
