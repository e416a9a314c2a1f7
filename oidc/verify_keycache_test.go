package oidc_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

// counting is a server and how often it was dialled; every fetch of keys dials once.
func counting(t *testing.T, cfg oidc.VerifierConfig) (*oidctest.Server, *oidc.Verifier, *atomic.Int32) {
	t.Helper()
	srv := server(t, oidctest.Config{})
	dials := new(atomic.Int32)
	client := srv.Client()
	client.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return srv.DialContext(ctx, network, addr)
	}
	cfg.Client = client
	v, err := oidc.NewVerifier(srv.Issuer(), audience, cfg)
	require.NoError(t, err)
	return srv, v, dials
}

func TestKeysAreFetchedOnceAndAgainForANewOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, v, dials := counting(t, oidc.VerifierConfig{})
		old := mint(t, srv, oidctest.TokenRequest{})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				_, err := v.Verify(t.Context(), old)
				assert.NoError(t, err)
			})
		}
		all.Wait()
		assert.EqualValues(t, 1, dials.Load())
		_, err := srv.Rotate()
		require.NoError(t, err)
		fresh := mint(t, srv, oidctest.TokenRequest{})
		_, err = v.Verify(t.Context(), fresh)
		assert.ErrorIs(t, err, oidc.ErrUnknownKey, "the floor")
		time.Sleep(10 * time.Second)
		_, err = v.Verify(t.Context(), fresh)
		require.NoError(t, err)
		_, err = v.Verify(t.Context(), old)
		require.NoError(t, err)
		assert.EqualValues(t, 2, dials.Load())
	})
}

func TestAFloodOfForgedTokensDoesNotReachTheIssuer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, v, dials := counting(t, oidc.VerifierConfig{})
		good := mint(t, srv, oidctest.TokenRequest{Lifetime: 24 * time.Hour})
		srv.SetFault(oidctest.Fault{UnknownKeyID: true})
		for range 600 { // ten a second
			_, err := v.Verify(t.Context(), mint(t, srv, oidctest.TokenRequest{}))
			require.ErrorIs(t, err, oidc.ErrUnknownKey)
			_, err = v.Verify(t.Context(), good)
			require.NoError(t, err)
			time.Sleep(100 * time.Millisecond)
		}
		assert.LessOrEqual(t, dials.Load(), int32(7))
		one := mint(t, srv, oidctest.TokenRequest{})
		time.Sleep(time.Minute)
		before := dials.Load()
		for range 50 { // one and the same, over longer than the floor
			_, err := v.Verify(t.Context(), one)
			require.ErrorIs(t, err, oidc.ErrUnknownKey)
			time.Sleep(time.Second)
		}
		assert.Equal(t, before+1, dials.Load())
		foreign := mint(t, server(t, oidctest.Config{Issuer: "https://other.example.com"}), oidctest.TokenRequest{})
		before = dials.Load()
		time.Sleep(time.Minute)
		_, err := v.Verify(t.Context(), foreign)
		assert.ErrorIs(t, err, oidc.ErrIssuerMismatch)
		assert.Equal(t, before, dials.Load(), "no reason to ask")
	})
}

// forge mints a token with the id of a key that the issuer does not have.
func forge(t *testing.T, srv *oidctest.Server) string {
	t.Helper()
	srv.SetFault(oidctest.Fault{UnknownKeyID: true})
	defer srv.SetFault(oidctest.Fault{})
	return mint(t, srv, oidctest.TokenRequest{})
}

// step is a token that comes at a time, counted from the first, and what comes of it.
type step struct {
	after time.Duration
	token string
	err   error
	dials int32 // so far
}

