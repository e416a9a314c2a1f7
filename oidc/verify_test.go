package oidc_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
)

const audience = "sts.amazonaws.com"

func TestTheTokenOfARealAPIServerVerifies(t *testing.T) {
	t.Parallel()
	keys, err := oidc.ParseKeySet(recorded(t, "jwks.json"))
	require.NoError(t, err)
	minted := time.Date(2026, 11, 23, 8, 27, 47, 0, time.UTC)
	v, err := oidc.NewVerifier(issuer(t, "https://issuer.example.com"), audience,
		oidc.VerifierConfig{Keys: keys, Now: func() time.Time { return minted }})
	require.NoError(t, err)
	claims, err := v.Verify(t.Context(), string(recorded(t, "token.jwt")))
	require.NoError(t, err)
	assert.Equal(t, "https://issuer.example.com", claims.Issuer.String())
	assert.Equal(t, "system:serviceaccount:default:reader", claims.Subject)
	assert.Equal(t, []string{audience}, claims.Audiences)
	assert.Equal(t, "default", claims.Namespace)
	assert.Equal(t, oidc.ObjectRef{Name: "reader", UID: "529eea8c-d651-4454-a0a5-bc50ea37b6b3"}, claims.ServiceAccount)
	assert.Equal(t, oidc.ObjectRef{Name: "web-0", UID: "8e0660dd-8393-4c91-b5bf-892bddb85f2d"}, claims.Pod)
	assert.Equal(t, oidc.ObjectRef{Name: "node-1", UID: "2ce3d274-0574-4c1a-bf65-ed8b4a9f0af0"}, claims.Node)
	assert.Equal(t, minted, claims.IssuedAt.UTC())
	assert.Equal(t, minted.Add(24*time.Hour), claims.Expires.UTC())
	assert.Equal(t, json.Number("1795508867"), claims.Map()["exp"])

	all, err := v.VerifyMap(t.Context(), string(recorded(t, "token.jwt")))
	require.NoError(t, err)
	assert.Equal(t, claims.Map(), all)
	all, err = v.VerifyMap(t.Context(), "no token")
	assert.ErrorIs(t, err, oidc.ErrMalformedToken)
	assert.Nil(t, all)
}

// sign makes a token of any header and claims with a key of the test's own.
func sign(t *testing.T, alg jose.SignatureAlgorithm, key crypto.Signer, kid, claims string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
	require.NoError(t, err)
	jws, err := signer.Sign([]byte(claims))
	require.NoError(t, err)
	token, err := jws.CompactSerialize()
	require.NoError(t, err)
	return token
}

