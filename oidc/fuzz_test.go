package oidc_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
)

func FuzzAKeySetIsTheSameAfterMarshalling(f *testing.F) {
	f.Add(recorded(f, "jwks.json"))
	f.Add([]byte(`{"keys":[{` + p + `,"kid":"a","x5c":["AA=="],"key_ops":["verify"]},{"kty":"oct","k":"AA"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AA"}]}`))
	f.Fuzz(func(t *testing.T, jwks []byte) {
		set, err := oidc.ParseKeySet(jwks)
		if err != nil {
			assert.Nil(t, set)
			return
		}
		_ = set.CheckSTS()
		_, _ = set.VerifySignature(string(jwks))
		once, err := json.Marshal(set)
		require.NoError(t, err)
		again, err := oidc.ParseKeySet(once)
		require.NoError(t, err)
		assert.Equal(t, set.IDs(), again.IDs())
		twice, err := json.Marshal(again)
		require.NoError(t, err)
		assert.Equal(t, string(once), string(twice))
	})
}

func FuzzADocumentIsTheSameAfterMarshalling(f *testing.F) {
	f.Add(recorded(f, "discovery.json"))
	f.Add([]byte(`{"issuer":"https://a","jwks_uri":"https://b?c","claims_supported":["sub"]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		doc, err := oidc.ParseDocument(raw)
		if err != nil {
			assert.Nil(t, doc)
			return
		}
		assert.False(t, doc.Issuer.IsZero())
		once, err := json.Marshal(doc)
		require.NoError(t, err)
		again, err := oidc.ParseDocument(once)
		require.NoError(t, err)
		twice, err := json.Marshal(again)
		require.NoError(t, err)
		assert.Equal(t, string(once), string(twice))
	})
}

// A token of which a single character differs is another's.
func FuzzNoAlteredTokenVerifies(f *testing.F) {
	keys, err := oidc.ParseKeySet(recorded(f, "jwks.json"))
	require.NoError(f, err)
	good := string(recorded(f, "token.jwt"))
	minted := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	iss, err := oidc.ParseIssuer("https://issuer.example.com")
	require.NoError(f, err)
	v, err := oidc.NewVerifier(iss, audience, oidc.VerifierConfig{Keys: keys, Now: func() time.Time { return minted }})
	require.NoError(f, err)
	f.Add(good)
	f.Add(good + "\n")
	f.Add(strings.ToLower(good))
	f.Add("e30.e30.e30")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := v.Verify(t.Context(), token)
		if err != nil {
			assert.Zero(t, claims)
			return
		}
		assert.Equal(t, good, token)
	})
}

func FuzzIssuersNeverPanic(f *testing.F) {
	f.Add("https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF")
	f.Add("https://[::1]:6443/x/")
	f.Fuzz(func(t *testing.T, raw string) {
		iss, err := oidc.ParseIssuer(raw)
		if err != nil {
			assert.Zero(t, iss)
			return
		}
		assert.Equal(t, raw, iss.String())
		_ = iss.CheckIAM()
		_ = iss.Warnings()
		if cluster, ok := iss.EKS(); ok {
			assert.NoError(t, iss.CheckIAM())
			assert.True(t, strings.HasSuffix(raw, "/id/"+cluster.ID))
		}
	})
}
