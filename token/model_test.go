package token_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/wallclock"
	"github.com/irsa-go/irsa/token"
)

// instant is a point in time by the monotonic clock and by the wall clock. It has come when either
// says so.
type instant struct{ mono, wall time.Time }

func (i instant) add(d time.Duration) instant { return instant{i.mono.Add(d), i.wall.Add(d)} }

func (i instant) come(now instant) bool {
	return !now.mono.Before(i.mono) || !now.wall.Before(i.wall)
}

func earlierOf(a, b instant) instant {
	if b.mono.Before(a.mono) {
		a.mono = b.mono
	}
	if b.wall.Before(a.wall) {
		a.wall = b.wall
	}
	return a
}

// reference is the refresh in its simplest form: one caller, no cache of decisions. The provider must
// do as it does.
type reference struct {
	perishable bool      // not served past the expiry
	id         string    // of the cached credentials; "": none
	said       time.Time // when they expire, as their source said
	expiry     instant
	ask        instant // from then on the source is asked
	floor      instant // until then a rejection is not acted on
	held       bool    // ask is the end of a backoff
	set        instant // when these were set
	rejected   bool
	refused    *instant // when the last attempt ended with a final error; nil: it did not
}

// verdict is what the next call must do.
type verdict int

const (
	mustServe verdict = iota
	mustAsk
	mustRefuse  // return the final error without asking
	mayBeEither // refuse or ask: the final error is kept for a random time
)

// setBack says whether the wall clock has lost more than a minute on the monotonic one.
func (m *reference) setBack(now instant) bool {
	return now.wall.Sub(m.set.wall) < now.mono.Sub(m.set.mono)-time.Minute
}

func (m *reference) verdict(now instant) verdict {
	switch {
	case m.id != "" && !m.ask.come(now) && !m.setBack(now):
		return mustServe
	case m.refused == nil || m.refused.add(5*time.Second+1).come(now):
		return mustAsk
	case !m.refused.add(time.Second).come(now):
		return mustRefuse
	}
	return mayBeEither
}

func (m *reference) succeeded(id string, now instant, lifetime, configured time.Duration) {
	window := max(configured, time.Minute)
	switch {
	case configured != 0:
	case lifetime <= 20*time.Minute:
		window = 5 * time.Minute
	case lifetime < 90*time.Minute:
		window = 15 * time.Minute
	default:
		window = time.Hour
	}
	fresh := max(lifetime-window, min(lifetime/2, time.Minute), 10*time.Second)
	floor := now
	if m.rejected {
		floor = now.add(30 * time.Second)
	}
	*m = reference{
		perishable: m.perishable, id: id, said: now.wall.Add(lifetime),
		expiry: now.add(lifetime), ask: now.add(fresh), floor: floor, set: now,
	}
}

// doubted is an answer whose credentials had expired by this machine's clock when they came.
func (m *reference) doubted(id string, said time.Time, now instant, backoff time.Duration) {
	until := now.add(max(backoff, 10*time.Second))
	if m.id == "" || m.rejected || !m.said.After(said) {
		*m = reference{perishable: m.perishable, id: id, said: said, expiry: until}
	}
	m.refused, m.ask, m.held, m.set = nil, until, true, now
	m.remember(now)
}

// denied is a final error. Credentials that nothing speaks against are served until they expire.
func (m *reference) denied(now instant, backoff time.Duration) (served bool) {
	if m.id == "" || m.rejected || m.expiry.come(now) {
		m.refused = &now
		return false
	}
	m.refused, m.ask, m.held, m.set = nil, earlierOf(now.add(backoff), m.expiry), true, now
	return true
}

// failed is a failed attempt that is not final, of which backoff follows when credentials are served.
func (m *reference) failed(now instant, backoff time.Duration) (served bool) {
	m.refused = nil
	if m.id == "" || m.perishable && m.expiry.come(now) {
		return false
	}
	m.ask, m.held, m.set = now.add(backoff), true, now
	if m.perishable {
		m.ask = earlierOf(m.ask, m.expiry)
	}
	m.remember(now)
	return true
}

// remember keeps in mind that the credentials have expired, whatever a clock says later.
func (m *reference) remember(now instant) {
	if m.expiry.come(now) {
		m.expiry = instant{}
	}
}

func (m *reference) invalidate(now instant) {
	m.rejected = true
	switch {
	case m.held:
	case m.floor.come(now):
		m.ask = earlierOf(m.ask, now)
	default:
		m.ask = earlierOf(m.ask, m.floor)
	}
}

// history plays one random history against the provider and the reference.
type history struct {
	*testing.T
	rng      *rand.Rand
	provider *token.Provider
	model    reference
	window   time.Duration
	offset   time.Duration // of the wall clock from the monotonic one

	asked    int // calls of the source
	response string
	lifetime time.Duration
	backoff  time.Duration
	keyID    string
	said     time.Time // when the latest credentials expire
	past     []string  // what happened, for a failure's message
}

var (
	errAway    = errors.New("away")
	errRefused = token.Final(errors.New("refused"))
)

func (h *history) wall() time.Time { return time.Now().Add(h.offset) }

func (h *history) now() instant { return instant{time.Now(), h.wall()} }

