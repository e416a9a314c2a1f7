package token

import (
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	defaultIdentities = 16384
	// defaultCallsPerSecond leaves some of the roughly 600 requests a second that STS allows an
	// account in a region to everybody else.
	defaultCallsPerSecond = 500
)

// PoolConfig says how a [Pool] holds its identities. The zero value is good for an operator.
//
// Its functions must be safe for concurrent use. They are called without a lock, and a panic in one is
// dropped. OnHit and OnMiss are called in the goroutine of the caller that they are about, whom they hold
// until they return, and nobody else: they must not ask for credentials of the same pool, of which they
// would be told in turn. OnAttempt and OnEvict hold nobody, and may call the pool.
type PoolConfig struct {
	// MaxIdentities bounds how many identities are held; beyond it the one that was not used
	// for longest, roughly, is evicted. Those being fetched at the moment stay and may exceed
	// it. 0: 16384.
	MaxIdentities int
	// CallsPerSecond bounds the calls to STS of all identities together, a tenth of which may go
	// at once after a quiet while. 0: 500.
	CallsPerSecond float64
	// Refresh is for each identity as for a Provider, with two differences. Each asks up to a
	// tenth sooner, at random, so that those that came together do not come back together. And a
	// failure with nothing to serve is remembered: see FailureBackoff. An identity
	// without credentials tries again within an attempt as a Provider does; each call waits for its
	// turn, see CallsPerSecond. Refresh.OnAttempt must be nil: OnAttempt below knows the key.
	Refresh Refresh
	// FailureBackoff gives for how long a failed identity that has no credentials to serve
	// answers with its error instead of asking again, after so many failures in a row, the first
	// being 1. It has a second to return, as Refresh.Backoff has. nil: up to 2 seconds at first,
	// doubling up to 5 minutes, at least half of that. [Pool.Evict] ends it.
	FailureBackoff func(failures int) time.Duration

	// OnHit is called for each call that was served cached credentials. nil: nobody is told.
	OnHit func(Key)
	// OnMiss is called for each call that had to wait for an attempt, or that got the error of
	// an earlier one. nil: nobody is told.
	OnMiss func(Key)
	// OnAttempt is called after every attempt, as Refresh.OnAttempt is for a Provider. nil: nobody is
	// told.
	OnAttempt func(Key, Attempt)
	// OnEvict is called for each identity that left the pool, by Evict or by MaxIdentities, once its
	// credentials are no longer served. nil: nobody is told.
	OnEvict func(Key)
}

func (c PoolConfig) problems() []error {
	problems := c.Refresh.problems()
	if c.Refresh.OnAttempt != nil {
		problems = append(problems, errors.New("Refresh.OnAttempt: it is set, want nil: use the pool's OnAttempt, which knows the key"))
	}
	if c.MaxIdentities < 0 {
		problems = append(problems, fmt.Errorf("MaxIdentities: it is %d, want 0 or more", c.MaxIdentities))
	}
	if !(c.CallsPerSecond >= 0) || math.IsInf(c.CallsPerSecond, 0) { // NaN too
		problems = append(problems, fmt.Errorf("CallsPerSecond: it is %v, want 0 or more", c.CallsPerSecond))
	}
	return problems
}

func (c PoolConfig) maxIdentities() int {
	if c.MaxIdentities == 0 {
		return defaultIdentities
	}
	return c.MaxIdentities
}

func (c PoolConfig) callsPerSecond() float64 {
	if c.CallsPerSecond == 0 {
		return defaultCallsPerSecond
	}
	return c.CallsPerSecond
}

// refresh is Refresh for one identity, which tells the pool's hook.
func (c PoolConfig) refresh(key Key) Refresh {
	r := c.Refresh
	if c.OnAttempt != nil {
		r.OnAttempt = func(a Attempt) { c.OnAttempt(key, a) }
	}
	return r
}

// tuning is what makes an engine a pool's.
func (c PoolConfig) tuning() tuning {
	failed := func(failures int, _ asking) time.Duration { return doubling(failures) }
	if f := c.FailureBackoff; f != nil {
		failed = func(failures int, ask asking) time.Duration {
			return ask(doubling(failures), func() time.Duration { return f(failures) })
		}
	}
	return tuning{
		early:  func(fresh time.Duration) time.Duration { return between(0, fresh/10) },
		failed: failed,
	}
}
