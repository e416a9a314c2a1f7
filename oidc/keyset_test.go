package oidc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
)

func TestKeysAndDocumentAreThoseOfARealAPIServer(t *testing.T) {
	t.Parallel()
	keys, err := oidc.KeySetFromPEM(recorded(t, "sa.pub"), recorded(t, "ec.pub"))
	require.NoError(t, err)
	jwks, err := json.Marshal(keys)
	require.NoError(t, err)
	assert.Equal(t, string(recorded(t, "jwks.json")), string(jwks))
	assert.NoError(t, keys.CheckSTS())

	doc, err := oidc.NewDocument(issuer(t, "https://issuer.example.com"), "", keys)
	require.NoError(t, err)
	doc.AuthorizationEndpoint, doc.Claims = "", nil // kube-apiserver leaves them out
	document, err := json.Marshal(doc)
	require.NoError(t, err)
	assert.Equal(t, string(recorded(t, "discovery.json")), string(document))

	payload, err := keys.VerifySignature(string(recorded(t, "token.jwt")))
	require.NoError(t, err)
	assert.Contains(t, string(payload), `"sub":"system:serviceaccount:default:reader"`)
}

// The id that Kubernetes itself promises never to change, from its own test of keyIDFromPublicKey.
func TestTheKeyIDIsKubernetes(t *testing.T) {
	t.Parallel()
	const key = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA249XwEo9k4tM8fMxV7zx
OhcrP+WvXn917koM5Qr2ZXs4vo26e4ytdlrV0bQ9SlcLpQVSYjIxNfhTZdDt+ecI
zshKuv1gKIxbbLQMOuK1eA/4HALyEkFgmS/tleLJrhc65tKPMGD+pKQ/xhmzRuCG
51RoiMgbQxaCyYxGfNLpLAZK9L0Tctv9a0mJmGIYnIOQM4kC1A1I1n3EsXMWmeJU
j7OTh/AjjCnMnkgvKT2tpKxYQ59PgDgU8Ssc7RDSmSkLxnrv+OrN80j6xrw0OjEi
B4Ycr0PqfzZcvy8efTtFQ/Jnc4Bp1zUtFXt7+QeevePtQ2EcyELXE0i63T1CujRM
WwIDAQAB
-----END PUBLIC KEY-----
`
	keys, err := oidc.PublicKeysFromPEM([]byte(key))
	require.NoError(t, err)
	kid, err := oidc.KeyID(keys[0])
	require.NoError(t, err)
	assert.Equal(t, "JHJehTTTZlsspKHT-GaJxK7Kd1NQgZJu3fyK6K_QDYU", kid)
}

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(t, err)
	return key
}

func TestUnusableKeysAreRefused(t *testing.T) {
	t.Parallel()
	small := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}
	large := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 9000), E: 65537}
	even := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 4}
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	private := ecKey(t, elliptic.P256())
	for name, key := range map[string]crypto.PublicKey{
		"nil": nil, "nil RSA": (*rsa.PublicKey)(nil), "empty RSA": &rsa.PublicKey{}, "small RSA": small,
		"large RSA": large, "even exponent": even, "nil EC": (*ecdsa.PublicKey)(nil), "empty EC": &ecdsa.PublicKey{},
		"EC without a point": &ecdsa.PublicKey{Curve: elliptic.P256()},
		//lint:ignore SA1019 no other way leads to a wrong point
		//lint:ignore SA1019 the only way to make such a key
		"EC off its curve": &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)},
		"P-224":            ecKey(t, elliptic.P224()).Public(), "Ed25519": ed, "private": private, "text": "key",
	} {
		kid, err := oidc.KeyID(key)
		assert.ErrorIs(t, err, oidc.ErrKey, name)
		assert.Empty(t, kid)
		set, err := oidc.NewKeySet(key)
		assert.ErrorIs(t, err, oidc.ErrKey, name)
		assert.Nil(t, set)
	}
}

func TestASetChangesOnlyInCopies(t *testing.T) {
	t.Parallel()
	a, b := ecKey(t, elliptic.P256()).Public(), ecKey(t, elliptic.P384()).Public()
	one, err := oidc.NewKeySet(a, a)
	require.NoError(t, err)
	require.Equal(t, 1, one.Len())
	two, err := one.With(b)
	require.NoError(t, err)
	assert.Equal(t, 1, one.Len())
	assert.Equal(t, []string{"ES256", "ES384"}, two.Algorithms())
	kidA, err := oidc.KeyID(a)
	require.NoError(t, err)
	left, err := two.Without(kidA)
	require.NoError(t, err)
	assert.Equal(t, 2, two.Len())
	assert.Equal(t, 1, left.Len())
	_, err = left.Without(kidA)
	assert.ErrorIs(t, err, oidc.ErrUnknownKey)
	merged, err := one.Merge(left)
	require.NoError(t, err)
	assert.Equal(t, two.IDs(), merged.IDs())
	var none *oidc.KeySet
	assert.Zero(t, none.Len())
	assert.Empty(t, none.IDs())
	assert.Error(t, none.CheckSTS())
	jwks, err := none.MarshalJSON()
	require.NoError(t, err)
	assert.JSONEq(t, `{"keys":[]}`, string(jwks))
}

func TestOneIDForTwoKeysCannotBeMerged(t *testing.T) {
	t.Parallel()
	jwks := func(pub crypto.PublicKey) *oidc.KeySet {
		set, err := oidc.NewKeySet(pub)
		require.NoError(t, err)
		raw, err := json.Marshal(set)
		require.NoError(t, err)
		renamed, err := oidc.ParseKeySet([]byte(strings.Replace(string(raw), set.IDs()[0], "same", 1)))
		require.NoError(t, err)
		return renamed
	}
	_, err := jwks(ecKey(t, elliptic.P256()).Public()).Merge(jwks(ecKey(t, elliptic.P256()).Public()))
	assert.ErrorIs(t, err, oidc.ErrKey)
}

const (
	x = `"x":"aWaZ_2qIq-bG0VFtcNIuWQw8qMd5rYMB_eKjVhcK6bo"`
	y = `"y":"SFvW8BLqXh5cxn3ZwUqbCfbDq3nxrR2Nrmmqn-bs8Ag"`
	p = `"kty":"EC","crv":"P-256",` + x + `,` + y
)

func TestParseKeySetRefuses(t *testing.T) {
	t.Parallel()
	for name, jwks := range map[string]string{
		"nothing":               "",
		"no object":             `[]`,
		"null":                  `null`,
		"no keys":               `{}`,
		"keys of another case":  `{"Keys":[]}`,
		"keys twice":            `{"keys":[],"keys":[]}`,
		"no list":               `{"keys":{}}`,
		"null list":             `{"keys":null}`,
		"an entry that is text": `{"keys":["a"]}`,
		"null entry":            `{"keys":[null]}`,
		"two documents":         `{"keys":[]}{}`,
		"no kind":               `{"keys":[{"kid":"a"}]}`,
		"numeric kid":           `{"keys":[{` + p + `,"kid":1}]}`,
		"kid twice":             `{"keys":[{` + p + `,"kid":"a","kid":"b"}]}`,
		"no y":                  `{"keys":[{"kty":"EC","crv":"P-256",` + x + `}]}`,
		"no curve":              `{"keys":[{"kty":"EC",` + x + `,` + y + `}]}`,
		"off the curve":         `{"keys":[{"kty":"EC","crv":"P-256",` + x + `,"y":"aWaZ_2qIq-bG0VFtcNIuWQw8qMd5rYMB_eKjVhcK6bo"}]}`,
		"short x":               `{"keys":[{"kty":"EC","crv":"P-256","x":"AAAA",` + y + `}]}`,
		"padded x":              `{"keys":[{"kty":"EC","crv":"P-256","x":"aWaZ_2qIq-bG0VFtcNIuWQw8qMd5rYMB_eKjVhcK6bo=",` + y + `}]}`,
		"no modulus":            `{"keys":[{"kty":"RSA","e":"AQAB"}]}`,
		"no exponent":           `{"keys":[{"kty":"RSA","n":"AQAB"}]}`,
		"huge exponent":         `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQABAQABAQAB"}]}`,
		"too long":              `{"keys":[]` + strings.Repeat(" ", 1<<20) + `}`,
		"too deep":              `{"keys":[],"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
	} {
		set, err := oidc.ParseKeySet([]byte(jwks))
		assert.Error(t, err, name)
		assert.Nil(t, set, name)
	}
	for _, private := range []string{
		p + `,"d":"AAAA"`, `"kty":"RSA","n":"AQAB","e":"AQAB","p":"AAAA"`, `"kty":"RSA","n":"AQAB","e":"AQAB","dq":"AAAA"`,
		`"kty":"OKP","crv":"Ed25519","x":"AAAA","d":"AAAA"`,
	} {
		_, err := oidc.ParseKeySet([]byte(`{"keys":[{` + private + `}]}`))
		require.ErrorIs(t, err, oidc.ErrPrivateKey, private)
		assert.NotContains(t, err.Error(), "AAAA")
	}
}

func TestCheckSTSTellsEverythingThatSTSRefuses(t *testing.T) {
	t.Parallel()
	other, err := x509.MarshalPKIXPublicKey(ecKey(t, elliptic.P256()).Public())
	require.NoError(t, err)
	for name, c := range map[string]struct {
		jwks   string
		usable int
		codes  []string
	}{
		"a plain key":       {`{"keys":[{` + p + `,"kid":"a","use":"sig","alg":"ES256"}]}`, 1, nil},
		"no keys":           {`{"keys":[]}`, 0, []string{oidc.CodeNoKeys}},
		"key_ops":           {`{"keys":[{` + p + `,"key_ops":["verify"]}]}`, 1, []string{oidc.CodeKeyOps}},
		"use enc":           {`{"keys":[{` + p + `,"use":"enc"}]}`, 0, []string{oidc.CodeKeyUse, oidc.CodeNoKeys}},
		"PS256":             {`{"keys":[{"kty":"RSA","alg":"PS256","e":"AQAB","n":"` + strings.Repeat("_", 341) + `w"}]}`, 0, []string{oidc.CodeKeyAlgorithm, oidc.CodeNoKeys}},
		"a small RSA key":   {`{"keys":[{"kty":"RSA","e":"AQAB","n":"` + strings.Repeat("_", 170) + `8"}]}`, 0, []string{oidc.CodeKeySize, oidc.CodeNoKeys}},
		"Ed25519":           {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + strings.Repeat("A", 43) + `"}]}`, 0, []string{oidc.CodeKeyKind, oidc.CodeNoKeys}},
		"another curve":     {`{"keys":[{"kty":"EC","crv":"secp256k1",` + x + `,` + y + `}]}`, 0, []string{oidc.CodeKeyKind, oidc.CodeNoKeys}},
		"one id twice":      {`{"keys":[{` + p + `,"kid":"a"},{` + p + `,"kid":"a"}]}`, 2, []string{oidc.CodeDuplicateKeyID}},
		"a strange x5c":     {`{"keys":[{` + p + `,"x5c":["` + base64.StdEncoding.EncodeToString(other) + `"]}]}`, 1, []string{oidc.CodeKeyCertificate}},
		"an ignored middle": {`{"keys":[{` + p + `,"kid":"a"},{"kty":"oct","kid":"b"},{` + p + `,"kid":"c"}]}`, 2, []string{oidc.CodeKeyKind}},
	} {
		set, err := oidc.ParseKeySet([]byte(c.jwks))
		require.NoError(t, err, name)
		assert.Equal(t, c.usable, set.Len(), name)
		assert.Equal(t, c.codes, keyCodes(set.CheckSTS()), name)
	}
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprintf(`{%s,"kid":"%d"}`, p, i))
	}
	set, err := oidc.ParseKeySet([]byte(`{"keys":[` + strings.Join(many, ",") + `]}`))
	require.NoError(t, err)
	assert.Equal(t, []string{oidc.CodeTooManyKeys}, keyCodes(set.CheckSTS()))
}

