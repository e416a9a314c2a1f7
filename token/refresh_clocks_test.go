package token_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/wallclock"
	"github.com/irsa-go/irsa/token"
)

// machine is one whose wall clock is not the monotonic one: it was suspended, or is wrong.
type machine struct{ offset time.Duration }

func (m *machine) now() time.Time { return time.Now().Add(m.offset) }

func (m *machine) clock() wallclock.Clock { return wallclock.Func(m.now) }

// Retrieve gives credentials for an hour of true time, which this machine's wall clock tells.
func (m *machine) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "KEY", SecretAccessKey: "s", CanExpire: true, Expires: m.now().Add(time.Hour)}, nil
}

func TestAfterASuspendTheNextCallAsksAgain(t *testing.T) {
	t.Parallel()
	const suspended = 2 * time.Hour
	t.Run("a provider", in(func(t *testing.T) {
		m, o := &machine{}, &origin{}
		p := keep(t, o, token.Refresh{Now: m.clock()})
		m.offset += suspended
		o.set(func(o *origin) { o.lifetime = suspended + time.Hour }) // by true time, which the source knows
		creds, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "KEY2", creds.AccessKeyID)
	}))
	t.Run("a pool", in(func(t *testing.T) {
		m := &machine{}
		pool := newPool(t, &poolSTS{}, token.PoolConfig{Refresh: token.Refresh{Now: m.clock()}})
		p := poolProvider(t, pool, poolKey(1))
		first := retrieved(t, p)
		m.offset += suspended
		assert.NotEqual(t, first, retrieved(t, p))
	}))
	t.Run("a suspend while the answer was on its way counts too", in(func(t *testing.T) {
		m, calls := &machine{}, 0
		p, err := token.Keep(aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			calls++
			creds, err := m.Retrieve(ctx)
			if calls == 1 {
				m.offset += 50 * time.Minute
			}
			return creds, err
		}), token.Refresh{Now: m.clock()})
		require.NoError(t, err)
		_, err = p.Retrieve(t.Context())
		require.NoError(t, err)
		time.Sleep(6 * time.Minute)
		_, err = p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 2, calls)
	}))
}

// Credentials that were seen to be dead do not live again when the clock is set back.
func TestWhatAClockHasSaidStaysSo(t *testing.T) {
	t.Parallel()
	dead := func(t *testing.T) (*origin, *token.Provider) {
		m, o := &machine{}, &origin{}
		p := keep(t, o, token.Refresh{Now: m.clock()})
		o.set(func(o *origin) { o.err = errors.New("away") })
		for _, offset := range []time.Duration{2 * time.Hour, 0} { // a suspend, and a clock that is set back
			m.offset = offset
			assert.Equal(t, "KEY1", retrieved(t, p))
		}
		time.Sleep(10*time.Minute + time.Second)
		return o, p
	}
	t.Run("and all callers wait", in(func(t *testing.T) {
		o, p := dead(t)
		o.set(func(o *origin) { o.err, o.delay = nil, 10*time.Second })
		callers := []*asked{ask(t.Context(), p), ask(t.Context(), p)}
		for _, c := range callers {
			assert.False(t, c.done.Load())
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		for _, c := range callers {
			assert.NotEqual(t, "KEY1", c.creds.AccessKeyID)
		}
	}))
	t.Run("and a final error is returned", in(func(t *testing.T) {
		o, p := dead(t)
		refused := token.Final(errors.New("refused"))
		o.set(func(o *origin) { o.err = refused })
		_, err := p.Retrieve(t.Context())
		require.ErrorIs(t, err, refused)
	}))
}

// A node whose clock is slow when the credentials come, and is set right then.
func TestAClockThatIsSetRightMakesCredentialsDue(t *testing.T) {
	t.Parallel()
	for name, offset := range map[string]time.Duration{"slow": -25 * time.Minute, "fast": 25 * time.Minute} {
		t.Run(name, in(func(t *testing.T) {
			m, s := &machine{offset: offset}, &fakeSTS{}
			p := newProvider(t, s, rotating(), token.Config{Refresh: token.Refresh{Now: m.clock()}})
			_, err := p.Retrieve(t.Context())
			require.NoError(t, err)
			m.offset = 0
			time.Sleep(50 * time.Minute)
			creds, err := p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "ASIA2", creds.AccessKeyID, "15 minutes before they expire, at the latest")
		}))
	}
}

