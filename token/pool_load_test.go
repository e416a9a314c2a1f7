package token_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

func TestManyCallersOfManyIdentitiesMakeOneCallEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &poolSTS{enter: func(context.Context, *sts.AssumeRoleWithWebIdentityInput) { time.Sleep(time.Second) }}
		pool := newPool(t, client, token.PoolConfig{CallsPerSecond: 1e6})
		began := time.Now()
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() { retrieved(t, poolProvider(t, pool, poolKey(i%100))) })
		}
		wg.Wait()
		assert.EqualValues(t, 100, client.calls.Load())
		assert.Equal(t, time.Second, time.Since(began), "no identity waits for another's call")
	})
}

// What a failing STS sees is what the backoff allows when callers do not wait: with nothing cached at
// least 1 + 2 + 4 … + 128 seconds pass between attempts, then at least 150, which makes
// 8 + 3345/150 + 1 = 31 attempts in an hour; with credentials at least 5 minutes, which makes 13.
func TestAFailingSTSSeesAtMostWhatTheBackoffAllows(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err        error
		identities int
		warm       bool
		most       int
	}{
		"with nothing cached and throttling":    {errBusy, 100, false, 31},
		"with nothing cached and a refusal":     {errDenied, 100, false, 31},
		"with credentials cached and a fault":   {errFaulty, poolLoad, true, 13},
		"with credentials cached and a refusal": {errDenied, 100, true, 31},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := &poolSTS{}
				pool := newPool(t, client, token.PoolConfig{})
				providers := make([]aws.CredentialsProvider, tc.identities)
				for i := range providers {
					jwt := claimsOnly(fmt.Sprintf(`{"sub":"system:serviceaccount:payments:account-%d","kubernetes.io":{"serviceaccount":{"uid":"uid-%d"}}}`, i, i))
					p, err := pool.Provider(poolKey(i), token.SourceFunc(func(context.Context) (string, error) { return jwt, nil }))
					require.NoError(t, err)
					providers[i] = p
					if tc.warm {
						retrieved(t, providers[i])
					}
				}
				if tc.warm {
					time.Sleep(46 * time.Minute)
				}
				client.failWith(tc.err)
				client.calls.Store(0)
				for began := time.Now(); time.Since(began) < time.Hour; time.Sleep(10 * time.Second) {
					for _, p := range providers {
						ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
						_, err := p.Retrieve(ctx)
						cancel()
						if !tc.warm && err == nil {
							t.Fatal("there is nothing to serve")
						}
					}
				}
				calls := int(client.calls.Load())
				t.Logf("%.1f calls for each identity in an hour", float64(calls)/float64(tc.identities))
				assert.LessOrEqual(t, calls, tc.most*tc.identities)
				assert.GreaterOrEqual(t, calls, 5*tc.identities, "and it does go on trying")
			})
		})
	}
}

func TestPoolSpacesItsCallsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Time
		client := &poolSTS{enter: func(context.Context, *sts.AssumeRoleWithWebIdentityInput) {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Now())
		}}
		pool := newPool(t, client, token.PoolConfig{CallsPerSecond: 50})
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() { retrieved(t, poolProvider(t, pool, poolKey(i))) })
		}
		wg.Wait()
		require.Len(t, at, 100)
		slices.SortFunc(at, time.Time.Compare)
		assert.Equal(t, at[0], at[4], "five at once")
		assert.Equal(t, 95*20*time.Millisecond, at[99].Sub(at[0]), "then fifty in a second")
		for i := 55; i < len(at); i++ {
			assert.GreaterOrEqual(t, at[i].Sub(at[i-55]), time.Second, "never more than 55 in a second")
		}
	})
}

func TestPoolSaysWhenItsLimitLeavesNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool := newPool(t, &poolSTS{}, token.PoolConfig{CallsPerSecond: 0.01})
		retrieved(t, poolProvider(t, pool, poolKey(1)))
		_, err := poolProvider(t, pool, poolKey(2)).Retrieve(t.Context())
		require.ErrorContains(t, err, "leaves no turn")
		x, ok := token.Explain(err)
		require.True(t, ok)
		assert.Equal(t, "pool-limit", x.Code)
		assert.Equal(t, token.CauseThrottling, x.Cause)
		assert.False(t, token.IsFinal(err))
	})
}

func TestOneTenantCannotStarveTheOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hostile token.SourceFunc
		want    string
	}{
		"by hanging":          {func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() }, "canceled"},
		"by ignoring the end": {func(context.Context) (string, error) { time.Sleep(10 * time.Minute); return "", errMissing }, "canceled"},
		"by failing at once":  {func(context.Context) (string, error) { return "", errMissing }, errMissing.Error()},
		"by tokens refused":   {func(context.Context) (string, error) { return poolToken(poolKey(-1)), nil }, "not that of the identity asked for"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				pool := newPool(t, &poolSTS{}, token.PoolConfig{CallsPerSecond: 5})
				ctx, cancel := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				for i := range 50 {
					key := poolKey(1000 + i)
					key.Namespace = "hostile"
					p, err := pool.Provider(key, c.hostile)
					require.NoError(t, err)
					wg.Go(func() {
						for ctx.Err() == nil {
							_, err := p.Retrieve(ctx)
							if !errors.Is(err, context.Canceled) {
								assert.ErrorContains(t, err, c.want)
							}
							time.Sleep(10 * time.Millisecond)
						}
					})
				}
				time.Sleep(time.Second)
				for i := range 20 {
					began := time.Now()
					retrieved(t, poolProvider(t, pool, poolKey(i)))
					assert.LessOrEqual(t, time.Since(began), 200*time.Millisecond)
				}
				cancel()
				wg.Wait()
				time.Sleep(time.Hour) // what was left behind comes to its end
			})
		})
	}
}

func TestIdentitiesThatCameTogetherDoNotComeBackTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool := newPool(t, &poolSTS{}, token.PoolConfig{})
		var due []time.Time
		for i := range 200 {
			creds, err := poolProvider(t, pool, poolKey(i)).Retrieve(t.Context())
			require.NoError(t, err)
			due = append(due, creds.Expires)
		}
		slices.SortFunc(due, time.Time.Compare)
		first, last := time.Until(due[0]), time.Until(due[len(due)-1])
		assert.GreaterOrEqual(t, first, 40*time.Minute, "a tenth of 45 minutes sooner at most")
		assert.LessOrEqual(t, last, 45*time.Minute)
		assert.Greater(t, last-first, 3*time.Minute)
	})
}

// Rotation, expiry, faults, evictions and cancellation mixed at random: nobody ever gets the
// credentials of another, or those of an identity that was revoked.
func TestPoolUnderRandomFaults(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { randomPoolRun(t, seed) })
		})
	}
}

// ownSTS answers with the token's subject as access key id.
type ownSTS struct{ broken atomic.Bool }

func (s *ownSTS) AssumeRoleWithWebIdentity(ctx context.Context, in *sts.AssumeRoleWithWebIdentityInput, _ ...func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	select {
	case <-time.After(time.Duration(rand.N(3000)) * time.Millisecond):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.broken.Load() {
		return nil, []error{errFaulty, errDenied}[rand.N(2)]
	}
	u, err := token.Inspect(*in.WebIdentityToken)
	if err != nil {
		return nil, err
	}
	return &sts.AssumeRoleWithWebIdentityOutput{Credentials: &types.Credentials{
		AccessKeyId: aws.String(u.Subject), SecretAccessKey: aws.String("s"), SessionToken: aws.String("t"),
		Expiration: aws.Time(time.Now().Add(time.Hour)),
	}}, nil
}

func randomPoolRun(t *testing.T, seed uint64) {
	client := &ownSTS{}
	pool := newPool(t, client, token.PoolConfig{MaxIdentities: 12, CallsPerSecond: 20})
	end := time.Now().Add(6 * time.Hour)
	var wg sync.WaitGroup
	for worker := range 24 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(worker)))
			for time.Now().Before(end) {
				key := poolKey(random.IntN(16))
				p := poolProvider(t, pool, key)
				for range random.IntN(5) {
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.IntN(5000))*time.Millisecond)
					creds, err := p.Retrieve(ctx)
					cancel()
					if err == nil {
						assert.Equal(t, "system:serviceaccount:payments:"+key.ServiceAccount, creds.AccessKeyID)
					} else {
						assert.Equal(t, aws.Credentials{}, creds)
					}
					time.Sleep(time.Duration(random.IntN(600)) * time.Second)
				}
			}
		})
	}
	wg.Go(func() {
		random := rand.New(rand.NewPCG(seed, 99))
		for time.Now().Before(end) {
			time.Sleep(time.Duration(random.IntN(900)) * time.Second)
			client.broken.Store(random.IntN(3) == 0)
			if random.IntN(4) == 0 {
				uid := poolKey(random.IntN(16)).UID
				pool.Evict(func(k token.Key) bool { return k.UID == uid })
			}
		}
	})
	wg.Wait()
	assert.LessOrEqual(t, pool.Len(), 16)
}

func TestAPoolsIdentityWithoutCredentialsTriesAgainWithinTheAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &poolSTS{}
		client.failWith(errBusy)
		p := poolProvider(t, newPool(t, client, token.PoolConfig{}), poolKey(1))
		go func() {
			time.Sleep(10 * time.Second)
			client.failWith(nil)
		}()
		began := time.Now()
		retrieved(t, p)
		assert.Greater(t, client.calls.Load(), int64(2))
		assert.Less(t, time.Since(began), 20*time.Second)
	})
}
