package oidc_test

import (
	"bytes"
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
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
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
	halves := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537}
	even := &rsa.PublicKey{N: new(big.Int).SetBit(halves.N, 0, 1), E: 4}
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	private := ecKey(t, elliptic.P256())
	for name, key := range map[string]crypto.PublicKey{
		"nil": nil, "nil RSA": (*rsa.PublicKey)(nil), "empty RSA": &rsa.PublicKey{}, "small RSA": small,
		"large RSA": large, "even exponent": even, "even modulus": halves, "RSA by value": *even, "nil EC": (*ecdsa.PublicKey)(nil), "empty EC": &ecdsa.PublicKey{},
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
	assert.ErrorContains(t, none.CheckSTS(), "it has no key")
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
	x     = `"x":"aWaZ_2qIq-bG0VFtcNIuWQw8qMd5rYMB_eKjVhcK6bo"`
	y     = `"y":"SFvW8BLqXh5cxn3ZwUqbCfbDq3nxrR2Nrmmqn-bs8Ag"`
	p384x = "Ws9bfYNnazwXZ9_-rITH4TrjZg9_gsUjlIR3S4NxF5BjngU7B1MyL1ZxBS6X5scC"
	p384y = "vqjDOsM4INbqMWcmmU3RAEsVn4bmSSGRsDUg1AcustC1cbbkj_GRzD23aJeXy0-9"
	p     = `"kty":"EC","crv":"P-256",` + x + `,` + y
)

func TestParseKeySetRefuses(t *testing.T) {
	t.Parallel()
	for jwks, want := range map[string]string{
		"":                      "the document is empty",
		`[]`:                    "not a JSON object",
		`null`:                  "not a JSON object",
		`{}`:                    `no "keys"`,
		`{"Keys":[]}`:           `no "keys"`,
		`{"keys":[],"keys":[]}`: "twice",
		`{"keys":{}}`:           "not a list",
		`{"keys":null}`:         "not a list",
		`{"keys":[]}{}`:         "something follows",
		`{"keys":[{` + p + `,"kid":"a","kid":"b"}]}`:                                "twice",
		`{"keys":[]` + strings.Repeat(" ", 1<<20) + `}`:                             "more than 1048576",
		`{"keys":[],"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`: "nested deeper than 32",
	} {
		set, err := oidc.ParseKeySet([]byte(jwks))
		assert.ErrorContains(t, err, want, jwks[:min(len(jwks), 60)])
		assert.Nil(t, set)
	}
	for _, private := range []string{
		p + `,"d":"AAAA"`, `"kty":"RSA","n":"AQAB","e":"AQAB","p":"AAAA"`, `"kty":"RSA","n":"AQAB","e":"AQAB","dq":"AAAA"`,
		`"kty":"OKP","crv":"Ed25519","x":"AAAA","d":"AAAA"`,
	} {
		_, err := oidc.ParseKeySet([]byte(`{"keys":[{` + private + `}]}`))
		require.ErrorIs(t, err, oidc.ErrPrivateKey, private)
		assert.NotContains(t, err.Error(), "AAAA")
		_, err = oidc.ParseKeySet([]byte(`{` + private + `}`))
		require.ErrorIs(t, err, oidc.ErrPrivateKey, "a key that is no set: "+private)
	}
}

const good = `{` + p + `,"kid":"good","use":"sig","alg":"ES256"}`

