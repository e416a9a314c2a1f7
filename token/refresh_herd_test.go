package token_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// admitting is an STS that lets so many calls a second through and throttles the rest.
type admitting struct {
	perSecond float64
	mu        sync.Mutex
	credit    float64
	at        time.Time
}

func newAdmitting(perSecond float64) *fakeSTS {
	a := &admitting{perSecond: perSecond, credit: perSecond, at: time.Now()}
	return &fakeSTS{fault: a.judge}
}

func (a *admitting) judge(int, url.Values) *stsFault {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.credit = min(a.credit+now.Sub(a.at).Seconds()*a.perSecond, a.perSecond)
	a.at = now
	if a.credit < 1 {
		return &stsFault{http.StatusBadRequest, "Throttling", "Rate exceeded"}
	}
	a.credit--
	return nil
}

// pods are as many pods that start within a second, each with a first Retrieve of its own; it returns
// how many of these failed.
func pods(t *testing.T, n int, provider func(i int) aws.CredentialsProvider) int {
	var failed atomic.Int64
	var wg sync.WaitGroup
	for i := range n {
		p := provider(i)
		wg.Go(func() {
			time.Sleep(time.Duration(rand.N(1000)) * time.Millisecond)
			if _, err := p.Retrieve(t.Context()); err != nil {
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	return int(failed.Load())
}

type sameToken string

func (s sameToken) GetIdentityToken() ([]byte, error)     { return []byte(s), nil }
func (s sameToken) Token(context.Context) (string, error) { return string(s), nil }

func TestAColdHerdFaresNoWorseThanWithTheSDKAndFiveAttempts(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2000, 4000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			if racing {
				t.Skip("too slow with the race detector")
			}
			synctest.Test(t, func(t *testing.T) {
				jwt := sameToken(podToken(1, time.Hour))
				sdk := newAdmitting(600)
				withSDK := pods(t, n, func(int) aws.CredentialsProvider {
					client := sts.NewFromConfig(sdk.config(), func(o *sts.Options) {
						o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = 5 })
					})
					return stscreds.NewWebIdentityRoleProvider(client, roleARN, jwt)
				})
				time.Sleep(time.Minute)
				ours := newAdmitting(600)
				client := ours.client()
				began := time.Now()
				withProvider := pods(t, n, func(int) aws.CredentialsProvider {
					p, err := token.NewProvider(client, roleARN, jwt, token.Config{})
					require.NoError(t, err)
					return p
				})
				t.Logf("%d pods: %d first failures with the SDK's five attempts in %d calls, %d with a Provider in %d calls and %v",
					n, withSDK, sdk.count(), withProvider, ours.count(), time.Since(began).Round(time.Second))
				assert.LessOrEqual(t, withProvider, withSDK)
				assert.Zero(t, withProvider)
			})
		})
	}
}

// A pool spaces its calls out before STS has to: none of its first calls fails, and few are throttled.
func TestAColdPoolGetsThroughWithinItsLimiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newAdmitting(400) // less than the pool takes it for
		pool := newPool(t, s.client(), token.PoolConfig{})
		failed := pods(t, 2000, func(i int) aws.CredentialsProvider { return poolProvider(t, pool, poolKey(i)) })
		assert.Zero(t, failed)
		assert.Less(t, s.count(), 6000)
	})
}
