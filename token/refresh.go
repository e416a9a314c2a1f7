package token

import (
	"math/rand/v2"
	"time"

	"github.com/irsa-go/irsa/internal/wallclock"
)

// mandatoryWindow is the time before expiry in which callers wait for a refresh.
const mandatoryWindow = time.Minute

// defaultTimeout bounds one shared attempt.
const defaultTimeout = time.Minute

// minFresh is how long new credentials are served before they are asked for again, however wide
// the advisory window is; half their lifetime when that is shorter. Without it a source whose
// credentials live shorter than the window would be asked at every call.
const minFresh = time.Minute

// minKept is how long new credentials are served in any case. By a clock that is fast by nearly their
// lifetime all credentials are about to expire when they come, and would be asked for at every call.
const minKept = 10 * time.Second

// minReplaced is how long credentials are served that replaced rejected ones, whatever services say
// of them: new credentials do not heal every rejection, and each costs a call.
const minReplaced = 30 * time.Second

// Refresh says when and how cached credentials are renewed. The zero value is how the AWS SDKs
// do it from 2026 on, which they call static stability. Moments are told by the monotonic clock and by
// the wall clock, whichever says so first: the former stands still while a machine is suspended, the
// latter may be wrong and be set right.
//
//   - Inside the advisory window before expiry, one caller waits for new credentials and all
//     others are served the cached ones.
//   - In the last minute before expiry, and after expiry, all callers wait.
//   - When the refresh fails, the cached credentials are served, even expired ones, and there is
//     no further attempt for the time that Backoff gives. A token that cannot be read is looked for
//     again after seconds: that asks nothing of STS.
//   - With nothing to serve, an error that may pass (throttling, a server's fault, a connection that
//     fails) is followed by another call, as long as Timeout allows and somebody waits. The pauses
//     are random, up to a second at first, doubling up to 10 seconds. One is up to 5 seconds longer when
//     the answer asks for that (x-amz-retry-after). Then the error is returned, and the next call of
//     Retrieve tries again.
//   - An error that is final (see [IsFinal]) is returned once the cached credentials are not valid any
//     more: they have expired, or a service has refused them. It answers all calls of the next 1 to 5 seconds.
//     The SDKs return it earlier; here what is valid is served until it expires, whatever is answered
//     meanwhile. Two answers take credentials away, as nothing of the identity may be served any more:
//     that the service account is gone, and a token of another account.
//   - Credentials that have expired by this machine's clock when they come are served all the same, and
//     asked for again as after a refresh that failed, in 10 seconds at the soonest. AWS gave them, and
//     judges them. Either the clock is fast, or their source is cut off and hands out what it has; the
//     hook is told, as [ErrStaleCredentials]. They replace what is cached unless their source gave that
//     longer to live.
//
// Backoff and ExpiredBackoff are called when an attempt has failed, without a lock. They have a second to
// return; one that takes longer, or panics, counts as nil, and is not called again before it returns.
//
// Refresh is a plain value; its functions must be safe for concurrent use when several providers
// share them.
type Refresh struct {
	// AdvisoryWindow is how long before expiry new credentials are asked for, a minute at least: in
	// the last minute everybody waits for them. 0: by the lifetime that credentials have when they
	// are obtained: 5 minutes up to a lifetime of 20 minutes, 15 minutes below 90 minutes, 60 minutes
	// from there on. New credentials are in any case served for a minute, or for half their lifetime
	// when that is shorter, before they are asked for again; and for 10 seconds however short that
	// is, since it is this machine's clock that says so. Negative is an error.
	AdvisoryWindow time.Duration
	// Timeout bounds one attempt, which all callers share. 0: 1 minute. Negative is an error. A
	// source that does not return by then is left behind and its answer is dropped.
	Timeout time.Duration
	// Backoff gives the time after a failed attempt in which the source is not asked again and
	// the cached credentials are served. nil: uniformly random between 5 and 10 minutes. A
	// negative time is taken as 0.
	Backoff func() time.Duration
	// ExpiredBackoff gives the time to wait once the cached credentials have expired, counted
	// from the failed attempt or from the expiry, whichever is later; it never makes a wait
	// longer than Backoff does. It trades calls to a failing source for a faster recovery. nil:
	// expiry makes no difference.
	ExpiredBackoff func() time.Duration
	// ServeExpired is for [Keep]: serve credentials past their expiry, too, while a refresh fails.
	// Without it that is done for those of STS, of the instance metadata service and of a
	// container's endpoint, whose expiry AWS may put off in an outage. It makes no difference to a
	// Provider that Keep did not make.
	ServeExpired bool
	// OnAttempt is called after every attempt, once its callers have their answer. It may call the
	// provider. It is called from a goroutine of its own, and may still be running when it is called
	// for the next attempt. A panic in it is dropped: it must not end the process. nil: nothing is called.
	OnAttempt func(Attempt)
	// Now is the wall clock. Only the tests of this module can set it.
	Now wallclock.Clock
}

