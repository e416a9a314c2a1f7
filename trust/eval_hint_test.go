package trust_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func TestAHintIsGivenOnlyWhereItHolds(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	const prefix = "system:serviceaccount:"
	const differ, unexposed, twice = "they differ in case", "STS does not make this claim a condition key", "the policy has one name twice?"
	for name, c := range map[string]struct{ sub, condition, note string }{
		"a pattern for another":                  {"a:b", `{"StringEquals":{"HOST:sub":"PREb:*"}}`, ""},
		"a pattern in another case, literally":   {"a:b", `{"StringEquals":{"HOST:sub":"SYSTEM:serviceaccount:a:*"}}`, ""},
		"a literal star, ignoring case":          {"a:b", `{"StringEqualsIgnoreCase":{"HOST:sub":"PREa:*"}}`, "StringEqualsIgnoreCase takes wildcards literally: StringLike would match"},
		"a star that is no wildcard":             {"a:${x}", `{"StringLike":{"HOST:sub":"PREa:${*}"}}`, ""},
		"the second of two values":               {"a:b", `{"StringEquals":{"HOST:sub":["x","PREA:b"]}}`, differ},
		"the first of two claims":                {"a:b", `{"ForAnyValue:StringEquals":{"HOST:amr":"ONE"}}`, ""},
		"no service account asks":                {"", `{"StringEquals":{"HOST:sub":":x"}}`, ""},
		"no service account is wanted":           {":x", `{"StringEquals":{"HOST:sub":"x"}}`, ""},
		"the prefix is missing":                  {"a:a", `{"StringEquals":{"HOST:sub":"a:a"}}`, ""},
		"the namespace is another's name":        {"a:b", `{"StringEquals":{"HOST:sub":"PREc:a"}}`, ""},
		"another name twice":                     {"a:b", `{"StringEquals":{"HOST:sub":"PREc:c"}}`, ""},
		"the name twice":                         {"a:b", `{"StringEquals":{"HOST:sub":"PREb:b"}}`, twice},
		"a claim that is absent":                 {"a:b", `{"StringEquals":{"HOST:email":"x"}}`, ""},
		"a claim that is not exposed":            {"a:b", `{"Null":{"HOST:kubernetes.io/namespace":"false"}}`, unexposed},
		"a tag that is not such a claim":         {"a:b", `{"StringEquals":{"aws:RequestTag/kubernetes.io/x":"1"}}`, ""},
		"a claim that need not be there":         {"a:b", `{"StringEqualsIfExists":{"HOST:kubernetes.io/namespace":"x"}}`, ""},
		"a claim that is rightly not compared":   {"a:b", `{"StringNotEquals":{"HOST:kubernetes.io/namespace":"x"}}`, ""},
		"a number that is asked of a text claim": {"a:b", `{"NumericEquals":{"HOST:kubernetes.io/namespace":"1"}}`, unexposed},
	} {
		sub := prefix + c.sub
		if c.sub == "" {
			sub = "x"
		}
		conditions := strings.NewReplacer("HOST", p.HostPath(), "PRE", prefix).Replace(c.condition)
		d := judged(t, p, "Allow", conditions).Evaluate(trust.WebIdentity(p, trust.Claims{"sub": sub, "aud": "sts.amazonaws.com", "amr": []any{"one", "two"}}))
		require.Len(t, d.Statements[0].Conditions, 1, name)
		assert.Equal(t, c.note, d.Statements[0].Conditions[0].Note, name)
	}
}

