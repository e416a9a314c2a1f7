package token

import (
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	// never is a moment that no clock reaches.
	never = time.Duration(math.MaxInt64)
	// longest bounds lifetimes and waits, so that a moment that far from now is still a moment
	// and not, by overflow, one in the past.
	longest = never / 4
)

// moment is a point in time by two clocks: the monotonic one, since the engine's base, and the wall
// clock, since 1970. Neither is enough. On Linux the monotonic clock stands still while the machine
// is suspended; the wall clock is set back and forth.
type moment struct{ mono, wall time.Duration }

// reached says whether m has come by either clock.
func (m moment) reached(now moment) bool { return now.mono >= m.mono || now.wall >= m.wall }

func (m moment) add(d time.Duration) moment { return moment{sum(m.mono, d), sum(m.wall, d)} }

// left is the time until m by the clock that says so first; negative once it has come.
func (m moment) left(now moment) time.Duration { return min(m.mono-now.mono, m.wall-now.wall) }

func sum(a, b time.Duration) time.Duration {
	if b > 0 && a > never-b {
		return never
	}
	return a + b
}

// time is m by the wall clock.
func (m moment) time() time.Time { return time.Unix(0, int64(m.wall)).UTC() }

func earlier(a, b moment) moment { return moment{min(a.mono, b.mono), min(a.wall, b.wall)} }

// obtained is what a source gave. Expires of creds is by the clock of this machine; real is the same
// moment as the source said it, which differs where this machine's clock is wrong.
type obtained struct {
	creds aws.Credentials
	real  time.Time
}

// cached is credentials and for how long to serve them. It is immutable.
type cached struct {
	creds     aws.Credentials // as served: Expires is when to ask again
	real      time.Time       // when they really expire; zero: never
	due       moment          // until then they are served without a question
	mandatory moment          // from then on callers wait for new ones
	expiry    moment          // when they expire
	floor     moment          // until then a rejection is not acted on
	lead      time.Duration   // the least that the wall clock is ahead of the monotonic one, unless set back
	backoff   bool            // due is the end of a backoff
	rejected  bool            // a service refused them
}

// slack is by how much the clocks may drift apart unnoticed: more than a clock that is slewed does.
const slack = time.Minute

// lead is cached.lead for moments set now.
func (m moment) lead() time.Duration { return m.wall - m.mono - slack }

// setBack says whether the wall clock was set back since c came, by more than it gained in suspends.
// How old c is, nobody can tell then.
func (c *cached) setBack(now moment) bool { return now.wall-now.mono < c.lead }

// isDue says whether to ask before c is served.
func (c *cached) isDue(now moment) bool { return c.due.reached(now) || c.setBack(now) }

// mustWait says whether c is not good enough to be served while somebody else asks.
func (c *cached) mustWait(now moment) bool { return c.mandatory.reached(now) || c.setBack(now) }

// valid says whether nothing speaks against c: neither a clock nor a service.
func (c *cached) valid(now moment) bool { return !c.expiry.reached(now) && !c.rejected }

// newCached takes credentials that came at now. early is the pool's jitter. before is what they
// replace; nil: nothing.
func newCached(o obtained, r Refresh, early func(time.Duration) time.Duration, now moment, before *cached) *cached {
	c := &cached{creds: o.creds, due: moment{never, never}, lead: now.lead()}
	c.mandatory, c.expiry = c.due, c.due
	if o.creds.CanExpire {
		c.live(o, r, early, now)
	}
	if before != nil && before.rejected {
		c.floor = earlier(now.add(minReplaced), c.due)
	}
	return c
}

// newDoubtful takes credentials that came at now and had expired by this machine's clock. What is theirs
// is not known, so that they are good until end, and then asked for again. Other credentials stay when
// their source gave them longer to live: before, unless it is nil or rejected.
func newDoubtful(o obtained, now, end moment, before *cached) *cached {
	if before != nil && !before.rejected && before.outlives(o) {
		return before.heldBack(now, end)
	}
	c := &cached{creds: o.creds, real: o.real, mandatory: end, expiry: end}
	return c.heldBack(now, end)
}

// outlives compares what two answers of a source say, which no clock of this machine has a part in.
func (c *cached) outlives(o obtained) bool { return c.real.IsZero() || c.real.After(o.real) }

// live sets the moments of credentials that expire.
func (c *cached) live(o obtained, r Refresh, early func(time.Duration) time.Duration, now moment) {
	lifetime := min(o.creds.Expires.Sub(now.time()), longest)
	fresh := r.fresh(lifetime)
	if early != nil {
		fresh -= min(max(early(fresh), 0), fresh)
	}
	c.real = o.real
	c.creds.Expires = o.creds.Expires.Add(fresh - lifetime).UTC()
	c.due = now.add(fresh)
	c.mandatory = now.add(lifetime - mandatoryWindow)
	c.expiry = now.add(lifetime)
}

// until is c served until due.
func (c *cached) until(due moment) *cached {
	h := *c
	h.due = due
	h.creds.CanExpire, h.creds.Expires = true, due.time()
	return &h
}

// heldBack is c after an attempt that failed now, served until the backoff is over. What a clock has said
// once stays so when that clock is set back.
func (c *cached) heldBack(now, end moment) *cached {
	h := c.until(end)
	h.backoff, h.lead = true, now.lead()
	if c.mustWait(now) {
		h.mandatory = moment{}
	}
	if c.expiry.reached(now) {
		h.expiry = moment{}
	}
	return h
}

// invalidated is c after a service rejected it, at now: callers wait from now on, from the end of a
// backoff, or from the end of the floor.
func (c *cached) invalidated(now moment) *cached {
	due := c.due
	switch {
	case c.backoff:
	case c.floor.reached(now):
		due = earlier(due, now)
	default:
		due = earlier(due, c.floor)
	}
	i := c.until(due)
	i.mandatory, i.rejected = moment{}, true
	return i
}

// actual is the credentials with their real expiry.
func (c *cached) actual() aws.Credentials {
	creds := c.creds
	creds.CanExpire, creds.Expires = !c.real.IsZero(), c.real
	return creds
}
