package token

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

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
	cold    bool // there is nothing to serve
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
		e.finish(f, obtained{}, e.timedOut(f, timeout), true)
	})
	if n := e.leftBehind; n >= maxLeftBehind {
		go e.finish(f, obtained{}, fmt.Errorf("%d earlier attempts still hang: %w", n, context.DeadlineExceeded), false)
		return
	}
	go e.run(ctx, f)
}

func (e *engine) timedOut(f *flight, timeout time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	err := fmt.Errorf("no answer within %v: %w", timeout, context.DeadlineExceeded)
	if f.last != nil {
		err = fmt.Errorf("%w; until then: %w", err, f.last)
	}
	return err
}

// run asks the source, again and again when there is nothing else to serve. A source that does not
// return in time is left behind, see start.
func (e *engine) run(ctx context.Context, f *flight) {
	returned := false
	defer func() {
		if !returned { // runtime.Goexit: nobody must hang
			e.finish(f, obtained{}, panics.ErrNoReturn, false)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if f.outlived {
			e.leftBehind--
		}
	}()
	got, err := e.ask(ctx)
	for n := 1; err != nil && f.cold && passes(err) && e.awaited(f, err) && pause(ctx, n) && e.awaited(f, err); n++ {
		got, err = e.ask(ctx)
	}
	returned = true
	e.finish(f, got, err, false)
}

// ask calls the source once. Its panic is an error, and so is that of an error of its own making:
// the goroutine is not one of the caller's, who could not recover from it.
func (e *engine) ask(ctx context.Context) (got obtained, err error) {
	err = panics.Call(func() (err error) {
		if got, err = e.fetch(ctx); err != nil {
			_ = IsFinal(err) // what follows asks it under the lock
		}
		return err
	})
	if err != nil {
		return obtained{}, err
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
// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). It returns false at
// once when the attempt would be over by then.
func pause(ctx context.Context, call int) bool {
	d := between(0, min(longestPause, time.Second<<min(call-1, 8)))
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

// finish takes an attempt's result, unless the attempt is over already, lets the callers go, and then
// tells the hook, which may call the provider and may take its time.
func (e *engine) finish(f *flight, got obtained, err error, outlived bool) {
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
	attempt := e.settle(f, got, err)
	if e.refresh.OnAttempt != nil {
		e.hooks++
	}
	e.mu.Unlock()
	f.land()
	if e.refresh.OnAttempt != nil {
		e.tell(attempt)
	}
}

func (e *engine) tell(a Attempt) {
	defer func() {
		_ = recover() // nobody waits for the hook who could be told
		e.mu.Lock()
		defer e.mu.Unlock()
		e.hooks--
	}()
	e.refresh.OnAttempt(a)
}

// settle decides what an attempt's result means for the cache and for the callers. mu is held.
func (e *engine) settle(f *flight, got obtained, err error) Attempt {
	now := e.now()
	took := time.Since(f.begun)
	if err == nil {
		err = usable(got.creds, now.time())
	}
	c := e.current.Load()
	if err == nil {
		e.failures, e.refused = 0, ""
		f.served = newCached(got, e.refresh, e.tune.early, now, c)
		e.current.Store(f.served)
		return f.served.attempt(took)
	}
	e.failures++
	err = e.lasting(e.fail(err), c, now)
	a := Attempt{Err: err, Final: IsFinal(err), Took: took}
	var wait time.Duration
	switch {
	case !a.Final && e.servable(c, now):
		a.Stale = true
		end := now.add(e.backoff(err, c.expiry.left(now)))
		if e.tune.perishable {
			end = earlier(end, c.expiry)
		}
		wait = end.mono - now.mono
		f.served = c.heldBack(now, end)
		e.current.Store(f.served)
	default:
		wait = e.keepFor(a.Final)
		if revokes(err) {
			e.current.Store(nil)
		}
		f.err, e.kept, e.keptUntil = err, err, now.add(wait)
	}
	if wait > 0 {
		a.Next = now.add(wait).time()
	}
	return a
}

// backoff is how long to leave the source alone when err was its answer and what is cached has left
// to live. Refresh.Backoff spares STS; a token that is not there to be sent costs STS nothing.
func (e *engine) backoff(err error, left time.Duration) time.Duration {
	d := e.refresh.backoff(left)
	switch {
	case isLocal(err):
		return min(d, finalFor())
	case isOfSource(err):
		return min(d, doubling(e.failures))
	}
	return d
}

// keepFor is how long an error answers all calls when there is nothing to serve.
func (e *engine) keepFor(final bool) time.Duration {
	switch {
	case e.tune.failed != nil:
		return min(e.tune.failed(e.failures), longest)
	case final, e.hooks > 0: // a hook that asks again must not go round and round
		return finalFor()
	}
	return 0
}

// lasting makes a refusal final that has gone on for so long, without anything else in between, that
// nothing speaks for its passing, once nothing valid is left to serve.
func (e *engine) lasting(err error, c *cached, now moment) error {
	x, _ := Explain(err)
	if x.Code != e.refused {
		e.refused, e.refusedSince = x.Code, time.Now()
	}
	if x.FinalAfter == 0 || time.Since(e.refusedSince) < x.FinalAfter || c != nil && !c.expiry.reached(now) {
		return err
	}
	return Final(err)
}

// attempt is what the hook learns of new credentials.
func (c *cached) attempt(took time.Duration) Attempt {
	a := Attempt{Took: took, AccessKeyID: c.creds.AccessKeyID}
	if c.creds.CanExpire {
		a.Expires, a.Next = c.real, c.creds.Expires
		a.AdvisoryWindow = c.expiry.mono - c.due.mono
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