func TestAFaultOfAnEntryIsItsOwn(t *testing.T) {
	t.Parallel()
	other, err := x509.MarshalPKIXPublicKey(ecKey(t, elliptic.P256()).Public())
	require.NoError(t, err)
	for name, c := range map[string]struct {
		entry string
		code  oidc.Code
	}{
		"text":                {`"a"`, oidc.CodeKeyMalformed},
		"null":                {`null`, oidc.CodeKeyMalformed},
		"no kind":             {`{"kid":"a"}`, oidc.CodeKeyMalformed},
		"a numeric kid":       {`{` + p + `,"kid":1}`, oidc.CodeKeyMalformed},
		"no y":                {`{"kid":"a","kty":"EC","crv":"P-256",` + x + `}`, oidc.CodeKeyMalformed},
		"no curve":            {`{"kid":"a","kty":"EC",` + x + `,` + y + `}`, oidc.CodeKeyMalformed},
		"off the curve":       {`{"kid":"a","kty":"EC","crv":"P-256",` + x + `,"y":"aWaZ_2qIq-bG0VFtcNIuWQw8qMd5rYMB_eKjVhcK6bo"}`, oidc.CodeKeyMalformed},
		"a short x":           {`{"kid":"a","kty":"EC","crv":"P-256","x":"AAAA",` + y + `}`, oidc.CodeKeyMalformed},
		"a padded x":          {`{"kid":"a","kty":"EC","crv":"P-256","x":"aWaZ_2qIq-bG0VFtcNIuWQw8qMd5rYMB_eKjVhcK6bo=",` + y + `}`, oidc.CodeKeyMalformed},
		"no modulus":          {`{"kid":"a","kty":"RSA","e":"AQAB"}`, oidc.CodeKeyMalformed},
		"no exponent":         {`{"kid":"a","kty":"RSA","n":"AQAB"}`, oidc.CodeKeyMalformed},
		"a huge exponent":     {`{"kid":"a","kty":"RSA","n":"AQAB","e":"AQABAQABAQAB"}`, oidc.CodeKeyMalformed},
		"no kid":              {`{` + p + `}`, oidc.CodeKeyID},
		"a null kid":          {`{` + p + `,"kid":null}`, oidc.CodeKeyID},
		"its own key_ops":     {`{` + p + `,"kid":"a","key_ops":["verify"]}`, oidc.CodeKeyOps},
		"others' key_ops":     {`{` + p + `,"kid":"a","key_ops":["sign"]}`, oidc.CodeKeyOps},
		"use enc":             {`{` + p + `,"kid":"a","use":"enc"}`, oidc.CodeKeyUse},
		"PS256":               {`{"kid":"a","kty":"RSA","alg":"PS256","e":"AQAB","n":"` + strings.Repeat("_", 341) + `w"}`, oidc.CodeKeyAlgorithm},
		"another curve's":     {`{` + p + `,"kid":"a","alg":"ES384"}`, oidc.CodeKeyAlgorithm},
		"a small RSA key":     {`{"kid":"a","kty":"RSA","e":"AQAB","n":"` + strings.Repeat("_", 170) + `8"}`, oidc.CodeKeySize},
		"Ed25519":             {`{"kid":"a","kty":"OKP","crv":"Ed25519","x":"` + strings.Repeat("A", 43) + `"}`, oidc.CodeKeyKind},
		"ML-DSA":              {`{"kid":"a","kty":"AKP","alg":"ML-DSA-65","pub":"AAAA"}`, oidc.CodeKeyKind},
		"a symmetric key":     {`{"kid":"a","kty":"oct"}`, oidc.CodeKeyKind},
		"secp256k1":           {`{"kid":"a","kty":"EC","crv":"secp256k1",` + x + `,` + y + `}`, oidc.CodeKeyKind},
		"a strange x5c":       {`{` + p + `,"kid":"a","x5c":["` + base64.StdEncoding.EncodeToString(other) + `"]}`, oidc.CodeKeyCertificate},
		"an id used up below": {`{"kid":"good","kty":"EC","crv":"P-384","x":"` + p384x + `","y":"` + p384y + `"}`, oidc.CodeDuplicateKeyID},
	} {
		both, err := oidc.ParseKeySet([]byte(`{"keys":[` + c.entry + `,` + good + `]}`))
		require.NoError(t, err, name)
		assert.NoError(t, both.CheckSTS(), name+": a good key stands beside")
		require.Len(t, both.Faults(), 1, name)
		assert.Equal(t, c.code, both.Faults()[0].Code, name)
		assert.Equal(t, 0, both.Faults()[0].Index, name)
		if c.code == oidc.CodeDuplicateKeyID {
			continue // alone it has no fault
		}
		alone, err := oidc.ParseKeySet([]byte(`{"keys":[` + c.entry + `]}`))
		require.NoError(t, err, name)
		assert.Equal(t, []oidc.Code{c.code, oidc.CodeNoKeys}, keyCodes(alone.CheckSTS()), name)
	}
}

