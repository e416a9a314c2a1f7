package trust_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func admitting(list []trust.Reach, q trust.Request) (n int) {
	for _, r := range list {
		if r.Admits(q) {
			n++
		}
	}
	return n
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	require.NoError(t, err)
	return string(text)
}

// checkReach holds for every policy.
func checkReach(t *testing.T, p *trust.Policy, list []trust.Reach) {
	t.Helper()
	for _, r := range list {
		require.NotEmpty(t, r.String())
		if r.Witness != nil {
			require.True(t, p.Allows(r.Witness.Request), "%s\n%s", p, r)
			require.Equal(t, 1, admitting(list, r.Witness.Request), "%s\n%s\n%s", p, r, asJSON(t, list))
			require.True(t, r.Admits(r.Witness.Request), "%s\n%s", p, r)
		}
	}
	require.Equal(t, asJSON(t, list), asJSON(t, p.Compact().Reach()), "%s\n%s", p, p.Compact())
}

func TestReachAdmitsExactlyWhatAllowsAdmits(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), rand.New(rand.NewPCG(11, 12))
	for range draws(100) {
		doc := w.policy(r)
		p := parse(t, string(doc))
		list := p.Reach()
		checkReach(t, p, list)
		for _, i := range r.Perm(len(w.tokens))[:100] {
			token := w.tokens[i]
			want := 0
			if naiveAllowsAll(doc, token.ctx, token.actions) {
				want = 1
			}
			require.Equal(t, want, admitting(list, trust.WebIdentity(w.provider, token.claims)), "%s\n%v\n%s", doc, token.claims, asJSON(t, list))
		}
	}
}

func TestReachOfChainsAdmitsExactlyWhatAllowsAdmits(t *testing.T) {
	t.Parallel()
	r := chooseFrom{rand.New(rand.NewPCG(13, 14))}
	for range draws(60) {
		p := parse(t, string(r.chain()))
		list := p.Reach()
		checkReach(t, p, list)
		for range 60 {
			q := r.request()
			n := admitting(list, q)
			require.LessOrEqual(t, n, 1, "%s\n%s", p, asJSON(t, list))
			require.False(t, n == 1 && !p.Allows(q), "%s\n%s\n%s", p, p.Evaluate(q), asJSON(t, list))
		}
	}
}

// The sub that is named decides which of the parts a request is in, whatever else is asked.
func TestReachOfSeveralSubjectsDoesNotOverlap(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	list := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+
		p.ConditionKey("sub")+`":["system:serviceaccount:shop:cart","system:serviceaccount:shop:mail"],"sts:RoleSessionName":"nightly"}}}`)).Reach()
	require.Len(t, list, 2)
	for i, name := range []string{"cart", "mail"} {
		require.NotNil(t, list[i].Witness)
		q := token(p, account(t, "shop", name)).With("sts:RoleSessionName", "nightly")
		for j := range list {
			assert.Equal(t, i == j, list[j].Admits(q), "%s: %s", name, list[j])
			assert.Equal(t, i == j, list[j].Admits(list[i].Witness.Request), "%s: %s", list[i].Witness, list[j])
		}
	}
}

func TestReachAdmitsWhereAKeyMakesNoDifference(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	own := `"Principal":{"Federated":"` + p.ARN() + `"},"Action":"sts:AssumeRoleWithWebIdentity"`
	list := parse(t, statement(`{"Effect":"Allow",`+own+`},{"Effect":"Allow",`+own+`,"Condition":{"Null":{"aws:SourceIp":"true"}}}`)).Reach()
	require.Len(t, list, 1)
	assert.True(t, list[0].Admits(token(p, account(t, "shop", "cart"))))
	assert.True(t, list[0].Admits(token(p, account(t, "shop", "cart")).With("aws:SourceIp", "10.0.0.1")))

	named := `"Condition":{"StringNotEquals":{"sts:RoleSessionName":"a"},"StringEquals":{"` + p.ConditionKey("sub") + `":"x"}}}`
	list = parse(t, statement(`{"Effect":"Allow",`+own+`},{"Effect":"Allow",`+own+`,`+named+`,{"Effect":"Deny",`+own+`,`+strings.Replace(named, `"x"`, `["y","x"]`, 1))).Reach()
	admitted := 0
	for _, r := range list {
		if r.Admits(token(p, account(t, "shop", "cart"))) {
			admitted++
		}
	}
	assert.Equal(t, 1, admitted, "whatever the name of the session is: %s", asJSON(t, list))
}

