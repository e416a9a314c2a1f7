package token_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

func TestAdvisoryWindowByLifetime(t *testing.T) {
	t.Parallel()
	for lifetime, window := range map[time.Duration]time.Duration{
		15 * time.Minute:               5 * time.Minute,
		20 * time.Minute:               5 * time.Minute,
		20*time.Minute + 1:             15 * time.Minute,
		time.Hour:                      15 * time.Minute,
		90*time.Minute - 1:             15 * time.Minute,
		90 * time.Minute:               time.Hour,
		12 * time.Hour:                 time.Hour,
		6 * time.Minute:                5 * time.Minute,
		5 * time.Minute:                4 * time.Minute,   // fresh for a minute
		5*time.Minute + 30*time.Second: 270 * time.Second, // fresh for a minute
		time.Minute:                    30 * time.Second,  // fresh for half the lifetime
	} {
		t.Run(lifetime.String(), in(func(t *testing.T) {
			o := &origin{lifetime: lifetime}
			var attempt token.Attempt
			p := keep(t, o, token.Refresh{OnAttempt: func(a token.Attempt) { attempt = a }})
			synctest.Wait() // the hook is called after the callers have been served
			began := time.Now()
			assert.Equal(t, token.Attempt{
				AccessKeyID: "KEY1", Expires: began.Add(lifetime), AdvisoryWindow: window,
				Next: began.Add(lifetime - window).UTC(),
			}, attempt)
			time.Sleep(lifetime - window - 1)
			creds, err := p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "KEY1", creds.AccessKeyID)
			assert.Equal(t, began.Add(lifetime-window).UTC(), creds.Expires)
			assert.Equal(t, 1, o.count())
			time.Sleep(time.Nanosecond)
			creds, err = p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "KEY2", creds.AccessKeyID)
			assert.Equal(t, 2, o.count())
		}))
	}
}

func TestAConfiguredWindowOverridesTheTable(t *testing.T) {
	in(func(t *testing.T) {
		o := &origin{lifetime: 6 * time.Hour}
		p := keep(t, o, token.Refresh{AdvisoryWindow: 30 * time.Minute})
		creds, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now().Add(5*time.Hour+30*time.Minute), creds.Expires, 0)
	})(t)
}

func TestAWindowWiderThanTheLifetimeDoesNotHammerTheSource(t *testing.T) {
	in(func(t *testing.T) {
		o := &origin{lifetime: 15 * time.Minute}
		p := keep(t, o, token.Refresh{AdvisoryWindow: time.Hour})
		for range 600 {
			_, err := p.Retrieve(t.Context())
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		assert.Equal(t, 10, o.count(), "once a minute")
	})(t)
}

func TestInvalidate(t *testing.T) {
	t.Parallel()
	t.Run("of the cached access key makes everybody wait", in(func(t *testing.T) {
		o := &origin{}
		p := keep(t, o, token.Refresh{})
		o.set(func(o *origin) { o.delay = time.Second })
		p.Invalidate("KEY1")
		a, b := ask(t.Context(), p), ask(t.Context(), p)
		require.False(t, a.done.Load() || b.done.Load())
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, "KEY2", a.creds.AccessKeyID)
		assert.Equal(t, "KEY2", b.creds.AccessKeyID)
		assert.Equal(t, 2, o.count())
	}))
	t.Run("of any other does nothing", in(func(t *testing.T) {
		o := &origin{}
		p := keep(t, o, token.Refresh{})
		for _, id := range []string{"", "KEY0", "key1", "KEY11"} {
			p.Invalidate(id)
		}
		_, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, o.count())
	}))
	t.Run("and a failed refresh serves the rejected ones", in(func(t *testing.T) {
		o := &origin{}
		p := keep(t, o, token.Refresh{})
		o.set(func(o *origin) { o.err = errors.New("away") })
		p.Invalidate("KEY1")
		creds, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "KEY1", creds.AccessKeyID)
		assert.Equal(t, 2, o.count())
	}))
	t.Run("during a backoff takes effect at its end", in(func(t *testing.T) {
		o := &origin{}
		p := keep(t, o, token.Refresh{Backoff: func() time.Duration { return 7 * time.Minute }})
		time.Sleep(46 * time.Minute)
		o.set(func(o *origin) { o.err = errors.New("away") })
		_, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		p.Invalidate("KEY1")
		for range 7 {
			creds, err := p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "KEY1", creds.AccessKeyID)
			assert.Equal(t, 2, o.count())
			time.Sleep(time.Minute)
		}
		o.set(func(o *origin) { o.err, o.delay = nil, time.Second })
		a, b := ask(t.Context(), p), ask(t.Context(), p)
		require.False(t, a.done.Load() || b.done.Load(), "53 minutes of 60: but for the invalidation the second would be served")
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, "KEY3", b.creds.AccessKeyID)
	}))
	t.Run("of credentials that cannot expire", in(func(t *testing.T) {
		n := 0
		p, err := token.Keep(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			n++
			return aws.Credentials{AccessKeyID: fmt.Sprint("KEY", n), SecretAccessKey: "S"}, nil
		}), token.Refresh{})
		require.NoError(t, err)
		_, err = p.Retrieve(t.Context())
		require.NoError(t, err)
		time.Sleep(10 * 365 * 24 * time.Hour)
		creds, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, aws.Credentials{AccessKeyID: "KEY1", SecretAccessKey: "S"}, creds)
		p.Invalidate("KEY1")
		creds, err = p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "KEY2", creds.AccessKeyID)
	}))
}

func TestKeepAsksACacheAgain(t *testing.T) {
	in(func(t *testing.T) {
		o := &origin{}
		p, err := token.Keep(aws.NewCredentialsCache(o), token.Refresh{})
		require.NoError(t, err)
		for i := range 3 {
			creds, err := p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprint("KEY", i+1), creds.AccessKeyID)
			time.Sleep(45 * time.Minute)
		}
	})(t)
}

func TestKeepSaysWhereCredentialsComeFrom(t *testing.T) {
	t.Parallel()
	p, err := token.Keep(credentials.StaticCredentialsProvider{Source: []aws.CredentialSource{aws.CredentialSourceEnvVars}}, token.Refresh{})
	require.NoError(t, err)
	assert.Equal(t, []aws.CredentialSource{aws.CredentialSourceEnvVars}, p.ProviderSources())
}
