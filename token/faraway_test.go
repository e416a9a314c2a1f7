package token_test

import (
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

const endless = time.Duration(math.MaxInt64)

// A moment far from now must not become one in the past, by overflow.
func TestABackoffOfForeverLastsAlsoAfterInvalidate(t *testing.T) {
	t.Parallel()
	forever := func() time.Duration { return endless }
	for name, r := range map[string]token.Refresh{
		"backoff":         {Backoff: forever},
		"expired backoff": {Backoff: forever, ExpiredBackoff: forever},
	} {
		t.Run(name, in(func(t *testing.T) {
			o := &origin{}
			p := keep(t, o, r)
			time.Sleep(50 * time.Minute)
			o.set(func(o *origin) { o.err = errors.New("away") })
			for range 3 {
				_, err := p.Retrieve(t.Context())
				require.NoError(t, err)
				p.Invalidate("KEY1")
				time.Sleep(24 * time.Hour)
			}
			assert.Equal(t, 2, o.count())
		}))
	}
}

func TestAPoolsFailureBackoffOfForeverIsKept(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{"final": errDenied, "temporary": errors.New("away")} {
		t.Run(name, in(func(t *testing.T) {
			client, failures := &poolSTS{}, 0
			client.failWith(failure)
			p := poolProvider(t, newPool(t, client, token.PoolConfig{
				FailureBackoff: func(int) time.Duration { return endless },
				OnAttempt:      func(token.Key, token.Attempt) { failures++ },
			}), poolKey(1))
			for range 3 {
				time.Sleep(24 * time.Hour)
				_, err := p.Retrieve(t.Context())
				synctest.Wait()
				require.ErrorIs(t, err, failure)
			}
			assert.Equal(t, 1, failures)
		}))
	}
}