func TestWhatSTSTakesHasNoFault(t *testing.T) {
	t.Parallel()
	for name, jwks := range map[string]string{
		"a plain key":             `{"keys":[` + good + `]}`,
		"the same entry twice":    `{"keys":[` + good + `,` + good + `]}`,
		"a copy with an empty id": `{"keys":[` + good + `,{` + p + `,"kid":""}]}`,
		"an empty id alone":       `{"keys":[{` + p + `,"kid":""}]}`,
		"one key under two ids":   `{"keys":[` + good + `,{` + p + `,"kid":"b"}]}`,
	} {
		set, err := oidc.ParseKeySet([]byte(jwks))
		require.NoError(t, err, name)
		assert.NoError(t, set.CheckSTS(), name)
		assert.Empty(t, set.Faults(), name)
	}
	// Teleport during a rotation: every key twice, once without an id.
	set := guideForm(t, ecKey(t, elliptic.P256()).Public(), ecKey(t, elliptic.P256()).Public())
	assert.NoError(t, set.CheckSTS())
	require.Len(t, set.Faults(), 1)
	assert.Equal(t, oidc.CodeDuplicateKeyID, set.Faults()[0].Code)

	assert.Equal(t, []oidc.Code{oidc.CodeNoKeys}, keyCodes((&oidc.KeySet{}).CheckSTS()))
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprintf(`{%s,"kid":"%d"}`, p, i))
	}
	set, err := oidc.ParseKeySet([]byte(`{"keys":[` + strings.Join(many, ",") + `]}`))
	require.NoError(t, err)
	assert.Equal(t, []oidc.Code{oidc.CodeTooManyKeys}, keyCodes(set.CheckSTS()))
}

// guideForm is what the webhook's guide for self-hosted clusters makes: every key twice, once
// with its id and once with an empty one.
func guideForm(t testing.TB, keys ...crypto.PublicKey) *oidc.KeySet {
	t.Helper()
	var entries []string
	for _, key := range keys {
		set, err := oidc.NewKeySet(key)
		require.NoError(t, err)
		jwks, err := json.Marshal(set)
		require.NoError(t, err)
		entry := strings.TrimSuffix(strings.TrimPrefix(string(jwks), `{"keys":[`), `]}`)
		entries = append(entries, entry, strings.Replace(entry, set.IDs()[0], "", 1))
	}
	set, err := oidc.ParseKeySet([]byte(`{"keys":[` + strings.Join(entries, ",") + `]}`))
	require.NoError(t, err)
	return set
}

func TestATokenThatNeedsAFaultyEntryIsRefused(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	set, err := oidc.NewKeySet(key.Public())
	require.NoError(t, err)
	kid := set.IDs()[0]
	token := sign(t, jose.ES256, key, kid, `{}`)
	jwks, err := json.Marshal(set)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		old, new string
		code     oidc.Code
	}{
		"key_ops": {`"use":"sig"`, `"key_ops":["verify"]`, oidc.CodeKeyOps},
		"use":     {`"use":"sig"`, `"use":"enc"`, oidc.CodeKeyUse},
		"x5c":     {`"use":"sig"`, `"x5c":["AAAA"]`, oidc.CodeKeyCertificate},
	} {
		faulty, err := oidc.ParseKeySet([]byte(strings.Replace(strings.Replace(string(jwks), c.old, c.new, 1), `]}`+"", `]}`, 1)))
		require.NoError(t, err, name)
		_, err = faulty.VerifySignature(token)
		require.ErrorIs(t, err, oidc.ErrKey, name)
		var fault *oidc.KeyError
		require.ErrorAs(t, err, &fault, name)
		assert.Equal(t, c.code, fault.Code, name)
	}
	_, err = set.VerifySignature(token)
	assert.NoError(t, err)
	without, err := oidc.ParseKeySet([]byte(strings.Replace(string(jwks), `"kid":"`+kid+`",`, "", 1)))
	require.NoError(t, err)
	_, err = without.VerifySignature(sign(t, jose.ES256, key, "", `{}`))
	assert.ErrorIs(t, err, oidc.ErrKey, "AWS needs the member")
	empty, err := oidc.ParseKeySet([]byte(strings.Replace(string(jwks), kid, "", 1)))
	require.NoError(t, err)
	_, err = empty.VerifySignature(sign(t, jose.ES256, key, "", `{}`))
	assert.NoError(t, err, "an empty one will do")
}

