package oidc

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/irsa-go/irsa/internal/panics"
)

const (
	// maxMissing bounds the memory that forged key ids can take.
	maxMissing = 1024
	// abandonedInterval is the floor after a fetch that its callers gave up: shorter than after one
	// that has an answer, or a caller that gives up at once could keep others from fetching.
	abandonedInterval = time.Second
	// refreshPatience is how long a token whose key is known waits for a fetch, which then goes on
	// without it: an issuer that hangs must not hold up what can be judged.
	refreshPatience = time.Second
)

// keyCache keeps an issuer's keys. It is safe for concurrent use.
type keyCache struct {
	fetch  func(context.Context) (*KeySet, error)
	now    func() time.Time
	maxAge time.Duration

	mu      sync.Mutex
	keys    *KeySet
	fetched time.Time            // when keys came
	next    time.Time            // no fetch before
	last    time.Time            // when next was set
	failure error                // of the last fetch
	missing map[string]time.Time // key ids the issuer did not have, until when it is not asked again
	flight  *flight
}

// flight is one fetch. Its waiters are those who need it; with one whose key is known it goes on to
// its end.
type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int
	err     error // once it is done
}

// have returns the keys if a token with that key id can be judged without a fetch.
func (c *keyCache) have(kid string) (*KeySet, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.age(now) < c.maxAge/2 && has(c.keys, kid) {
		return c.keys, true
	}
	return nil, false
}

// get fetches when that may help and is allowed, and returns the newest keys.
func (c *keyCache) get(ctx context.Context, kid string) (*KeySet, error) {
	f, known, keys, err := c.enter(ctx, kid)
	if f == nil {
		return keys, err
	}
	if known {
		select {
		case <-f.done:
		case <-ctx.Done():
		case <-time.After(refreshPatience):
		}
	} else if err := c.await(ctx, f); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.failure == nil && !has(c.keys, kid) {
		c.miss(kid, now)
	}
	return c.present(now)
}

// await fails when the context ends first.
func (c *keyCache) await(ctx context.Context, f *flight) error {
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
	}
	cause := context.Cause(ctx)
	if c.leave(f) {
		<-f.done // it was cancelled, and knows where it was
		if f.err != nil {
			cause = fmt.Errorf("%w (%w)", cause, f.err)
		}
	}
	return fmt.Errorf("%w: %w", ErrKeysUnavailable, cause)
}

// enter returns the fetch to wait for and whether the key is known all the same, or what is known
// without a fetch.
func (c *keyCache) enter(ctx context.Context, kid string) (f *flight, known bool, keys *KeySet, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	known = c.usable(now) && has(c.keys, kid)
	wanted := !known && !c.isMissing(kid, now) || c.age(now) >= c.maxAge/2
	// A token whose key is known is not held up by a fetch that another one waits for.
	if c.flight != nil && known {
		wanted = false
	}
	if !wanted || c.flight == nil && !c.allowed(now) {
		keys, err := c.present(now)
		return nil, known, keys, err
	}
	return c.join(ctx, now), known, nil, nil
}

func (c *keyCache) present(now time.Time) (*KeySet, error) {
	if c.usable(now) {
		return c.keys, nil
	}
	if c.failure != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeysUnavailable, c.failure)
	}
	return nil, fmt.Errorf("%w: the last fetch was given up", ErrKeysUnavailable)
}

// join is called with the lock held.
func (c *keyCache) join(ctx context.Context, now time.Time) *flight {
	if c.flight == nil {
		shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		c.flight = &flight{done: make(chan struct{}), cancel: cancel}
		go c.fly(shared, c.flight, now)
	}
	c.flight.waiters++
	return c.flight
}

// fly fetches. Whatever the caller's own functions do meanwhile, the flight ends: nobody else could
// end it, in this goroutine.
func (c *keyCache) fly(ctx context.Context, f *flight, now time.Time) {
	keys, err := (*KeySet)(nil), panics.ErrNoReturn
	defer func() { c.land(f, now, keys, err) }()
	err = panics.Call(func() (err error) {
		keys, err = c.fetch(ctx)
		now = c.now()
		return err
	})
}

// land takes what a fetch gave at the time now, unless it was given up.
func (c *keyCache) land(f *flight, now time.Time, keys *KeySet, err error) {
	defer close(f.done)
	defer f.cancel()
	f.err = err
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flight != f {
		return
	}
	c.flight = nil
	c.wait(now, minInterval)
	c.failure = err
	if err == nil {
		c.keys, c.fetched = keys, now
		c.wait(now, min(minInterval, c.maxAge)) // keys that may not be used any more can be had again
	}
}

// leave cancels the fetch when nobody waits any more, and says whether it did.
func (c *keyCache) leave(f *flight) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.waiters--
	if f.waiters > 0 {
		return false
	}
	if c.flight == f {
		c.flight = nil
		c.wait(c.now(), abandonedInterval)
	}
	f.cancel()
	return true
}

func (c *keyCache) wait(now time.Time, d time.Duration) { c.last, c.next = now, now.Add(d) }

// allowed does not let a clock that was set back, or stood still, lock the cache.
func (c *keyCache) allowed(now time.Time) bool {
	return !now.Before(c.next) || !now.Round(0).Before(c.next) || now.Before(c.last)
}

func (c *keyCache) usable(now time.Time) bool { return c.age(now) < c.maxAge }

// age is the full one when the clock was set back, and before the first keys came. It is by the
// monotonic clock or the time of day, whichever went further: the first stands still while a machine
// is suspended.
func (c *keyCache) age(now time.Time) time.Duration {
	age := max(now.Sub(c.fetched), now.Round(0).Sub(c.fetched))
	if c.keys == nil || age < 0 {
		return c.maxAge
	}
	return age
}

// isMissing forgets what was noted before the clock was set back.
func (c *keyCache) isMissing(kid string, now time.Time) bool {
	left := c.missing[kid].Sub(now)
	return 0 < left && left <= missingFor
}

// miss forgets all when full: the floor between fetches stays.
func (c *keyCache) miss(kid string, now time.Time) {
	if len(c.missing) >= maxMissing {
		clear(c.missing)
	}
	c.missing[kid] = now.Add(missingFor)
}

// has says whether a token with that kid, which may be "", finds its key.
func has(keys *KeySet, kid string) bool {
	_, ok := keys.find(kid)
	return ok || kid == "" && keys.Len() == 1
}