func TestWhenTheIssuerIsAskedAgain(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string]func(*testing.T, *oidctest.Server) []step{
		"half of MaxAge, to the nanosecond": func(t *testing.T, srv *oidctest.Server) []step {
			good := mint(t, srv, oidctest.TokenRequest{Lifetime: 24 * time.Hour})
			return []step{{0, good, nil, 1}, {30*time.Minute - 1, good, nil, 1}, {30 * time.Minute, good, nil, 2}}
		},
		"a minute after the issuer did not have a key": func(t *testing.T, srv *oidctest.Server) []step {
			forged := forge(t, srv)
			return []step{{0, forged, oidc.ErrUnknownKey, 1}, {time.Minute - 1, forged, oidc.ErrUnknownKey, 1}, {time.Minute, forged, oidc.ErrUnknownKey, 2}}
		},
		"not for one forged token between others": func(t *testing.T, srv *oidctest.Server) []step {
			one, other := forge(t, srv), forge(t, srv)
			return []step{{0, one, oidc.ErrUnknownKey, 1}, {10 * time.Second, other, oidc.ErrUnknownKey, 2}, {20 * time.Second, one, oidc.ErrUnknownKey, 2}}
		},
		"for a key that was there and is gone": func(t *testing.T, srv *oidctest.Server) []step {
			old, kid := mint(t, srv, oidctest.TokenRequest{}), srv.KeyID()
			_, err := srv.Rotate()
			require.NoError(t, err)
			time.AfterFunc(time.Second, func() { _ = srv.Retire(kid) })
			return []step{{0, old, nil, 1}, {10 * time.Second, forge(t, srv), oidc.ErrUnknownKey, 2}, {20 * time.Second, old, oidc.ErrUnknownKey, 3}}
		},
		"for a new key when the issuer works again": func(t *testing.T, srv *oidctest.Server) []step {
			good, forged := mint(t, srv, oidctest.TokenRequest{}), forge(t, srv)
			time.AfterFunc(time.Second, func() { srv.SetFault(oidctest.Fault{Status: 500}) })
			return []step{{0, good, nil, 1}, {10 * time.Second, forged, oidc.ErrUnknownKey, 2}, {20 * time.Second, forged, oidc.ErrUnknownKey, 3}}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv, v, dials := counting(t, oidc.VerifierConfig{})
			began := time.Now()
			for i, s := range steps(t, srv) {
				time.Sleep(time.Until(began.Add(s.after)))
				_, err := v.Verify(t.Context(), s.token)
				require.ErrorIs(t, err, s.err, "%s: step %d", name, i)
				require.Equal(t, s.dials, dials.Load(), "%s: step %d", name, i)
			}
		})
	}
}

func TestAFetchUnderWayHoldsUpOnlyWhoNeedsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ age, waits time.Duration }{
		"keys that are usable":  {31 * time.Minute, 0},
		"keys that are too old": {61 * time.Minute, 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv, v, dials := counting(t, oidc.VerifierConfig{})
			token := mint(t, srv, oidctest.TokenRequest{Lifetime: 24 * time.Hour})
			_, err := v.Verify(t.Context(), token)
			require.NoError(t, err, name)
			time.Sleep(c.age)
			srv.SetFault(oidctest.Fault{Latency: time.Second}) // of the document, and of the keys
			var first sync.WaitGroup
			first.Go(func() {
				_, err := v.Verify(t.Context(), token)
				assert.NoError(t, err, name)
			})
			synctest.Wait()
			began := time.Now()
			_, err = v.Verify(t.Context(), token)
			assert.NoError(t, err, name)
			assert.Equal(t, c.waits, time.Since(began), name)
			first.Wait()
			assert.EqualValues(t, 2, dials.Load(), name)
		})
	}
}

func TestTheIdsOfForgedKeysTakeBoundedMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, v, dials := counting(t, oidc.VerifierConfig{})
		srv.SetFault(oidctest.Fault{UnknownKeyID: true})
		forged := make([]string, 1025)
		for i := range forged {
			forged[i] = mint(t, srv, oidctest.TokenRequest{})
		}
		for want := range int32(2) {
			var all sync.WaitGroup
			for _, token := range forged {
				all.Go(func() {
					_, err := v.Verify(t.Context(), token)
					assert.ErrorIs(t, err, oidc.ErrUnknownKey)
				})
			}
			all.Wait()
			assert.Equal(t, want+1, dials.Load(), "more than a thousand are forgotten, and asked for in one fetch")
			time.Sleep(10 * time.Second)
		}
	})
}

func TestKeysFromBeforeTheClockWasSetBackAreFetchedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var back atomic.Int64
		srv, v, dials := counting(t, oidc.VerifierConfig{Now: func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }})
		token := mint(t, srv, oidctest.TokenRequest{Lifetime: 24 * time.Hour})
		for range 2 {
			_, err := v.Verify(t.Context(), token)
			require.NoError(t, err)
		}
		require.EqualValues(t, 1, dials.Load())
		back.Store(int64(30 * time.Second)) // nobody knows how old they are now
		_, err := v.Verify(t.Context(), token)
		require.NoError(t, err)
		require.EqualValues(t, 2, dials.Load())
	})
}

func TestARetiredKeyIsAcceptedNoLongerThanMaxAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, v, _ := counting(t, oidc.VerifierConfig{})
		old, kid := mint(t, srv, oidctest.TokenRequest{Lifetime: 24 * time.Hour}), srv.KeyID()
		_, err := v.Verify(t.Context(), old)
		require.NoError(t, err)
		_, err = srv.Rotate()
		require.NoError(t, err)
		require.NoError(t, srv.Retire(kid))
		time.Sleep(29 * time.Minute)
		_, err = v.Verify(t.Context(), old)
		require.NoError(t, err)
		time.Sleep(2 * time.Minute)
		_, err = v.Verify(t.Context(), old)
		assert.ErrorIs(t, err, oidc.ErrUnknownKey)
	})
}

