package token_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/token"
)

// fullClaims are those of a token that a kube-apiserver binds to a pod.
const fullClaims = `{
	"aud": ["sts.amazonaws.com"],
	"exp": 1800086400, "iat": 1800000000, "nbf": 1800000000,
	"iss": "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
	"jti": "9c1b8a4e-6f0d-4a43-8b8e-3f2a1c5d7e90",
	"kubernetes.io": {
		"namespace": "payments",
		"node": {"name": "ip-10-0-0-7", "uid": "a4e1b5c2-0000-4000-8000-000000000001"},
		"pod": {"name": "api-7d4b9-x2x", "uid": "a4e1b5c2-0000-4000-8000-000000000002"},
		"serviceaccount": {"name": "api", "uid": "a4e1b5c2-0000-4000-8000-000000000003"},
		"warnafter": 1800003607
	},
	"sub": "system:serviceaccount:payments:api"
}`

// compact writes a compact serialization without a real signature.
func compact(header, claims string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2lnbmF0dXJl"
}

func claimsOnly(claims string) string { return compact(`{"alg":"RS256","kid":"k1"}`, claims) }

func TestInspectReadsAServiceAccountToken(t *testing.T) {
	t.Parallel()
	want := token.Unverified{
		Algorithm: "RS256",
		KeyID:     "k1",
		Issuer:    "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
		Subject:   "system:serviceaccount:payments:api",
		Audiences: []string{"sts.amazonaws.com"},
		ID:        "9c1b8a4e-6f0d-4a43-8b8e-3f2a1c5d7e90",
		IssuedAt:  time.Unix(1800000000, 0).UTC(),
		NotBefore: time.Unix(1800000000, 0).UTC(),
		Expires:   time.Unix(1800086400, 0).UTC(),
		Kubernetes: token.Kubernetes{
			Namespace:      "payments",
			ServiceAccount: token.Object{Name: "api", UID: "a4e1b5c2-0000-4000-8000-000000000003"},
			Pod:            token.Object{Name: "api-7d4b9-x2x", UID: "a4e1b5c2-0000-4000-8000-000000000002"},
			Node:           token.Object{Name: "ip-10-0-0-7", UID: "a4e1b5c2-0000-4000-8000-000000000001"},
			WarnAfter:      time.Unix(1800003607, 0).UTC(),
		},
	}
	for name, jwt := range map[string]string{
		"as it is":                claimsOnly(fullClaims),
		"with a line's end":       claimsOnly(fullClaims) + "\n",
		"with a Windows line end": "  " + claimsOnly(fullClaims) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := token.Inspect(jwt)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestInspectLeavesAbsentClaimsZero(t *testing.T) {
	t.Parallel()
	got, err := token.Inspect(compact(`{}`, `{}`))
	require.NoError(t, err)
	assert.Equal(t, token.Unverified{}, got)
	assert.True(t, got.Expires.IsZero())

	got, err = token.Inspect(compact(`{"alg":null}`, `{"iss":null,"aud":null,"exp":null,"kubernetes.io":{"pod":null,"serviceaccount":{"uid":null}}}`))
	require.NoError(t, err)
	assert.Equal(t, token.Unverified{}, got, "null is absent")

	got, err = token.Inspect(claimsOnly(`{"exp":0,"aud":[],"kubernetes.io":{}}`))
	require.NoError(t, err)
	assert.False(t, got.Expires.IsZero(), "an exp of 0 is a time, not an absent claim")
	assert.NotNil(t, got.Audiences, "an empty list is not an absent claim")
}

func TestInspectReads(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		claims string
		check  func(*testing.T, token.Unverified)
	}{
		"a single audience as a list of one": {`{"aud":"sts.amazonaws.com"}`, func(t *testing.T, u token.Unverified) {
			assert.Equal(t, []string{"sts.amazonaws.com"}, u.Audiences)
		}},
		"the authorized party": {`{"azp":"other"}`, func(t *testing.T, u token.Unverified) {
			assert.Equal(t, "other", u.AuthorizedParty)
		}},
		"a time with a fraction": {`{"exp":1800000000.5}`, func(t *testing.T, u token.Unverified) {
			assert.Equal(t, time.Unix(1800000000, 5e8).UTC(), u.Expires)
		}},
		"a time with an exponent": {`{"exp":1.8e9}`, func(t *testing.T, u token.Unverified) {
			assert.Equal(t, time.Unix(1800000000, 0).UTC(), u.Expires)
		}},
		"names by their exact case": {`{"ISS":"https://other","Sub":"x","EXP":1}`, func(t *testing.T, u token.Unverified) {
			assert.Equal(t, token.Unverified{Algorithm: "RS256", KeyID: "k1"}, u)
		}},
		"a bound secret": {`{"kubernetes.io":{"secret":{"name":"s","uid":"u"}}}`, func(t *testing.T, u token.Unverified) {
			assert.Equal(t, token.Object{Name: "s", UID: "u"}, u.Kubernetes.Secret)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := token.Inspect(claimsOnly(tc.claims))
			require.NoError(t, err)
			tc.check(t, got)
		})
	}
}

func TestInspectRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 20) + `1` + strings.Repeat(`}`, 20)
	for name, tc := range map[string]struct{ token, part, claim, reason string }{
		"nothing":                            {"", "token", "", "it is empty"},
		"white space alone":                  {" \n", "token", "", "it is empty"},
		"a word":                             {"secretsecretsecret", "token", "", "it has 0 dots"},
		"two parts":                          {"e30.e30", "token", "", "it has 1 dots"},
		"an encrypted JWT":                   {"e30.e30.e30.e30.e30", "token", "", "it has 4 dots"},
		"more than STS takes":                {strings.Repeat("a", 20001), "token", "", "20001 characters, more than 20000"},
		"a line break within":                {"e3\n0.e30.e30", "header", "", "at offset 2"},
		"standard base64":                    {"e30.e30.a+b/", "signature", "", "at offset 1"},
		"padding":                            {"e30=.e30.e30", "header", "", "at offset 3"},
		"an impossible base64 length":        {"e30.e.e30", "claims", "", "it is not base64url"},
		"a header that is not JSON":          {compact("secret", `{}`), "header", "", "at byte 0: invalid JSON"},
		"claims that are a list":             {claimsOnly(`["secret"]`), "claims", "", "it is not a JSON object"},
		"claims that are null":               {claimsOnly(`null`), "claims", "", "it is not a JSON object"},
		"no claims":                          {"e30..e30", "claims", "", "the document is empty"},
		"claims that end early":              {claimsOnly(`{"secret":`), "claims", "", "ends in the middle"},
		"a name twice":                       {claimsOnly(`{"sub":"secret","sub":"b"}`), "claims", "", "stands in the object twice"},
		"a name twice further in":            {claimsOnly(`{"kubernetes.io":{"secret":1,"secret":2}}`), "claims", "", "stands in the object twice"},
		"invalid UTF-8":                      {claimsOnly("{\"sub\":\"secret\xff\"}"), "claims", "", "invalid UTF-8"},
		"too deep a nesting":                 {claimsOnly(deep), "claims", "", "nested deeper than 16"},
		"something behind the claims":        {claimsOnly(`{} secret`), "claims", "", "something follows the document"},
		"an algorithm that is not a string":  {compact(`{"alg":["secret"]}`, `{}`), "header", "alg", "want a string"},
		"a subject that is a number":         {claimsOnly(`{"sub":7}`), "claims", "sub", "want a string"},
		"an audience that is a number":       {claimsOnly(`{"aud":7}`), "claims", "aud", "want a string or a list of strings"},
		"an audience among them that is one": {claimsOnly(`{"aud":["secret",7]}`), "claims", "aud", "want a string or a list of strings"},
		"a null audience among them":         {claimsOnly(`{"aud":["secret",null]}`), "claims", "aud", "want a string or a list of strings"},
		"a time as a string":                 {claimsOnly(`{"exp":"1800000000"}`), "claims", "exp", "want a number of seconds"},
		"a time before 1970":                 {claimsOnly(`{"nbf":-1}`), "claims", "nbf", "want a number of seconds"},
		"a time after the year 9999":         {claimsOnly(`{"iat":1e300}`), "claims", "iat", "want a number of seconds"},
		"a time beyond any number":           {claimsOnly(`{"iat":1e999}`), "claims", "iat", "want a number of seconds"},
		"Kubernetes claims that are text":    {claimsOnly(`{"kubernetes.io":"secret"}`), "claims", "kubernetes.io", "want an object"},
		"a uid that is a number":             {claimsOnly(`{"kubernetes.io":{"serviceaccount":{"uid":1}}}`), "claims", "kubernetes.io/serviceaccount/uid", "want a string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := token.Inspect(tc.token)
			require.ErrorContains(t, err, tc.reason)
			assert.Equal(t, token.Unverified{}, got)
			var malformed *token.MalformedTokenError
			require.ErrorAs(t, err, &malformed)
			assert.Equal(t, tc.part, malformed.Part)
			assert.Equal(t, tc.claim, malformed.Name)
			assert.NotContains(t, err.Error(), "secret")
			assert.Regexp(t, "^token: inspect: ", err.Error())
		})
	}
}

// Whatever the bytes, Inspect gives either a result or an error that is free of them.
func FuzzInspect(f *testing.F) {
	f.Add(claimsOnly(fullClaims))
	f.Add(claimsOnly(`{"exp":1e999,"aud":[null]}`))
	f.Add("..")
	f.Add("e30.e30.")
	f.Fuzz(func(t *testing.T, jwt string) {
		got, err := token.Inspect(jwt)
		if err == nil {
			_, err := json.Marshal(got)
			require.NoError(t, err, "every result can be written down")
			return
		}
		require.Equal(t, token.Unverified{}, got)
		if len(jwt) > 40 {
			require.NotContains(t, err.Error(), jwt)
		}
	})
}
