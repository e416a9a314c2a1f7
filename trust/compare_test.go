package trust_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func TestEqualIsAboutMeaning(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	web := func(conditions string) string {
		return `{"Effect":"Allow","Principal":{"Federated":"` + p.ARN() + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + strings.ReplaceAll(conditions, "HOST", p.HostPath()) + `}`
	}
	base := statement(web(`{"StringEquals":{"HOST:aud":"x","HOST:sub":["a","b"]}}`))
	for name, c := range map[string]struct {
		other string
		equal bool
	}{
		"itself":                         {base, true},
		"another order":                  {statement(web(`{"StringEquals":{"HOST:sub":["b","a"],"HOST:aud":"x"}}`)), true},
		"a value twice":                  {statement(web(`{"StringEquals":{"HOST:sub":["b","a","b"],"HOST:aud":["x"]}}`)), true},
		"a key in another case":          {statement(web(`{"StringEquals":{"HOST:SUB":["b","a"],"HOST:AUD":"x"}}`)), true},
		"StringLike without wildcards":   {statement(web(`{"StringLike":{"HOST:sub":["b","a"]},"StringEquals":{"HOST:aud":"x"}}`)), true},
		"a statement each":               {statement(web(`{"StringEquals":{"HOST:aud":"x","HOST:sub":"a"}}`) + "," + web(`{"StringEquals":{"HOST:aud":"x","HOST:sub":"b"}}`)), true},
		"a name":                         {strings.Replace(base, `{"Effect"`, `{"Sid":"A","Effect"`, 1), true},
		"no variables in either version": {strings.Replace(base, "2012-10-17", "2008-10-17", 1), true},
		"a value less":                   {statement(web(`{"StringEquals":{"HOST:aud":"x","HOST:sub":"a"}}`)), false},
		"a value in another case":        {statement(web(`{"StringEquals":{"HOST:aud":"x","HOST:sub":["a","B"]}}`)), false},
		"a condition less":               {statement(web(`{"StringEquals":{"HOST:sub":["a","b"]}}`)), false},
		"another operator":               {statement(web(`{"StringEquals":{"HOST:aud":"x"},"StringEqualsIfExists":{"HOST:sub":["a","b"]}}`)), false},
		"another effect":                 {strings.Replace(base, "Allow", "Deny", 1), false},
		"another action":                 {strings.Replace(base, "sts:AssumeRoleWithWebIdentity", "sts:AssumeRole", 1), false},
		"an unknown element":             {strings.Replace(base, `{"Effect"`, `{"X":1,"Effect"`, 1), false},
		"ANDed twice":                    {statement(web(`{"StringEquals":{"HOST:aud":"x","HOST:sub":["a","b"]},"StringLike":{"HOST:sub":["a","c"]}}`)), false},
		"split the wrong way":            {statement(web(`{"StringEquals":{"HOST:aud":"x","HOST:sub":"a"}}`) + "," + web(`{"StringEquals":{"HOST:aud":"y","HOST:sub":"b"}}`)), false},
	} {
		a, b := parse(t, base), parse(t, c.other)
		assert.Equal(t, c.equal, a.Equal(b), name)
		assert.Equal(t, c.equal, b.Equal(a), name)
		assert.Equal(t, c.equal, len(a.Diff(b)) == 0, "%s: %v", name, a.Diff(b))
	}
	for place, refused := range map[string]string{
		"/Statement/0/Sid":    strings.Replace(base, `{"Effect"`, `{"Sid":"not one","Effect"`, 1),
		"/Statement/0/Action": strings.Replace(base, "sts:Assume", "STS:Assume", 1),
		"/_comment":           strings.Replace(base, `{"Version"`, `{"_comment":"x","Version"`, 1),
		"/Statement/1/Sid":    strings.Replace(statement(web(`{"StringEquals":{"HOST:aud":"x","HOST:sub":"a"}}`)+`,`+web(`{"StringEquals":{"HOST:aud":"x","HOST:sub":"b"}}`)), `{"Effect"`, `{"Sid":"A","Effect"`, 2),
	} {
		a, b := parse(t, base), parse(t, refused)
		require.ErrorContains(t, b.Validate(), "trust: policy: "+place+": ")
		assert.False(t, a.Equal(b), place)
		assert.False(t, b.Equal(a), place)
		assert.NotEmpty(t, a.Diff(b), place)
		assert.NotEmpty(t, b.Diff(a), place)
		assert.True(t, b.Equal(parse(t, refused)), place)
		assert.Same(t, b, b.Compact(), "%s: it would begin to mean something", place)
	}
	open := parse(t, statement(`{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`))
	unnamed := parse(t, strings.Replace(open.Document(), `"Version"`, `"_comment":"x","Version"`, 1))
	assert.Equal(t, trust.StorageChanged, open.Diff(unnamed)[0].Kind)
	variables := statement(web(`{"StringEquals":{"HOST:sub":"${HOST:sub}"}}`))
	a, b := parse(t, variables), parse(t, strings.Replace(variables, "2012-10-17", "2008-10-17", 1))
	assert.False(t, a.Equal(b), "variables mean something in one of them only")
	assert.Equal(t, trust.VersionChanged, a.Diff(b)[0].Kind)
}