// STS judges the times of tokens; a node's wrong clock makes no difference to what is sent, nor to for
// how long the answer is good.
func TestAWrongClockDeniesNothing(t *testing.T) {
	t.Parallel()
	for name, offset := range map[string]time.Duration{
		"six minutes slow": -6 * time.Minute, "seventy minutes fast": 70 * time.Minute, "a day slow": -24 * time.Hour, "fast by nearly the lifetime": time.Hour - time.Millisecond, "years fast": 5 * 365 * 24 * time.Hour,
	} {
		for _, dated := range []bool{true, false} {
			if !dated && offset > 0 && offset < time.Hour {
				continue // nobody can tell them from credentials that live for a millisecond
			}
			t.Run(name, in(func(t *testing.T) {
				m, s := &machine{offset: offset}, &fakeSTS{dated: dated}
				p := newProvider(t, s, rotating(), token.Config{Refresh: token.Refresh{Now: m.clock()}})
				cfg, err := config.LoadDefaultConfig(t.Context(), config.WithCredentialsProvider(p), config.WithRegion("eu-central-1"),
					config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}))
				require.NoError(t, err)
				for range 3 {
					creds, err := cfg.Credentials.Retrieve(t.Context())
					require.NoError(t, err)
					assert.Equal(t, "ASIA1", creds.AccessKeyID)
				}
				creds, err := p.Retrieve(t.Context())
				require.NoError(t, err)
				assert.WithinDuration(t, m.now().Add(45*time.Minute), creds.Expires, time.Second, "to ask again, by this machine's clock")
				real, err := p.Current(t.Context())
				require.NoError(t, err)
				assert.WithinDuration(t, time.Now().Add(time.Hour), real.Expires, time.Second, "by true time")
				time.Sleep(45*time.Minute - time.Second)
				assert.Equal(t, 1, s.count())
				time.Sleep(2 * time.Second)
				_, err = p.Retrieve(t.Context())
				require.NoError(t, err)
				assert.Equal(t, 2, s.count())
			}))
		}
	}
}

func TestTheClocksExplainARefusedToken(t *testing.T) {
	t.Parallel()
	expired := always(stsFault{400, "ExpiredTokenException", "Token expired: current date/time 2 must be before the expiration date/time1"})
	explained := func(t *testing.T, m *machine, lifetime time.Duration) []string {
		s := &fakeSTS{fault: expired, dated: true}
		jwt := podToken(1, lifetime)
		src := token.SourceFunc(func(context.Context) (string, error) { return jwt, nil })
		_, err := newProvider(t, s, src, token.Config{Refresh: token.Refresh{Now: m.clock()}}).Retrieve(t.Context())
		x, ok := token.Explain(err)
		require.True(t, ok)
		assert.Equal(t, token.CodeTokenExpired, x.Code)
		return x.Next
	}
	t.Run("a clock that is ahead", in(func(t *testing.T) {
		next := explained(t, &machine{offset: 70 * time.Minute}, -time.Minute)
		assert.Equal(t, "the clock of this machine: it is 1h10m0s ahead of the service's", next[0])
	}))
	t.Run("a clock that is behind", in(func(t *testing.T) {
		next := explained(t, &machine{offset: -70 * time.Minute}, -time.Minute)
		assert.Equal(t, "the clock of this machine: it is 1h10m0s behind the service's", next[0])
		assert.Contains(t, next[1], "by this machine's clock it was 1999-12-31T22:50:00Z")
	}))
	t.Run("good clocks add nothing", in(func(t *testing.T) {
		next := explained(t, &machine{}, -time.Minute)
		assert.Contains(t, next[0], "the token file")
	}))
}

func TestCurrentHasTheRealExpiry(t *testing.T) {
	in(func(t *testing.T) {
		o := &origin{}
		p := keep(t, o, token.Refresh{})
		expires := time.Now().Add(time.Hour)
		check := func() {
			t.Helper()
			creds, err := p.Current(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "KEY1", creds.AccessKeyID)
			assert.True(t, creds.Expires.Equal(expires))
		}
		check()
		time.Sleep(50 * time.Minute)
		o.set(func(o *origin) { o.err = errors.New("away") })
		check()
		time.Sleep(time.Hour)
		check() // they have expired, and Current says so
	})(t)
	t.Run("of credentials that have none", func(t *testing.T) {
		t.Parallel()
		p, err := token.Keep(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "K", SecretAccessKey: "S"}, nil
		}), token.Refresh{})
		require.NoError(t, err)
		creds, err := p.Current(t.Context())
		require.NoError(t, err)
		assert.Equal(t, aws.Credentials{AccessKeyID: "K", SecretAccessKey: "S"}, creds)
		_, err = (*token.Provider)(nil).Current(t.Context())
		require.ErrorContains(t, err, "the Provider is nil or zero")
	})
	t.Run("of a pool's", in(func(t *testing.T) {
		p := poolProvider(t, newPool(t, &poolSTS{}, token.PoolConfig{}), poolKey(1))
		creds, err := p.Current(t.Context())
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now().Add(time.Hour), creds.Expires, time.Second)
	}))
}

func TestARetryerOfTheClientIsKeptWhenAskedFor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ kept bool }{"kept": {true}, "not kept": {false}} {
		t.Run(name, in(func(t *testing.T) {
			s := &fakeSTS{fault: first(1, stsFault{http.StatusServiceUnavailable, "ServiceUnavailable", "no"})}
			retried := 0
			cfg := s.config()
			cfg.Retryer = func() aws.Retryer { return counting{aws.NopRetryer{}, &retried} }
			p, err := token.NewProvider(sts.NewFromConfig(cfg), roleARN, rotating(), token.Config{ClientRetries: tc.kept})
			require.NoError(t, err)
			_, err = p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.Equal(t, tc.kept, retried > 0)
			synctest.Wait()
		}))
	}
}

// counting counts how often a client asks whether to retry.
type counting struct {
	aws.NopRetryer
	asked *int
}

func (c counting) IsErrorRetryable(err error) bool {
	*c.asked++
	return false
}
