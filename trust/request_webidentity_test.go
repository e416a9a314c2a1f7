package trust_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func TestAudienceOfATokenWithSeveral(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	policy := judged(t, p, "Allow", `{"StringEquals":{"HOST:aud":"sts.amazonaws.com"}}`)
	oaud := judged(t, p, "Allow", `{"ForAnyValue:StringEquals":{"HOST:oaud":"other"},"StringEquals":{"HOST:aud":"sts.amazonaws.com"}}`)
	for name, c := range map[string]struct {
		claims     trust.Claims
		aud, keeps bool
	}{
		"one":                         {trust.Claims{"aud": "sts.amazonaws.com"}, true, false},
		"one in a list":               {trust.Claims{"aud": []string{"sts.amazonaws.com"}}, true, false},
		"several without azp":         {trust.Claims{"aud": []any{"sts.amazonaws.com", "other"}}, false, false},
		"the same twice without azp":  {trust.Claims{"aud": []any{"sts.amazonaws.com", "sts.amazonaws.com"}}, false, false},
		"several with azp":            {trust.Claims{"aud": []any{"other", "x"}, "azp": "sts.amazonaws.com"}, true, true},
		"azp decides against aud":     {trust.Claims{"aud": "sts.amazonaws.com", "azp": "other"}, false, false},
		"azp alone":                   {trust.Claims{"azp": "sts.amazonaws.com"}, true, false},
		"an empty list":               {trust.Claims{"aud": []any{}}, false, false},
		"an azp that is not a string": {trust.Claims{"aud": "sts.amazonaws.com", "azp": []any{"sts.amazonaws.com"}}, false, false},
		"an empty azp":                {trust.Claims{"aud": "sts.amazonaws.com", "azp": ""}, false, false},
		"an aud that is a number":     {trust.Claims{"aud": json.Number("1")}, false, false},
		"an aud with an entry that is not a string": {trust.Claims{"aud": []any{"sts.amazonaws.com", true}}, false, false},
		"an aud that is an object":                  {trust.Claims{"aud": map[string]any{}}, false, false},
		"a sub that is a list":                      {trust.Claims{"aud": "sts.amazonaws.com", "sub": []any{"x"}}, false, false},
		"an email that is true":                     {trust.Claims{"aud": "sts.amazonaws.com", "email": true}, false, false},
		"an audience only by way of its azp":        {trust.Claims{"aud": []string{"other", "more"}, "azp": "sts.amazonaws.com"}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.aud, policy.Allows(trust.WebIdentity(p, c.claims)))
			assert.Equal(t, c.keeps, oaud.Allows(trust.WebIdentity(p, c.claims)))
		})
	}
}

func TestAClaimOfAnotherGoTypeIsNeverAllowed(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	open := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity"}`))
	cyclic := map[string]any{}
	cyclic["again"] = cyclic
	for name, value := range map[string]any{
		"float64": 1.5, "int": 1, "nil": nil, "bytes": []byte("x"), "a map of strings": map[string]string{"a": "b"},
		"a struct": struct{}{}, "a named string": trust.Effect("x"), "a raw message": json.RawMessage(`"x"`), "a func": func() {},
		"nested in a list": []any{"x", 1}, "nested in an object": map[string]any{"a": map[string]any{"b": 1.0}}, "a cycle": cyclic,
		"text that is not UTF-8": "\xff", "a list of such text": []string{"\xff"},
		"a pointer": new(string), "a list of lists of ints": []any{[]any{[]int{1}}},
	} {
		q := trust.WebIdentity(p, trust.Claims{"sub": "x", "aud": "y", "other": value})
		assert.False(t, open.Allows(q), name)
		d := open.Evaluate(q)
		assert.False(t, d.Allowed, name)
		assert.Contains(t, d.String(), `"other"`, name)
	}
	assert.True(t, open.Allows(trust.WebIdentity(p, trust.Claims{"sub": "x", "other": []any{json.Number("1"), true, "x", []string{"a"}}})))
}

