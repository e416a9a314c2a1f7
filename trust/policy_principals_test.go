package trust_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func ExamplePolicy_Providers() {
	policy, err := trust.Parse([]byte(`{"Version": "2012-10-17", "Statement": {
		"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.example.com/blue"},
		"Action": "sts:AssumeRoleWithWebIdentity"}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range policy.Providers() {
		fmt.Println(p.IssuerURL(), "in", p.AccountID())
	}
	// Output: https://oidc.example.com/blue in 111122223333
}

func ExampleParseEncoded() {
	policy, err := trust.ParseEncoded("%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C" +
		"%22Principal%22%3A%7B%22Service%22%3A%22pods.eks.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%7D")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range policy.Principals() {
		fmt.Println(p.Path, p.Kind, p.Value)
	}
	// Output: /Statement/Principal/Service Service pods.eks.amazonaws.com
}

func TestPrincipalsAreListedWithTheirPlaces(t *testing.T) {
	t.Parallel()
	const p, q = "arn:aws:iam::111122223333:oidc-provider/a.b", "arn:aws:iam::111122223333:oidc-provider/a.b/c"
	policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":["`+p+`","a.b"],"AWS":"AROAEXAMPLEEXAMPLE123"},"Action":"sts:AssumeRole"},`+
		`{"Effect":"Deny","Principal":"*"},`+
		`{"Effect":"allow","Principal":{"Federated":"`+q+`"},"Resource":"*"},`+
		`{"Principal":{"Federated":["`+p+`"],"AWS":5,"Service":["x",5]}},{"Principal":5},"x"`))
	assert.Equal(t, []trust.Principal{
		{Kind: "Federated", Value: p, Path: "/Statement/0/Principal/Federated/0"},
		{Kind: "Federated", Value: "a.b", Path: "/Statement/0/Principal/Federated/1"},
		{Kind: "AWS", Value: "AROAEXAMPLEEXAMPLE123", Path: "/Statement/0/Principal/AWS"},
		{Kind: "", Value: "*", Path: "/Statement/1/Principal"},
		{Kind: "Federated", Value: q, Path: "/Statement/2/Principal/Federated"},
		{Kind: "Federated", Value: p, Path: "/Statement/3/Principal/Federated/0"},
	}, policy.Principals())
	assert.Equal(t, []trust.Provider{provider(t, "https://a.b"), provider(t, "https://a.b/c")}, policy.Providers())
	var none *trust.Policy
	assert.Empty(t, none.Principals())
	assert.Empty(t, none.Providers())
}

func TestADeletedPrincipalIsKnownByItsId(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, value string
		deleted     bool
	}{
		{"AWS", "AROAEXAMPLEEXAMPLE123", true},
		{"AWS", "AIDAEXAMPLEEXAMPLE123", true},
		{"Federated", "AROAEXAMPLEEXAMPLE123", false},
		{"AWS", "111122223333", false},
		{"AWS", "arn:aws:iam::111122223333:role/AROAEXAMPLEEXAMPLE123", false},
		{"AWS", "AROA", false},
		{"AWS", "AROAexampleexample123", false},
	} {
		assert.Equal(t, c.deleted, trust.Principal{Kind: c.kind, Value: c.value}.IsDeleted(), "%v", c)
	}
}

func TestParseEncodedReadsWhatIAMReturns(t *testing.T) {
	t.Parallel()
	doc := statement(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/a+b"},"Action":"sts:AssumeRole"}`)
	for _, encoded := range []string{url.PathEscape(doc), doc} {
		policy, err := trust.ParseEncoded(encoded)
		require.NoError(t, err)
		assert.Equal(t, doc, policy.Document(), "a plus sign stays one")
	}
	policy, err := trust.ParseEncoded("%7B%22secret%zz")
	assert.EqualError(t, err, "trust: policy: the document is not percent-encoded")
	assert.Nil(t, policy)
	_, err = trust.ParseEncoded(url.PathEscape("{\n\"a\":1,\"a\":2}"))
	var syntax *trust.SyntaxError
	require.ErrorAs(t, err, &syntax)
	assert.Equal(t, 2, syntax.Line, "of the decoded document")
}