// Of a key that is an address or a time, not every text can be, and which of them can is not looked for.
func TestReachDoesNotLeaveOutWhatATextOfAnotherKindStandsFor(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	for condition, address := range map[string]string{
		`{"StringLike":{"aws:SourceIp":"10.*"}}`: "10.0.0.1", `{"StringNotLike":{"aws:SourceIp":["1*","2*"]},"Null":{"aws:SourceIp":"false"}}`: "8.8.8.8",
	} {
		policy := judged(t, p, "Allow", condition)
		require.True(t, policy.Allows(token(p, account(t, "shop", "cart")).With("aws:SourceIp", address)))
		list := policy.Reach()
		require.Len(t, list, 1, condition)
		assert.True(t, list[0].Unproven, condition)
		checkReach(t, policy, list)
		assert.Equal(t, trust.Undecided, policy.Within(nil).Outcome)
		assert.Len(t, new(trust.Policy).Compare(policy).Admits, 1)
	}
}

func TestReachIsOfCallersThatThePolicyDoesNotName(t *testing.T) {
	t.Parallel()
	const role, id = "arn:aws:iam::111122223333:role/a", "AROAZZZZZZZZZZZZZZZZ2"
	caller := trust.AssumeRoleSession{PrincipalARN: "arn:aws:sts::111122223333:assumed-role/a/s", RoleARN: role, PrincipalID: id + ":s"}
	for name, c := range map[string]struct {
		principals, conditions string
		caller                 trust.AssumeRoleSession
	}{
		"an id like a pattern, beside one that is named": {`"arn:aws:iam::111122223333:root","AROAAAAAAAAAAAAAAAAA1"`, `{"StringLike":{"aws:userid":"AROAZ*"}}`, caller},
		"an id by itself":                        {`"arn:aws:iam::111122223333:root","AROAAAAAAAAAAAAAAAAA1"`, `{"StringEquals":{"aws:userid":"` + id + `:s"}}`, caller},
		"some session of the role that is named": {`"` + role + `"`, `{}`, trust.AssumeRoleSession{PrincipalARN: role}},
		"some session of a role":                 {`"arn:aws:iam::111122223333:root"`, `{}`, trust.AssumeRoleSession{PrincipalARN: role}},
	} {
		policy := parse(t, statement(`{"Effect":"Allow","Principal":{"AWS":[`+c.principals+`]},"Action":"sts:AssumeRole","Condition":`+c.conditions+`}`))
		require.True(t, policy.Allows(trust.AssumeRole(c.caller)), name)
		list := policy.Reach()
		checkReach(t, policy, list)
		assert.Equal(t, 1, admitting(list, trust.AssumeRole(c.caller)), "%s: %s", name, asJSON(t, list))
		assert.Equal(t, trust.Fails, policy.Within(nil).Outcome, name)
	}
	session := parse(t, statement(`{"Effect":"Allow","Principal":{"AWS":"`+role+`"},"Action":"sts:AssumeRole"},{"Effect":"Deny","Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/a/s"},"Action":"sts:AssumeRole"}`))
	assert.Zero(t, admitting(session.Reach(), trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: role})), "it may be the session that is denied")
}