func (h *history) Retrieve(context.Context) (aws.Credentials, error) {
	h.asked++
	creds := aws.Credentials{AccessKeyID: h.keyID, SecretAccessKey: "s", CanExpire: true, Expires: h.wall().Add(h.lifetime)}
	switch h.response {
	case "away":
		return aws.Credentials{}, errAway
	case "refused":
		return aws.Credentials{}, errRefused
	case "stale":
		creds.Expires = h.wall().Add(-time.Duration(h.rng.Int64N(int64(time.Hour))))
	}
	h.said = creds.Expires
	return creds, nil
}

func (h *history) note(format string, args ...any) {
	h.past = append(h.past, fmt.Sprintf(format, args...))
	h.past = h.past[max(0, len(h.past)-12):]
}

// step lets some time pass, changes the world, and asks or invalidates.
func (h *history) step() {
	scales := []time.Duration{time.Nanosecond, time.Millisecond, 3 * time.Second, time.Minute, 10 * time.Minute, 2 * time.Hour}
	d := time.Duration(h.rng.Int64N(int64(scales[h.rng.IntN(len(scales))]) + 1))
	if until := time.Until(h.model.ask.mono); h.rng.IntN(8) == 0 && until > 0 {
		d = until // exactly where the window begins
	}
	switch h.rng.IntN(20) {
	case 0: // a suspended machine: only the wall clock goes on
		h.offset += d
		h.note("suspended for %v", d)
	case 1: // the wall clock is set
		step := time.Duration(h.rng.Int64N(int64(6*time.Hour))) - 3*time.Hour
		h.offset += step
		h.note("the wall clock is set by %v", step)
	default:
		time.Sleep(d)
		h.note("sleep %v", d)
	}
	if h.rng.IntN(6) == 0 {
		id := []string{"", "other", h.model.id}[h.rng.IntN(3)]
		h.provider.Invalidate(id)
		h.note("invalidate %q", id)
		if id != "" && id == h.model.id {
			h.model.invalidate(h.now())
		}
		return
	}
	h.ask()
}

func (h *history) ask() {
	h.response = []string{"fresh", "fresh", "away", "refused", "stale"}[h.rng.IntN(5)]
	h.lifetime = []time.Duration{
		time.Second, time.Minute, 4 * time.Minute, 15 * time.Minute, time.Hour, 90 * time.Minute, 12 * time.Hour,
	}[h.rng.IntN(7)] + time.Duration(h.rng.Int64N(int64(time.Minute)))
	h.backoff = time.Duration(h.rng.Int64N(int64(10 * time.Minute)))
	if h.rng.IntN(4) == 0 {
		h.backoff = 0
	}
	h.keyID = fmt.Sprint("KEY", h.asked)

	now, before, verdict := h.now(), h.asked, h.model.verdict(h.now())
	creds, err := h.provider.Retrieve(h.Context())
	asked := h.asked - before
	h.note("retrieve with %s for %v: asked %d, got %q, %v", h.response, h.lifetime, asked, creds.AccessKeyID, err)
	require.LessOrEqual(h, asked, 1, h.past)
	if verdict == mayBeEither {
		verdict = mustRefuse
		if asked == 1 {
			verdict = mustAsk
		}
	}
	require.Equal(h, verdict == mustAsk, asked == 1, h.past)
	if verdict == mustRefuse {
		require.ErrorIs(h, err, errRefused, h.past)
		return
	}
	switch {
	case asked == 0:
	case h.response == "refused":
		if !h.model.denied(now, h.backoff) {
			require.ErrorIs(h, err, errRefused, h.past)
			return
		}
	case h.response == "fresh":
		h.model.succeeded(h.keyID, now, h.lifetime, h.window)
	case h.response == "stale":
		h.model.doubted(h.keyID, h.said, now, h.backoff)
	case !h.model.failed(now, h.backoff):
		require.ErrorContains(h, err, "get credentials: away", h.past)
		require.False(h, token.IsFinal(err), h.past)
		require.Zero(h, creds, h.past)
		return
	}
	require.NoError(h, err, h.past)
	require.Equal(h, h.model.id, creds.AccessKeyID, h.past)
	require.True(h, creds.Expires.Equal(h.model.ask.wall), "%v: to ask again at %v, was told %v", h.past, h.model.ask.wall, creds.Expires)
	if !h.model.held && h.model.set.add(10*time.Second).come(now) {
		require.False(h, h.model.expiry.come(now), "%v: dead credentials, and nobody was asked", h.past)
	}
}

func TestTheProviderDoesAsTheReferenceOverLongHistories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), in(func(t *testing.T) {
			h := &history{T: t, rng: rand.New(rand.NewPCG(seed, 1))}
			if seed%3 == 0 {
				h.window = time.Duration(1 + h.rng.Int64N(int64(2*time.Hour)))
			}
			var err error
			h.model.perishable = seed%2 == 0
			h.provider, err = token.Keep(h, token.Refresh{
				AdvisoryWindow: h.window, Backoff: func() time.Duration { return h.backoff },
				ServeExpired: !h.model.perishable, Now: wallclock.Func(h.wall),
			})
			require.NoError(t, err)
			for range 2000 {
				h.step()
			}
			require.Greater(t, h.asked, 200)
		}))
	}
}