func TestOnlyTheFaultOfATokensOwnEntryCounts(t *testing.T) {
	t.Parallel()
	first, second := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256())
	both, err := oidc.NewKeySet(first.Public(), second.Public())
	require.NoError(t, err)
	jwks, err := json.Marshal(both)
	require.NoError(t, err)
	faulty, err := oidc.ParseKeySet([]byte(strings.Replace(string(jwks), `"use":"sig"`, `"use":"enc"`, 1)))
	require.NoError(t, err)
	require.Len(t, faulty.Faults(), 1)

	_, err = faulty.VerifySignature(sign(t, jose.ES256, first, both.IDs()[0], `{}`))
	require.ErrorIs(t, err, oidc.ErrKey)
	_, err = faulty.VerifySignature(sign(t, jose.ES256, second, both.IDs()[1], `{}`))
	require.NoError(t, err)
	_, err = faulty.VerifySignature(sign(t, jose.ES256, second, "another", `{}`))
	require.ErrorContains(t, err, "the issuer does not have the token's key")
	require.NotErrorIs(t, err, oidc.ErrKey)
	_, err = both.VerifySignature(sign(t, jose.ES256, second, "", `{}`))
	require.ErrorContains(t, err, "the token does not name its key, and the issuer has 2")
	require.ErrorIs(t, err, oidc.ErrUnknownKey)

	// The fault of a whole set is not that of an entry without an id.
	_, err = (&oidc.KeySet{}).VerifySignature(sign(t, jose.ES256, second, "", `{}`))
	require.ErrorIs(t, err, oidc.ErrUnknownKey)
	require.NotErrorIs(t, err, oidc.ErrKey)

	// An id that a later entry takes over is a fault of the earlier one alone.
	twice, err := oidc.ParseKeySet([]byte(strings.Replace(string(jwks), both.IDs()[0], both.IDs()[1], 1)))
	require.NoError(t, err)
	require.Len(t, twice.Faults(), 1)
	_, err = twice.VerifySignature(sign(t, jose.ES256, second, both.IDs()[1], `{}`))
	require.NoError(t, err)
}

func TestALongTokenIsVerifiedUpToSTSsLimit(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	set, err := oidc.NewKeySet(key.Public())
	require.NoError(t, err)
	padded := func(n int) string {
		return sign(t, jose.ES256, key, set.IDs()[0], `{"pad":"`+strings.Repeat("x", n)+`"}`)
	}
	pad := (20000-len(padded(0)))*3/4 - 3
	for len(padded(pad)) < 20000 {
		pad++
	}
	longest := padded(pad)
	if len(longest) > 20000 { // base64 has no such length for this header: one character less
		longest = padded(pad - 1)
	}
	require.GreaterOrEqual(t, len(longest), 19998)
	_, err = set.VerifySignature(longest)
	require.NoError(t, err)
	for name, token := range map[string]string{"too long": padded(pad + 3), "no token": "a.b", "nothing": ""} {
		_, err = set.VerifySignature(token)
		require.ErrorIs(t, err, oidc.ErrMalformedToken, name)
	}
}

func TestAnEmptyKeyIDIsNotAnAbsentOne(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{`{` + `"kty":"EC","kid":"","crv":"P-256",` + x + `,` + y + `}`, `{"kty":"EC","crv":"P-256",` + x + `,` + y + `}`} {
		set, err := oidc.ParseKeySet([]byte(`{"keys":[` + entry + `]}`))
		require.NoError(t, err)
		jwks, err := json.Marshal(set)
		require.NoError(t, err)
		assert.JSONEq(t, `{"keys":[`+entry+`]}`, string(jwks))
	}
}

func TestARetiredKeyGoesUnderAllItsIDs(t *testing.T) {
	t.Parallel()
	old, next := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256())
	set := guideForm(t, old.Public(), next.Public())
	kid, err := oidc.KeyID(old.Public())
	require.NoError(t, err)
	nextID, err := oidc.KeyID(next.Public())
	require.NoError(t, err)
	then := time.Unix(0, 0)
	retired, err := oidc.Rotation{Old: kid, New: nextID, Accepted: then, Published: then, Switched: then}.Retire(set, time.Now())
	require.NoError(t, err)
	assert.Equal(t, []string{nextID, ""}, retired.IDs())
	v, err := oidc.NewVerifier(issuer(t, "https://idp.example.com"), "a", oidc.VerifierConfig{Keys: retired})
	require.NoError(t, err)
	for id, want := range map[string]error{kid: oidc.ErrUnknownKey, "": oidc.ErrSignature, "other": oidc.ErrUnknownKey} {
		_, err = v.Verify(t.Context(), sign(t, jose.ES256, old, id, `{}`))
		require.ErrorIs(t, err, want, "id %q", id)
	}

	// A key whose entries have no id, or another, is named by the id that Kubernetes gives it.
	for _, id := range []string{"", "renamed"} {
		jwks, err := json.Marshal(set)
		require.NoError(t, err)
		renamed, err := oidc.ParseKeySet([]byte(strings.Replace(string(jwks), kid, id, 1)))
		require.NoError(t, err)
		left, err := renamed.Without(kid)
		require.NoError(t, err)
		assert.Equal(t, []string{nextID, ""}, left.IDs())
	}
	left, err := set.Without("")
	require.NoError(t, err)
	assert.Equal(t, []string{kid, nextID}, left.IDs(), "it names no key")
}

