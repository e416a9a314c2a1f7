package kubeclaims_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/kubeclaims"
	"github.com/irsa-go/irsa/internal/strictjson"
)

const full = `{"aud":["a","b"],"exp":1800086400,"iat":1800000000.5,"nbf":1.8e9,"iss":"https://i","jti":"id","azp":"",
	"kubernetes.io":{"namespace":"ns","node":{"name":"n","uid":"1"},"pod":{"name":"p","uid":"2"},
	"serviceaccount":{"name":"sa","uid":"3"},"secret":{"name":"s","uid":"4"},"warnafter":1800003607,"new":[{}]},
	"sub":"system:serviceaccount:ns:sa","ISS":"other","other":{"iss":7}}`

func at(seconds, nanoseconds int64) kubeclaims.Time {
	return kubeclaims.Time{Time: time.Unix(seconds, nanoseconds).UTC()}
}

func TestEveryClaimIsRead(t *testing.T) {
	t.Parallel()
	got, err := kubeclaims.Parse([]byte(full))
	require.NoError(t, err)
	nobody := ""
	assert.Equal(t, kubeclaims.Claims{
		Registered: kubeclaims.Registered{
			Issuer: "https://i", Subject: "system:serviceaccount:ns:sa", Audiences: kubeclaims.Audiences{"a", "b"},
			AuthorizedParty: &nobody, ID: "id",
			Expires: at(1800086400, 0), IssuedAt: at(1800000000, 5e8), NotBefore: at(1800000000, 0),
		},
		Kubernetes: kubeclaims.Kubernetes{
			Namespace: "ns", ServiceAccount: kubeclaims.Object{Name: "sa", UID: "3"}, Pod: kubeclaims.Object{Name: "p", UID: "2"},
			Node: kubeclaims.Object{Name: "n", UID: "1"}, Secret: kubeclaims.Object{Name: "s", UID: "4"}, WarnAfter: at(1800003607, 0),
		},
	}, got)
	assert.Empty(t, got.MissingRequired())
	registered, err := kubeclaims.ParseRegistered([]byte(full))
	require.NoError(t, err)
	assert.Equal(t, got.Registered, registered)
}

func TestWhatIsNullIsAbsent(t *testing.T) {
	t.Parallel()
	absent, err := kubeclaims.Parse([]byte(`{}`))
	require.NoError(t, err)
	null, err := kubeclaims.Parse([]byte(`{"iss":null,"sub":null,"aud":null,"azp":null,"jti":null,"exp":null,"iat":null,"nbf":null,
		"kubernetes.io":{"namespace":null,"serviceaccount":null,"pod":{"name":null,"uid":null},"warnafter":null}}`))
	require.NoError(t, err)
	assert.Equal(t, kubeclaims.Claims{}, absent)
	assert.Equal(t, absent, null)
	zero, err := kubeclaims.Parse([]byte(`{"exp":0,"aud":[],"kubernetes.io":null}`))
	require.NoError(t, err)
	assert.False(t, zero.Expires.IsZero(), "an exp of 0 is a time")
	assert.NotNil(t, zero.Audiences, "an empty list is not an absent one")
}

func TestTheFirstMissingClaimIsNamed(t *testing.T) {
	t.Parallel()
	for claims, want := range map[string]string{
		`{}`:                                             "iss",
		`{"iss":"","sub":"s","aud":[]}`:                  "iss",
		`{"iss":"i","sub":null}`:                         "sub",
		`{"iss":"i","sub":"s","iat":1,"exp":1}`:          "aud",
		`{"iss":"i","sub":"s","aud":"","exp":0}`:         "iat",
		`{"iss":"i","sub":"s","aud":[],"iat":0}`:         "exp",
		`{"iss":"i","sub":"s","aud":[],"iat":0,"exp":0}`: "",
	} {
		got, err := kubeclaims.ParseRegistered([]byte(claims))
		require.NoError(t, err, claims)
		assert.Equal(t, want, got.MissingRequired(), claims)
	}
}

func TestAClaimOfAnotherTypeIsNamed(t *testing.T) {
	t.Parallel()
	const text, list, seconds = "a string", "a string or a list of strings", "a number of seconds from 1970 to the year 9999"
	for claims, want := range map[string]kubeclaims.TypeError{
		`{"iss":1}`:                                {"iss", text},
		`{"sub":["secret"]}`:                       {"sub", text},
		`{"azp":{}}`:                               {"azp", text},
		`{"jti":true}`:                             {"jti", text},
		`{"aud":7}`:                                {"aud", list},
		`{"aud":{"a":1}}`:                          {"aud", list},
		`{"aud":["secret",7]}`:                     {"aud", list},
		`{"aud":["secret",null]}`:                  {"aud", list},
		`{"aud":[["secret"]]}`:                     {"aud", list},
		`{"exp":"1800000000"}`:                     {"exp", seconds},
		`{"exp":true}`:                             {"exp", seconds},
		`{"exp":-1}`:                               {"exp", seconds},
		`{"nbf":1e300}`:                            {"nbf", seconds},
		`{"iat":1e999}`:                            {"iat", seconds},
		`{"kubernetes.io":"secret"}`:               {"kubernetes.io", "an object"},
		`{"kubernetes.io":{"pod":[]}}`:             {"kubernetes.io/pod", "an object"},
		`{"kubernetes.io":{"pod":{"uid":1}}}`:      {"kubernetes.io/pod/uid", text},
		`{"kubernetes.io":{"warnafter":"secret"}}`: {"kubernetes.io/warnafter", seconds},
	} {
		got, err := kubeclaims.Parse([]byte(claims))
		var typed *kubeclaims.TypeError
		require.ErrorAs(t, err, &typed, claims)
		assert.Equal(t, want, *typed, claims)
		assert.Zero(t, got, claims)
		assert.NotContains(t, err.Error(), "secret")
	}
	_, err := kubeclaims.ParseRegistered([]byte(`{"kubernetes.io":7,"pod":[]}`))
	assert.NoError(t, err, "whatever is not a registered claim may be anything")
}

func TestWhatIsNotOneObjectIsRefused(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		"", " ", "null", "[]", `"secret"`, "7", `{"secret":`, `{"sub":"secret","sub":"b"}`, `{"other":{"a":1,"a":2}}`,
		"{\"sub\":\"secret\xff\"}", `{"sub":"\ud800"}`, `{} secret`, `{"exp":01}`, `{"aud":["secret"`, `{"exp":`,
		`{"kubernetes.io":{"pod":{"name":"secret","name":"b"}}}`,
	} {
		_, err := kubeclaims.Parse([]byte(doc))
		var located *strictjson.Error
		require.ErrorAs(t, err, &located, doc)
		assert.NotContains(t, located.Reason, "secret")
	}
}

func FuzzBothReadersAgree(f *testing.F) {
	f.Add(full)
	f.Add(`{"aud":[null],"exp":1e999}`)
	f.Fuzz(func(t *testing.T, doc string) {
		all, err := kubeclaims.Parse([]byte(doc))
		registered, registeredErr := kubeclaims.ParseRegistered([]byte(doc))
		if err != nil {
			require.Zero(t, all)
			return
		}
		require.NoError(t, registeredErr)
		require.Equal(t, all.Registered, registered)
		_, err = all.Expires.MarshalJSON()
		require.NoError(t, err, "every time can be written down")
	})
}
