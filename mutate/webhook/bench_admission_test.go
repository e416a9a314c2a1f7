package webhook_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/admissionbench"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
)

// discard is a ResponseWriter that keeps nothing.
type discard struct {
	header  http.Header
	status  int
	written int
}

func (d *discard) Header() http.Header { return d.header }

func (d *discard) WriteHeader(status int) { d.status = status }

func (d *discard) Write(b []byte) (int, error) {
	d.written += len(b)
	return len(b), nil
}

// BenchmarkAdmission measures what a webhook does: the bytes of an AdmissionReview in, the bytes
// of the answer out, without the HTTP server around it.
func BenchmarkAdmission(b *testing.B) {
	m, err := mutate.New(mutate.EKS("eu-central-1"))
	require.NoError(b, err)
	account, err := annotated(admissionbench.RoleARN)(b.Context(), "team-a", "reader")
	require.NoError(b, err)
	cached := func(context.Context, string, string) (*corev1.ServiceAccount, error) { return account, nil }
	ours, err := webhook.New(m, webhook.AccountsFunc(cached), webhook.Config{})
	require.NoError(b, err)
	for _, size := range admissionbench.Sizes() {
		pod, err := admissionbench.Pod(size)
		require.NoError(b, err)
		review, err := admissionbench.Review(bytes.ReplaceAll(pod, []byte(`"namespace":"default"`), []byte(`"namespace":"team-a"`)))
		require.NoError(b, err)
		review = bytes.ReplaceAll(review, []byte(`"namespace":"default"`), []byte(`"namespace":"team-a"`))
		for _, way := range []struct {
			name string
			h    http.Handler
		}{
			{"handler", ours},
			{"a-typed-webhook", admissionbench.Webhook(admissionbench.Typed)},
			{"b-create-patch-webhook", admissionbench.Webhook(admissionbench.CreatePatch)},
		} {
			b.Run(fmt.Sprintf("%d/%s", size, way.name), func(b *testing.B) {
				body := bytes.NewReader(review)
				r := httptest.NewRequest(http.MethodPost, "/mutate?timeout=10s", io.NopCloser(body))
				r.Header.Set("Content-Type", "application/json")
				r.ContentLength = int64(len(review))
				w := &discard{header: http.Header{}}
				b.ReportAllocs()
				b.SetBytes(int64(len(review)))
				for b.Loop() {
					body.Reset(review)
					w.status, w.written = 0, 0
					way.h.ServeHTTP(w, r)
					if w.status != 0 || w.written < 500 {
						b.Fatal(w.status, w.written)
					}
				}
			})
		}
	}
}
