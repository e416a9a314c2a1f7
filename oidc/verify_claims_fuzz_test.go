package oidc_test

import (
	"crypto/elliptic"
	"testing"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
)

// Signed claims of any form: the issuer itself is not trusted to be well-formed.
func FuzzSignedClaimsNeverPanic(f *testing.F) {
	key := ecKey(f, elliptic.P256())
	keys, err := oidc.NewKeySet(key.Public())
	require.NoError(f, err)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	require.NoError(f, err)
	iss, err := oidc.ParseIssuer("https://a")
	require.NoError(f, err)
	v, err := oidc.NewVerifier(iss, "b", oidc.VerifierConfig{Keys: keys})
	require.NoError(f, err)
	f.Add(`{"iss":"https://a","sub":"system:serviceaccount:n:s","aud":"b","iat":1,"exp":99999999999,"kubernetes.io":{"namespace":"n","serviceaccount":{"name":"s"}}}`)
	f.Add(`{"iss":null,"aud":[[]],"exp":-1e400}`)
	f.Fuzz(func(t *testing.T, payload string) {
		jws, err := signer.Sign([]byte(payload))
		require.NoError(t, err)
		token, err := jws.CompactSerialize()
		require.NoError(t, err)
		claims, err := v.Verify(t.Context(), token)
		if err != nil {
			assert.Zero(t, claims)
			return
		}
		assert.Equal(t, iss, claims.Issuer)
		assert.Equal(t, "system:serviceaccount:"+claims.Namespace+":"+claims.ServiceAccount.Name, claims.Subject)
		assert.Equal(t, claims.Subject, claims.Map()["sub"])
	})
}
