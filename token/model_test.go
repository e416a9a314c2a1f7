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

	"github.com/irsa-go/irsa/token"
)

// reference is the refresh in its simplest form: one caller, moments as plain times, no cache of
// decisions. The provider must do as it does.
type reference struct {
	id               string // of the cached credentials; "": none
	expiry, advisory time.Time
	rejected         bool
	backoffUntil     time.Time
	finalSince       time.Time // zero: the last attempt did not end so
}

// verdict is what the next call must do.
type verdict int

const (
	mustServe verdict = iota
	mustAsk
	mustRefuse  // return the final error without asking
	mayBeEither // refuse or ask: the final error is kept for a random time
)

func (m *reference) verdict(now time.Time) verdict {
	switch {
	case now.Before(m.backoffUntil):
		return mustServe
	case m.id != "" && !m.rejected && now.Before(m.advisory):
		return mustServe
	case m.finalSince.IsZero():
		return mustAsk
	case now.Sub(m.finalSince) < time.Second:
		return mustRefuse
	case now.Sub(m.finalSince) <= 5*time.Second:
		return mayBeEither
	}
	return mustAsk
}

func (m *reference) succeeded(id string, now time.Time, lifetime, configured time.Duration) {
	window := configured
	switch {
	case window != 0:
	case lifetime <= 20*time.Minute:
		window = 5 * time.Minute
	case lifetime < 90*time.Minute:
		window = 15 * time.Minute
	default:
		window = time.Hour
	}
	fresh := max(lifetime-window, min(lifetime/2, time.Minute))
	*m = reference{id: id, expiry: now.Add(lifetime), advisory: now.Add(fresh)}
}

// failed is a failed attempt that is not final, of which backoff follows when credentials are cached.
func (m *reference) failed(now time.Time, backoff time.Duration) {
	m.finalSince = time.Time{}
	if m.id != "" {
		m.backoffUntil = now.Add(backoff)
	}
}

// history plays one random history against the provider and the reference.
type history struct {
	*testing.T
	rng      *rand.Rand
	provider *token.Provider
	model    reference
	window   time.Duration

	asked    int // calls of the source
	response string
	lifetime time.Duration
	backoff  time.Duration
	keyID    string
	past     []string // what happened, for a failure's message
}

var (
	errAway    = errors.New("away")
	errRefused = token.Final(errors.New("refused"))
)

func (h *history) Retrieve(context.Context) (aws.Credentials, error) {
	h.asked++
	creds := aws.Credentials{AccessKeyID: h.keyID, SecretAccessKey: "s", CanExpire: true, Expires: time.Now().Add(h.lifetime)}
	switch h.response {
	case "away":
		return aws.Credentials{}, errAway
	case "refused":
		return aws.Credentials{}, errRefused
	case "stale":
		creds.Expires = time.Now().Add(-time.Duration(h.rng.Int64N(int64(time.Hour))))
	}
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
	if until := time.Until(h.model.advisory); h.rng.IntN(8) == 0 && until > 0 {
		d = until // exactly where the window begins
	}
	time.Sleep(d)
	h.note("sleep %v", d)
	if h.rng.IntN(6) == 0 {
		id := []string{"", "other", h.model.id}[h.rng.IntN(3)]
		h.provider.Invalidate(id)
		h.note("invalidate %q", id)
		if id != "" && id == h.model.id {
			h.model.rejected = true
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
	h.keyID = fmt.Sprint("KEY", h.asked)

	now, before, verdict := time.Now(), h.asked, h.model.verdict(time.Now())
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
	if asked == 1 && h.response == "refused" {
		require.ErrorIs(h, err, errRefused, h.past)
		h.model.finalSince, h.model.backoffUntil = now, time.Time{}
		return
	}
	if asked == 1 && h.response == "fresh" {
		h.model.succeeded(h.keyID, now, h.lifetime, h.window)
	} else if asked == 1 {
		h.model.failed(now, h.backoff)
	}
	h.served(creds, err, now)
}

// served compares what was returned when the model has credentials to serve, or none.
func (h *history) served(creds aws.Credentials, err error, now time.Time) {
	if h.model.id == "" {
		require.Error(h, err, h.past)
		require.False(h, token.IsFinal(err), h.past)
		require.Zero(h, creds, h.past)
		return
	}
	require.NoError(h, err, h.past)
	require.Equal(h, h.model.id, creds.AccessKeyID, h.past)
	ask := h.model.advisory
	if now.Before(h.model.backoffUntil) || h.backoff == 0 {
		ask = h.model.backoffUntil
	}
	require.True(h, creds.Expires.Equal(ask), "%v: to ask again at %v, was told %v", h.past, ask, creds.Expires)
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
			h.provider, err = token.Keep(h, token.Refresh{
				AdvisoryWindow: h.window, Backoff: func() time.Duration { return h.backoff },
			})
			require.NoError(t, err)
			for range 2000 {
				h.step()
			}
			require.Greater(t, h.asked, 200)
		}))
	}
}
