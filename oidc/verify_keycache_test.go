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
