package token

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errNoTurn is an attempt that the pool's own limit left no time for.
var errNoTurn = &limitError{errors.New("the pool's limit of calls to STS leaves no turn before the attempt's deadline")}

// limitError explains itself as throttling; it is not final.
type limitError struct{ error }

var _ Explainer = (*limitError)(nil)

func (e *limitError) Explanation() Explanation { return rowOf(CodePoolLimit).explanation("") }

// limiter spaces calls out: first come, first served, so many in a second, of which a tenth may
// go at once after a quiet while. It is the generic cell rate algorithm (ITU-T I.371). Waiting holds
// no lock. It is safe for concurrent use.
type limiter struct {
	interval time.Duration // between two turns
	ahead    time.Duration // how far turns may be taken before they are due
	base     time.Time

	mu   sync.Mutex
	next time.Duration // when the next turn is due, as elapsed since base
}

func newLimiter(perSecond float64) *limiter {
	// At most a day apart: less than any caller waits, and far from what a Duration can hold.
	interval := max(time.Duration(min(float64(time.Second)/perSecond, float64(24*time.Hour))), 1)
	return &limiter{interval: interval, ahead: max(time.Second/10-interval, 0), base: time.Now()}
}

// reserve takes the next turn and returns how long to wait for it, or false, and takes none,
// when that is longer than patience.
func (l *limiter) reserve(patience time.Duration) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Since(l.base)
	due := max(l.next, now)
	wait := max(due-l.ahead-now, 0)
	if wait > patience {
		return 0, false
	}
	l.next = due + l.interval
	return wait, true
}

// wait returns when it is the caller's turn.
func (l *limiter) wait(ctx context.Context) error {
	patience := time.Hour
	if deadline, ok := ctx.Deadline(); ok {
		patience = time.Until(deadline) / 2 // the rest is for the call itself
	}
	d, ok := l.reserve(patience)
	if !ok {
		return errNoTurn
	}
	if d > 0 && !sleep(ctx, d) {
		return ctx.Err()
	}
	return nil
}