// Attempt is what [Refresh.OnAttempt] learns about one attempt to get credentials. It holds no
// secret.
type Attempt struct {
	// Err is why the attempt brought no new credentials; nil when it did. With [ErrStaleCredentials] it
	// may have, but by this machine's clock they had expired when they came.
	Err error
	// Final is whether Err is one that asking again cannot heal.
	Final bool
	// Stale is whether the callers were served credentials in spite of Err: the cached ones, or those
	// that had expired when they came.
	Stale bool
	// Took is the time from the attempt's start to its end.
	Took time.Duration
	// AccessKeyID and Expires are those of the new credentials, and with ErrStaleCredentials of those
	// that are served; zero when there are none. Expires is when they really expire, not when to ask
	// again.
	AccessKeyID string
	Expires     time.Time
	// AdvisoryWindow is the time before Expires at which the next attempt is due; zero when
	// the attempt brought none, or they do not expire.
	AdvisoryWindow time.Duration
	// Next is the time before which no further attempt is made: the start of the advisory window, the end
	// of a backoff. Zero: the next call asks, or, with credentials that do not expire, none does.
	Next time.Time
}

func (r Refresh) timeout() time.Duration {
	if r.Timeout == 0 {
		return defaultTimeout
	}
	return r.Timeout
}

// window is the advisory window for credentials that have lifetime left when they are obtained.
func (r Refresh) window(lifetime time.Duration) time.Duration {
	switch {
	case r.AdvisoryWindow != 0:
		return max(r.AdvisoryWindow, mandatoryWindow)
	case lifetime <= 20*time.Minute:
		return 5 * time.Minute
	case lifetime < 90*time.Minute:
		return 15 * time.Minute
	default:
		return time.Hour
	}
}

// fresh is how long credentials that have lifetime left are served before they are asked for again.
func (r Refresh) fresh(lifetime time.Duration) time.Duration {
	return max(lifetime-r.window(lifetime), min(lifetime/2, minFresh), minKept)
}

// asking calls a function of the caller's that says for how long to wait; otherwise when it gives nothing.
type asking func(otherwise time.Duration, f func() time.Duration) time.Duration

// backoff is how long to leave the source alone while credentials are served that have left to live;
// left is negative once they have expired.
func (r Refresh) backoff(left time.Duration, ask asking) time.Duration {
	d := sparing()
	if r.Backoff != nil {
		d = ask(d, r.Backoff)
	}
	if r.ExpiredBackoff != nil && d > left {
		d = min(d, max(left, 0)+min(max(ask(d, r.ExpiredBackoff), 0), longest))
	}
	return min(max(d, 0), longest)
}

// sparing is how long STS is left alone.
func sparing() time.Duration { return between(5*time.Minute, 10*time.Minute) }

// finalFor is how long a final error answers all calls.
func finalFor() time.Duration { return between(time.Second, 5*time.Second) }

// longestDoubling bounds a pause that doubles with each failure in a row.
const longestDoubling = 5 * time.Minute

// doubling is up to 2 seconds after the first failure in a row, twice that after the next; at least
// half of it passes.
func doubling(failures int) time.Duration {
	most := min(longestDoubling, time.Second<<min(max(failures, 1), 9))
	return between(most/2, most)
}

// between is uniformly random; no secret depends on it.
func between(from, to time.Duration) time.Duration {
	return from + rand.N(to-from+1)
}

func (r Refresh) problems() []error {
	var problems []error
	if r.AdvisoryWindow < 0 {
		problems = append(problems, fieldError("Refresh.AdvisoryWindow", r.AdvisoryWindow, "0 or more"))
	}
	if r.Timeout < 0 {
		problems = append(problems, fieldError("Refresh.Timeout", r.Timeout, "0 or more"))
	}
	return problems
}
