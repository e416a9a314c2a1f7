package oidc_test

import (
	"context"
	"crypto/elliptic"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

// forge mints a token with the id of a key that the issuer does not have.
func forge(t *testing.T, srv *oidctest.Server) string {
	t.Helper()
	srv.SetFault(oidctest.Fault{UnknownKeyID: true})
	defer srv.SetFault(oidctest.Fault{})
	return mint(t, srv, oidctest.TokenRequest{})
}

// nameless has the server serve keys of the test's, and mints a token that names none of them.
func nameless(t *testing.T, srv *oidctest.Server, keys int) string {
	t.Helper()
	signer := ecKey(t, elliptic.P256())
	set, err := oidc.NewKeySet(signer.Public())
	require.NoError(t, err)
	for range keys - 1 {
		set, err = set.With(ecKey(t, elliptic.P256()).Public())
		require.NoError(t, err)
	}
	jwks, err := json.Marshal(set)
	require.NoError(t, err)
	srv.SetFault(oidctest.Fault{KeySet: string(jwks)})
	return sign(t, jose.ES256, signer, "", fmt.Sprintf(`{"iss":%q,"sub":"system:serviceaccount:ns:sa","aud":[%q],"exp":%d,"iat":%d,
		"kubernetes.io":{"namespace":"ns","serviceaccount":{"name":"sa","uid":"u"}}}`, srv.URL(), audience, time.Now().Add(24*time.Hour).Unix(), time.Now().Unix()))
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
		"at half of MaxAge, for a token that does not name the only key": func(t *testing.T, srv *oidctest.Server) []step {
			token := nameless(t, srv, 1)
			return []step{{0, token, nil, 1}, {2 * time.Minute, token, nil, 1}, {30 * time.Minute, token, nil, 2}}
		},
		"a minute after a token that does not name one of two keys": func(t *testing.T, srv *oidctest.Server) []step {
			token := nameless(t, srv, 2)
			return []step{{0, token, oidc.ErrUnknownKey, 1}, {time.Minute - 1, token, oidc.ErrUnknownKey, 1}, {time.Minute, token, oidc.ErrUnknownKey, 2}}
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

func TestAnIssuerThatHangsDoesNotHoldUpTokensOfKnownKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, v, dials := counting(t, oidc.VerifierConfig{})
		token := mint(t, srv, oidctest.TokenRequest{Lifetime: 24 * time.Hour})
		_, err := v.Verify(t.Context(), token)
		require.NoError(t, err)
		time.Sleep(31 * time.Minute)
		srv.SetFault(oidctest.Fault{Latency: time.Hour})
		for patience := range 25 { // half a second, and longer than a fetch takes
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond+time.Duration(patience)*time.Second)
			began := time.Now()
			_, err = v.Verify(ctx, token)
			cancel()
			require.NoError(t, err)
			require.LessOrEqual(t, time.Since(began), time.Second)
			time.Sleep(time.Second)
		}
		assert.LessOrEqual(t, dials.Load(), int32(3), "10 seconds each, and 10 between them")
		srv.SetFault(oidctest.Fault{Latency: 2 * time.Second})
		time.Sleep(20 * time.Second)
		_, err = v.Verify(t.Context(), token)
		require.NoError(t, err)
		time.Sleep(28 * time.Minute) // more than MaxAge after the first keys
		before := dials.Load()
		_, err = v.Verify(t.Context(), token)
		require.NoError(t, err)
		assert.Equal(t, before, dials.Load(), "a fetch for which nobody waited is used")
	})
}

func TestKeysOfAShortAgeAreFetchedInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, v, dials := counting(t, oidc.VerifierConfig{MaxAge: 3 * time.Second})
		token := mint(t, srv, oidctest.TokenRequest{})
		for range 30 {
			_, err := v.Verify(t.Context(), token)
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		assert.EqualValues(t, 10, dials.Load())
		srv.SetFault(oidctest.Fault{Status: 500})
		for range 30 {
			_, _ = v.Verify(t.Context(), token)
			time.Sleep(time.Second)
		}
		assert.EqualValues(t, 13, dials.Load(), "a failure is not repeated within 10 seconds")
	})
}

// suspended is what time.Now returns on a machine that was suspended for d since: the monotonic
// clock, the second word of a Time, stood still.
func suspended(since time.Time, d time.Duration) time.Time {
	now := since.Add(d)
	(*[2]int64)(unsafe.Pointer(&now))[1] = (*[2]int64)(unsafe.Pointer(&since))[1]
	return now
}

func TestKeysFromBeforeAMachineWasSuspendedAreFetchedAgain(t *testing.T) {
	t.Parallel()
	began, slept := time.Now(), time.Duration(0)
	require.Zero(t, suspended(began, time.Hour).Sub(began))
	require.Equal(t, time.Hour, suspended(began, time.Hour).Round(0).Sub(began))
	srv, v, dials := counting(t, oidc.VerifierConfig{Now: func() time.Time { return suspended(began, slept) }})
	token := mint(t, srv, oidctest.TokenRequest{Lifetime: 24 * time.Hour})
	for i, after := range []time.Duration{0, 29 * time.Minute, 2 * time.Hour} {
		slept = after
		_, err := v.Verify(t.Context(), token)
		require.NoError(t, err)
		require.EqualValues(t, 1+i/2, dials.Load(), after)
	}
}

func TestAClockThatWasSetBackDoesNotKeepAKeyMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var back time.Duration
		srv, v, _ := counting(t, oidc.VerifierConfig{Now: func() time.Time { return time.Now().Add(-back) }})
		old, before := mint(t, srv, oidctest.TokenRequest{Lifetime: 24 * time.Hour}), srv.KeySet()
		_, err := srv.Rotate()
		require.NoError(t, err)
		fresh := mint(t, srv, oidctest.TokenRequest{Lifetime: 24 * time.Hour})
		jwks, err := json.Marshal(before)
		require.NoError(t, err)
		srv.SetFault(oidctest.Fault{KeySet: string(jwks)})
		time.Sleep(2 * time.Hour) // so that neither token is from the future
		_, err = v.Verify(t.Context(), fresh)
		require.ErrorIs(t, err, oidc.ErrUnknownKey)
		back = time.Hour
		_, err = v.Verify(t.Context(), old)
		require.NoError(t, err)
		srv.SetFault(oidctest.Fault{})
		time.Sleep(61 * time.Second)
		_, err = v.Verify(t.Context(), fresh)
		assert.NoError(t, err)
	})
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
