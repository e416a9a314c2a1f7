package token_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// A token that is not there is looked for again within seconds: the backoff spares STS alone.
func TestATokenFileThatComesLateIsSeenWithinSeconds(t *testing.T) {
	t.Parallel()
	good := func(file string) { _ = os.WriteFile(file, []byte(podToken(2, time.Hour)), 0o600) }
	for name, bad := range map[string]func(file string){
		"missing":   func(file string) { _ = os.Remove(file) },
		"empty":     func(file string) { _ = os.WriteFile(file, nil, 0o600) },
		"malformed": func(file string) { _ = os.WriteFile(file, []byte("opaque"), 0o600) },
		"stale":     func(file string) { _ = os.WriteFile(file, []byte(podToken(1, -time.Minute)), 0o600) },
	} {
		t.Run(name, in(func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "token")
			good(file)
			s := &fakeSTS{judges: true}
			p := newProvider(t, s, token.File(file), token.Config{})
			_, err := p.Retrieve(t.Context())
			require.NoError(t, err)
			time.Sleep(61 * time.Minute)
			bad(file)
			for range 120 {
				creds, err := p.Retrieve(t.Context())
				require.NoError(t, err)
				require.Equal(t, "ASIA1", creds.AccessKeyID)
				require.LessOrEqual(t, time.Until(creds.Expires), 10*time.Minute)
				time.Sleep(time.Second)
			}
			assert.LessOrEqual(t, s.count(), 2, "a token that STS refused is not sent again so soon")
			good(file)
			time.Sleep(5 * time.Second)
			creds, err := p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.NotEqual(t, "ASIA1", creds.AccessKeyID)
		}))
	}
}

func TestARefusedTokenIsSentAgainAfterTheBackoff(t *testing.T) {
	in(func(t *testing.T) {
		s := &fakeSTS{fault: always(stsFault{400, "ExpiredTokenException", "Token expired"})}
		jwt := podToken(1, time.Hour)
		p := newProvider(t, s, token.SourceFunc(func(context.Context) (string, error) { return jwt, nil }), token.Config{})
		for range 60 {
			_, err := p.Retrieve(t.Context())
			require.ErrorContains(t, err, "expired")
			time.Sleep(time.Minute)
		}
		assert.GreaterOrEqual(t, s.count(), 6)
		assert.LessOrEqual(t, s.count(), 13)
	})(t)
}

func TestInvalidateHasAFloor(t *testing.T) {
	in(func(t *testing.T) {
		o := &origin{}
		p := keep(t, o, token.Refresh{})
		began := time.Now()
		for range 1000 { // requests that a service rejects, whatever signs them
			creds, err := p.Retrieve(t.Context())
			require.NoError(t, err)
			p.Invalidate(creds.AccessKeyID)
			time.Sleep(10 * time.Millisecond)
		}
		assert.Equal(t, 2, o.count(), "at once the first time, not again")
		for time.Since(began) < 10*time.Minute {
			creds, err := p.Retrieve(t.Context())
			require.NoError(t, err)
			p.Invalidate(creds.AccessKeyID)
			time.Sleep(time.Second)
		}
		assert.LessOrEqual(t, o.count(), 22)
		assert.GreaterOrEqual(t, o.count(), 10, "a rejection is not forgotten")
	})(t)
}

func TestTheMandatoryWindowIsNotUndercut(t *testing.T) {
	in(func(t *testing.T) {
		o := &origin{}
		p := keep(t, o, token.Refresh{AdvisoryWindow: time.Second})
		time.Sleep(59*time.Minute + time.Second)
		creds, err := p.Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "KEY2", creds.AccessKeyID)
	})(t)
}

