package irsa_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
)

// The webhook that gives pods the roles of their service accounts.
func Example_mutate() {
	mutator, err := mutate.New(mutate.EKS("eu-central-1"))
	if err != nil {
		log.Fatal(err)
	}
	accounts := webhook.Live(namespaces) // in a cluster: webhook.Live(clientset.CoreV1().ServiceAccounts)
	handler, err := webhook.New(mutator, accounts, webhook.Config{})
	if err != nil {
		log.Fatal(err)
	}

	r := httptest.NewRequest(http.MethodPost, "/mutate", strings.NewReader(`{
		"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
		"request": {"uid": "1", "operation": "CREATE", "namespace": "shop",
			"kind": {"version": "v1", "kind": "Pod"}, "resource": {"version": "v1", "resource": "pods"},
			"object": {"spec": {"serviceAccountName": "checkout", "containers": [{"name": "app"}]}}}}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.Contains(w.Body.String(), `"patchType":"JSONPatch"`))
	fmt.Println(serve(accounts)) // nobody has mounted a certificate here
	// Output:
	// 200 true
	// webhook: certificate: open /tls/tls.crt: no such file or directory
}

// namespaces stands for a clientset: it has each namespace's service accounts.
func namespaces(namespace string) namespaced { return namespaced(namespace) }

type namespaced string

func (a namespaced) Get(_ context.Context, name string, _ metav1.GetOptions) (*corev1.ServiceAccount, error) {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Namespace: string(a), Name: name,
		Annotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/" + name},
	}}, nil
}

func serve(accounts webhook.Accounts) error {
	mutator, err1 := mutate.New(mutate.EKS("eu-central-1"))
	handler, err2 := webhook.New(mutator, accounts, webhook.Config{})
	certificate, err3 := webhook.NewCertificate("/tls/tls.crt", "/tls/tls.key", webhook.CertificateConfig{})
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	server := http.Server{Addr: ":8443", Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	server.TLSConfig = &tls.Config{GetCertificate: certificate.GetCertificate}
	return server.ListenAndServeTLS("", "")
}
