package token

import (
	"context"
	"fmt"
	"time"

	"github.com/irsa-go/irsa/internal/panics"
)

// flight is one attempt that any number of callers wait for. err and served are set before done
// is closed, and not changed after. What follows begun is under the engine's mu.
type flight struct {
	done    chan struct{}
	err     error
	served  *cached
	cancel  context.CancelFunc
	unwatch func() bool
	cold    bool // callers wait: the engine has nothing to serve
	begun   time.Time

	waiting  int   // callers
	last     error // of its latest call, while there may be another
	over     bool  // it takes no result any more
	outlived bool  // its call of fetch had not returned when it was over
}

// land lets the callers go.
func (f *flight) land() {
	f.unwatch()
	f.cancel()
	close(f.done)
}

// start begins an attempt. It has the values of the context of the caller that set it off, such as
// a trace, but neither its deadline nor its cancellation: it is not that caller's alone. mu is held.
func (e *engine) start(caller context.Context, cold bool) {
	timeout := e.refresh.timeout()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(caller), timeout)
	f := &flight{done: make(chan struct{}), begun: time.Now(), cancel: cancel, cold: cold}
	e.flight, e.kept = f, nil
	f.unwatch = context.AfterFunc(ctx, func() {
		e.finish(f, obtained{}, judge(e.timedOut(f, timeout)), true)
	})
	if n := e.leftBehind; n >= maxLeftBehind {
		go e.finish(f, obtained{}, judge(fmt.Errorf("%d earlier attempts still hang: %w", n, context.DeadlineExceeded)), false)
		return
	}
	go e.run(ctx, f)
}

func (e *engine) timedOut(f *flight, timeout time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	err := fmt.Errorf("no answer within %v: %w", timeout, context.DeadlineExceeded)
	return cutShort(err, f.last)
}

// cutShortError is of an attempt that ended before it could succeed: why, and with what it had failed so
// far, which says more.
type cutShortError struct{ why, last error }

// cutShort is why itself where last is nil.
func cutShort(why, last error) error {
	if last == nil {
		return why
	}
	return &cutShortError{why, last}
}

func (e *cutShortError) Error() string   { return e.why.Error() + "; until then: " + e.last.Error() }
func (e *cutShortError) Unwrap() []error { return []error{e.why, e.last} }

// run asks the source, again and again while the engine has nothing else to serve. A source that does not
// return in time is left behind, see start.
func (e *engine) run(ctx context.Context, f *flight) {
	returned := false
	defer func() {
		if !returned { // runtime.Goexit: nobody must hang
			e.finish(f, obtained{}, judge(panics.ErrNoReturn), false)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if f.outlived {
			e.leftBehind--
		}
	}()
	got, failed := e.ask(ctx)
	for n := 1; failed != nil && f.cold && failed.passes && e.awaited(f, failed.err) && pause(ctx, n, failed.err) && e.awaited(f, failed.err); n++ {
		got, failed = e.ask(ctx)
	}
	returned = true
	e.finish(f, got, failed, false)
}

// ask calls the source once. Its panic is an error: the goroutine is not one of the caller's, who could
// not recover from it.
func (e *engine) ask(ctx context.Context) (got obtained, failed *failure) {
	err := panics.Call(func() (err error) {
		if got, err = e.fetch(ctx); err == nil && !got.creds.HasKeys() {
			err = errNoKeys
		}
		return err
	})
	if err != nil {
		return obtained{}, judge(err)
	}
	return got, nil
}

// awaited says whether anybody still waits, and notes with what the attempt failed so far.
func (e *engine) awaited(f *flight, last error) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	f.last = last
	return !f.over && f.waiting > 0
}

// longestPause bounds the pause between two calls of one attempt.
const longestPause = 10 * time.Second

// pause waits before another call: a random time up to a second after the first, doubling up to
// longestPause. A pause that may be short spreads a crowd better than one that is half fixed
// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). A service that asks for
// more gets up to 5 seconds more. It returns false at once when the attempt would be over by then.
func pause(ctx context.Context, call int, failed error) bool {
	d := between(0, min(longestPause, time.Second<<min(call-1, 8)))
	d = min(max(d, retryAfter(failed)), d+5*time.Second)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	return sleep(ctx, d)
}

// sleep returns false when ctx is done first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
