package webhook

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"
)

// withDeadline obeys the timeout that the API server gives in the query, less what the
// answer needs to arrive in time. The request began before its body came.
func withDeadline(r *http.Request, began time.Time) (context.Context, context.CancelFunc) {
	given, plain := strings.CutPrefix(r.URL.RawQuery, "timeout=") // as the API server writes it
	if !plain || strings.ContainsAny(given, "&%+;") {
		given = r.URL.Query().Get("timeout")
	}
	timeout, err := time.ParseDuration(given)
	if err != nil || timeout <= 0 {
		return r.Context(), func() {} // the server cancels it
	}
	c := &deadline{Context: r.Context(), at: began.Add(timeout - timeout/5)}
	return c, c.end
}

// deadline is a context that sets its timer when somebody begins to wait. Nobody does for an
// account that lies in a cache.
type deadline struct {
	context.Context // of the request
	at              time.Time

	mu     sync.Mutex
	timed  context.Context // nil: nobody waits
	cancel context.CancelFunc
}

// Deadline is the sooner of the request's and this one.
func (c *deadline) Deadline() (time.Time, bool) {
	if first, ok := c.Context.Deadline(); ok && first.Before(c.at) {
		return first, true
	}
	return c.at, true
}

func (c *deadline) Done() <-chan struct{} { return c.timer().Done() }

func (c *deadline) Err() error { return c.timer().Err() }

func (c *deadline) timer() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timed == nil {
		c.timed, c.cancel = context.WithDeadline(c.Context, c.at)
	}
	return c.timed
}

// end stops the timer. Who begins to wait afterwards is stopped by the request's end.
func (c *deadline) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timed != nil {
		c.cancel()
	}
}