func TestEveryFailureHasItsSentinel(t *testing.T) {
	t.Parallel()
	key, other := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256())
	keys, err := oidc.NewKeySet(key.Public())
	require.NoError(t, err)
	kid := keys.IDs()[0]
	now := time.Unix(1_000_000, 0)
	v, err := oidc.NewVerifier(issuer(t, "https://idp.example.com"), audience,
		oidc.VerifierConfig{Keys: keys, Now: func() time.Time { return now }})
	require.NoError(t, err)
	good := map[string]any{
		"iss": "https://idp.example.com", "sub": "system:serviceaccount:ns:sa", "aud": []string{audience},
		"iat": 1_000_000, "nbf": 1_000_000, "exp": 1_003_600,
		"kubernetes.io": map[string]any{"namespace": "ns", "serviceaccount": map[string]any{"name": "sa", "uid": "u"}},
	}
	with := func(name string, value any) string {
		claims := map[string]any{}
		for k, v := range good {
			claims[k] = v
		}
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
		raw, err := json.Marshal(claims)
		require.NoError(t, err)
		return string(raw)
	}
	es256 := func(claims string) string { return sign(t, jose.ES256, key, kid, claims) }
	account := func(ns, name string) map[string]any {
		return map[string]any{"namespace": ns, "serviceaccount": map[string]any{"name": name}}
	}
	withAccount := func(ns, name string) string {
		claims := map[string]any{"kubernetes.io": account(ns, name), "sub": "system:serviceaccount:" + ns + ":" + name}
		for k, v := range good {
			if claims[k] == nil {
				claims[k] = v
			}
		}
		raw, err := json.Marshal(claims)
		require.NoError(t, err)
		return string(raw)
	}
	fine := es256(with("", nil))
	_, err = v.Verify(t.Context(), fine)
	require.NoError(t, err)
	_, err = v.Verify(t.Context(), sign(t, jose.ES256, key, "", with("aud", audience)))
	require.NoError(t, err, "one audience may be a string, and of one key no id is needed")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + strings.Split(fine, ".")[1] + "."
	hmac := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + strings.Split(fine, ".")[1] + ".AAAA"
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"nothing":                     {"", oidc.ErrMalformedToken},
		"no JWT":                      {"a.b", oidc.ErrMalformedToken},
		"a newline at its end":        {fine + "\n", oidc.ErrMalformedToken},
		"too long":                    {fine + strings.Repeat("A", 20000), oidc.ErrMalformedToken},
		"claims that are a list":      {es256(`[]`), oidc.ErrMalformedToken},
		"claims that are not JSON":    {es256(`iss`), oidc.ErrMalformedToken},
		"sub twice":                   {es256(`{"sub":"a",` + with("", nil)[1:]), oidc.ErrMalformedToken},
		"alg none":                    {none, oidc.ErrAlgorithm},
		"alg HS256":                   {hmac, oidc.ErrAlgorithm},
		"another key":                 {sign(t, jose.ES256, other, kid, with("", nil)), oidc.ErrSignature},
		"an altered signature":        {fine[:len(fine)-10] + "AAAAAAAAAA", oidc.ErrSignature},
		"another kid":                 {sign(t, jose.ES256, key, "x", with("", nil)), oidc.ErrUnknownKey},
		"another curve's alg":         {sign(t, jose.ES384, ecKey(t, elliptic.P384()), kid, with("", nil)), oidc.ErrAlgorithm},
		"no iss":                      {es256(with("iss", nil)), oidc.ErrMissingClaim},
		"no sub":                      {es256(with("sub", nil)), oidc.ErrMissingClaim},
		"no aud":                      {es256(with("aud", nil)), oidc.ErrMissingClaim},
		"no iat":                      {es256(with("iat", nil)), oidc.ErrMissingClaim},
		"no exp":                      {es256(with("exp", nil)), oidc.ErrMissingClaim},
		"exp in words":                {es256(with("exp", "never")), oidc.ErrMalformedClaim},
		"exp beyond all":              {es256(with("exp", 1e300)), oidc.ErrMalformedClaim},
		"numeric sub":                 {es256(with("sub", 1)), oidc.ErrMalformedClaim},
		"numeric aud":                 {es256(with("aud", []int{1})), oidc.ErrMalformedClaim},
		"another issuer":              {es256(with("iss", "https://idp.example.com/")), oidc.ErrIssuerMismatch},
		"an issuer that is not a URL": {es256(with("iss", "kubernetes/serviceaccount")), oidc.ErrIssuerMismatch},
		"another audience":            {es256(with("aud", []string{"https://kubernetes.default.svc"})), oidc.ErrAudience},
		"no audience":                 {es256(with("aud", []string{})), oidc.ErrAudience},
		"expired this second":         {es256(with("exp", 1_000_000)), oidc.ErrExpired},
		"not yet":                     {es256(with("nbf", 1_000_061)), oidc.ErrNotYetValid},
		"issued later":                {es256(with("iat", 1_000_061)), oidc.ErrNotYetValid},
		"a user's":                    {es256(with("kubernetes.io", nil)), oidc.ErrNotServiceAccount},
		"another account":             {es256(with("kubernetes.io", account("ns", "other"))), oidc.ErrNotServiceAccount},
		"a name with a colon":         {es256(with("kubernetes.io", account("ns:sa", ""))), oidc.ErrNotServiceAccount},
		"a name with a colon, as the account has it": {es256(withAccount("a", "b:c")), oidc.ErrNotServiceAccount},
		"a namespace with a colon":                   {es256(withAccount("a:b", "c")), oidc.ErrNotServiceAccount},
		"a null among the audiences":                 {es256(with("aud", []any{audience, nil})), oidc.ErrMalformedClaim},
		"an account of another namespace":            {es256(with("kubernetes.io", account("other", "sa"))), oidc.ErrNotServiceAccount},
		"a sub of its own":                           {es256(with("sub", "alice")), oidc.ErrNotServiceAccount},
		"a sub without a name":                       {es256(with("sub", "system:serviceaccount:ns")), oidc.ErrNotServiceAccount},
		"swapped":                                    {es256(with("kubernetes.io", account("sa", "ns"))), oidc.ErrNotServiceAccount},
		"no object":                                  {es256(with("kubernetes.io", "ns")), oidc.ErrMalformedClaim},
	} {
		claims, err := v.Verify(t.Context(), c.token)
		require.ErrorIs(t, err, c.want, name)
		assert.Zero(t, claims, name)
		if len(c.token) > 20 {
			assert.NotContains(t, err.Error(), strings.Split(c.token, ".")[1], name)
		}
	}
	var dials atomic.Int32
	lazy, err := oidc.NewVerifier(issuer(t, "https://idp.example.com"), audience, oidc.VerifierConfig{
		Client: &oidc.Client{DialContext: func(context.Context, string, string) (net.Conn, error) {
			dials.Add(1)
			return nil, errors.New("no network")
		}},
		Now: func() time.Time { return now },
	})
	require.NoError(t, err)
	for want, claims := range map[error]string{
		oidc.ErrIssuerMismatch: with("iss", "https://idp.example.com/"), oidc.ErrAudience: with("aud", "vault"),
		oidc.ErrExpired: with("exp", 1_000_000), oidc.ErrMalformedClaim: with("sub", 1), oidc.ErrMissingClaim: with("sub", nil),
	} {
		_, err = lazy.Verify(t.Context(), es256(claims))
		require.ErrorIs(t, err, want)
	}
	assert.Zero(t, dials.Load(), "no keys are fetched for a token that would be refused anyway")
	_, err = lazy.Verify(t.Context(), fine)
	require.ErrorIs(t, err, oidc.ErrKeysUnavailable)
	assert.NotZero(t, dials.Load())
	_, err = v.Verify(t.Context(), es256(with("nbf", 1_000_060)))
	assert.NoError(t, err, "within the tolerance of a minute")
}

