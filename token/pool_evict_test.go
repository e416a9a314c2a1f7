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
	"github.com/irsa-go/irsa/token/tokenrequest"
)

// revocable is an identity whose source and STS can be made to fail.
type revocable struct {
	token.PoolProvider
	client *poolSTS
	source atomic.Pointer[token.SourceFunc]
}

func newRevocable(t *testing.T) *revocable {
	t.Helper()
	r := &revocable{client: &poolSTS{}}
	r.from(tokensOf(poolKey(1)))
	p, err := newPool(t, r.client, token.PoolConfig{}).Provider(poolKey(1),
		token.SourceFunc(func(ctx context.Context) (string, error) { return (*r.source.Load())(ctx) }))
	require.NoError(t, err)
	r.PoolProvider = p
	retrieved(t, p)
	return r
}

func (r *revocable) from(src token.SourceFunc) { r.source.Store(&src) }

func failing(err error) token.SourceFunc {
	return func(context.Context) (string, error) { return "", err }
}

func TestPoolDropsCredentialsAtOnceWhen(t *testing.T) {
	t.Parallel()
	anew := poolKey(1)
	anew.UID = "another"
	for name, c := range map[string]struct {
		source token.SourceFunc
		want   string
	}{
		"the account is gone":       {failing(&tokenrequest.Error{ServiceAccount: "account-1", Code: 404, Err: errMissing}), `tokenrequest: service account "account-1": `},
		"the account was made anew": {tokensOf(anew), `kubernetes.io/serviceaccount/uid is "another"`},
	} {
		t.Run(name, in(func(t *testing.T) {
			r := newRevocable(t)
			r.from(c.source)
			time.Sleep(50 * time.Minute) // within the advisory window: the credentials still live
			_, err := r.Retrieve(t.Context())
			require.ErrorContains(t, err, c.want)
			assert.True(t, token.IsFinal(err))

			r.from(failing(errMissing))
			time.Sleep(5 * time.Second)
			_, err = r.Retrieve(t.Context())
			require.ErrorIs(t, err, errMissing, "a temporary failure must not bring them back")

			r.from(tokensOf(poolKey(1)))
			time.Sleep(time.Minute)
			retrieved(t, r)
		}))
	}
}

func TestPoolRetainsCredentialsWhen(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(*revocable){
		"STS denies for a while":             func(r *revocable) { r.client.failWith(errDenied) },
		"the source fails for good, it says": func(r *revocable) { r.from(failing(token.Final(errMissing))) },
		"the API server does not know us":    func(r *revocable) { r.from(failing(&tokenrequest.Error{Code: 401, Err: errMissing})) },
		"the API server forbids it":          func(r *revocable) { r.from(failing(&tokenrequest.Error{Code: 403, Err: errMissing})) },
	} {
		t.Run(name, in(func(t *testing.T) {
			r := newRevocable(t)
			first := retrieved(t, r)
			breakIt(r)
			time.Sleep(50 * time.Minute)
			_, _ = r.Retrieve(t.Context())

			r.from(tokensOf(poolKey(1)))
			r.client.failWith(errFaulty)
			time.Sleep(5 * time.Second)
			assert.Equal(t, first, retrieved(t, r), "they are still valid")
		}))
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
	evicted := make(chan token.Key, 3)
	pool := newPool(t, client, token.PoolConfig{OnEvict: func(k token.Key) { evicted <- k }})
	p, other := poolProvider(t, pool, poolKey(1)), poolProvider(t, pool, poolKey(2))
	first, kept := retrieved(t, p), retrieved(t, other)

	pool.Evict(func(k token.Key) bool { return k.UID == "uid-1" })
	assert.Equal(t, poolKey(1), <-evicted)
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

func TestAnIdentityThatIsEvictedAgainAndAgainIsAnError(t *testing.T) {
	t.Parallel()
	client := &poolSTS{}
	pool := newPool(t, client, token.PoolConfig{})
	client.enter = func(context.Context, *sts.AssumeRoleWithWebIdentityInput) { pool.Evict(nil) }
	_, err := poolProvider(t, pool, poolKey(1)).Retrieve(t.Context())
	require.ErrorIs(t, err, token.ErrEvicted)
	assert.Greater(t, client.calls.Load(), int64(1))
}

func TestEvictEndsAFailureBackoff(t *testing.T) {
	t.Parallel()
	client := &poolSTS{}
	pool := newPool(t, client, token.PoolConfig{})
	p := poolProvider(t, pool, poolKey(1))
	client.failWith(errDenied)
	_, err := p.Retrieve(t.Context())
	require.ErrorIs(t, err, errDenied)
	client.failWith(nil)
	_, err = p.Retrieve(t.Context())
	require.ErrorIs(t, err, errDenied, "the failure is remembered")
	pool.Evict(nil)
	retrieved(t, p)
}

// An operator may hold a provider from before an eviction, whose source leads to a client that is closed.
func TestAnOlderProviderDoesNotBringItsSourceBack(t *testing.T) {
	in(func(t *testing.T) {
		key := poolKey(1)
		pool := newPool(t, &poolSTS{}, token.PoolConfig{})
		older, err := pool.Provider(key, failing(errMissing))
		require.NoError(t, err)
		pool.Evict(nil)
		newer := poolProvider(t, pool, key)
		retrieved(t, newer)
		retrieved(t, older)
		time.Sleep(2 * time.Hour)
		creds, err := newer.Current(t.Context())
		require.NoError(t, err)
		assert.True(t, creds.Expires.After(time.Now()), "refreshed by the newer source")
	})(t)
}
