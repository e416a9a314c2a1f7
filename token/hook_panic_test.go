package token_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// The caller's functions are called in goroutines of ours, where no caller could recover.
func TestAFunctionOfTheCallersThatPanicsEndsNeitherTheProcessNorTheProvider(t *testing.T) {
	t.Parallel()
	boom := func() time.Duration { panic("boom") }
	for name, r := range map[string]token.Refresh{
		"OnAttempt":      {OnAttempt: func(token.Attempt) { panic("boom") }},
		"Backoff":        {Backoff: boom},
		"ExpiredBackoff": {ExpiredBackoff: boom},
	} {
		t.Run(name, in(func(t *testing.T) {
			o := &origin{}
			p, err := token.Keep(o, r)
			require.NoError(t, err)
			first := retrieved(t, p)
			for _, after := range []time.Duration{50 * time.Minute, time.Hour, time.Hour} { // in the window, expired, in a backoff
				o.err = errors.New("not now")
				time.Sleep(after)
				assert.Equal(t, first, retrieved(t, p))
			}
			o.err = nil
			time.Sleep(11 * time.Minute)
			assert.NotEqual(t, first, retrieved(t, p))
		}))
	}
	t.Run("FailureBackoff", in(func(t *testing.T) {
		client := &poolSTS{}
		client.failWith(errDenied)
		p := poolProvider(t, newPool(t, client, token.PoolConfig{
			FailureBackoff: func(int) time.Duration { panic("boom") },
			OnAttempt:      func(token.Key, token.Attempt) { panic("boom") },
		}), poolKey(1))
		_, err := p.Retrieve(context.Background())
		require.ErrorIs(t, err, errDenied)
		client.failWith(nil)
		time.Sleep(5 * time.Second)
		retrieved(t, p)
	}))
}

// trap is an error that panics when it is asked what it means.
type trap struct{}

func (trap) Error() string                  { return "a trap" }
func (trap) Explanation() token.Explanation { panic("boom") }

func TestAnErrorOfTheSourceThatPanicsEndsNeitherTheProcessNorTheProvider(t *testing.T) {
	in(func(t *testing.T) {
		err := error(trap{})
		src := token.SourceFunc(func(context.Context) (string, error) { return podToken(1, time.Hour), err })
		p := newProvider(t, &fakeSTS{}, src, token.Config{})
		_, got := p.Retrieve(t.Context())
		require.ErrorContains(t, got, "panicked, in")
		err = nil
		retrieved(t, p)
	})(t)
}

func TestAHookThatPanicsKeepsNoEvictedCredentials(t *testing.T) {
	t.Parallel()
	client := &poolSTS{}
	told := make(chan token.Key, 8)
	pool := newPool(t, client, token.PoolConfig{OnEvict: func(k token.Key) {
		told <- k
		panic("boom")
	}})
	var before []string
	var providers []token.PoolProvider
	for i := range 8 {
		providers = append(providers, poolProvider(t, pool, poolKey(i)))
		before = append(before, retrieved(t, providers[i]))
	}
	pool.Evict(nil)
	assert.Zero(t, pool.Len())
	for i, p := range providers {
		assert.NotEqual(t, before[i], retrieved(t, p))
		<-told // of each, in spite of those before
	}
}
