package trust_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func TestWithoutProvider(t *testing.T) {
	t.Parallel()
	p, q := provider(t, blue), provider(t, green)
	cart := account(t, "shop", "cart")
	policy := build(t, grant(p, cart), grant(q, cart))
	left, err := policy.WithoutProvider(p)
	require.NoError(t, err)
	assert.Equal(t, build(t, grant(q, cart)).Document(), left.Document())
	same, err := left.WithoutProvider(p)
	require.NoError(t, err)
	assert.Same(t, left, same)

	shared := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":["`+p.ARN()+`","`+q.ARN()+`"]},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"`+q.ConditionKey("sub")+`":"x*"}}},`+
		`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`","AWS":"111122223333"},"Action":"sts:AssumeRole"},`+
		`{"Effect":"Deny","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity"}`))
	left, err = shared.WithoutProvider(p)
	require.NoError(t, err)
	assert.Equal(t, 2, left.Len())
	assert.NotContains(t, left.Document(), p.ARN())
	assert.Contains(t, left.Document(), `{"Federated":["`+q.ARN()+`"]}`)
	assert.Contains(t, left.Document(), `"Principal":{"AWS":"111122223333"}`)

	_, err = parse(t, statement(`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRoleWithWebIdentity"}`)).WithoutProvider(p)
	var refused *trust.EditError
	require.ErrorAs(t, err, &refused)
	named := `{"Sid":"A","Effect":"Allow","Principal":{"Federated":"` + p.ARN() + `"},"Action":"sts:AssumeRoleWithWebIdentity"}`
	_, err = parse(t, statement(named+","+named+`,{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRoleWithWebIdentity"}`)).WithoutProvider(p)
	require.EqualError(t, err, "trust: WithoutProvider: a statement may admit the provider without naming it (/Statement/2)", "not also that IAM would store the rest")
	_, err = policy.WithoutProvider(trust.Provider{})
	assert.ErrorContains(t, err, "the provider is the zero value")
	var none *trust.Policy
	still, err := none.WithoutProvider(p)
	require.NoError(t, err)
	assert.Same(t, none, still)
}

func TestWithoutProviderMindsOnlyWhatAdmitsItsTokens(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	others := `{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRoleWithWebIdentity"},{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`
	own := statementOf(build(t, grant(p, account(t, "shop", "cart"))).Document())
	left, err := parse(t, statement(own+","+others)).WithoutProvider(p)
	require.NoError(t, err)
	assert.Equal(t, statement(others), left.Document())
	same, err := left.WithoutProvider(p)
	require.NoError(t, err)
	assert.Same(t, left, same)
	_, err = parse(t, statement(own+`,{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole*"}`)).WithoutProvider(p)
	require.EqualError(t, err, "trust: WithoutProvider: a statement may admit the provider without naming it (/Statement/1)")
}

func TestRetargeted(t *testing.T) {
	t.Parallel()
	p, q := provider(t, blue), provider(t, green)
	cart := account(t, "shop", "cart")
	policy := parse(t, statement(vendor+`,{"Effect":"Allow","Principal":{"Federated":["`+p.ARN()+`"]},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+
		strings.ToUpper(p.HostPath())+`:sub":"`+cart.String()+`","`+p.ConditionKey("aud")+`":["sts.amazonaws.com"],"other.example.com:sub":"x"},"StringLike":{"`+p.ConditionKey("email")+`":"${`+p.ConditionKey("sub")+`}@${aws:x}"}}}`))
	moved, err := policy.Retargeted(p, q)
	require.NoError(t, err)
	want := strings.NewReplacer(p.ARN(), q.ARN(), p.HostPath(), q.HostPath(), strings.ToUpper(p.HostPath()), q.HostPath()).Replace(policy.Document())
	assert.Equal(t, want, moved.Document())
	same, err := moved.Retargeted(p, q)
	require.NoError(t, err)
	assert.Same(t, moved, same)
	same, err = moved.Retargeted(q, q)
	require.NoError(t, err)
	assert.Same(t, moved, same)

	_, err = policy.Retargeted(p, provider(t, "https://new.example.com/a:b"))
	require.ErrorContains(t, err, "trust: Retargeted: IAM would not store the policy: Condition can contain only one colon. (/Statement/1/Condition/")

	simple, err := build(t, grant(p, cart)).Retargeted(p, q)
	require.NoError(t, err)
	assert.True(t, simple.Equal(build(t, grant(q, cart))))
	assert.False(t, simple.Allows(token(p, cart)))

	clash := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+p.ConditionKey("sub")+`":"a","`+q.ConditionKey("SUB")+`":"b"}}}`))
	_, err = clash.Retargeted(p, q)
	var refused *trust.EditError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, []string{"Retargeted", "/Statement/0/Condition/StringEquals"}, []string{refused.Edit, refused.Path})
	assert.Contains(t, refused.Reason, "is there already")
	for _, zero := range [][2]trust.Provider{{p, {}}, {{}, q}} {
		_, err = policy.Retargeted(zero[0], zero[1])
		assert.ErrorContains(t, err, "one of the providers is the zero value")
	}
}

