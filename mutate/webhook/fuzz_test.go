package webhook_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/mutate/webhook"
)

// FuzzServeHTTP holds that any body is answered, with a review or a reason, and none panics.
func FuzzServeHTTP(f *testing.F) {
	f.Add(reviewOf("v1", pod))
	f.Add(reviewOf("v1beta1", `{"spec":{"containers":[null]}}`))
	f.Add(strings.Replace(reviewOf("v1", pod), `"CREATE"`, `"UPDATE","subResource":"ephemeralcontainers"`, 1))
	f.Add(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"\"\u0000"}}`)
	h := serving(f, webhook.Config{OnPanic: func(v any, _ []byte) { panic(v) }}, annotated(role))
	f.Fuzz(func(t *testing.T, body string) {
		status, review, message := post(t, h, body)
		switch status {
		case http.StatusOK:
			require.NotNil(t, review)
			require.NotEmpty(t, review.Response.UID)
			require.Equal(t, !review.Response.Allowed, review.Response.Result != nil)
		case http.StatusBadRequest:
			require.NotEmpty(t, message)
		default:
			t.Fatalf("status %d", status)
		}
	})
}

func TestAnswersAreNotMixedUpUnderLoad(t *testing.T) {
	t.Parallel()
	h := serving(t, webhook.Config{}, annotated(role))
	done := make(chan string)
	for i := range 8 {
		go func() {
			uid := "u-" + string(rune('a'+i))
			for range 50 {
				r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Replace(reviewOf("v1", pod), "u-1", uid, 1)))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if !strings.Contains(w.Body.String(), `"uid":"`+uid+`"`) || !strings.Contains(w.Body.String(), `"patch"`) {
					done <- w.Body.String()
					return
				}
			}
			done <- ""
		}()
	}
	for range 8 {
		require.Empty(t, <-done)
	}
}
