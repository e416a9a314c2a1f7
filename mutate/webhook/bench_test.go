package webhook_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/irsa-go/irsa/mutate/webhook"
)

// BenchmarkThroughput compares the handler with two that do nothing, each behind a server on
// loopback: one decodes the review, as it must to answer its uid, and allows it; the other
// does not even look at the bytes. The ratio of their requests/s is what counts.
func BenchmarkThroughput(b *testing.B) {
	for _, size := range []int{600, 3_000, 60_000} {
		env := &strings.Builder{}
		for i := 0; env.Len() < size-200; i++ {
			fmt.Fprintf(env, `{"name":"SETTING_%d","value":"some value of a setting"},`, i)
		}
		object := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"serviceAccountName":"reader","containers":[{"name":"main","image":"i","env":[` +
			env.String() + `{"name":"LAST","value":"x"}]}]}}`
		body := reviewOf("v1", object)
		answer := []byte(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"u-1","allowed":true}}`)
		for name, h := range map[string]http.Handler{
			"handler": serving(b, webhook.Config{}, annotated(role)),
			"reads-the-review": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var review admissionv1.AdmissionReview
				if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
					http.Error(w, err.Error(), http.StatusBadRequest)
					return
				}
				review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
				review.Request = nil
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(review)
			}),
			"reads-the-bytes": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write(answer)
			}),
		} {
			b.Run(fmt.Sprintf("%d/%s", size, name), func(b *testing.B) { throughput(b, h, []byte(body)) })
		}
	}
}

func throughput(b *testing.B, h http.Handler, body []byte) {
	srv := httptest.NewServer(h)
	defer srv.Close()
	client := srv.Client()
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = 64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := client.Post(srv.URL, "application/json", bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				b.Error(resp.Status)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
