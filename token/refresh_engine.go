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

// ErrStaleCredentials is what errors.Is finds when a source answered with credentials that had
// already expired: a failed refresh.
var ErrStaleCredentials = errors.New("the credentials obtained have already expired")

// errNoKeys is a provider's answer without an error and without keys.
var errNoKeys = errors.New("the answer holds no access key")

// nearby is how long before credentials are due a timer makes callers look at the clock. It
// covers a late timer, and keeps what happens at the due moment itself a matter of the clock.
const nearby = 5 * time.Second

// maxLeftBehind bounds the calls that did not return when their attempt was over.
const maxLeftBehind = 4

// fetchFunc gets new credentials. Expires is when they really expire. cold is whether nothing is
// cached, so that callers have nothing else. It runs in a goroutine of its own, and should return
// once ctx is done.
type fetchFunc func(ctx context.Context, cold bool) (aws.Credentials, error)

// tuning is what the pool does beyond Refresh; the zero value is what a Provider does.
type tuning struct {
	// early is the time by which credentials that are fresh for so long are asked for sooner. nil: 0.
	early func(fresh time.Duration) time.Duration
	// cold is how long a temporary error answers all calls while nothing is cached, after so many
	// failures in a row, the first being 1. nil or ≤0: the next call tries again.
	cold func(failures int, err error) time.Duration
	// final is how long a final error answers all calls, after so many failures in a row. nil: 1
	// to 5 seconds.
	final func(failures int) time.Duration
	// revoke makes a final error drop the cached credentials: no later failure that is temporary
	// brings them back.
	revoke bool
}

// finalFor is how long the final error after so many failures in a row answers all calls.
func (t tuning) finalFor(failures int) time.Duration {
	if t.final != nil {
		return min(t.final(failures), longest)
	}
	return finalFor()
}

// coldFor is how long a temporary error with nothing cached answers all calls.
func (t tuning) coldFor(failures int, err error) time.Duration {
	if t.cold == nil {
		return 0
	}
	return min(t.cold(failures, err), longest)
}

// engine holds credentials and renews them as [Refresh] describes. Everything that a caller may
// be served without a question is one immutable value behind an atomic pointer; all else is
// decided under mu, which is never held while the source is asked. At rest it has no goroutine,
// one timer at most.
//
// Use: newEngine, then fresh and, when that is nil, wait. The zero value must not be used.
// It is safe for concurrent use.
type engine struct {
	fetch   fetchFunc
	roleARN string // for messages; "" where there is none
	refresh Refresh
	tune    tuning
	base    time.Time // elapsed time counts from here, by the monotonic clock

	current atomic.Pointer[cached]

	mu         sync.Mutex
	flight     *flight       // the attempt under way
	kept       error         // answers all calls until keptUntil, unless credentials are fresh
	keptUntil  time.Duration // as elapsed
	failures   int           // attempts in a row that failed
	leftBehind int           // calls of fetch that outlived their attempt
	closed     error         // why there are no more credentials
}

// newEngine returns an engine with nothing cached. fetch is first called when somebody waits.
func newEngine(fetch fetchFunc, roleARN string, r Refresh, tune tuning) *engine {
	return &engine{fetch: fetch, roleARN: roleARN, refresh: r, tune: tune, base: time.Now()}
}

// elapsed is the engine's clock. Unlike the wall clock it never jumps.
func (e *engine) elapsed() time.Duration { return time.Since(e.base) }

// fresh returns what can be served without a question, else nil. It costs two loads.
func (e *engine) fresh() *cached {
	if c := e.current.Load(); c != nil && !c.near.Load() {
		return c
	}
	return nil
}

// wait decides by the clock what a caller gets, and waits for it. A caller whose context is done
// leaves at once; the attempt that it waited for goes on for the others.
func (e *engine) wait(ctx context.Context) (aws.Credentials, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	c, f, err := e.enter(ctx)
	switch {
	case err != nil:
		return aws.Credentials{}, err
	case f == nil:
		return c.creds, nil
	}
	return e.await(ctx, f)
}

// await waits for an attempt's result, or until ctx is done.
func (e *engine) await(ctx context.Context, f *flight) (aws.Credentials, error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		select {
		case <-f.done: // both at once: the answer is there
		default:
			return aws.Credentials{}, e.left(ctx)
		}
	}
	if f.err != nil {
		return aws.Credentials{}, f.err
	}
	return f.served.creds, nil
}

// enter returns what to serve, or the flight to wait for, or the error to return.
func (e *engine) enter(ctx context.Context) (*cached, *flight, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.elapsed()
	c := e.current.Load()
	switch {
	case e.closed != nil:
		return nil, nil, e.closed
	case c != nil && now < c.due:
		return c, nil, nil
	case e.kept != nil && now < e.keptUntil:
		return nil, nil, e.kept
	case e.flight != nil && c != nil && now < c.mandatory:
		return c, nil, nil // somebody else waits for the new ones
	case ctx.Err() != nil:
		return nil, nil, e.left(ctx)
	case e.flight == nil:
		e.start(ctx)
	}
	return nil, e.flight, nil
}

// left is the error of a caller whose context is done. It is the type that the SDK gives, so that
// the SDK does not take it for a failure worth retrying.
func (e *engine) left(ctx context.Context) error {
	cause := &aws.RequestCanceledError{Err: context.Cause(ctx)}
	if errors.Is(cause.Err, ctx.Err()) {
		return e.fail(cause)
	}
	return e.fail(fmt.Errorf("%w: %w", cause, ctx.Err()))
}

// fail is err as callers see it.
func (e *engine) fail(err error) error {
	if _, ok := err.(*Error); ok {
		return err
	}
	return &Error{Op: "get credentials", RoleARN: e.roleARN, Err: err}
}

// invalidate makes the next caller wait for new credentials when accessKeyID is that of the
// cached ones; a backoff lasts on. With any other id nothing happens.
func (e *engine) invalidate(accessKeyID string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.current.Load()
	if c == nil || accessKeyID == "" || c.creds.AccessKeyID != accessKeyID {
		return
	}
	e.replace(c.invalidated(e.elapsed()))
}

// close forgets the credentials. From now on every caller gets err, those included who wait.
func (e *engine) close(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed != nil {
		return
	}
	e.closed = e.fail(err)
	e.replace(nil)
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

// replace puts c in the place of what is cached. mu is held.
func (e *engine) replace(c *cached) {
	if old := e.current.Swap(c); old != nil {
		old.discard()
	}
}
