package webhook_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate/webhook"
)

// TestALookupEndsBeforeTheCallDoes: after four fifths of the API server's timeout, or with the request.
func TestALookupEndsBeforeTheCallDoes(t *testing.T) {
	t.Parallel()
	waits := map[string]func(context.Context){
		"itself":        func(ctx context.Context) { <-ctx.Done() },
		"through child": func(ctx context.Context) { child, cancel := context.WithCancel(ctx); defer cancel(); <-child.Done() },
	}
	for name, wait := range waits {
		for _, c := range []struct{ request, want time.Duration }{
			{time.Hour, 8 * time.Second}, {3 * time.Second, 3 * time.Second},
		} {
			t.Run(name+" of "+c.request.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					h := serving(t, webhook.Config{}, func(ctx context.Context, _, _ string) (*corev1.ServiceAccount, error) {
						at, ok := ctx.Deadline()
						assert.True(t, ok)
						assert.Equal(t, c.want, at.Sub(began))
						assert.NoError(t, ctx.Err())
						wait(ctx)
						assert.ErrorIs(t, context.Cause(ctx), context.DeadlineExceeded)
						return nil, ctx.Err()
					})
					ctx, cancel := context.WithTimeout(t.Context(), c.request)
					defer cancel()
					r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/?timeout=10s", strings.NewReader(reviewOf("v1", pod)))
					r.Header.Set("Content-Type", "application/json")
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					assert.Contains(t, w.Body.String(), "cannot be looked up; try again")
					assert.Equal(t, c.want, time.Since(began))
				})
			})
		}
	}
}

// TestNoTimerOutlivesItsRequest: whoever keeps the context is told so once the answer is made.
func TestNoTimerOutlivesItsRequest(t *testing.T) {
	t.Parallel()
	var kept context.Context
	h := serving(t, webhook.Config{}, func(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
		assert.NoError(t, ctx.Err()) // which sets the timer
		kept = ctx
		return annotated(role)(ctx, namespace, name)
	})
	post(t, h, reviewOf("v1", pod))
	assert.ErrorIs(t, kept.Err(), context.Canceled)
}
