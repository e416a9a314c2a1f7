package iamcall

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	defaultLimit = time.Minute
	firstPause   = 250 * time.Millisecond
	longestPause = 5 * time.Second
)

// Patience spends a bounded time on waiting for IAM. It belongs to one goroutine.
type Patience struct {
	end   time.Time
	pause time.Duration
}

// NewPatience waits for limit at most in all; 0 is a minute, less than 0 never waits.
func NewPatience(limit time.Duration) *Patience {
	if limit == 0 {
		limit = defaultLimit
	}
	return &Patience{end: time.Now().Add(limit), pause: firstPause}
}

// Wait pauses before another attempt after the failure cause, twice as long each time, up to
// five seconds, half of it at random. When patience has run out it returns cause itself, and
// when the context ends first, the context's cause wrapped together with it.
func (p *Patience) Wait(ctx context.Context, cause error) error {
	pause := p.pause/2 + rand.N(p.pause/2)
	if time.Now().Add(pause).After(p.end) {
		return cause
	}
	p.pause = min(2*p.pause, longestPause)
	if err := Sleep(ctx, pause); err != nil {
		return fmt.Errorf("%w while waiting for IAM: %w", err, cause)
	}
	return nil
}

// Sleep waits unless the context ends first; then it returns the context's cause, which
// errors.Is finds as the context's error too.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		err, cause := ctx.Err(), context.Cause(ctx)
		if errors.Is(cause, err) {
			return cause
		}
		return fmt.Errorf("%w: %w", err, cause)
	}
}