func TestSessionTagsNeedTheRightToTag(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	tagged := trust.Claims{"sub": "x", "https://aws.amazon.com/tags": map[string]any{
		"principal_tags": map[string]any{"team": []any{"a"}}, "transitive_tag_keys": []any{"team"}}}
	flat := trust.Claims{"sub": "x", "https://aws.amazon.com/tags/principal_tags/team": "a"}
	named := trust.Claims{"sub": "x", "https://aws.amazon.com/source_identity": "me"}
	for actions, want := range map[string][3]bool{
		`"sts:AssumeRoleWithWebIdentity"`:                           {false, false, false},
		`["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`:        {true, true, false},
		`["sts:AssumeRoleWithWebIdentity","sts:SetSourceIdentity"]`: {false, false, true},
	} {
		policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":`+actions+`}`))
		for i, claims := range []trust.Claims{tagged, flat, named} {
			assert.Equal(t, want[i], policy.Allows(trust.WebIdentity(p, claims)), "%s %v", actions, claims)
		}
	}
	open := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"]}`))
	require.True(t, open.Allows(trust.WebIdentity(p, tagged)))
	for name, tags := range map[string]any{
		"a text": "x", "tags that are a list": map[string]any{"principal_tags": []any{}},
		"a tag with two values":   map[string]any{"principal_tags": map[string]any{"a": []any{"b", "c"}}},
		"two tags but for case":   map[string]any{"principal_tags": map[string]any{"a": "b", "A": "c"}},
		"transitive keys of bool": map[string]any{"principal_tags": map[string]any{"a": "b"}, "transitive_tag_keys": true},
		"a transitive key alone":  map[string]any{"transitive_tag_keys": []any{"a"}},
		"another transitive key":  map[string]any{"principal_tags": map[string]any{"a": "b"}, "transitive_tag_keys": []any{"a", "c"}},
	} {
		assert.False(t, open.Allows(trust.WebIdentity(p, trust.Claims{"https://aws.amazon.com/tags": tags})), name)
	}
}

func TestTheClaimsOfIssuersThatSTSKnows(t *testing.T) {
	t.Parallel()
	claims := trust.Claims{"sub": "x", "repository": "o/r", "job_workflow_ref": "w", "repository_owner": "o", "rpst_id": "i",
		"oidc.circleci.com/project-id": "p"}
	for _, c := range []struct {
		issuer, claim, value string
		exposed              bool
	}{
		{"https://token.actions.githubusercontent.com", "repository", "o/r", true},
		{"https://token.actions.githubusercontent.com", "job_workflow_ref", "w", true},
		{"https://token.actions.githubusercontent.com", "repository_owner", "o", false},
		{"https://oidc.circleci.com/org/ORG", "oidc.circleci.com/project-id", "p", true},
		{"https://idcs-abc.identity.oraclecloud.com", "rpst_id", "i", true},
		{blue, "repository", "o/r", false},
		{"https://token.actions.githubusercontent.com.example.com", "repository", "o/r", false},
	} {
		p := provider(t, c.issuer)
		policy := judged(t, p, "Allow", `{"StringEquals":{"`+p.ConditionKey(c.claim)+`":"`+c.value+`"}}`)
		assert.Equal(t, c.exposed, policy.Allows(trust.WebIdentity(p, claims)), "%s of %s", c.claim, c.issuer)
	}
}

func TestWithAddsWhatTheRequestDoesNotTell(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	policy := judged(t, p, "Allow", `{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`)
	q := token(p, account(t, "a", "b"))
	assert.False(t, policy.Allows(q))
	assert.Contains(t, policy.Evaluate(q).String(), "Request.With")
	assert.True(t, policy.Allows(q.With("aws:SourceIP", "10.1.1.1")))
	assert.False(t, policy.Allows(q), "the request itself stays as it was")
	assert.False(t, policy.Allows(q.With("aws:SourceIp", "11.1.1.1")))
	assert.False(t, policy.Allows(q.With("aws:SourceIp", "10.1.1.1").With("aws:sourceip", "10.1.1.2")), "no key twice")
	assert.False(t, policy.Allows(q.With("aws:SourceIp")), "no values")
	assert.False(t, policy.Allows(trust.Request{}.With("aws:SourceIp", "10.1.1.1")))

	open := judged(t, p, "Allow", `{}`)
	require.True(t, open.Allows(q))
	assert.False(t, open.Allows(q.With(p.ConditionKey("roles"), "x")), "claims come from the token alone")
	assert.False(t, open.Allows(q.With("nonsense", "x")))
}
