package token_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// origin is a provider under a test's control: each call takes delay, then gives credentials
// numbered by the call, or err.
type origin struct {
	mu       sync.Mutex
	calls    int
	err      error
	lifetime time.Duration // 0: 1 h
	delay    time.Duration
	keyID    string // "": KEY and the number of the call
	deaf     bool   // does not look at its context while it waits
}

func (o *origin) Retrieve(ctx context.Context) (aws.Credentials, error) {
	o.mu.Lock()
	o.calls++
	id, err, lifetime, delay, deaf := fmt.Sprint("KEY", o.calls), o.err, o.lifetime, o.delay, o.deaf
	if o.keyID != "" {
		id = o.keyID
	}
	o.mu.Unlock()
	if deaf {
		time.Sleep(delay)
	} else if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return aws.Credentials{}, ctx.Err()
		}
	}
	if err != nil {
		return aws.Credentials{}, err
	}
	if lifetime == 0 {
		lifetime = time.Hour
	}
	return aws.Credentials{AccessKeyID: id, SecretAccessKey: "s", CanExpire: true, Expires: time.Now().Add(lifetime)}, nil
}

func (o *origin) set(change func(*origin)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(o)
}

func (o *origin) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.calls
}

// keep returns a Provider around o that has credentials in its cache.
func keep(t *testing.T, o *origin, r token.Refresh) *token.Provider {
	t.Helper()
	p, err := token.Keep(o, r)
	require.NoError(t, err)
	_, err = p.Retrieve(t.Context())
	require.NoError(t, err)
	return p
}

// asked is a Retrieve under way.
type asked struct {
	creds aws.Credentials
	err   error
	took  time.Duration
	done  atomic.Bool
}

func ask(ctx context.Context, p *token.Provider) *asked {
	a, began := &asked{}, time.Now()
	go func() {
		a.creds, a.err = p.Retrieve(ctx)
		a.took = time.Since(began)
		a.done.Store(true)
	}()
	synctest.Wait()
	return a
}

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
			time.Sleep(1)
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

