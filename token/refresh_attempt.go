package token

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// errNoReturn is a source that panicked or ended its goroutine.
var errNoReturn = errors.New("the source did not return")

// flight is one attempt that any number of callers wait for. err and served are set before done
// is closed, and not changed after.
type flight struct {
	done    chan struct{}
	began   time.Duration // elapsed
	cancel  context.CancelFunc
	unwatch func() bool

	over     bool // it takes no result any more; under the engine's mu, as is outlived
	outlived bool // its call of fetch had not returned when it was over

	err    error
	served *cached
}

// land lets the callers go.
func (f *flight) land() {
	f.unwatch()
	f.cancel()
	close(f.done)
}

// start begins an attempt. It has the values of the context of the caller that set it off, such as
// a trace, but neither its deadline nor its cancellation: it is not that caller's alone. mu is held.
func (e *engine) start(caller context.Context) {
	timeout := e.refresh.timeout()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(caller), timeout)
	f := &flight{done: make(chan struct{}), began: e.elapsed(), cancel: cancel}
	e.flight, e.kept = f, nil
	f.unwatch = context.AfterFunc(ctx, func() {
		e.finish(f, aws.Credentials{}, fmt.Errorf("no answer within %v: %w", timeout, context.DeadlineExceeded), true)
	})
	if n := e.leftBehind; n >= maxLeftBehind {
		go e.finish(f, aws.Credentials{}, fmt.Errorf("%d earlier attempts still hang: %w", n, context.DeadlineExceeded), false)
		return
	}
	go e.run(ctx, f, e.current.Load() == nil)
}

// run asks the source. A source that does not return in time is left behind, see start.
func (e *engine) run(ctx context.Context, f *flight, cold bool) {
	returned := false
	defer func() {
		if !returned { // after a panic, which goes on, or runtime.Goexit: nobody must hang
			e.finish(f, aws.Credentials{}, errNoReturn, false)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if f.outlived {
			e.leftBehind--
		}
	}()
	creds, err := e.fetch(ctx, cold)
	returned = true
	e.finish(f, creds, err, false)
}

// finish takes an attempt's result, unless the attempt is over already, and tells the callers.
func (e *engine) finish(f *flight, creds aws.Credentials, err error, outlived bool) {
	e.mu.Lock()
	if f.over {
		e.mu.Unlock()
		return
	}
	f.over = true
	if f.outlived = outlived; outlived {
		e.leftBehind++
	}
	e.flight = nil
	attempt := e.settle(f, creds, err)
	e.mu.Unlock()

	defer f.land() // also when the hook panics
	if e.refresh.OnAttempt != nil {
		e.refresh.OnAttempt(attempt)
	}
}

// settle decides what an attempt's result means for the cache and for the callers. mu is held.
func (e *engine) settle(f *flight, creds aws.Credentials, err error) Attempt {
	t := time.Now()
	now, wall := t.Sub(e.base), t.Round(0)
	if err == nil {
		err = usable(creds, wall)
	}
	if err == nil {
		e.failures = 0
		f.served = newCached(creds, e.refresh, e.tune.early, now, wall)
		e.replace(f.served)
		return f.succeeded(creds, now)
	}

	err = e.fail(err)
	e.failures++
	a := Attempt{Err: err, Final: IsFinal(err), Took: now - f.began}
	c := e.current.Load()
	var d time.Duration
	switch {
	case a.Final:
		d = e.tune.finalFor(e.failures)
		if e.tune.revoke {
			e.replace(nil)
		}
		f.err, e.kept, e.keptUntil = err, err, now+d
	case c != nil:
		a.Stale = true
		d = e.refresh.backoff(c.expiry - now)
		f.served = c.heldBack(d, now, wall)
		e.replace(f.served)
	default:
		d = e.tune.coldFor(e.failures, err)
		f.err, e.kept, e.keptUntil = err, err, now+d
	}
	if d > 0 {
		a.Next = wall.Add(d).UTC()
	}
	return a
}

func (f *flight) succeeded(creds aws.Credentials, now time.Duration) Attempt {
	a := Attempt{Took: now - f.began, AccessKeyID: creds.AccessKeyID}
	if creds.CanExpire {
		a.Expires = creds.Expires
		a.Next = f.served.creds.Expires
		a.AdvisoryWindow = a.Expires.Sub(a.Next)
	}
	return a
}

// usable reports an answer that is no answer.
func usable(creds aws.Credentials, wall time.Time) error {
	switch {
	case !creds.HasKeys():
		return errNoKeys
	case creds.CanExpire && !creds.Expires.After(wall):
		return fmt.Errorf("%w, at %s: check the clocks", ErrStaleCredentials, creds.Expires.UTC().Format(time.RFC3339))
	}
	return nil
}