// An RSA key can sign with three algorithms; an entry that names one is for that one alone.
func TestATokenHasOneSpelling(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	keys, err := oidc.NewKeySet(key.Public())
	require.NoError(t, err)
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	fine := sign(t, jose.ES256, key, keys.IDs()[0], `{}`)
	_, err = keys.VerifySignature(fine)
	require.NoError(t, err)
	parts := strings.Split(fine, ".")
	for i, part := range parts {
		require.NotZero(t, len(part)%4, "its last character has bits to spare")
		altered := slices.Clone(parts)
		last := len(part) - 1
		altered[i] = part[:last] + string(letters[strings.IndexByte(letters, part[last])^1])
		_, err := keys.VerifySignature(strings.Join(altered, "."))
		assert.ErrorIs(t, err, oidc.ErrMalformedToken, "%d", i)
	}
}

// RFC 7515 §4.1.11: what a header calls critical must be understood.
func TestAnExtensionThatIsNotKnownRefusesTheToken(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	keys, err := oidc.NewKeySet(key.Public())
	require.NoError(t, err)
	for header, want := range map[string]error{
		`{"alg":"ES256"}`:                                nil,
		`{"alg":"ES256","x":1}`:                          nil,
		`{"alg":"ES256","crit":["x"],"x":1}`:             oidc.ErrMalformedToken,
		`{"alg":"ES256","crit":[]}`:                      oidc.ErrMalformedToken,
		`{"alg":"ES256","b64":false,"crit":["b64"]}`:     oidc.ErrMalformedToken,
		`{"alg":"none","alg":"ES256"}`:                   oidc.ErrMalformedToken,
		`{"alg":"ES256","jwk":{"kty":"oct","k":"AAAA"}}`: oidc.ErrMalformedToken,
	} {
		text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{}`))
		sum := sha256.Sum256([]byte(text))
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		require.NoError(t, err)
		signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		_, err = keys.VerifySignature(text + "." + base64.RawURLEncoding.EncodeToString(signature))
		assert.ErrorIs(t, err, want, header)
	}
}

func TestAnRSAKeyVerifiesWithItsOwnAlgorithmAlone(t *testing.T) {
	t.Parallel()
	key, _, err := oidc.GenerateKey("RS256")
	require.NoError(t, err)
	set, err := oidc.NewKeySet(key.Public())
	require.NoError(t, err)
	jwks, err := json.Marshal(set)
	require.NoError(t, err)
	for named, want := range map[string][]jose.SignatureAlgorithm{
		`"alg":"RS256",`: {jose.RS256}, `"alg":"RS512",`: {jose.RS512}, "": {jose.RS256, jose.RS384, jose.RS512},
	} {
		one, err := oidc.ParseKeySet([]byte(strings.Replace(string(jwks), `"alg":"RS256",`, named, 1)))
		require.NoError(t, err)
		for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256} {
			_, err := one.VerifySignature(sign(t, alg, key, set.IDs()[0], "{}"))
			if slices.Contains(want, alg) {
				assert.NoError(t, err, "%s under %q", alg, named)
			} else {
				assert.ErrorIs(t, err, oidc.ErrAlgorithm, "%s under %q", alg, named)
			}
		}
	}
}

func TestAKeyWithoutAnAlgorithmVerifiesWithThoseOfItsKindAlone(t *testing.T) {
	t.Parallel()
	set, err := oidc.ParseKeySet([]byte(`{"keys":[{` + p + `,"kid":"a"}]}`))
	require.NoError(t, err)
	rsaKey, _, err := oidc.GenerateKey("")
	require.NoError(t, err)
	for alg, key := range map[jose.SignatureAlgorithm]crypto.Signer{jose.RS256: rsaKey, jose.ES384: ecKey(t, elliptic.P384())} {
		_, err = set.VerifySignature(sign(t, alg, key, "a", "{}"))
		assert.ErrorIs(t, err, oidc.ErrAlgorithm, alg)
	}
	_, err = set.VerifySignature(sign(t, jose.ES256, ecKey(t, elliptic.P256()), "a", "{}"))
	assert.ErrorIs(t, err, oidc.ErrSignature)
}

func TestAVerifierIsRefusedWithoutWhatItNeeds(t *testing.T) {
	t.Parallel()
	_, err := oidc.NewVerifier(oidc.Issuer{}, audience, oidc.VerifierConfig{})
	assert.ErrorIs(t, err, oidc.ErrIssuerZero)
	_, err = oidc.NewVerifier(issuer(t, "https://idp.example.com"), "", oidc.VerifierConfig{})
	assert.ErrorContains(t, err, "no audience")
	_, err = oidc.NewVerifier(issuer(t, "https://idp.example.com"), audience, oidc.VerifierConfig{MaxAge: -1})
	assert.ErrorContains(t, err, "MaxAge is negative")
	_, err = (*oidc.Verifier)(nil).Verify(t.Context(), "a")
	assert.ErrorIs(t, err, oidc.ErrIssuerZero)
}
