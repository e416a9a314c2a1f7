package oidctest_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

func TestTokensHaveTheClaimsOfKubernetes(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 5, 6, 7, 8, 9, 0, time.UTC)
	srv := newServer(t, oidctest.Config{Issuer: "https://idp.example.com", Now: func() time.Time { return now }})
	token, err := srv.Token(oidctest.TokenRequest{
		Namespace: "ns", ServiceAccount: "sa", UID: "u-1", Pod: "web-0", PodUID: "p-1", Node: "node-1",
		Audiences: []string{"a", "b"}, Lifetime: 10 * time.Minute,
	})
	require.NoError(t, err)
	v, err := oidc.NewVerifier(srv.Issuer(), "b", oidc.VerifierConfig{Client: srv.Client()})
	require.NoError(t, err)
	claims, err := v.Verify(t.Context(), token)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, claims.Audiences)
	assert.Equal(t, oidc.ObjectRef{Name: "sa", UID: "u-1"}, claims.ServiceAccount)
	assert.Equal(t, oidc.ObjectRef{Name: "web-0", UID: "p-1"}, claims.Pod)
	assert.Equal(t, "node-1", claims.Node.Name)
	assert.Equal(t, now, claims.IssuedAt.UTC())
	assert.Equal(t, now.Add(10*time.Minute), claims.Expires.UTC())

	expired, err := srv.Token(oidctest.TokenRequest{Namespace: "ns", ServiceAccount: "sa", Audiences: []string{"b"}, Lifetime: -time.Second})
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), expired)
	assert.ErrorIs(t, err, oidc.ErrExpired)
	for want, bad := range map[string]oidctest.TokenRequest{
		`namespace ""`:                    {ServiceAccount: "sa"},
		`service account ""`:              {Namespace: "ns"},
		`namespace "N:s"`:                 {Namespace: "N:s", ServiceAccount: "sa"},
		`node "n" is given without a pod`: {Namespace: "ns", ServiceAccount: "sa", Node: "n"},
	} {
		_, err = srv.Token(bad)
		assert.ErrorContains(t, err, want)
	}
}

func TestARotatedKeyStaysServedUntilItIsRetired(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"RS256", "ES256", "ES384", "ES512"} {
		srv := newServer(t, oidctest.Config{Issuer: "https://idp.example.com", Algorithm: alg})
		old := srv.KeyID()
		token, err := srv.Token(oidctest.TokenRequest{Namespace: "ns", ServiceAccount: "sa"})
		require.NoError(t, err)
		require.ErrorContains(t, srv.Retire(old), "it signs the tokens now")
		kid, err := srv.Rotate()
		require.NoError(t, err)
		assert.Equal(t, []string{old, kid}, srv.KeySet().IDs())
		assert.Equal(t, kid, srv.KeyID())
		_, err = srv.KeySet().VerifySignature(token)
		require.NoError(t, err, alg)
		require.NoError(t, srv.Retire(old))
		require.ErrorIs(t, srv.Retire(old), oidc.ErrUnknownKey)
		_, err = srv.KeySet().VerifySignature(token)
		assert.ErrorIs(t, err, oidc.ErrUnknownKey)
	}
}

func TestConfigurationsThatCannotBeServedAreRefused(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]oidctest.Config{
		`issuer "http://idp.example.com"`:                {Issuer: "http://idp.example.com"},
		`issuer "idp"`:                                   {Issuer: "idp"},
		`algorithm "HS256"`:                              {Algorithm: "HS256"},
		`"http://idp.example.com/k" is not an https URL`: {Issuer: "https://idp.example.com", JWKSURI: "http://idp.example.com/k"},
		`jwks URI "https://keys.example.com/k"`:          {JWKSURI: "https://keys.example.com/k"},
	} {
		srv, err := oidctest.NewServer(cfg)
		assert.ErrorContains(t, err, want)
		assert.Nil(t, srv)
	}
}

func TestTheKeySetIsNegotiatedAsByKubeAPIServer(t *testing.T) {
	t.Parallel()
	srv := newServer(t, oidctest.Config{})
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: srv.CertPool()}, DisableKeepAlives: true}
	for accept, want := range map[string]int{"application/json": 406, "*/*": 200, "": 200, "application/jwk-set+json": 200} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL()+"/openid/v1/jwks", nil)
		require.NoError(t, err)
		req.Header.Set("Accept", accept)
		resp, err := transport.RoundTrip(req)
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, want, resp.StatusCode, accept)
		if want == 200 {
			assert.Equal(t, "application/jwk-set+json", resp.Header.Get("Content-Type"))
		}
	}
}

func TestFaultsOfTheServedDocuments(t *testing.T) {
	t.Parallel()
	srv := newServer(t, oidctest.Config{Issuer: "https://idp.example.com", Algorithm: "ES256"})
	srv.SetFault(oidctest.Fault{UnknownKeyID: true})
	token, err := srv.Token(oidctest.TokenRequest{Namespace: "ns", ServiceAccount: "sa"})
	require.NoError(t, err)
	_, err = srv.KeySet().VerifySignature(token)
	require.ErrorIs(t, err, oidc.ErrUnknownKey)
	srv.SetFault(oidctest.Fault{WrongIssuer: "https://evil.example"})
	_, err = srv.Client().Discover(t.Context(), srv.Issuer())
	require.ErrorIs(t, err, oidc.ErrIssuerMismatch)
	srv.SetFault(oidctest.Fault{})
	doc, err := srv.Client().Discover(t.Context(), srv.Issuer())
	require.NoError(t, err)
	raw, err := json.Marshal(doc)
	require.NoError(t, err)
	assert.JSONEq(t, `{"issuer":"https://idp.example.com","jwks_uri":"https://idp.example.com/openid/v1/jwks",
		"response_types_supported":["id_token"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256"]}`, string(raw))
}

// A bubble does not end before its goroutines do, those of the server included.
func TestNothingOutlivesClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, err := oidctest.NewServer(oidctest.Config{Issuer: "https://idp.example.com", Algorithm: "ES256"})
		require.NoError(t, err)
		srv.SetFault(oidctest.Fault{Latency: time.Hour})
		var waiting sync.WaitGroup
		for range 5 {
			waiting.Go(func() {
				_, err := srv.Client().Discover(t.Context(), srv.Issuer())
				assert.ErrorIs(t, err, io.EOF)
			})
		}
		idle, err := srv.DialContext(t.Context(), "tcp", "idp.example.com:443")
		require.NoError(t, err)
		defer idle.Close()
		time.Sleep(time.Second)
		start := time.Now()
		srv.Close()
		srv.Close()
		assert.Zero(t, time.Since(start))
		waiting.Wait()
		_, err = srv.DialContext(t.Context(), "tcp", "idp.example.com:443")
		assert.ErrorContains(t, err, "the server is closed")
	})
	srv, err := oidctest.NewServer(oidctest.Config{Algorithm: "ES256"})
	require.NoError(t, err)
	conn, err := tls.Dial("tcp", strings.TrimPrefix(srv.URL(), "https://"), &tls.Config{RootCAs: srv.CertPool()})
	require.NoError(t, err)
	defer conn.Close()
	srv.Close()
	_, err = tls.Dial("tcp", strings.TrimPrefix(srv.URL(), "https://"), nil)
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
}
