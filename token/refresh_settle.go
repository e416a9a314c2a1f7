package token

import (
	"fmt"
	"time"
)

// finish takes an attempt's result, unless the attempt is over already, lets the callers go, and then
// tells the hook, which may call the provider and may take its time.
func (e *engine) finish(f *flight, got obtained, failed *failure, outlived bool) {
	e.mu.Lock()
	if f.over {
		e.mu.Unlock()
		return
	}
	f.over = true
	if f.outlived = outlived; outlived {
		e.leftBehind++
	}
	o := e.weigh(got, failed)
	e.mu.Unlock()

	o.wait = e.waiting(o) // asks functions of the caller's

	e.mu.Lock()
	if e.flight != f { // closed meanwhile
		e.mu.Unlock()
		return
	}
	e.flight = nil
	attempt := e.settle(f, o)
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

// outcome is what an attempt's result means for the cache and for the callers.
type outcome struct {
	got    obtained
	now    moment
	failed *failure // nil: there are new credentials
	err    error    // failed's, or why the new credentials are doubtful, as callers and hooks see it
	final  bool
	serve  bool // what is cached, in spite of err
	// doubtful credentials are new, but had expired by this machine's clock when they came.
	doubtful bool
	left     time.Duration // that what is served has to live
	failures int           // in a row
	hooks    int           // that have not returned
	wait     time.Duration // before the next attempt, after one that failed
}

// weigh decides what an attempt's result means. mu is held.
func (e *engine) weigh(got obtained, failed *failure) outcome {
	now := e.now()
	c := e.current.Load()
	o := outcome{got: got, now: now, failed: failed}
	if failed == nil {
		e.failures, e.refused = 0, ""
		// AWS gave them, and AWS judges them. Either the clock of this machine is fast, or their source
		// hands out old ones because it cannot get others; nobody here can tell.
		if expires := got.creds.Expires; got.creds.CanExpire && !expires.After(now.time()) {
			o.doubtful, o.serve = true, true
			o.err = fmt.Errorf("%w, at %s: check the clocks", ErrStaleCredentials, expires.UTC().Format(time.RFC3339))
		}
		return o
	}
	e.failures++
	o.failures, o.hooks = e.failures, e.hooks
	o.err, o.final = e.fail(failed.err), failed.final
	if e.lasts(failed.explanation) && !o.final {
		o.err, o.final = Final(o.err), true
	}
	if o.serve = !failed.gone && e.servable(c, now) && (!o.final || c.valid(now)); o.serve {
		o.left = c.expiry.left(now)
	}
	return o
}

// lasts says whether a refusal has gone on for so long, without anything else in between, that nothing
// speaks for its passing. mu is held.
func (e *engine) lasts(x Explanation) bool {
	if x.Code != e.refused {
		e.refused, e.refusedSince = x.Code, time.Now()
	}
	return x.FinalAfter > 0 && time.Since(e.refusedSince) >= x.FinalAfter
}

// waiting is for how long the source is left alone after an attempt. mu is not held.
func (e *engine) waiting(o outcome) time.Duration {
	switch {
	case o.err == nil:
		return 0
	case o.serve:
		return e.backoff(o)
	case e.tune.failed != nil:
		return min(e.tune.failed(o.failures, e.asked), longest)
	case o.final, o.hooks > 0: // a hook that asks again must not go round and round
		return finalFor()
	}
	return 0
}

// backoff is how long to leave the source alone while credentials are served. Refresh.Backoff spares STS;
// a token that is not there to be sent costs STS nothing.
func (e *engine) backoff(o outcome) time.Duration {
	d := e.refresh.backoff(o.left, e.asked)
	switch {
	case o.doubtful:
		return max(d, minKept)
	case o.failed.local:
		return min(d, finalFor())
	case o.failed.ofSource:
		return min(d, doubling(o.failures))
	}
	return d
}

// patience is how long a function of the caller's may take that says for how long to wait.
const patience = time.Second

// asked is what a function of the caller's gives. It is otherwise when the function panics, takes too
// long, or has not returned from an earlier call. No lock is held.
func (e *engine) asked(otherwise time.Duration, f func() time.Duration) time.Duration {
	if !e.asking.CompareAndSwap(false, true) {
		return otherwise
	}
	answer := make(chan time.Duration, 1)
	go func() {
		d := otherwise
		defer func() {
			_ = recover()
			e.asking.Store(false)
			answer <- d
		}()
		d = f()
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case d := <-answer:
		return d
	case <-timer.C:
		return otherwise
	}
}

// settle puts an outcome into the cache and into the flight. mu is held.
func (e *engine) settle(f *flight, o outcome) Attempt {
	now, c := e.now(), e.current.Load()
	took := time.Since(f.begun)
	if o.err == nil {
		f.served = newCached(o.got, e.refresh, e.tune.early, now, c)
		e.current.Store(f.served)
		return f.served.attempt(took)
	}
	a := Attempt{Err: o.err, Final: o.final, Stale: o.serve, Took: took}
	end := now.add(o.wait)
	switch {
	case o.doubtful:
		f.served = newDoubtful(o.got, now, end, c)
		a.AccessKeyID, a.Expires = f.served.creds.AccessKeyID, f.served.real
	case o.serve:
		if o.final || e.tune.perishable {
			end = earlier(end, c.expiry)
		}
		f.served = c.heldBack(now, end)
	default:
		f.err, e.kept, e.keptUntil = o.err, o.err, end
		if o.failed.gone {
			e.current.Store(nil)
		}
	}
	if f.served != nil {
		e.current.Store(f.served)
	}
	if end != now {
		a.Next = end.time()
	}
	return a
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
