package token_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

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
