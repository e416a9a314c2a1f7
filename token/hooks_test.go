package token_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// hooked is a pool one of whose functions misbehaves.
type hooked struct {
	*testing.T
	pool    *token.Pool
	client  *poolSTS
	account token.PoolProvider
	other   token.PoolProvider
	called  atomic.Int32
	busy    atomic.Bool
	release chan struct{}
	do      func(*hooked)
	evicts  bool
}

// act is what the function does that is under test.
func (h *hooked) act() {
	h.called.Add(1)
	if h.busy.CompareAndSwap(false, true) { // not while it calls itself
		defer h.busy.Store(false)
		h.do(h)
	}
}

func (h *hooked) lasting(d time.Duration) func() time.Duration {
	return func() time.Duration { h.act(); return d }
}

// hooks are all functions that a PoolConfig takes, those of its Refresh included.
var hooks = map[string]func(*hooked, *token.PoolConfig){
	"Refresh.Backoff":        func(h *hooked, c *token.PoolConfig) { c.Refresh.Backoff = h.lasting(time.Minute) },
	"Refresh.ExpiredBackoff": func(h *hooked, c *token.PoolConfig) { c.Refresh.ExpiredBackoff = h.lasting(time.Minute) },
	"FailureBackoff": func(h *hooked, c *token.PoolConfig) {
		c.FailureBackoff = func(int) time.Duration { h.act(); return time.Second }
	},
	"OnHit":     func(h *hooked, c *token.PoolConfig) { c.OnHit = func(token.Key) { h.act() } },
	"OnMiss":    func(h *hooked, c *token.PoolConfig) { c.OnMiss = func(token.Key) { h.act() } },
	"OnEvict":   func(h *hooked, c *token.PoolConfig) { c.OnEvict = func(token.Key) { h.act() } },
	"OnAttempt": func(h *hooked, c *token.PoolConfig) { c.OnAttempt = func(token.Key, token.Attempt) { h.act() } },
}

var misdeeds = map[string]func(*hooked){
	"blocks":           func(h *hooked) { <-h.release },
	"panics":           func(*hooked) { panic("boom") },
	"asks itself":      func(h *hooked) { _, _ = h.account.Retrieve(context.Background()) },
	"asks for another": func(h *hooked) { _, _ = h.other.Current(context.Background()) },
	"invalidates": func(h *hooked) {
		for n := h.client.calls.Load(); n >= 0; n-- {
			h.account.Invalidate(fmt.Sprintf("ASIA%016d", n))
		}
	},
	"evicts": func(h *hooked) {
		if h.called.Load() == 1 { // who evicts at each miss never has any
			h.pool.Evict(func(k token.Key) bool { return k == poolKey(1) })
		}
	},
}

// No function of the caller's holds anybody, whatever it does: no lock is held while it is called. OnHit
// and OnMiss are told by the caller that they are about, whom alone they hold.
func TestNoHookHoldsTheOthers(t *testing.T) {
	t.Parallel()
	for hook, set := range hooks {
		for misdeed, do := range misdeeds {
			t.Run(hook+" "+misdeed, in(func(t *testing.T) {
				h := &hooked{T: t, client: &poolSTS{}, release: make(chan struct{}), do: do, evicts: misdeed == "evicts"}
				var cfg token.PoolConfig
				set(h, &cfg)
				h.pool = newPool(t, h.client, cfg)
				h.account, h.other = poolProvider(t, h.pool, poolKey(1)), poolProvider(t, h.pool, poolKey(2))
				h.live(misdeed == "blocks" && (hook == "OnHit" || hook == "OnMiss"))
				assert.Positive(t, h.called.Load())
				close(h.release)
			}))
		}
	}
}

