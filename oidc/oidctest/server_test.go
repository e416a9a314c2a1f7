package oidctest_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

func newServer(t *testing.T, cfg oidctest.Config) *oidctest.Server {
	t.Helper()
	srv, err := oidctest.NewServer(cfg)
	require.NoError(t, err)
	t.Cleanup(srv.Close)
	return srv
}

func TestALoopbackIssuerIsReachedOverTheNetwork(t *testing.T) {
	t.Parallel()
	srv := newServer(t, oidctest.Config{})
	client := &oidc.Client{RootCAs: srv.CertPool()}
	doc, err := client.Discover(t.Context(), srv.Issuer())
	require.NoError(t, err)
	assert.Equal(t, srv.URL()+"/openid/v1/jwks", doc.JWKSURI)
	keys, err := client.Keys(t.Context(), srv.Issuer())
	require.NoError(t, err)
	assert.Equal(t, srv.KeySet().IDs(), keys.IDs())
	report, err := client.Thumbprints(t.Context(), srv.Issuer())
	require.NoError(t, err)
	require.Len(t, report.Thumbprints, 1)
	assert.Equal(t, oidc.NeedPrivateCA, report.Need)
	assert.Len(t, report.Endpoints, 1)
	t.Log(report)
}

func TestAnIssuerInMemoryMayHaveAnyName(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{
		"https://idp.example.com", "https://idp.example.com/id/1", "https://idp.example.com:8443/x/",
		"https://10.1.2.3", "https://[fd00::1]:6443/a", "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
	} {
		srv := newServer(t, oidctest.Config{Issuer: issuer, Algorithm: "ES256"})
		keys, err := srv.Client().Keys(t.Context(), srv.Issuer())
		require.NoError(t, err, issuer)
		token, err := srv.Token(oidctest.TokenRequest{Namespace: "ns", ServiceAccount: "sa"})
		require.NoError(t, err)
		payload, err := keys.VerifySignature(token)
		require.NoError(t, err)
		var claims map[string]any
		require.NoError(t, json.Unmarshal(payload, &claims))
		assert.Equal(t, issuer, claims["iss"])
		_, err = srv.DialContext(t.Context(), "tcp", "other.example.com:443")
		assert.ErrorContains(t, err, "other.example.com:443 is not an address of "+issuer)
	}
}

func TestInABubbleAnIdleConnectionDoesNotHoldTimeUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, err := oidctest.NewServer(oidctest.Config{Issuer: "https://idp.example.com", Algorithm: "ES256"})
		require.NoError(t, err)
		defer srv.Close()
		transport := &http.Transport{DialContext: srv.DialContext, TLSClientConfig: &tls.Config{RootCAs: srv.CertPool()}}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		start := time.Now()
		for range 3 {
			resp, err := client.Get(srv.URL() + "/.well-known/openid-configuration")
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, resp.Body)
			require.NoError(t, err)
			resp.Body.Close()
			time.Sleep(time.Minute)
		}
		assert.Equal(t, 3*time.Minute, time.Since(start))
		srv.SetFault(oidctest.Fault{Latency: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = srv.Client().Discover(ctx, srv.Issuer())
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