func TestWhoseCredentialsAreServedPastTheirExpiry(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		sources []aws.CredentialSource
		ask     bool
		served  bool
	}{
		"a container endpoint's": {[]aws.CredentialSource{aws.CredentialSourceHTTP}, false, true},
		"those of the node":      {[]aws.CredentialSource{aws.CredentialSourceIMDS}, false, true},
		"an assumed role's":      {[]aws.CredentialSource{aws.CredentialSourceProfile, aws.CredentialSourceSTSAssumeRole}, false, true},
		"a process's":            {[]aws.CredentialSource{aws.CredentialSourceSTSAssumeRole, aws.CredentialSourceProcess}, false, false},
		"an unknown one's":       {nil, false, false},
		"any on request":         {nil, true, true},
	} {
		t.Run(name, in(func(t *testing.T) {
			o := &sourced{sources: tc.sources}
			p, err := token.Keep(o, token.Refresh{ServeExpired: tc.ask})
			require.NoError(t, err)
			_, err = p.Retrieve(t.Context())
			require.NoError(t, err)
			o.set(func(o *origin) { o.err = errors.New("away") })
			time.Sleep(59 * time.Minute)
			creds, err := p.Retrieve(t.Context())
			require.NoError(t, err, "they are valid")
			if !tc.served {
				assert.LessOrEqual(t, time.Until(creds.Expires), time.Minute)
			}
			time.Sleep(time.Minute)
			creds, err = p.Retrieve(t.Context())
			if tc.served {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, "away")
			}
			assert.Equal(t, tc.served, creds.HasKeys())
		}))
	}
	var process aws.CredentialsProvider = processcreds.NewProvider("false")
	p, err := token.Keep(process, token.Refresh{})
	require.NoError(t, err)
	assert.Equal(t, []aws.CredentialSource{aws.CredentialSourceProcess}, p.ProviderSources())
}

type sourced struct {
	origin
	sources []aws.CredentialSource
}

func (s *sourced) ProviderSources() []aws.CredentialSource { return s.sources }

func TestAHook(t *testing.T) {
	t.Parallel()
	t.Run("may ask the provider again while the source fails", in(func(t *testing.T) {
		for _, failure := range []error{errors.New("away"), token.Final(errors.New("refused"))} {
			o := &origin{err: failure}
			var p *token.Provider
			var told atomic.Int32
			p, err := token.Keep(o, token.Refresh{OnAttempt: func(token.Attempt) {
				told.Add(1)
				_, err := p.Retrieve(context.Background())
				assert.ErrorIs(t, err, failure)
			}})
			require.NoError(t, err)
			_, err = p.Retrieve(t.Context())
			require.ErrorIs(t, err, failure)
			synctest.Wait()
			assert.LessOrEqual(t, o.count(), 3, "it does not go round and round")
			assert.EqualValues(t, o.count(), told.Load())
		}
	}))
	t.Run("that blocks holds nobody", in(func(t *testing.T) {
		release := make(chan struct{})
		o := &origin{}
		p := keep(t, o, token.Refresh{OnAttempt: func(token.Attempt) { <-release }})
		began := time.Now()
		for range 3 {
			p.Invalidate(fmt.Sprint("KEY", o.count()))
			_, err := p.Retrieve(t.Context())
			require.NoError(t, err)
		}
		assert.Zero(t, time.Since(began))
		close(release)
	}))
}

func TestAPanicOfTheSourceIsAnError(t *testing.T) {
	t.Parallel()
	var nobody *struct{ name string }
	for name, tc := range map[string]struct {
		panics func()
		says   string
	}{
		"of the runtime":      {func() { _ = nobody.name }, "nil pointer"},
		"with an error":       {func() { panic(errors.New("secret-token")) }, "*errors.errorString"},
		"with text":           {func() { panic("secret-token") }, "string"},
		"with the nil of any": {func() { panic(any(nil)) }, "panic called with nil"},
	} {
		t.Run(name, in(func(t *testing.T) {
			healthy := false
			src := token.SourceFunc(func(context.Context) (string, error) {
				if !healthy {
					tc.panics()
				}
				return podToken(1, time.Hour), nil
			})
			p := newProvider(t, &fakeSTS{}, src, token.Config{})
			_, err := p.Retrieve(t.Context())
			require.ErrorContains(t, err, tc.says)
			assert.Contains(t, err.Error(), "TestAPanicOfTheSourceIsAnError", "where it was")
			assert.NotContains(t, err.Error(), "secret")
			healthy = true
			_, err = p.Retrieve(t.Context())
			require.NoError(t, err)
		}))
	}
}

