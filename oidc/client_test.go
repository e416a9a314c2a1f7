package oidc_test

import (
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

func TestTheDocumentMustBeTheIssuersOwn(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{Issuer: "https://idp.example.com/a"})
	for _, wrong := range []string{"https://idp.example.com/a/", "https://idp.example.com/A", "https://idp.example.com:443/a", "https://evil.example"} {
		srv.SetFault(oidctest.Fault{WrongIssuer: wrong})
		doc, err := srv.Client().Discover(t.Context(), srv.Issuer())
		assert.ErrorIs(t, err, oidc.ErrIssuerMismatch, wrong)
		assert.Nil(t, doc)
	}
	srv.SetFault(oidctest.Fault{JWKSURI: "http://idp.example.com/keys"})
	_, err := srv.Client().Discover(t.Context(), srv.Issuer())
	assert.ErrorIs(t, err, oidc.ErrDocument)
	srv.SetFault(oidctest.Fault{Status: 503})
	_, err = srv.Client().Keys(t.Context(), srv.Issuer())
	var status *oidc.StatusError
	require.ErrorAs(t, err, &status)
	assert.Equal(t, 503, status.Status)
	srv.SetFault(oidctest.Fault{EndlessBody: true})
	_, err = srv.Client().Keys(t.Context(), srv.Issuer())
	assert.ErrorIs(t, err, oidc.ErrTooLarge)
	srv.SetFault(oidctest.Fault{RedirectTo: srv.URL() + "/round"})
	_, err = srv.Client().Keys(t.Context(), srv.Issuer())
	assert.ErrorIs(t, err, oidc.ErrRedirect)
}

func TestOnlyTheGivenRootsAreTrusted(t *testing.T) {
	t.Parallel()
	srv, stranger := server(t, oidctest.Config{}), server(t, oidctest.Config{})
	client := srv.Client()
	client.RootCAs = stranger.CertPool()
	_, err := client.Discover(t.Context(), srv.Issuer())
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
	srv.SetFault(oidctest.Fault{IncompleteChain: true})
	_, err = srv.Client().Discover(t.Context(), srv.Issuer())
	require.ErrorAs(t, err, &unknown)
	srv.SetFault(oidctest.Fault{ExpiredChain: true})
	_, err = srv.Client().Discover(t.Context(), srv.Issuer())
	var invalid x509.CertificateInvalidError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, x509.Expired, invalid.Reason)
	srv.SetFault(oidctest.Fault{TLS13Only: true})
	_, err = srv.Client().Discover(t.Context(), srv.Issuer())
	assert.NoError(t, err)
}

func TestZeroAndNilClientsDoNotPanic(t *testing.T) {
	t.Parallel()
	var client *oidc.Client
	for _, c := range []*oidc.Client{client, {}} {
		_, err := c.Discover(t.Context(), oidc.Issuer{})
		assert.ErrorIs(t, err, oidc.ErrIssuerZero)
		_, err = c.Keys(t.Context(), oidc.Issuer{})
		assert.ErrorIs(t, err, oidc.ErrIssuerZero)
		_, err = c.Thumbprints(t.Context(), oidc.Issuer{})
		assert.ErrorIs(t, err, oidc.ErrIssuerZero)
		assert.ErrorIs(t, c.Preflight(t.Context(), oidc.Issuer{}, oidc.PreflightConfig{}).Err(), oidc.ErrIssuerZero)
	}
}