// live goes through all that a hook is told of. holds is whether the first caller may be held.
func (h *hooked) live(holds bool) {
	h.client.failWith(errDenied)
	h.answered(h.account, holds)
	h.answered(h.account, false)
	h.client.failWith(nil)
	time.Sleep(5 * time.Second)
	require.NoError(h, h.answered(h.account, false))
	require.NoError(h, h.answered(h.account, holds))
	require.NoError(h, h.answered(h.account, false))
	require.NoError(h, h.answered(h.other, false))

	time.Sleep(50 * time.Minute)
	h.client.failWith(errFaulty)
	for range 2 { // in the window, and after the expiry
		if err := h.answered(h.account, false); !h.evicts {
			require.NoError(h, err)
		}
		require.NoError(h, h.answered(h.other, false))
		time.Sleep(30 * time.Minute)
	}
	h.client.failWith(nil)
	time.Sleep(11 * time.Minute)
	require.NoError(h, h.answered(h.account, false))

	began := time.Now()
	h.pool.Evict(nil)
	assert.Zero(h, time.Since(began))
	require.NoError(h, h.answered(h.account, false))
	require.NoError(h, h.answered(h.other, false))
	synctest.Wait()
}

// answered is the error of a call, which must be over with its attempt, unless the caller may be held.
func (h *hooked) answered(p aws.CredentialsProvider, held bool) error {
	h.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := p.Retrieve(context.Background())
		done <- err
	}()
	limit := 2 * time.Second
	if h.evicts { // a failing STS is asked for as long as an attempt lasts
		limit += 3 * time.Minute
	}
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		require.True(h, held, "nobody is served")
		return nil
	}
}

// A function that does not return is not called again, and costs a second once.
func TestABackoffThatHangsIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, hangs := range map[string]func(<-chan struct{}){
		"blocked": func(c <-chan struct{}) { <-c }, "at its end": func(<-chan struct{}) { runtime.Goexit() },
	} {
		t.Run(name, in(func(t *testing.T) {
			release, calls := make(chan struct{}), 0
			o := &origin{}
			p := keep(t, o, token.Refresh{Backoff: func() time.Duration {
				calls++
				hangs(release)
				return 0
			}})
			o.set(func(o *origin) { o.err = errFaulty })
			time.Sleep(50 * time.Minute)
			for range 10 {
				began := time.Now()
				creds, err := p.Retrieve(t.Context())
				require.NoError(t, err)
				assert.LessOrEqual(t, time.Since(began), time.Second)
				assert.GreaterOrEqual(t, time.Until(creds.Expires), 4*time.Minute)
				assert.LessOrEqual(t, time.Until(creds.Expires), 10*time.Minute)
				time.Sleep(time.Until(creds.Expires))
			}
			close(release)
			synctest.Wait()
			if name == "blocked" {
				assert.Equal(t, 1, calls)
			}
		}))
	}
}

func TestAClientThatCannotBeMadeIsAnError(t *testing.T) {
	t.Parallel()
	broken := func() (*poolSTS, error) { panic("boom") }
	pool, err := token.NewPool(func(token.Key) (stscreds.AssumeRoleWithWebIdentityAPIClient, error) { return broken() }, token.PoolConfig{})
	require.NoError(t, err)
	_, err = pool.Provider(poolKey(1), tokensOf(poolKey(1)))
	require.ErrorContains(t, err, "panicked, in")
	tenants, err := token.NewTenantPool(aws.AnonymousCredentials{}, func(token.Key, aws.CredentialsProvider) (stscreds.AssumeRoleAPIClient, error) {
		panic("boom")
	}, token.PoolConfig{})
	require.NoError(t, err)
	_, err = tenants.Tenant(poolKey(1))
	require.ErrorContains(t, err, "panicked, in")
}

// The SDK calls functions of the configuration while it makes a client.
func TestRegionalClientsMayBeAskedForWhileOneIsMade(t *testing.T) {
	t.Parallel()
	var newClient func(token.Key) (stscreds.AssumeRoleWithWebIdentityAPIClient, error)
	inner := false
	newClient = token.RegionalClients(aws.Config{Region: "eu-central-1", Retryer: func() aws.Retryer {
		if !inner {
			inner = true
			_, err := newClient(token.Key{Region: "us-west-2"})
			assert.NoError(t, err)
		}
		return aws.NopRetryer{}
	}})
	_, err := newClient(token.Key{})
	require.NoError(t, err)
	assert.True(t, inner)
}
