package token_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
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
	calls     int
}

func newAdmitting(perSecond float64) *admitting {
	return &admitting{perSecond: perSecond, credit: perSecond, at: time.Now()}
}

func (a *admitting) AssumeRoleWithWebIdentity(context.Context, *sts.AssumeRoleWithWebIdentityInput, ...func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	time.Sleep(50 * time.Millisecond)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
	now := time.Now()
	a.credit = min(a.credit+now.Sub(a.at).Seconds()*a.perSecond, a.perSecond)
	a.at = now
	if a.credit < 1 {
		return nil, errBusy
	}
	a.credit--
	return &sts.AssumeRoleWithWebIdentityOutput{Credentials: &types.Credentials{
		AccessKeyId: aws.String("ASIA"), SecretAccessKey: aws.String("secret"), SessionToken: aws.String("session"),
		Expiration: aws.Time(now.Add(time.Hour)),
	}}, nil
}

// retrying is the SDK: its own retryer, driven as its client does, without the cost of the wire.
type retrying struct {
	client  *admitting
	retryer aws.RetryerV2
}

func (r retrying) Retrieve(ctx context.Context) (aws.Credentials, error) {
	release, err := r.retryer.GetAttemptToken(ctx)
	for attempt := 1; err == nil; attempt++ {
		_, failure := r.client.AssumeRoleWithWebIdentity(ctx, nil)
		_ = release(failure)
		if failure == nil || attempt == r.retryer.MaxAttempts() || !r.retryer.IsErrorRetryable(failure) {
			return aws.Credentials{}, failure
		}
		if release, err = r.retryer.GetRetryToken(ctx, failure); err != nil {
			break
		}
		var delay time.Duration
		if delay, err = r.retryer.RetryDelay(attempt, failure); err == nil {
			time.Sleep(delay)
		}
	}
	return aws.Credentials{}, err
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

func TestAColdHerdFaresNoWorseThanWithTheSDKAndFiveAttempts(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2000, 4000} {
		t.Run(fmt.Sprint(n), in(func(t *testing.T) {
			sdk := newAdmitting(600)
			withSDK := pods(t, n, func(int) aws.CredentialsProvider {
				return retrying{sdk, retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = 5 })}
			})
			time.Sleep(time.Minute)
			ours := newAdmitting(600)
			began := time.Now()
			src := tokensOf(poolKey(1))
			withProvider := pods(t, n, func(int) aws.CredentialsProvider {
				p, err := token.NewProvider(ours, roleARN, src, token.Config{})
				require.NoError(t, err)
				return p
			})
			t.Logf("%d pods: %d first failures with the SDK's five attempts in %d calls, %d with a Provider in %d calls and %v",
				n, withSDK, sdk.calls, withProvider, ours.calls, time.Since(began).Round(time.Second))
			assert.LessOrEqual(t, withProvider, withSDK)
			assert.Zero(t, withProvider)
		}))
	}
}

// A pool spaces its calls out before STS has to: none of its first calls fails, and few are throttled.
func TestAColdPoolGetsThroughWithinItsLimiter(t *testing.T) {
	in(func(t *testing.T) {
		s := newAdmitting(400) // less than the pool takes it for
		pool := newPool(t, s, token.PoolConfig{})
		failed := pods(t, 2000, func(i int) aws.CredentialsProvider { return poolProvider(t, pool, poolKey(i)) })
		assert.Zero(t, failed)
		assert.Less(t, s.calls, 6000)
	})(t)
}

// STS says how long it wants to be left alone, as it does to the SDK.
func TestAPauseIsAsLongAsSTSAsksFor(t *testing.T) {
	t.Parallel()
	for header, least := range map[string]time.Duration{"4000": 4 * time.Second, "3600000": 5 * time.Second, "-1": 0, "soon": 0, "99999999999999999999": 0} {
		t.Run(header, in(func(t *testing.T) {
			s := &fakeSTS{fault: first(1, stsFault{http.StatusServiceUnavailable, "ServiceUnavailable", "later"})}
			cfg := s.config()
			cfg.HTTPClient = smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) {
				answer, err := s.Do(r)
				answer.Header.Set("X-Amz-Retry-After", header)
				return answer, err
			})
			p, err := token.NewProvider(sts.NewFromConfig(cfg), roleARN, rotating(), token.Config{})
			require.NoError(t, err)
			began := time.Now()
			_, err = p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.GreaterOrEqual(t, time.Since(began), least)
			assert.LessOrEqual(t, time.Since(began), least+time.Second)
		}))
	}
}
