package token

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// ErrStaleCredentials is what errors.Is finds in an [Attempt] whose credentials had expired by this
// machine's clock when they came. They are served all the same, see [Refresh].
var ErrStaleCredentials = errors.New("the credentials obtained have already expired by this machine's clock")

// errNoKeys is a provider's answer without an error and without keys.
var errNoKeys = errors.New("the answer has no access key")

// maxLeftBehind bounds the calls that did not return when their attempt was over.
const maxLeftBehind = 4

// fetchFunc gets new credentials. It runs in a goroutine of its own, and should return once ctx is
// done.
type fetchFunc func(ctx context.Context) (obtained, error)

// tuning is what a constructor chooses beyond Refresh; the zero value is what a Provider does.
type tuning struct {
	// early is the time by which credentials that are fresh for so long are asked for sooner. nil: 0.
	early func(fresh time.Duration) time.Duration
	// failed is for how long an error answers all calls while the engine has nothing to serve, after so
	// many failures in a row, the first being 1. nil: a final error for 1 to 5 seconds, any other
	// not at all. It calls a function of the caller's through ask.
	failed func(failures int, ask asking) time.Duration
	// perishable credentials are not served past their expiry.
	perishable bool
}

// engine holds credentials and renews them as [Refresh] describes. What a caller may be served
// without a question is one immutable value behind an atomic pointer; all else is decided under mu,
// which is never held while the source or a hook is called. At rest it has no goroutine and no timer.
//
// Use: newEngine, then fresh and, when that is nil, wait. The zero value must not be used.
// It is safe for concurrent use.
type engine struct {
	fetch   fetchFunc
	roleARN string // for messages; "" where there is none
	refresh Refresh
	tune    tuning
	base    time.Time // monotonic time counts from here

	current atomic.Pointer[cached]
	asking  atomic.Bool // a function of the caller's, for how long to wait

	mu           sync.Mutex
	flight       *flight // the attempt under way
	kept         error   // answers all calls until keptUntil, unless credentials are fresh
	keptUntil    moment
	failures     int  // attempts in a row that failed
	refused      Code // why every attempt since refusedSince failed; "": the last did not
	refusedSince time.Time
	leftBehind   int   // calls of fetch that outlived their attempt
	hooks        int   // calls of OnAttempt that have not returned
	closed       error // why it gives no more credentials; nil while it does
}

// newEngine returns an engine with nothing cached. fetch is first called when somebody waits.
func newEngine(fetch fetchFunc, roleARN string, r Refresh, tune tuning) *engine {
	return &engine{fetch: fetch, roleARN: roleARN, refresh: r, tune: tune, base: time.Now()}
}

// now reads both clocks.
func (e *engine) now() moment {
	t := time.Now()
	return moment{t.Sub(e.base), time.Duration(e.refresh.Now.At(t).UnixNano())}
}

// fresh returns what can be served without a question, else nil.
func (e *engine) fresh() *cached {
	if c := e.current.Load(); c != nil && !c.isDue(e.now()) {
		return c
	}
	return nil
}

// wait decides what a caller gets, and waits for it. A caller whose context is done leaves at once;
// the attempt that it waited for goes on for the others.
func (e *engine) wait(ctx context.Context) (*cached, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	c, f, err := e.enter(ctx)
	if f == nil {
		return c, err
	}
	return e.await(ctx, f)
}

// await waits for an attempt's result, or until ctx is done.
func (e *engine) await(ctx context.Context, f *flight) (*cached, error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		select {
		case <-f.done: // both at once: the answer is there
		default:
			return nil, e.left(ctx, f)
		}
	}
	return f.served, f.err
}

// enter returns what to serve, or the flight to await, or the error to return.
func (e *engine) enter(ctx context.Context) (*cached, *flight, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	c := e.current.Load()
	switch {
	case e.closed != nil:
		return nil, nil, e.closed
	case c != nil && !c.isDue(now):
		return c, nil, nil
	case e.kept != nil && !e.keptUntil.reached(now):
		return nil, nil, e.kept
	case e.flight != nil && c != nil && !c.mustWait(now):
		return c, nil, nil // somebody else waits for the new ones
	case ctx.Err() != nil:
		return nil, nil, e.fail(canceled(ctx, nil))
	case e.flight == nil:
		e.start(ctx, !e.servable(c, now))
	}
	e.flight.waiting++
	return nil, e.flight, nil
}

// servable says whether c may be served while the source fails.
func (e *engine) servable(c *cached, now moment) bool {
	return c != nil && !(e.tune.perishable && c.expiry.reached(now))
}

// left is the error of a caller whose context is done while it waits.
func (e *engine) left(ctx context.Context, f *flight) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	f.waiting--
	return e.fail(canceled(ctx, f.last))
}

// canceled is the error of a caller whose context is done. It is the type that the SDK gives, so that
// the SDK does not take it for a failure worth retrying. last is what the attempt failed with so far.
func canceled(ctx context.Context, last error) error {
	var err error = &aws.RequestCanceledError{Err: context.Cause(ctx)}
	if !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w: %w", err, ctx.Err())
	}
	return cutShort(err, last)
}

// fail is err as callers see it.
func (e *engine) fail(err error) error {
	if _, ok := err.(*Error); ok {
		return err
	}
	return &Error{Op: "get credentials", RoleARN: e.roleARN, Err: err}
}

// invalidate makes the next caller wait for new credentials when accessKeyID is that of the cached
// ones; a backoff and the floor last. With any other id nothing happens.
func (e *engine) invalidate(accessKeyID string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.current.Load()
	if c == nil || accessKeyID == "" || c.creds.AccessKeyID != accessKeyID {
		return
	}
	e.current.Store(c.invalidated(e.now()))
}

// close forgets the credentials. From now on every caller gets err, those included who wait.
func (e *engine) close(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed != nil {
		return
	}
	e.closed = e.fail(err)
	e.current.Store(nil)
	if f := e.flight; f != nil {
		e.flight = nil
		f.over, f.err = true, e.closed
		f.land()
	}
}

// busy says whether an attempt is under way.
func (e *engine) busy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.flight != nil
}