func TestReachIsForPeople(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	of := " of " + p.HostPath()
	names := strings.NewReplacer("HOST", p.HostPath(), "ARN", p.ARN())
	web := func(conditions string) string {
		return names.Replace(`{"Effect":"Allow","Principal":{"Federated":"ARN"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + conditions + `}`)
	}
	assume := func(principal, conditions string) string {
		return `{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole","Condition":` + conditions + `}`
	}
	aud := `"StringEquals":{"HOST:aud":"sts.amazonaws.com"}`
	for name, c := range map[string]struct {
		statements string
		want       []string
	}{
		"nobody":     {web(`{"StringEquals":{"HOST:sub":"a"},"StringLike":{"HOST:sub":"b*"}}`), nil},
		"an account": {web(`{"StringEquals":{"HOST:aud":"sts.amazonaws.com","HOST:sub":"system:serviceaccount:shop:checkout"}}`), []string{"service account checkout in namespace shop" + of + ", for audience sts.amazonaws.com"}},
		"two": {web(`{"StringEquals":{"HOST:aud":"sts.amazonaws.com","HOST:sub":["system:serviceaccount:shop:cart","system:serviceaccount:shop:mail"]}}`),
			[]string{"service account cart in namespace shop" + of + ", for audience sts.amazonaws.com", "service account mail in namespace shop" + of + ", for audience sts.amazonaws.com"}},
		"a namespace": {web(`{` + aud + `,"StringLike":{"HOST:sub":"system:serviceaccount:shop:*"}}`), []string{"every service account in namespace shop" + of + ", for audience sts.amazonaws.com"}},
		"a prefix": {web(`{` + aud + `,"StringLike":{"HOST:sub":"system:serviceaccount:team-*"}}`),
			[]string{"every service account whose namespace begins with team- and, since the star crosses the colon, whatever its name," + of + ", for audience sts.amazonaws.com"}},
		"the cluster":         {web(`{` + aud + `}`), []string{"every token" + of + " (the whole cluster), for audience sts.amazonaws.com"}},
		"but for a Deny":      {web(`{"StringLike":{"HOST:sub":"system:serviceaccount:shop:*"}}`) + "," + strings.Replace(web(`{"StringEquals":{"HOST:sub":"system:serviceaccount:shop:admin"}}`), "Allow", "Deny", 1), []string{"every token" + of + ", sub is system:serviceaccount:shop:* but not system:serviceaccount:shop:admin"}},
		"an address":          {web(`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"StringEquals":{"HOST:sub":"x"}}`), []string{"sub x" + of + `, aws:sourceip is "IpAddress 10.0.0.0/8"`}},
		"not an audience":     {web(`{"StringNotEquals":{"HOST:aud":"a"}}`), []string{"every token" + of + " (the whole cluster), aud is * or absent but not a"}},
		"a star itself":       {web(`{"StringEquals":{"HOST:sub":"a*"}}`), []string{`sub "a${*}"` + of}},
		"perhaps":             {web(`{"StringMatches":{"HOST:aud":"a"},"StringEquals":{"HOST:sub":"x"}}`), []string{"sub x" + of + ", perhaps"}},
		"perhaps without sub": {web(`{"ForAnyValue:StringEqualsIfExists":{"HOST:sub":"x"}}`), []string{"every token" + of + ", sub is such as \"\" or absent, perhaps", "sub x" + of}},
		"perhaps by its case": {web(`{"StringEqualsIgnoreCase":{"HOST:sub":"shop"}}`), []string{"every token" + of + `, sub is such as "\u017fhop", perhaps`, `sub "shop (in any case)"` + of}},
		"for all values":      {web(`{"ForAllValues:StringEquals":{"HOST:sub":"x"}}`), []string{"every token" + of + `, sub is such as x or absent`}},
		"nobody's address":    {web(`{"StringEquals":{"HOST:sub":"x","aws:SourceIp":"here"}}`), nil},
		"a policy variable":   {web(`{"StringLike":{"HOST:sub":["x","${aws:PrincipalTag/sub}"]}}`), []string{"every token" + of + ", sub is there but not x, perhaps", "sub x" + of}},
		"a role":              {assume(`{"AWS":"arn:aws:iam::111122223333:role/reader"}`, `{"StringEquals":{"sts:ExternalId":"abc"}}`), []string{"role arn:aws:iam::111122223333:role/reader, sts:externalid is abc"}},
		"its account":         {assume(`{"AWS":["arn:aws:iam::111122223333:role/reader","111122223333"]}`, `{}`), []string{"every principal of account 111122223333"}},
		"roles by name":       {assume(`{"AWS":"111122223333"}`, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/team-*"}}`), []string{"any other role of account 111122223333, aws:principalarn is arn:aws:iam::111122223333:role/team-*"}},
		"an organization":     {assume(`{"AWS":"*"}`, `{"StringEquals":{"aws:PrincipalOrgID":"o-mine"}}`), []string{"EKS Pod Identity, aws:principalorgid is o-mine, perhaps", "every AWS principal, aws:principalorgid is o-mine", "whoever is other.amazonaws.com, aws:principalorgid is o-mine, perhaps"}},
		"Pod Identity": {`{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"shop"}}}`,
			[]string{"EKS Pod Identity for namespace shop, setting session tags"}},
		"Pod Identity of a cluster": {assume(`{"Service":"pods.eks.amazonaws.com"}`, `{"ArnEquals":{"aws:SourceArn":"arn:aws:eks:eu-west-1:111122223333:cluster/blue"}}`),
			[]string{"EKS Pod Identity of cluster arn:aws:eks:eu-west-1:111122223333:cluster/blue"}},
		"a service": {assume(`{"Service":"ec2.amazonaws.com"}`, `{}`), []string{"whoever is ec2.amazonaws.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy := parse(t, statement(names.Replace(c.statements)))
			list := policy.Reach()
			var got []string
			for _, r := range list {
				got = append(got, r.String())
			}
			assert.Equal(t, c.want, got, "%s", asJSON(t, list))
			checkReach(t, policy, list)
		})
	}
	assert.Equal(t, "nobody", trust.Reach{}.String())
	var none *trust.Policy
	assert.Empty(t, none.Reach())
	assert.False(t, trust.Reach{}.Admits(token(p, account(t, "a", "b"))))
}

// An update admits nobody new exactly when the new policy is within the old one.
func TestCompareAgreesWithWithin(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), rand.New(rand.NewPCG(15, 16))
	for range draws(60) {
		docs := [2][]byte{w.policy(r), w.policy(r)}
		from, to := parse(t, string(docs[0])), parse(t, string(docs[1]))
		c := from.Compare(to)
		assert.Equal(t, to.Within(from).Outcome == trust.Holds, len(c.Admits) == 0, "%s\n%s\n%s", from, to, c)
		assert.Equal(t, from.Within(to).Outcome == trust.Holds, len(c.Drops) == 0, "%s\n%s\n%s", from, to, c)
		for _, a := range c.Admits {
			require.Equal(t, a.Unproven, a.Witness == nil, "%s\n%s\n%s", from, to, a)
			require.True(t, a.Unproven || to.Allows(a.Witness.Request) && !from.Allows(a.Witness.Request))
		}
		for _, i := range r.Perm(len(w.tokens))[:50] {
			q := trust.WebIdentity(w.provider, w.tokens[i].claims)
			n, news := admitting(c.Admits, q), to.Allows(q) && !from.Allows(q)
			require.LessOrEqual(t, n, 1, "%s\n%s\n%s", from, to, c)
			require.False(t, n == 1 && !news, "%s\n%s\n%s", from, to, c)
			perhaps := slices.ContainsFunc(c.Admits, func(r trust.Reach) bool { return r.Unproven })
			require.False(t, n == 0 && news && !perhaps, "%s\n%s\n%s", from, to, c)
		}
		assert.Empty(t, from.Compare(from.Compact()).String())
	}
}

func TestCompareSaysWhatAPullRequestDoes(t *testing.T) {
	t.Parallel()
	before, after := changes()["a wildcard for the name reaches over the colon"].policies(t)
	of := " of " + provider(t, blue).HostPath()
	assert.Equal(t, "+ every token"+of+", sub is system:serviceaccount:shop* but not system:serviceaccount:shop:*; a token"+of+" with sub system:serviceaccount:shopx:x",
		before.Compare(after).String())
	assert.Equal(t, strings.Replace(before.Compare(after).String(), "+", "-", 1), after.Compare(before).String())
	assert.JSONEq(t, `{"admits":null,"drops":null}`, asJSON(t, before.Compare(before)))
	var none *trust.Policy
	assert.Len(t, none.Compare(before).Admits, 1)
}

func TestReachOfHostileDocumentsEndsInTime(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	var statements []string
	for i := range 40 {
		statements = append(statements, `{"Effect":"`+[]string{"Allow", "Deny"}[i%2]+`","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"`+
			p.ConditionKey("sub")+`":"*`+string(rune('a'+i%20))+`*`+string(rune('b'+i%7))+`*","`+p.ConditionKey("aud")+`":"*`+string(rune('a'+i))+`*"}}}`)
	}
	list := parse(t, statement(strings.Join(statements, ","))).Reach()
	require.Len(t, list, 1)
	assert.True(t, list[0].Unproven)
	assert.Contains(t, list[0].String(), "too intricate to say")
}

// A part is what the policy says of every request; what one request gives a variable changes nothing.
func TestReachBesideAPolicyVariableAdmitsItsWitness(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	each := func(condition string) string {
		return `{"Effect":"Allow","Principal":{"Federated":"` + p.ARN() + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` + condition + `}}`
	}
	policy := parse(t, statement(each(`"ForAllValues:StringNotEquals":{"`+p.ConditionKey("sub")+`":"${`+p.ConditionKey("sub")+`}x"},"StringEquals":{"`+p.ConditionKey("aud")+`":"vault"}`)+`,`+
		each(`"StringEquals":{"`+p.ConditionKey("sub")+`":"a:b"}`)))
	list := policy.Reach()
	checkReach(t, policy, list)
	assert.Equal(t, 1, admitting(list, trust.WebIdentity(p, trust.Claims{"sub": "a:b", "aud": "sts.amazonaws.com"})), asJSON(t, list))
}

// Callers, their unique ids and the tags that they set multiply.
func TestManyCallersAndTagsEndInTime(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf(`"arn:aws:iam::%012d:role/r"`, i), fmt.Sprintf(`"AROAAAAAAAAAAAAAA%04d"`, i))
	}
	document := statement(`{"Effect":"Allow","Principal":{"AWS":[` + strings.Join(names, ",") + `]},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"],
		"Condition":{"StringLikeIfExists":{"aws:RequestTag/t":"x*"},"ForAllValues:StringLike":{"aws:TagKeys":"t*"}}}`)
	p, outer := parse(t, document), parse(t, strings.Replace(document, `"x*"`, `"*"`, 1))
	assert.Contains(t, p.Within(outer).String(), "too intricate")
	assert.True(t, slices.ContainsFunc(p.Reach(), func(r trust.Reach) bool { return r.Principal == "*" && r.Unproven }), "there may be others")
}

func TestReachAsJSON(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	list := build(t, grant(p, account(t, "shop", "cart"))).Reach()
	key := strings.ToLower(p.HostPath())
	assert.JSONEq(t, `[{"who":"service account cart in namespace shop of `+p.HostPath()+`, for audience sts.amazonaws.com","principal":"`+p.ARN()+`",
		"keys":[{"key":"`+key+`:sub","is":["system:serviceaccount:shop:cart"]},{"key":"`+key+`:aud","is":["sts.amazonaws.com"]}],
		"sessionTags":"never","sourceIdentity":"never"}]`, asJSON(t, list))
	require.NotNil(t, list[0].Witness)
	assert.Equal(t, trust.Claims{"sub": "system:serviceaccount:shop:cart", "aud": "sts.amazonaws.com"}, list[0].Witness.Claims)
}