func keyCodes(err error) []string {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var codes []string
	for _, e := range joined.Unwrap() {
		if k := new(oidc.KeyError); assertAs(e, &k) {
			codes = append(codes, k.Code)
		}
	}
	return codes
}

func TestKeysAreReadFromEveryKindOfPEM(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	ec := ecKey(t, elliptic.P521())
	der := func(b []byte, err error) []byte {
		require.NoError(t, err)
		return b
	}
	block := func(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }
	certificate := &x509.Certificate{SerialNumber: big.NewInt(1)}
	for name, c := range map[string]struct {
		file []byte
		want crypto.PublicKey
	}{
		"PKIX":                {block("PUBLIC KEY", der(x509.MarshalPKIXPublicKey(rsaKey.Public()))), rsaKey.Public()},
		"PKCS #1, public":     {block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)), rsaKey.Public()},
		"PKCS #1, private":    {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), rsaKey.Public()},
		"PKCS #8, RSA":        {block("PRIVATE KEY", der(x509.MarshalPKCS8PrivateKey(rsaKey))), rsaKey.Public()},
		"PKCS #8, EC":         {block("PRIVATE KEY", der(x509.MarshalPKCS8PrivateKey(ec))), ec.Public()},
		"SEC 1 after a curve": {append(block("EC PARAMETERS", []byte{6, 5, 43, 129, 4, 0, 35}), block("EC PRIVATE KEY", der(x509.MarshalECPrivateKey(ec)))...), ec.Public()},
		"certificate":         {block("CERTIFICATE", der(x509.CreateCertificate(rand.Reader, certificate, certificate, ec.Public(), ec))), ec.Public()},
	} {
		keys, err := oidc.PublicKeysFromPEM(c.file)
		require.NoError(t, err, name)
		require.Len(t, keys, 1, name)
		assert.Equal(t, c.want, keys[0], name)
		set, err := oidc.KeySetFromPEM(c.file)
		require.NoError(t, err)
		jwks, err := json.Marshal(set)
		require.NoError(t, err)
		_, err = oidc.ParseKeySet(jwks)
		assert.NoError(t, err, "a private part would be refused")
	}
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	good := block("PUBLIC KEY", der(x509.MarshalPKIXPublicKey(ec.Public())))
	for name, file := range map[string][]byte{
		"empty":           nil,
		"no PEM":          []byte("key"),
		"Ed25519":         block("PUBLIC KEY", der(x509.MarshalPKIXPublicKey(ed))),
		"wrong label":     block("RSA PRIVATE KEY", der(x509.MarshalPKIXPublicKey(ec.Public()))),
		"encrypted":       block("ENCRYPTED PRIVATE KEY", []byte{1}),
		"OpenSSH":         block("OPENSSH PRIVATE KEY", []byte{1}),
		"damaged before":  append(append([]byte("-----BEGIN PUBLIC KEY-----\n%\n-----END PUBLIC KEY-----\n"), good...), good...),
		"damaged between": append(append(append([]byte{}, good...), "-----BEGIN PUBLIC KEY-----\n%\n-----END PUBLIC KEY-----\n"...), good...),
		"damaged after":   append(append([]byte{}, good...), good[:40]...),
	} {
		keys, err := oidc.PublicKeysFromPEM(file)
		assert.Error(t, err, name)
		assert.Nil(t, keys, name)
	}
}