func TestRetargetedRewritesNothingButItsProvider(t *testing.T) {
	t.Parallel()
	p, q := provider(t, blue), provider(t, "https://idp.example.com")
	third := provider(t, green) // the issuers of EKS in a region have names of one length
	document := statement(`{"Effect":"Allow","Principal":{"Federated":["accounts.google.com","FROM-ARN"]},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` +
		`"StringEquals":{"FROM:sub":["${FROM:sub}","plain","${THIRD:sub}${FROM:aud}"],"THIRD:sub":"x","FROM/below:sub":"y","FROM-x:sub":"y","BARE":"y","aws:x":"FROM:sub"},"NumericEquals":{"FROM:exp":5},"Null":{"FROM:email":false}}}`)
	from := strings.NewReplacer("FROM-ARN", p.ARN(), "BARE", p.HostPath(), "FROM/below", p.HostPath()+"/below", "FROM-x", p.HostPath()+"-x", "THIRD", third.HostPath(), "FROM:", p.HostPath()+":")
	to := strings.NewReplacer("FROM-ARN", q.ARN(), "BARE", p.HostPath(), "FROM/below", p.HostPath()+"/below", "FROM-x", p.HostPath()+"-x", "THIRD", third.HostPath(),
		`"FROM:sub"}`, `"`+p.HostPath()+`:sub"}`, "FROM:", q.HostPath()+":")
	moved, err := parse(t, from.Replace(document)).Retargeted(p, q)
	require.NoError(t, err)
	assert.Equal(t, to.Replace(document), moved.Document())
}

func TestADenyMovesWithItsProviderUnlessItWouldTakeFromTheOther(t *testing.T) {
	t.Parallel()
	p, q := provider(t, blue), provider(t, green)
	web := func(effect string, of trust.Provider, sub string) string {
		return `{"Effect":"` + effect + `","Principal":{"Federated":"` + of.ARN() + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + of.ConditionKey("sub") + `":"` + sub + `"}}}`
	}
	alone := parse(t, statement(web("Allow", p, "a")+","+web("Deny", p, "b")))
	moved, err := alone.Retargeted(p, q)
	require.NoError(t, err)
	assert.Equal(t, statement(web("Allow", q, "a")+","+web("Deny", q, "b")), moved.Document())
	apart := parse(t, statement(web("Allow", p, "a")+","+web("Deny", p, "b")+","+web("Allow", q, "c")))
	moved, err = apart.Retargeted(p, q)
	require.NoError(t, err)
	assert.Equal(t, statement(web("Allow", q, "a")+","+web("Deny", q, "b")+","+web("Allow", q, "c")), moved.Document())
	taking := parse(t, statement(web("Allow", p, "a")+","+web("Allow", q, "b")+","+web("Deny", p, "b")))
	_, err = taking.Retargeted(p, q)
	require.EqualError(t, err, "trust: Retargeted: the statement would deny tokens of the other provider that it did not deny (/Statement/2)")
	tagged := `{"Effect":"Allow","Principal":{"Federated":"` + p.ARN() + `"},"Action":"sts:TagSession"}`
	_, err = parse(t, statement(tagged+","+web("Allow", q, "b"))).Retargeted(p, q)
	require.EqualError(t, err, "trust: Retargeted: with another statement it would let tokens of the other provider set tags or a source identity, which those of neither may (/Statement/0)")
	_, err = parse(t, statement(tagged+","+web("Allow", p, "a")+","+strings.Replace(web("Allow", q, "b"), `"sts:AssumeRoleWithWebIdentity"`, `["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`, 1))).Retargeted(p, q)
	require.NoError(t, err)
	// What issuers other than GitHub's do not have is absent, and no source says whether that is enough here.
	github := provider(t, "https://token.actions.githubusercontent.com")
	ofOne := parse(t, statement(strings.Replace(web("Allow", github, "a"), `"Condition":{`, `"Condition":{"ForAnyValue:StringEqualsIfExists":{"`+github.ConditionKey("actor")+`":"x"},`, 1)))
	_, err = ofOne.Retargeted(github, q)
	require.EqualError(t, err, "trust: Retargeted: the statement would not say the same with the other provider (/Statement/0)")
	intricate := parse(t, statement(web("Allow", p, "a")+`,{"Effect":"Deny","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"aws:x":"y"`+
		strings.ReplaceAll(manyClaims(), "HOST", p.HostPath())+`}}}`))
	_, err = intricate.Retargeted(p, q)
	var refused *trust.EditError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "Retargeted", refused.Edit)
}
