package oidc_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

// A nil context is a mistake, but no reason to take the program down, nor to leave a lock held.
func TestANilContextIsOneWithoutAnEnd(t *testing.T) {
	t.Parallel()
	var none context.Context
	srv := server(t, oidctest.Config{})
	_, err := srv.Client().Keys(none, srv.Issuer())
	require.NoError(t, err)
	_, err = srv.Client().Thumbprints(none, srv.Issuer())
	require.NoError(t, err)
	require.NoError(t, oidc.Directory(t.TempDir()).PutObject(none, oidc.Object{Path: "a"}))
	v, err := oidc.NewVerifier(srv.Issuer(), "sts.amazonaws.com", oidc.VerifierConfig{Client: srv.Client()})
	require.NoError(t, err)
	claims, err := v.Verify(none, mint(t, srv, oidctest.TokenRequest{Namespace: "payments", ServiceAccount: "api"}))
	require.NoError(t, err)
	assert.Equal(t, "payments", claims.Namespace)
	_, err = (&oidc.Verifier{}).Verify(none, mint(t, srv, oidctest.TokenRequest{Namespace: "payments", ServiceAccount: "api"}))
	assert.ErrorIs(t, err, oidc.ErrUnknownKey, "a Verifier that NewVerifier did not make believes nobody")
}