func TestInTheAdvisoryWindowOneCallerWaits(t *testing.T) {
	in(func(t *testing.T) {
		o := &origin{}
		p := keep(t, o, token.Refresh{})
		time.Sleep(50 * time.Minute)
		o.set(func(o *origin) { o.delay = 10 * time.Second })
		winner := ask(t.Context(), p)
		others := make([]*asked, 100)
		for i := range others {
			others[i] = ask(t.Context(), p)
		}
		require.False(t, winner.done.Load())
		for _, other := range others {
			require.True(t, other.done.Load())
			require.NoError(t, other.err)
			assert.Equal(t, "KEY1", other.creds.AccessKeyID)
			assert.Zero(t, other.took)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.True(t, winner.done.Load())
		assert.Equal(t, "KEY2", winner.creds.AccessKeyID)
		assert.Equal(t, 2, o.count())
	})(t)
}

func TestInTheMandatoryWindowAllCallersWait(t *testing.T) {
	t.Parallel()
	for name, age := range map[string]time.Duration{"at its start": 59 * time.Minute, "after expiry": 61 * time.Minute} {
		t.Run(name, in(func(t *testing.T) {
			o := &origin{}
			p := keep(t, o, token.Refresh{})
			time.Sleep(age)
			o.set(func(o *origin) { o.delay = 10 * time.Second })
			callers := []*asked{ask(t.Context(), p), ask(t.Context(), p), ask(t.Context(), p)}
			for _, c := range callers {
				require.False(t, c.done.Load())
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			for _, c := range callers {
				require.True(t, c.done.Load())
				assert.Equal(t, "KEY2", c.creds.AccessKeyID)
			}
			assert.Equal(t, 2, o.count())
		}))
	}
	t.Run("also for an attempt that began before it", in(func(t *testing.T) {
		o := &origin{}
		p := keep(t, o, token.Refresh{})
		time.Sleep(58*time.Minute + 55*time.Second)
		o.set(func(o *origin) { o.delay = 10 * time.Second })
		winner := ask(t.Context(), p)
		require.True(t, ask(t.Context(), p).done.Load(), "the window is still the advisory one")
		time.Sleep(6 * time.Second)
		late := ask(t.Context(), p)
		require.False(t, late.done.Load())
		time.Sleep(4 * time.Second)
		synctest.Wait()
		assert.Equal(t, "KEY2", winner.creds.AccessKeyID)
		assert.Equal(t, "KEY2", late.creds.AccessKeyID)
		assert.Equal(t, 2, o.count())
	}))
}

func TestTenThousandColdCallersMakeOneCall(t *testing.T) {
	in(func(t *testing.T) {
		s := &fakeSTS{delay: time.Second}
		p := newProvider(t, s, rotating(), token.Config{})
		var wg sync.WaitGroup
		var right atomic.Int32
		for range 10_000 {
			wg.Go(func() {
				if creds, err := p.Retrieve(t.Context()); err == nil && creds.AccessKeyID == "ASIA1" {
					right.Add(1)
				}
			})
		}
		wg.Wait()
		assert.EqualValues(t, 10_000, right.Load())
		assert.Equal(t, 1, s.count())
	})(t)
}

func TestACallerThatGivesUpLeavesAtOnce(t *testing.T) {
	t.Parallel()
	t.Run("and the attempt goes on for the others", in(func(t *testing.T) {
		o := &origin{delay: 10 * time.Second}
		p, err := token.Keep(o, token.Refresh{})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		first, other := ask(ctx, p), ask(t.Context(), p)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.ErrorIs(t, first.err, context.DeadlineExceeded)
		assert.Equal(t, 3*time.Second, first.took)
		var canceled *aws.RequestCanceledError
		require.ErrorAs(t, first.err, &canceled, "the SDK must not retry")
		require.NoError(t, other.err)
		assert.Equal(t, "KEY1", other.creds.AccessKeyID)
		assert.Equal(t, 1, o.count())
	}))
	t.Run("with the cause it gave", in(func(t *testing.T) {
		p, err := token.Keep(&origin{delay: time.Hour}, token.Refresh{})
		require.NoError(t, err)
		cause := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		a := ask(ctx, p)
		cancel(cause)
		synctest.Wait()
		require.ErrorIs(t, a.err, cause)
		require.ErrorIs(t, a.err, context.Canceled)
		time.Sleep(time.Minute) // the attempt ends by its own deadline
	}))
	t.Run("and starts nothing when it had given up before", in(func(t *testing.T) {
		o := &origin{}
		p, err := token.Keep(o, token.Refresh{})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = p.Retrieve(ctx)
		require.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, o.count())
	}))
	t.Run("and is served what is cached all the same", in(func(t *testing.T) {
		p := keep(t, &origin{}, token.Refresh{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := p.Retrieve(ctx)
		require.NoError(t, err)
	}))
}

type traceKey struct{}

func TestTheSharedAttemptHasValuesButNoDeadlineOfTheCaller(t *testing.T) {
	in(func(t *testing.T) {
		var saw context.Context
		p, err := token.Keep(aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			saw = ctx
			return aws.Credentials{AccessKeyID: "A", SecretAccessKey: "S"}, nil
		}), token.Refresh{Timeout: 20 * time.Second})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), traceKey{}, "trace"), time.Hour)
		defer cancel()
		_, err = p.Retrieve(ctx)
		require.NoError(t, err)
		assert.Equal(t, "trace", saw.Value(traceKey{}))
		deadline, ok := saw.Deadline()
		require.True(t, ok)
		assert.Equal(t, time.Now().Add(20*time.Second), deadline)
		require.ErrorIs(t, saw.Err(), context.Canceled, "it is over when the attempt is")
	})(t)
}

