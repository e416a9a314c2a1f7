package token_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// weather decides at random how STS and the source behave, for a while at a time.
type weather struct {
	mu    sync.Mutex
	rng   *rand.Rand
	state string
}

func (w *weather) change(state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = state
}

func (w *weather) is() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

// Token rotates every ten minutes, and is away when the weather says so.
func (w *weather) Token(ctx context.Context) (string, error) {
	switch w.is() {
	case "no token":
		return "", errors.New("the token is away")
	case "old token":
		return podToken(1, -time.Minute), nil
	case "hung source":
		<-ctx.Done()
		return "", ctx.Err()
	}
	return podToken(int(time.Now().Unix()/600%1e8), time.Hour), nil
}

func (w *weather) fault(int, url.Values) *stsFault {
	switch w.is() {
	case "throttled":
		return &stsFault{400, "Throttling", "Rate exceeded"}
	case "broken":
		return &stsFault{}
	case "denied":
		return &stsFault{403, "AccessDenied", "no"}
	case "token expired":
		return &stsFault{400, "ExpiredTokenException", "Token expired"}
	}
	return nil
}

// TestEverythingAtOnce mixes callers, cancellation, invalidation, rotation, expiry and faults at
// random; under -race it is also the test of the locking.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), in(func(t *testing.T) { mix(t, seed) }))
	}
}

func mix(t *testing.T, seed uint64) {
	s, w := &fakeSTS{delay: 300 * time.Millisecond}, &weather{rng: rand.New(rand.NewPCG(seed, 2))}
	s.fault = w.fault
	var attempts, stale atomic.Int32
	p := newProvider(t, s, w, token.Config{Duration: 30 * time.Minute, Refresh: token.Refresh{
		Timeout: 20 * time.Second,
		OnAttempt: func(a token.Attempt) {
			attempts.Add(1)
			if a.Stale {
				stale.Add(1)
			}
		},
	}})
	_, err := p.Retrieve(t.Context())
	require.NoError(t, err)

	end := time.Now().Add(8 * time.Hour)
	var wg sync.WaitGroup
	var served atomic.Int32
	for caller := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 100+caller))
		wg.Go(func() {
			for time.Now().Before(end) {
				time.Sleep(time.Duration(rng.Int64N(int64(10 * time.Minute))))
				if call(t, p, rng) {
					served.Add(1)
				}
			}
		})
	}
	states := []string{"", "", "", "throttled", "broken", "denied", "token expired", "no token", "old token", "hung source"}
	for time.Now().Before(end) {
		w.change(states[w.rng.IntN(len(states))])
		time.Sleep(time.Duration(w.rng.Int64N(int64(40 * time.Minute))))
	}
	w.change("")
	wg.Wait()

	time.Sleep(time.Hour) // any backoff is over, and the credentials have expired
	creds, err := p.Retrieve(t.Context())
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprint("ASIA", s.count()), creds.AccessKeyID, "in fair weather it recovers")
	assert.Equal(t, 1, s.most, "one call at a time")
	assert.Greater(t, served.Load(), int32(500))
	assert.Greater(t, attempts.Load(), int32(20))
	assert.Positive(t, stale.Load())
	synctest.Wait()
}

// call is one caller's Retrieve; it returns whether there were credentials. All that may go wrong
// with credentials in the cache is a final error or the caller's own doing.
func call(t *testing.T, p *token.Provider, rng *rand.Rand) bool {
	ctx, cancel := t.Context(), context.CancelFunc(func() {})
	if rng.IntN(3) == 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(rng.Int64N(int64(time.Second))))
	}
	defer cancel()
	began := time.Now()
	creds, err := p.Retrieve(ctx)
	took := time.Since(began)
	assert.LessOrEqual(t, took, 20*time.Second)
	if deadline, ok := ctx.Deadline(); ok {
		assert.False(t, time.Now().After(deadline), "it left at once")
	}
	switch {
	case err == nil:
		assert.True(t, strings.HasPrefix(creds.AccessKeyID, "ASIA"))
		assert.Equal(t, creds.AccessKeyID[4:], creds.SecretAccessKey[len("secret-"):], "the pair belongs together")
		if rng.IntN(50) == 0 {
			p.Invalidate(creds.AccessKeyID)
		}
	case ctx.Err() != nil && !token.IsFinal(err):
		assert.ErrorIs(t, err, ctx.Err())
	default:
		assert.True(t, token.IsFinal(err), "%v", err)
	}
	return err == nil
}
