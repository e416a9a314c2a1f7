package token_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

func TestAFailedRefreshServesTheCachedCredentials(t *testing.T) {
	t.Parallel()
	for name, age := range map[string]time.Duration{
		"in the advisory window": 50 * time.Minute, "in the mandatory window": 59*time.Minute + 30*time.Second, "after expiry": 2 * time.Hour,
	} {
		t.Run(name, in(func(t *testing.T) {
			o := &origin{}
			var last token.Attempt
			p := keep(t, o, token.Refresh{OnAttempt: func(a token.Attempt) { last = a }})
			time.Sleep(age)
			o.set(func(o *origin) { o.err = errors.New("away") })
			for range 1000 {
				creds, err := p.Retrieve(t.Context())
				synctest.Wait()
				require.NoError(t, err)
				require.Equal(t, "KEY1", creds.AccessKeyID)
				require.True(t, creds.CanExpire)
				require.Equal(t, last.Next, creds.Expires, "the end of the backoff")
			}
			assert.Equal(t, 2, o.count())
			assert.True(t, last.Stale)
			assert.False(t, last.Final)
			require.ErrorContains(t, last.Err, "away")
			backoff := time.Until(last.Next)
			assert.GreaterOrEqual(t, backoff, 5*time.Minute)
			assert.LessOrEqual(t, backoff, 10*time.Minute)
			time.Sleep(backoff - 1)
			_, _ = p.Retrieve(t.Context())
			assert.Equal(t, 2, o.count())
			time.Sleep(time.Nanosecond)
			_, _ = p.Retrieve(t.Context())
			assert.Equal(t, 3, o.count())
		}))
	}
}

func TestTheBackoffIsSpreadFromFiveToTenMinutes(t *testing.T) {
	in(func(t *testing.T) {
		o := &origin{}
		var waits []time.Duration
		p := keep(t, o, token.Refresh{OnAttempt: func(a token.Attempt) {
			if a.Stale {
				waits = append(waits, time.Until(a.Next))
			}
		}})
		o.set(func(o *origin) { o.err = errors.New("away") })
		time.Sleep(time.Hour)
		for len(waits) < 400 {
			_, err := p.Retrieve(t.Context())
			synctest.Wait()
			require.NoError(t, err)
			time.Sleep(10 * time.Minute)
		}
		assert.GreaterOrEqual(t, slices.Min(waits), 5*time.Minute)
		assert.LessOrEqual(t, slices.Max(waits), 10*time.Minute)
		var sum time.Duration
		for _, w := range waits {
			sum += w
		}
		assert.InDelta(t, 7.5, (sum / time.Duration(len(waits))).Minutes(), 0.5, "seven standard deviations")
	})(t)
}

func TestAShorterBackoffOnceExpired(t *testing.T) {
	t.Parallel()
	backoff := token.Refresh{
		Backoff:        func() time.Duration { return 8 * time.Minute },
		ExpiredBackoff: func() time.Duration { return 30 * time.Second },
	}
	for age, want := range map[time.Duration]time.Duration{
		50 * time.Minute: 8 * time.Minute,                // over before expiry
		55 * time.Minute: 5*time.Minute + 30*time.Second, // cut short after expiry
		61 * time.Minute: 30 * time.Second,
	} {
		t.Run(age.String(), in(func(t *testing.T) {
			o := &origin{}
			p := keep(t, o, backoff)
			time.Sleep(age)
			o.set(func(o *origin) { o.err = errors.New("away") })
			creds, err := p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.Equal(t, want, time.Until(creds.Expires))
		}))
	}
}

func TestWithNothingCachedTheNextCallTriesAgain(t *testing.T) {
	in(func(t *testing.T) {
		o := &origin{err: errors.New("away")}
		p, err := token.Keep(o, token.Refresh{})
		require.NoError(t, err)
		for range 3 {
			creds, err := p.Retrieve(t.Context())
			require.ErrorContains(t, err, "away")
			assert.Zero(t, creds)
		}
		assert.Equal(t, 3, o.count())
	})(t)
}

func TestAFinalErrorIsReturnedAndKeptForSeconds(t *testing.T) {
	t.Parallel()
	for name, age := range map[string]time.Duration{"with nothing cached": 0, "after expiry": 2 * time.Hour} {
		t.Run(name, in(func(t *testing.T) {
			o := &origin{}
			var last token.Attempt
			p, err := token.Keep(o, token.Refresh{OnAttempt: func(a token.Attempt) { last = a }})
			require.NoError(t, err)
			if age > 0 {
				_, err := p.Retrieve(t.Context())
				require.NoError(t, err)
				time.Sleep(age)
			}
			refused := errors.New("refused")
			o.set(func(o *origin) { o.err = token.Final(refused) })
			before := o.count()
			for range 100 {
				creds, err := p.Retrieve(t.Context())
				synctest.Wait()
				require.ErrorIs(t, err, refused)
				assert.Zero(t, creds)
			}
			assert.Equal(t, before+1, o.count())
			assert.True(t, last.Final)
			assert.False(t, last.Stale)
			kept := time.Until(last.Next)
			assert.GreaterOrEqual(t, kept, time.Second)
			assert.LessOrEqual(t, kept, 5*time.Second)
			time.Sleep(kept)
			o.set(func(o *origin) { o.err = nil })
			_, err = p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.Equal(t, before+2, o.count())
		}))
	}
}

func TestAnAnswerWithoutKeysIsNone(t *testing.T) {
	in(func(t *testing.T) {
		p, err := token.Keep(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{CanExpire: true, Expires: time.Now().Add(time.Hour)}, nil
		}), token.Refresh{})
		require.NoError(t, err)
		creds, err := p.Retrieve(t.Context())
		require.ErrorContains(t, err, "no access key")
		assert.Zero(t, creds)
	})(t)
}

// How long a refusal lasts is counted without what came before a success.
func TestARefusalAfterASuccessBeginsAnew(t *testing.T) {
	in(func(t *testing.T) {
		o := &origin{}
		p := keep(t, o, token.Refresh{})
		expired := stsAnswer(400, "ExpiredTokenException", "Token expired: x")
		for range 2 {
			o.set(func(o *origin) { o.err = expired })
			time.Sleep(61 * time.Minute)
			retrieved(t, p) // expired, but the refusal may pass
			o.set(func(o *origin) { o.err = nil })
			time.Sleep(11 * time.Minute)
			retrieved(t, p)
		}
	})(t)
}

func TestAnAttemptTellsWhatItGot(t *testing.T) {
	in(func(t *testing.T) {
		var told token.Attempt
		o := &origin{}
		p := keep(t, o, token.Refresh{OnAttempt: func(a token.Attempt) { told = a }})
		synctest.Wait()
		assert.Equal(t, "KEY1", told.AccessKeyID)
		assert.Equal(t, time.Hour, time.Until(told.Expires))
		assert.Equal(t, 45*time.Minute, time.Until(told.Next))
		assert.Equal(t, 15*time.Minute, told.AdvisoryWindow)
		assert.False(t, told.Stale)
		require.NoError(t, told.Err)

		o.set(func(o *origin) { o.err = errors.New("away") })
		time.Sleep(50 * time.Minute)
		creds, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, token.Attempt{Err: told.Err, Stale: true, Next: creds.Expires}, told)
	})(t)
}
