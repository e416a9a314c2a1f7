package load_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
)

// newWebhook is a handler for a cluster whose accounts all have a role.
func newWebhook() (http.Handler, error) {
	mutator, err := mutate.New(mutate.EKS("eu-central-1"))
	if err != nil {
		return nil, err
	}
	accounts := webhook.AccountsFunc(func(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
		return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name,
			Annotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/" + name},
		}}, nil
	})
	return webhook.New(mutator, accounts, webhook.Config{})
}

// doNothing reads a review and allows it: the least that a webhook must do, for the answer has
// the review's uid.
func doNothing(w http.ResponseWriter, r *http.Request) {
	var review admissionv1.AdmissionReview
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil || review.Request == nil {
		http.Error(w, "no review", http.StatusBadRequest)
		return
	}
	review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	review.Request = nil
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(review)
}

// echo does not look at the bytes, and answers with as many as the webhook does: what HTTP and
// TLS alone cost.
func echo(answer []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, "unreadable", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}
}

// asServer makes this test binary a webhook that ends, in good order, at SIGTERM.
const asServer = "IRSA_E2E_AS_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) == "" {
		os.Exit(m.Run())
	}
	if err := serveUntilTerminated(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serveUntilTerminated prints its address and its certificate, serves, and stops taking
// connections at SIGTERM, but answers what it was asked.
func serveUntilTerminated(out *os.File) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	handler, err := newWebhook()
	if err != nil {
		return err
	}
	certificate := borrowedCertificate()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}, ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintln(out, listener.Addr())
	if err := pem.Encode(out, &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- server.ServeTLS(listener, "", "") }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return server.Shutdown(drain)
}

// borrowedCertificate is the one of httptest's servers, for 127.0.0.1.
func borrowedCertificate() tls.Certificate {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	return server.TLS.Certificates[0]
}

// dial is a client as the API server is one: HTTP/2 over TLS, connections kept.
func dial(roots *x509.CertPool) *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 8,
	}}
}
