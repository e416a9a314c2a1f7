package token

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	// never is a moment that elapsed time does not reach.
	never = time.Duration(math.MaxInt64)
	// longest bounds lifetimes and waits, so that a moment that far from now is still a moment
	// and not, by overflow, one in the past.
	longest = never / 4
)

// cached is credentials and for how long to serve them; times are elapsed time of the engine.
// All but near is immutable.
type cached struct {
	creds     aws.Credentials // as served: Expires is when to ask again
	due       time.Duration   // until then they are served without a question
	mandatory time.Duration   // from then on callers wait for new ones
	expiry    time.Duration   // when they really expire
	backoff   bool            // due is the end of a backoff

	// near is set shortly before due and tells callers to look at the clock, which costs more
	// than all the rest of serving cached credentials.
	near  atomic.Bool
	timer *time.Timer // sets near; nil when it is set already or never
}

// newCached takes credentials that were obtained at now, which is the moment wall by the wall
// clock. early is the pool's jitter.
func newCached(creds aws.Credentials, r Refresh, early func(time.Duration) time.Duration, now time.Duration, wall time.Time) *cached {
	if !creds.CanExpire {
		return &cached{creds: creds, due: never, mandatory: never, expiry: never}
	}
	lifetime := min(creds.Expires.Sub(wall), longest)
	fresh := r.fresh(lifetime)
	if early != nil {
		fresh -= min(max(early(fresh), 0), fresh)
	}
	creds.Expires = creds.Expires.Add(fresh - lifetime).UTC()
	c := &cached{
		creds:     creds,
		due:       now + fresh,
		mandatory: now + lifetime - mandatoryWindow,
		expiry:    now + lifetime,
	}
	c.watch(fresh)
	return c
}

// heldBack is c after a failed attempt: served until the backoff d is over.
func (c *cached) heldBack(d, now time.Duration, wall time.Time) *cached {
	h := &cached{creds: c.creds, due: now + d, mandatory: c.mandatory, expiry: c.expiry, backoff: true}
	h.creds.CanExpire = true
	h.creds.Expires = wall.Add(d).UTC()
	h.watch(d)
	return h
}

// invalidated is c after a service rejected it, at now: callers wait from now on, or from the end
// of a backoff.
func (c *cached) invalidated(now time.Duration) *cached {
	i := &cached{creds: c.creds, due: now, expiry: c.expiry, backoff: c.backoff}
	if c.backoff {
		i.due = c.due
	}
	i.watch(i.due - now)
	return i
}

// watch arranges for near to be set before the time left is over. The timer knows only c: it
// does not keep an engine alive that nobody uses any more.
func (c *cached) watch(left time.Duration) {
	if left <= nearby {
		c.near.Store(true)
		return
	}
	c.timer = time.AfterFunc(left-nearby, func() { c.near.Store(true) })
}

// discard frees the timer of what is no longer served.
func (c *cached) discard() {
	if c.timer != nil {
		c.timer.Stop()
	}
}
