package oidc_test

import (
	"testing"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

// The two must be compared within one run: the first is the signature alone, the second the
// whole verdict.
func BenchmarkVerifyRS256(b *testing.B) {
	srv, err := oidctest.NewServer(oidctest.Config{Issuer: "https://idp.example.com"})
	require.NoError(b, err)
	defer srv.Close()
	token, err := srv.Token(oidctest.TokenRequest{Namespace: "ns", ServiceAccount: "sa", Pod: "pod", Node: "node"})
	require.NoError(b, err)
	key, ok := srv.KeySet().Key(srv.KeyID())
	require.True(b, ok)
	b.Run("go-jose", func(b *testing.B) {
		for b.Loop() {
			jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := jws.Verify(key); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Verifier", func(b *testing.B) {
		v, err := oidc.NewVerifier(srv.Issuer(), "sts.amazonaws.com", oidc.VerifierConfig{Client: srv.Client()})
		require.NoError(b, err)
		_, err = v.Verify(b.Context(), token)
		require.NoError(b, err)
		for b.Loop() {
			if _, err := v.Verify(b.Context(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
}
