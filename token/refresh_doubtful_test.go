package token_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// source is one of credentials that live for an hour of true time, whatever the machine's clock says:
// new ones at each call, or the same until renew says otherwise.
type source struct {
	eligible bool // its credentials may be served past their expiry
	keeps    bool // it hands out the same until they have expired
	dead     bool // it cannot get others
	given    map[string]time.Time
	last     aws.Credentials
	calls    int
}

func (s *source) Retrieve(context.Context) (aws.Credentials, error) {
	s.calls++
	if s.last.HasKeys() && (s.dead || s.keeps && time.Now().Before(s.last.Expires)) {
		return s.last, nil
	}
	s.last = aws.Credentials{
		AccessKeyID: fmt.Sprint("KEY", s.calls), SecretAccessKey: "s", CanExpire: true, Expires: time.Now().Add(time.Hour),
	}
	if s.given == nil {
		s.given = map[string]time.Time{}
	}
	s.given[s.last.AccessKeyID] = s.last.Expires
	return s.last, nil
}

func (s *source) ProviderSources() []aws.CredentialSource {
	if s.eligible {
		return []aws.CredentialSource{aws.CredentialSourceHTTP}
	}
	return []aws.CredentialSource{aws.CredentialSourceProcess}
}

// However wrong the clock of a machine is, it neither refuses credentials that a source has just given,
// nor asks for them at every call, nor are dead ones kept once a service has said so.
func TestNoClockDeniesWhatASourceGives(t *testing.T) {
	t.Parallel()
	for name, offset := range map[string]time.Duration{
		"right": 0, "70 minutes fast": 70 * time.Minute, "years fast": 5 * 365 * 24 * time.Hour,
		"fast by the lifetime": time.Hour, "fast by nearly the lifetime": time.Hour - time.Millisecond, "50 minutes fast": 50 * time.Minute,
		"6 minutes slow": -6 * time.Minute, "3 hours slow": -3 * time.Hour, "years slow": -5 * 365 * 24 * time.Hour,
	} {
		for _, s := range []*source{{}, {eligible: true}, {keeps: true}, {keeps: true, eligible: true}} {
			t.Run(fmt.Sprint(name, " eligible ", s.eligible, " keeps ", s.keeps), in(func(t *testing.T) {
				m := &machine{offset: offset}
				p, err := token.Keep(s, token.Refresh{Now: m.clock()})
				require.NoError(t, err)
				rejected := 0
				for began := time.Now(); time.Since(began) < 12*time.Hour; time.Sleep(5 * time.Second) {
					creds, err := p.Retrieve(t.Context())
					require.NoError(t, err)
					require.True(t, creds.Expires.After(m.now()), "asks again at once")
					if dead := time.Since(s.given[creds.AccessKeyID]); dead >= 0 {
						rejected++
						require.LessOrEqual(t, dead, 10*time.Minute+5*time.Second)
						p.Invalidate(creds.AccessKeyID)
					}
				}
				assert.LessOrEqual(t, s.calls, 12*60*60/10+1, "once in 10 seconds at most")
				if offset >= time.Hour {
					assert.LessOrEqual(t, s.calls, 12*12+1, "as after a failed attempt")
				}
				if offset < time.Hour && !s.keeps {
					assert.LessOrEqual(t, rejected, 12, "once for each credentials at most")
				}
			}))
		}
	}
}

// A chain stands on credentials that look dead by the machine's clock.
func TestAChainStandsOnDoubtfulCredentials(t *testing.T) {
	in(func(t *testing.T) {
		m, s := &machine{offset: 70 * time.Minute}, &fakeSTS{dated: true}
		base, err := token.Keep(&source{}, token.Refresh{Now: m.clock()})
		require.NoError(t, err)
		p, err := token.Chain(base, func(c aws.CredentialsProvider) stscreds.AssumeRoleAPIClient {
			cfg := s.config()
			cfg.Credentials = c
			return sts.NewFromConfig(cfg)
		}, token.Hop{RoleARN: otherARN, Refresh: token.Refresh{Now: m.clock()}})
		require.NoError(t, err)
		for range 60 {
			retrieved(t, p)
			time.Sleep(time.Minute)
		}
		assert.LessOrEqual(t, s.count(), 3)
	})(t)
}

// An endpoint that is cut off from AWS hands out what it has, dead as it is: the only credentials there
// are, which a service may still take. It is asked again as after a failed attempt.
func TestASourceThatHandsOutDeadCredentialsForEver(t *testing.T) {
	t.Parallel()
	for name, seen := range map[string]bool{"from the start": false, "after good ones": true} {
		for _, eligible := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " eligible ", eligible), in(func(t *testing.T) {
				told := make(chan token.Attempt, 1000)
				s := &source{eligible: eligible}
				p, err := token.Keep(s, token.Refresh{OnAttempt: func(a token.Attempt) { told <- a }})
				require.NoError(t, err)
				_, _ = s.Retrieve(t.Context())
				if seen {
					retrieved(t, p)
				}
				s.dead = true
				time.Sleep(61 * time.Minute)
				before := s.calls
				for range 6 * 60 * 6 {
					require.Equal(t, s.last.AccessKeyID, retrieved(t, p))
					p.Invalidate(s.last.AccessKeyID) // a service does not take them
					time.Sleep(10 * time.Second)
				}
				assert.LessOrEqual(t, s.calls-before, 6*12+1)
				assert.GreaterOrEqual(t, s.calls-before, 6*6-1)
				synctest.Wait()
				var last token.Attempt
				for len(told) > 0 {
					last = <-told
				}
				require.ErrorIs(t, last.Err, token.ErrStaleCredentials)
				assert.True(t, last.Stale)
				assert.False(t, last.Final)
				assert.Equal(t, s.last.AccessKeyID, last.AccessKeyID)
				assert.True(t, last.Expires.Equal(s.last.Expires))
				x, known := token.Explain(last.Err)
				assert.True(t, known)
				assert.Equal(t, token.CodeCredentialsStale, x.Code)

				s.dead = false
				time.Sleep(10 * time.Minute)
				assert.Equal(t, fmt.Sprint("KEY", s.calls+1), retrieved(t, p), "as soon as it has others")
			}))
		}
	}
}

// Two answers of one source are compared by what it says of them: what it held before an outage does not
// take the place of what it gave last.
func TestOlderCredentialsDoNotReplaceNewerOnes(t *testing.T) {
	in(func(t *testing.T) {
		s := &source{eligible: true}
		p, err := token.Keep(s, token.Refresh{})
		require.NoError(t, err)
		old, _ := s.Retrieve(t.Context())
		time.Sleep(30 * time.Minute)
		newer := retrieved(t, p)
		s.last, s.dead = old, true
		time.Sleep(46 * time.Minute)
		assert.Equal(t, newer, retrieved(t, p))
		time.Sleep(time.Hour)
		assert.Equal(t, newer, retrieved(t, p), "it has expired as well, but later")
	})(t)
}