func TestDiffNamesWhoComesAndGoes(t *testing.T) {
	t.Parallel()
	p, q := provider(t, blue), provider(t, green)
	cart, mail := account(t, "shop", "cart"), account(t, "post", "mail")
	from := build(t, grant(p, cart, mail))
	to, err := trust.Join(build(t, grant(p, cart), trust.Grant{Provider: q, Patterns: []trust.Pattern{pattern(t, "system:serviceaccount:shop:*")}}), parse(t, statement(vendor)))
	require.NoError(t, err)
	changes := from.Diff(to)
	require.Len(t, changes, 3)
	assert.Equal(t, trust.Change{Kind: trust.SubjectDropped, Provider: p.ARN(), Subject: mail.String(), Audience: "sts.amazonaws.com", Path: "/Statement/0",
		Message: `"system:serviceaccount:post:mail" of "` + p.HostPath() + `" is no longer admitted, for audience "sts.amazonaws.com"`}, changes[0])
	assert.Equal(t, []string{string(trust.SubjectAdmitted), "system:serviceaccount:shop:*", q.ARN(), "/Statement/1"},
		[]string{string(changes[1].Kind), changes[1].Subject, changes[1].Provider, changes[1].Path})
	assert.Equal(t, trust.StatementAdded, changes[2].Kind)
	assert.Contains(t, changes[2].String(), "sts:AssumeRole for arn:aws:iam::444455556666:root")

	var none *trust.Policy
	assert.Len(t, none.Diff(from), 2)
	back := to.Diff(from)
	require.Len(t, back, 3)
	assert.Equal(t, trust.StatementRemoved, back[2].Kind)
}

func TestDiffSeesADenyThatTakesSomebodyAway(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	cart := account(t, "shop", "cart")
	from := build(t, grant(p, cart))
	to := parse(t, statement(statementOf(from.Document())+`,{"Effect":"Deny","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity"}`))
	changes := from.Diff(to)
	require.Len(t, changes, 2)
	assert.Equal(t, []trust.ChangeKind{trust.SubjectDropped, trust.StatementAdded}, []trust.ChangeKind{changes[0].Kind, changes[1].Kind})
}

func TestWhoErrsOnTheSideOfNaming(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	cart, mail, other := account(t, "shop", "cart"), account(t, "shop", "mail"), account(t, "x", "y")
	all := []trust.Subject{mail, cart, other, {}}
	policy := build(t, grant(p, cart), trust.Grant{Provider: p, Patterns: []trust.Pattern{pattern(t, "system:serviceaccount:x:*")}})
	assert.Equal(t, []trust.Admission{{Subject: cart, Path: "/Statement/0"}, {Subject: other, Path: "/Statement/1"}}, policy.Who(p, all))
	assert.Empty(t, policy.Who(p, all, "vault"))
	assert.Empty(t, policy.Who(provider(t, green), all))
	assert.Empty(t, policy.Who(trust.Provider{}, all))

	conditional := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"StringEquals":{"`+p.ConditionKey("sub")+`":"`+cart.String()+`"}}}`))
	assert.Equal(t, []trust.Admission{{Subject: cart, Path: "/Statement/0", Unproven: true}}, conditional.Who(p, all))
	assert.False(t, conditional.Allows(token(p, cart)), "Allows errs on the other side")

	denied, err := trust.Join(policy, parse(t, statement(`{"Effect":"Deny","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+p.ConditionKey("sub")+`":"`+cart.String()+`"}}}`)))
	require.NoError(t, err)
	assert.Len(t, denied.Who(p, all), 1)
}
