package token_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

func TestPoolDropsCredentialsAtOnceWhen(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(client *poolSTS, source *atomic.Pointer[token.SourceFunc]){
		"the source says that the account is gone": func(_ *poolSTS, source *atomic.Pointer[token.SourceFunc]) {
			gone := token.SourceFunc(func(context.Context) (string, error) { return "", token.Final(errMissing) })
			source.Store(&gone)
		},
		"the account was made anew": func(_ *poolSTS, source *atomic.Pointer[token.SourceFunc]) {
			anew := poolKey(1)
			anew.UID = "another"
			other := tokensOf(anew)
			source.Store(&other)
		},
		"the trust policy admits it no more": func(client *poolSTS, _ *atomic.Pointer[token.SourceFunc]) {
			client.failWith(errDenied)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := &poolSTS{}
				pool := newPool(t, client, token.PoolConfig{})
				var source atomic.Pointer[token.SourceFunc]
				good := tokensOf(poolKey(1))
				source.Store(&good)
				p, err := pool.Provider(poolKey(1), token.SourceFunc(func(ctx context.Context) (string, error) { return (*source.Load())(ctx) }))
				require.NoError(t, err)
				retrieved(t, p)

				breakIt(client, &source)
				time.Sleep(50 * time.Minute) // within the advisory window: the credentials still live
				_, err = p.Retrieve(t.Context())
				require.Error(t, err)
				assert.True(t, token.IsFinal(err))

				source.Store(&good)
				client.failWith(errFaulty)
				time.Sleep(5 * time.Second)
				_, err = p.Retrieve(t.Context())
				require.Error(t, err, "a temporary failure must not bring them back")

				client.failWith(nil)
				time.Sleep(time.Minute)
				retrieved(t, p)
			})
		})
	}
}

func TestPoolServesCachedCredentialsThroughAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &poolSTS{}
		p := poolProvider(t, newPool(t, client, token.PoolConfig{}), poolKey(1))
		first := retrieved(t, p)
		client.failWith(errFaulty)
		for range 30 {
			time.Sleep(4 * time.Minute)
			assert.Equal(t, first, retrieved(t, p))
		}
		client.failWith(nil)
		time.Sleep(11 * time.Minute)
		assert.NotEqual(t, first, retrieved(t, p))
	})
}

func TestEvictReachesProvidersThatWereHandedOut(t *testing.T) {
	t.Parallel()
	client := &poolSTS{}
	var evicted []token.Key
	pool := newPool(t, client, token.PoolConfig{OnEvict: func(k token.Key) { evicted = append(evicted, k) }})
	p, other := poolProvider(t, pool, poolKey(1)), poolProvider(t, pool, poolKey(2))
	first, kept := retrieved(t, p), retrieved(t, other)

	pool.Evict(func(k token.Key) bool { return k.UID == "uid-1" })
	assert.Equal(t, []token.Key{poolKey(1)}, evicted)
	assert.Equal(t, 1, pool.Len())
	assert.NotEqual(t, first, retrieved(t, p), "what was evicted is served no more")
	assert.Equal(t, kept, retrieved(t, other), "what was not is")
	assert.Equal(t, retrieved(t, p), retrieved(t, poolProvider(t, pool, poolKey(1))), "old and new providers share again")

	pool.Evict(nil)
	assert.Zero(t, pool.Len())
	assert.NotEqual(t, kept, retrieved(t, other))
}

func TestEvictTakesAwayWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &poolSTS{enter: func(ctx context.Context, _ *sts.AssumeRoleWithWebIdentityInput) {
			time.Sleep(time.Second)
		}}
		pool := newPool(t, client, token.PoolConfig{})
		p := poolProvider(t, pool, poolKey(1))
		got := make(chan string, 1)
		go func() { got <- retrieved(t, p) }()
		time.Sleep(500 * time.Millisecond)
		pool.Evict(nil)
		began := time.Now()
		second := <-got
		assert.Equal(t, time.Second, time.Since(began), "the waiting caller begins anew")
		assert.EqualValues(t, 2, client.calls.Load())
		assert.Equal(t, second, retrieved(t, p))
		assert.Equal(t, "ASIA0000000000000002", second)
	})
}

func TestEvictEndsAFailureBackoff(t *testing.T) {
	t.Parallel()
	client := &poolSTS{}
	pool := newPool(t, client, token.PoolConfig{})
	p := poolProvider(t, pool, poolKey(1))
	client.failWith(errDenied)
	_, err := p.Retrieve(t.Context())
	require.Error(t, err)
	client.failWith(nil)
	_, err = p.Retrieve(t.Context())
	require.Error(t, err, "the failure is remembered")
	pool.Evict(nil)
	retrieved(t, p)
}