func TestAHungSourceHoldsNobody(t *testing.T) {
	t.Parallel()
	for name, deaf := range map[string]bool{"that listens to its context": false, "that does not": true} {
		t.Run(name, in(func(t *testing.T) {
			o := &origin{delay: 30 * 24 * time.Hour, deaf: deaf}
			p, err := token.Keep(o, token.Refresh{})
			require.NoError(t, err)
			a := ask(t.Context(), p)
			time.Sleep(time.Minute)
			synctest.Wait()
			require.True(t, a.done.Load())
			assert.Equal(t, time.Minute, a.took)
			require.ErrorIs(t, a.err, context.DeadlineExceeded)
			assert.Zero(t, a.creds)

			o.set(func(o *origin) { o.delay = 0 })
			creds, err := p.Retrieve(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "KEY2", creds.AccessKeyID)
			time.Sleep(30 * 24 * time.Hour) // the late answer comes, to nobody
		}))
	}
	t.Run("nor are goroutines piled up behind it", in(func(t *testing.T) {
		o := &origin{delay: 24 * time.Hour, deaf: true}
		p, err := token.Keep(o, token.Refresh{Timeout: time.Second})
		require.NoError(t, err)
		for range 100 {
			_, err := p.Retrieve(t.Context())
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		assert.LessOrEqual(t, o.count(), 4)
		time.Sleep(24 * time.Hour) // they come back: the source is asked again
		o.set(func(o *origin) { o.delay = 0 })
		_, err = p.Retrieve(t.Context())
		require.NoError(t, err)
	}))
	t.Run("when its goroutine ends without a result", in(func(t *testing.T) {
		p, err := token.Keep(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			runtime.Goexit()
			panic("not reached")
		}), token.Refresh{})
		require.NoError(t, err)
		_, err = p.Retrieve(t.Context())
		require.ErrorContains(t, err, "did not return")
	}))
}

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
			time.Sleep(1)
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
	for name, age := range map[string]time.Duration{"with nothing cached": 0, "in the advisory window": 50 * time.Minute, "after expiry": 2 * time.Hour} {
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

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		creds aws.Credentials
		is    error
	}{
		"no keys":         {aws.Credentials{CanExpire: true, Expires: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}, nil},
		"expired":         {aws.Credentials{AccessKeyID: "A", SecretAccessKey: "S", CanExpire: true, Expires: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)}, token.ErrStaleCredentials},
		"without a clock": {aws.Credentials{AccessKeyID: "A", SecretAccessKey: "S", CanExpire: true}, token.ErrStaleCredentials},
	} {
		t.Run(name, in(func(t *testing.T) {
			p, err := token.Keep(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return tc.creds, nil }), token.Refresh{})
			require.NoError(t, err)
			creds, err := p.Retrieve(t.Context())
			require.Error(t, err)
			assert.Zero(t, creds)
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
		}))
	}
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

// goroutines counts those of the calling bubble.
func goroutines() int {
	buf := make([]byte, 4<<20)
	header, _, _ := strings.Cut(string(buf[:runtime.Stack(buf, false)]), "\n")
	_, bubble, _ := strings.Cut(header, "synctest bubble ")
	bubble, _, _ = strings.Cut(bubble, "]")
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "synctest bubble "+bubble+"]")
}

func TestAProviderAtRestHasNoGoroutine(t *testing.T) {
	in(func(t *testing.T) {
		before, busy := goroutines(), make(chan struct{})
		go func() { <-busy }()
		synctest.Wait()
		require.Equal(t, before+1, goroutines(), "the count works")
		close(busy)
		o := &origin{}
		for range 50 {
			keep(t, o, token.Refresh{})
		}
		p := keep(t, o, token.Refresh{})
		time.Sleep(50 * time.Minute)
		o.set(func(o *origin) { o.err = errors.New("away") })
		_, err := p.Retrieve(t.Context()) // now in a backoff
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, before, goroutines())
	})(t)
}