func TestKeysAreUsedOnWhileTheIssuerFailsAndNotForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, v, dials := counting(t, oidc.VerifierConfig{})
		token := mint(t, srv, oidctest.TokenRequest{Lifetime: 24 * time.Hour})
		srv.SetFault(oidctest.Fault{Status: 500})
		for range 5 { // a failure is remembered
			_, err := v.Verify(t.Context(), token)
			require.ErrorIs(t, err, oidc.ErrKeysUnavailable)
			var status *oidc.StatusError
			require.ErrorAs(t, err, &status)
		}
		assert.EqualValues(t, 1, dials.Load())
		srv.SetFault(oidctest.Fault{})
		time.Sleep(10 * time.Second)
		_, err := v.Verify(t.Context(), token)
		require.NoError(t, err)
		srv.SetFault(oidctest.Fault{Status: 500})
		time.Sleep(59 * time.Minute)
		_, err = v.Verify(t.Context(), token)
		require.NoError(t, err)
		time.Sleep(time.Minute) // an hour, to the nanosecond
		_, err = v.Verify(t.Context(), token)
		assert.ErrorIs(t, err, oidc.ErrKeysUnavailable)
	})
}

func TestACallerMayGiveUpAndNothingIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, v, dials := counting(t, oidc.VerifierConfig{})
		token := mint(t, srv, oidctest.TokenRequest{})
		srv.SetFault(oidctest.Fault{Latency: 4 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var patient error
		var all sync.WaitGroup
		all.Go(func() { _, patient = v.Verify(t.Context(), token) })
		began := time.Now()
		_, err := v.Verify(ctx, token)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(began), "who gives up is not held")
		all.Wait()
		require.NoError(t, patient, "the fetch goes on for who waits: two answers of four seconds within ten")
		assert.EqualValues(t, 1, dials.Load())
	})
	synctest.Test(t, func(t *testing.T) {
		srv, v, dials := counting(t, oidc.VerifierConfig{})
		token := mint(t, srv, oidctest.TokenRequest{})
		srv.SetFault(oidctest.Fault{Latency: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := v.Verify(ctx, token)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		srv.SetFault(oidctest.Fault{})
		_, err = v.Verify(t.Context(), token)
		require.ErrorIs(t, err, oidc.ErrKeysUnavailable)
		assert.ErrorContains(t, err, "the last fetch was given up")
		assert.EqualValues(t, 1, dials.Load(), "whoever gives up at once does not cause a fetch each time")
		time.Sleep(time.Second)
		_, err = v.Verify(t.Context(), token)
		assert.NoError(t, err, "a fetch that was given up holds others back for a second only")
	})
}

// The clock is the caller's and is read in a goroutine of ours, where no caller could recover.
func TestAClockThatPanicsWhileKeysAreFetchedIsAnError(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	token := mint(t, srv, oidctest.TokenRequest{})
	var dialled atomic.Bool
	client := srv.Client()
	client.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialled.Store(true)
		return srv.DialContext(ctx, network, addr)
	}
	v, err := oidc.NewVerifier(srv.Issuer(), audience, oidc.VerifierConfig{Client: client, Now: func() time.Time {
		if dialled.CompareAndSwap(true, false) {
			panic("boom")
		}
		return time.Now()
	}})
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), token)
	require.ErrorIs(t, err, oidc.ErrKeysUnavailable)
	assert.ErrorContains(t, err, "panicked, in")
}

func TestADialOfTheCallersThatEndsItsGoroutineDoesNotEndTheVerifier(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	token := mint(t, srv, oidctest.TokenRequest{})
	client := srv.Client()
	ends := true
	client.Proxy = func(*http.Request) (*url.URL, error) {
		if ends {
			runtime.Goexit()
		}
		return nil, nil
	}
	var late time.Duration
	v, err := oidc.NewVerifier(srv.Issuer(), audience, oidc.VerifierConfig{Client: client, Now: func() time.Time { return time.Now().Add(late) }})
	require.NoError(t, err)
	for range 2 {
		_, err = v.Verify(t.Context(), token)
		require.ErrorIs(t, err, oidc.ErrKeysUnavailable)
		assert.ErrorContains(t, err, "did not return")
	}
	ends, late = false, 11*time.Second
	_, err = v.Verify(t.Context(), token)
	assert.NoError(t, err)
}

// A server recovers from the panics of its handlers and goes on.
func TestAClockThatPanicsLeavesNoLockBehind(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	token := mint(t, srv, oidctest.TokenRequest{})
	for at := range 10 {
		calls := -1
		v, err := oidc.NewVerifier(srv.Issuer(), audience, oidc.VerifierConfig{Client: srv.Client(), Now: func() time.Time {
			if calls++; calls == at {
				panic("boom")
			}
			return time.Now().Add(time.Duration(calls) * time.Minute)
		}})
		require.NoError(t, err)
		func() {
			defer func() { _ = recover() }()
			_, _ = v.Verify(t.Context(), token)
		}()
		calls = at
		_, err = v.Verify(t.Context(), token)
		assert.NoError(t, err, "at reading %d", at)
	}
}