// kubernetesAnswer is an answer of the API server.
type kubernetesAnswer int

func (a kubernetesAnswer) Error() string         { return fmt.Sprint("the API server says ", int(a)) }
func (a kubernetesAnswer) KubernetesStatus() int { return int(a) }

// A kube-apiserver answers 401 for some seconds after its start, and 403 while its authorizer warms up.
func TestARestartOfTheAPIServerTakesNothingAway(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403, 500, 503} {
		t.Run(fmt.Sprint(status), in(func(t *testing.T) {
			r := newRevocable(t)
			time.Sleep(45 * time.Minute)
			r.from(failing(kubernetesAnswer(status)))
			for range 80 { // eight seconds
				retrieved(t, r)
				time.Sleep(100 * time.Millisecond)
			}
			r.from(tokensOf(poolKey(1)))
			time.Sleep(14 * time.Minute)
			first := retrieved(t, r)
			assert.Equal(t, "ASIA0000000000000002", first)
		}))
		t.Run(fmt.Sprint(status, " without credentials"), in(func(t *testing.T) {
			began := time.Now()
			src := token.SourceFunc(func(context.Context) (string, error) {
				if time.Since(began) < 8*time.Second {
					return "", kubernetesAnswer(status)
				}
				return podToken(1, time.Hour), nil
			})
			_, err := newProvider(t, &fakeSTS{}, src, token.Config{}).Retrieve(t.Context())
			require.NoError(t, err)
		}))
	}
}

func TestARefusalThatLastsIsFinal(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{
		"of the API server: 401":  kubernetesAnswer(401),
		"of the API server: 403":  kubernetesAnswer(403),
		"of STS, for the token":   stsAnswer(400, "ExpiredTokenException", "Token expired: x"),
		"of STS, for want of key": stsAnswer(400, "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider"),
	} {
		t.Run(name, in(func(t *testing.T) {
			o := &origin{}
			p := keep(t, o, token.Refresh{})
			o.set(func(o *origin) { o.err = failure })
			for began := time.Now(); time.Since(began) < 59*time.Minute; time.Sleep(10 * time.Second) {
				_, err := p.Retrieve(t.Context())
				require.NoError(t, err, "the credentials are valid")
			}
			time.Sleep(90 * time.Minute)
			_, err := p.Retrieve(t.Context())
			require.ErrorIs(t, err, failure, "no dead key comes with a nil error")
			assert.True(t, token.IsFinal(err))
			o.set(func(o *origin) { o.err = nil })
			time.Sleep(5 * time.Second)
			_, err = p.Retrieve(t.Context())
			require.NoError(t, err)
		}))
	}
}

func TestACallerThatLeavesLearnsWhatWentWrongSoFar(t *testing.T) {
	in(func(t *testing.T) {
		s := &fakeSTS{fault: always(stsFault{400, "Throttling", "Rate exceeded"})}
		p := newProvider(t, s, rotating(), token.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := p.Retrieve(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var canceled *aws.RequestCanceledError
		require.ErrorAs(t, err, &canceled)
		x, ok := token.Explain(err)
		require.True(t, ok)
		assert.Equal(t, token.CodeThrottled, x.Code)
		assert.Equal(t, "system:serviceaccount:payments:api", x.Token.Subject)

		calls := s.count()
		time.Sleep(time.Minute)
		assert.LessOrEqual(t, s.count(), calls+1, "nobody waits any more")
	})(t)
}

func TestManyColdCallersShareTheirRetries(t *testing.T) {
	in(func(t *testing.T) {
		s := &fakeSTS{fault: first(4, stsFault{500, "InternalFailure", "no"})}
		p := newProvider(t, s, rotating(), token.Config{})
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				_, err := p.Retrieve(t.Context())
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		assert.Equal(t, 5, s.count())
	})(t)
}