func TestSetsInTheGuidesFormCanBeMerged(t *testing.T) {
	t.Parallel()
	one, two := guideForm(t, ecKey(t, elliptic.P256()).Public()), guideForm(t, ecKey(t, elliptic.P256()).Public())
	merged, err := one.Merge(two)
	require.NoError(t, err)
	assert.Equal(t, append(one.IDs(), two.IDs()[0]), merged.IDs())
}

func keyCodes(err error) []oidc.Code {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	var codes []oidc.Code
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
	damaged := []byte("-----BEGIN PUBLIC KEY-----\n%\n-----END PUBLIC KEY-----\n")
	request := der(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, ec))
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":           {nil, "no PEM block"},
		"text":            {[]byte("key"), "no PEM block"},
		"Ed25519":         {block("PUBLIC KEY", der(x509.MarshalPKIXPublicKey(ed))), "only RSA and ECDSA"},
		"wrong label":     {block("RSA PRIVATE KEY", der(x509.MarshalPKIXPublicKey(ec.Public()))), "not what its label says"},
		"another block":   {block("DH PARAMETERS", []byte{1}), "no key can be read from this kind of block"},
		"encrypted":       {block("ENCRYPTED PRIVATE KEY", []byte{1}), "openssl pkey -in FILE -pubout"},
		"OpenSSH":         {block("OPENSSH PRIVATE KEY", []byte{1}), "ssh-keygen -e -m PKCS8 -f FILE"},
		"ssh RSA":         {[]byte("ssh-rsa AAAA me@host\n"), "ssh-keygen -e -m PKCS8 -f FILE"},
		"ssh ECDSA":       {[]byte("ecdsa-sha2-nistp256 AAAA\n"), "ssh-keygen -e -m PKCS8 -f FILE"},
		"SSH2":            {[]byte("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----\n"), "ssh-keygen -i -f FILE"},
		"a request":       {block("CERTIFICATE REQUEST", request), "openssl req -in FILE -noout -pubkey"},
		"damaged before":  {slices.Concat(damaged, good, good), "damaged"},
		"damaged between": {slices.Concat(good, damaged, good), "damaged"},
		"damaged after":   {slices.Concat(good, good[:40]), "damaged"},
	} {
		keys, err := oidc.PublicKeysFromPEM(c.file)
		assert.ErrorContains(t, err, c.want, name)
		assert.Nil(t, keys, name)
	}
}

func TestKeysOfOpenSSLThatNoClusterSignsWithAreNamed(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	for name, args := range map[string][]string{
		"RSA-PSS":   {"-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"},
		"secp256k1": {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"},
	} {
		private, err := exec.CommandContext(t.Context(), openssl, append([]string{"genpkey"}, args...)...).Output()
		require.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), openssl, "pkey", "-pubout")
		cmd.Stdin = bytes.NewReader(private)
		public, err := cmd.Output()
		require.NoError(t, err)
		for _, file := range [][]byte{private, public} {
			_, err = oidc.PublicKeysFromPEM(file)
			require.ErrorContains(t, err, name)
			assert.ErrorContains(t, err, "openssl genpkey")
		}
	}
}

func TestAGeneratedKeySignsAndIsReadBack(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"", "RS256", "ES256", "ES384", "ES512"} {
		signer, file, err := oidc.GenerateKey(algorithm)
		require.NoError(t, err, algorithm)
		keys, err := oidc.PublicKeysFromPEM(file)
		require.NoError(t, err)
		assert.Equal(t, []crypto.PublicKey{signer.Public()}, keys)
		set, err := oidc.NewKeySet(keys...)
		require.NoError(t, err)
		if algorithm == "" {
			algorithm = "RS256"
		}
		assert.Equal(t, []string{algorithm}, set.Algorithms())
	}
	for _, algorithm := range []string{"none", "HS256", "PS256", "rs256", "EdDSA"} {
		signer, file, err := oidc.GenerateKey(algorithm)
		assert.ErrorContains(t, err, `algorithm "`+algorithm+`"`)
		assert.Nil(t, signer)
		assert.Nil(t, file)
	}
}