// The first line is of the statement that is nearest to what was meant.
func TestTheHeadlineNamesWhatDecides(t *testing.T) {
	t.Parallel()
	p, g := provider(t, blue), provider(t, green)
	of := func(effect, arn, action, conditions string) string {
		return `{"Effect":"` + effect + `","Principal":{"Federated":"` + arn + `"},"Action":"` + action + `","Condition":` + strings.ReplaceAll(conditions, "HOST", p.HostPath()) + `}`
	}
	const web = "sts:AssumeRoleWithWebIdentity"
	allow := func(conditions string) string { return of("Allow", p.ARN(), web, conditions) }
	deny := func(conditions string) string { return of("Deny", p.ARN(), web, conditions) }
	for name, c := range map[string]struct{ body, want string }{
		"a Deny that does not match":           {deny(`{"StringEquals":{"HOST:sub":"x"}}`) + "," + of("Allow", g.ARN(), web, `{}`), "the caller is " + p.ARN() + ", the policy wants " + g.ARN()},
		"the first Deny that may":              {allow(`{}`) + "," + deny(`{"StringEquals":{"aws:SourceVpc":"a","aws:SourceVpce":"b"}}`) + "," + deny(`{"StringEquals":{"aws:SourceVpc":"c"}}`), "/Statement/1 may deny it: aws:SourceVpc is not known, the policy wants a (it is not known offline: add it with Request.With)"},
		"the nearest goes first":               {allow(`{"StringEquals":{"HOST:sub":"x"}}`) + "," + of("Allow", g.ARN(), web, `{}`), "sub is s, the policy wants x"},
		"the first of two that are as near":    {allow(`{"StringEquals":{"HOST:sub":"x"}}`) + "," + allow(`{"StringEquals":{"HOST:sub":"y"}}`), "sub is s, the policy wants x"},
		"another action is further":            {of("Allow", p.ARN(), "sts:AssumeRole", `{}`) + "," + allow(`{"StringEquals":{"HOST:sub":"x","HOST:aud":"x"}}`), "sub is s, the policy wants x"},
		"fewer conditions fail":                {allow(`{"StringEquals":{"HOST:sub":"x","HOST:aud":"x"}}`) + "," + allow(`{"StringEquals":{"HOST:sub":"y","HOST:aud":"a"},"StringLike":{"HOST:aud":"a"}}`), "sub is s, the policy wants y"},
		"one that has a hint":                  {allow(`{"StringEquals":{"HOST:sub":"x"}}`) + "," + allow(`{"StringEquals":{"HOST:sub":"S"}}`), "sub is s, the policy wants S (they differ in case)"},
		"one with a flaw is not the statement": {`{"Effect":"Allow","Principal":"x","Action":"` + web + `"},` + of("Allow", g.ARN(), "sts:AssumeRole", `{}`), "the caller is " + p.ARN() + ", the policy wants " + g.ARN()},
	} {
		d := parse(t, statement(c.body)).Evaluate(trust.WebIdentity(p, trust.Claims{"sub": "s", "aud": "a"}))
		headline, _, _ := strings.Cut(d.String(), "\n")
		assert.Equal(t, "denied: "+c.want, headline, name)
	}
	tagged := trust.WebIdentity(p, trust.Claims{"sub": "s", "aud": "a", "https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"k": []any{"v"}}}})
	headline, _, _ := strings.Cut(parse(t, statement(allow(`{}`))).Evaluate(tagged).String(), "\n")
	assert.Equal(t, "denied: sts:TagSession is asked for, the statement is for Action "+web, headline, "what is allowed is not the reason")
}

func TestADecisionThatNobodyMadePrints(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "denied: the caller is \"\", the policy wants somebody else\n  /a: Allow x: does not match",
		trust.Decision{Statements: []trust.StatementResult{{Path: "/a", Effect: trust.Allow, Action: "x"}}}.String())
}

func TestAnExplanationIsShortAndNamesNobodyAndEverybody(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	said := func(principal, sub string) string {
		return parse(t, statement(`{"Effect":"Allow","Principal":`+principal+`,"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+p.ConditionKey("sub")+`":"`+sub+`"}}}`)).
			Evaluate(trust.WebIdentity(p, trust.Claims{"sub": "s", "aud": "a"})).String()
	}
	assert.Contains(t, said(`{"Federated":[]}`, "x"), "the policy wants nobody")
	assert.Contains(t, said(`"*"`, "x"), "the policy wants *\n")
	assert.Less(t, len(said(`{"Federated":"`+p.ARN()+`"}`, strings.Repeat("x", 9000))), 3000)
}

func TestTheRoleOfACallerIsAskedForOnlyWhenItIsNotKnown(t *testing.T) {
	t.Parallel()
	policy := parse(t, statement(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/other"},"Action":"sts:AssumeRole"}`))
	const hint = "set AssumeRoleSession.RoleARN"
	assert.Contains(t, policy.Evaluate(trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: aSession})).String(), hint)
	assert.NotContains(t, policy.Evaluate(trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: aSession, RoleARN: aRole})).String(), hint)
}

func TestWhatBreaksAStatementIsSaidWhateverElseIsWrong(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	first := func(rest string) trust.StatementResult {
		return parse(t, statement(`{"Principal":{"Federated":"`+p.ARN()+`"},`+rest+`}`)).Evaluate(trust.WebIdentity(p, trust.Claims{"sub": "s"})).Statements[0]
	}
	assert.Contains(t, first(`"Effect":"Allow","Sid":"a b","Action":"sts:AssumeRoleWithWebIdentity","Resource":"*"`).Flaw, "Resource")
	both := first(`"Effect":"Deny","Action":"sts:AssumeRole","NotAction":"sts:TagSession"`)
	assert.True(t, both.ActionMatched && both.Matched && both.Unproven, "a Deny with both may be for every action")
}
