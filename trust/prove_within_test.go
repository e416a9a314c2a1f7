package trust_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// change is what one pull request does to the trust policies of the provider blue.
type change struct {
	before, after string
	// admits is what the change newly admits: a part of the witness; "" when it admits nobody.
	admits string
	// drops is the same the other way round.
	drops string
}

// changes are those that reviewers see. HOST and ARN stand for the provider's, allow and deny
// for what the statements of this test have in common.
func changes() map[string]change {
	cart := `allow({"StringEquals":{"HOST:aud":"sts.amazonaws.com","HOST:sub":"system:serviceaccount:shop:cart"}})`
	guarded := `allow({"StringLike":{"HOST:sub":"system:serviceaccount:shop:*"}})`
	return map[string]change{
		"a service account is added": {cart,
			`allow({"StringEquals":{"HOST:aud":"sts.amazonaws.com","HOST:sub":["system:serviceaccount:shop:cart","system:serviceaccount:shop:mail"]}})`,
			"sub system:serviceaccount:shop:mail, aud sts.amazonaws.com", ""},
		"the same in other words": {cart,
			`allow({"StringLike":{"HOST:SUB":["system:serviceaccount:shop:cart"]},"ForAnyValue:StringEquals":{"HOST:aud":["sts.amazonaws.com"]}})`, "", ""},
		"a wildcard": {cart,
			`allow({"StringEquals":{"HOST:aud":"sts.amazonaws.com"},"StringLike":{"HOST:sub":"system:serviceaccount:shop:c*"}})`,
			"sub system:serviceaccount:shop:c", ""},
		"a wildcard for the name reaches over the colon": {`allow({"StringLike":{"HOST:sub":"system:serviceaccount:shop:*"}})`,
			`allow({"StringLike":{"HOST:sub":"system:serviceaccount:shop*"}})`, "sub system:serviceaccount:shop", ""},
		"the audience is dropped": {cart, `allow({"StringEquals":{"HOST:sub":"system:serviceaccount:shop:cart"}})`, "aud x", ""},
		"StringEquals becomes StringLike": {`allow({"StringEquals":{"HOST:sub":"system:serviceaccount:shop:*"}})`,
			`allow({"StringLike":{"HOST:sub":"system:serviceaccount:shop:*"}})`, "sub system:serviceaccount:shop:x", ""},
		"StringLike becomes StringEquals": {`allow({"StringLike":{"HOST:sub":"system:serviceaccount:shop:*"}})`,
			`allow({"StringEquals":{"HOST:sub":"system:serviceaccount:shop:*"}})`, "", "sub system:serviceaccount:shop:x"},
		"the provider gets a trailing slash": {cart, strings.ReplaceAll(strings.ReplaceAll(cart, "HOST", "HOST/"), "allow", "allowslash"),
			"a token of " + strings.TrimPrefix(blue, "https://") + "/ with", "a token of " + strings.TrimPrefix(blue, "https://") + " with"},
		"a Deny is removed": {guarded + `,deny({"StringEquals":{"HOST:sub":"system:serviceaccount:shop:admin"}})`, guarded,
			"sub system:serviceaccount:shop:admin", ""},
		"a Deny is narrowed": {guarded + `,deny({"StringLike":{"HOST:sub":"*:admin*"}})`, guarded + `,deny({"StringLike":{"HOST:sub":"*:admin"}})`,
			"sub system:serviceaccount:shop:admin", ""},
		"IfExists is added": {cart, `allow({"StringEquals":{"HOST:aud":"sts.amazonaws.com"},"StringEqualsIfExists":{"HOST:sub":"system:serviceaccount:shop:cart"}})`,
			"without HOST:sub", ""},
		"ForAllValues is added": {cart, `allow({"StringEquals":{"HOST:aud":"sts.amazonaws.com"},"ForAllValues:StringEquals":{"HOST:sub":"system:serviceaccount:shop:cart"}})`,
			"sub", ""},
		"case no longer matters": {cart, strings.Replace(cart, "StringEquals", "StringEqualsIgnoreCase", 1), "sub", ""},
		"a value beside a policy variable": {`allow({"StringEquals":{"HOST:sub":"x"}})`,
			`allow({"StringEquals":{"HOST:sub":["y","x","${aws:PrincipalTag/sub}"]}})`, "sub y", ""},
		"session tags are let through": {cart, strings.Replace(cart, "allow", "allowtags", 1), "session tags", ""},
		"session tags of one name": {`allowtags({"StringEquals":{"aws:RequestTag/team":"a"}})`,
			`allowtags({"StringEquals":{"aws:RequestTag/team":"a"},"ForAllValues:StringEquals":{"aws:TagKeys":"team"}})`, "", "aws:tagkeys"},
		"an address in a wider block": {`allow({"IpAddress":{"aws:SourceIp":"10.1.0.0/16"}})`, `allow({"IpAddress":{"aws:SourceIp":["10.0.0.0/8"]}})`, "aws:sourceip 10.", ""},
		"a Deny of no address":        {`allow({}),deny({"Null":{"aws:SourceIp":"true"}})`, `allow({}),deny({"StringEquals":{"aws:SourceIp":"10.0.0.1"}}),deny({"Null":{"aws:SourceIp":"true"}})`, "", "aws:sourceip 10.0.0.1"},
		"an address at all":           {`allow({"StringEquals":{"aws:SourceIp":"10.0.0.1"}})`, `allow({"Null":{"aws:SourceIp":"false"}})`, "aws:sourceip 192.0.2.1", ""},
		"any call by a service":       {`allow({"Bool":{"aws:ViaAWSService":"true"}})`, `allow({"Null":{"aws:ViaAWSService":"false"}})`, "aws:viaawsservice false", ""},
		"a later date":                {`allow({"DateLessThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}})`, `allow({"DateLessThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}})`, "aws:currenttime 2026-", ""},
		"more hours":                  {`allow({"NumericLessThanEquals":{"aws:EpochTime":"1"}})`, `allow({"NumericLessThan":{"aws:EpochTime":"1.5"}})`, "aws:epochtime 1.25", ""},
		"a pattern covered by others": {guarded + `,allow({"StringLike":{"HOST:sub":"system:serviceaccount:*:cart"}})`,
			guarded + `,allow({"StringLike":{"HOST:sub":["system:serviceaccount:shop:c?rt","system:serviceaccount:*:cart"]}})`, "", ""},
		"any claim of amr":          {`allow({"ForAllValues:StringEquals":{"HOST:amr":["a","b"]}})`, `allow({"ForAnyValue:StringEquals":{"HOST:amr":["a","b"]}})`, "HOST:amr", "without HOST:amr"},
		"split in two by a pattern": {`allow({})`, `allow({"StringLike":{"HOST:sub":"a*"}}),allow({"StringNotLike":{"HOST:sub":"a*"}})`, "", ""},
	}
}

func (c change) policies(t testing.TB) (before, after *trust.Policy) {
	slash := strings.NewReplacer("allowslash(", `{"Effect":"Allow","Principal":{"Federated":"ARN/"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":`,
		"allowtags(", `{"Effect":"Allow","Principal":{"Federated":"ARN"},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":`,
		"allow(", `{"Effect":"Allow","Principal":{"Federated":"ARN"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":`,
		"deny(", `{"Effect":"Deny","Principal":{"Federated":"ARN"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":`, ")", "}")
	p := provider(t, blue)
	names := strings.NewReplacer("HOST", p.HostPath(), "ARN", p.ARN())
	return parse(t, statement(names.Replace(slash.Replace(c.before)))), parse(t, statement(names.Replace(slash.Replace(c.after))))
}

func TestWhatAPullRequestAdmitsAndDrops(t *testing.T) {
	t.Parallel()
	for name, c := range changes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after := c.policies(t)
			expectProof(t, after, before, strings.ReplaceAll(c.admits, "HOST:", ""))
			expectProof(t, before, after, strings.ReplaceAll(c.drops, "HOST:", ""))
		})
	}
}

// What hangs on whether an empty value is null is not proven either way.
func TestWhetherAnEmptyValueIsNullIsUndecided(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	guarded := `{"ForAllValues:StringEquals":{"HOST:amr":["a","b"]},"Null":{"HOST:amr":"false"}}`
	for _, c := range [][2]string{{guarded, `{"ForAnyValue:StringEquals":{"HOST:amr":["a","b"]}}`}, {`{"StringLike":{"HOST:sub":"*"}}`, `{"Null":{"HOST:sub":"false"}}`}} {
		proof := judged(t, p, "Allow", c[0]).Within(judged(t, p, "Allow", c[1]))
		assert.Equal(t, trust.Undecided, proof.Outcome, "%s", proof)
		assert.Contains(t, proof.String(), "whether Null on ")
	}
	assert.Equal(t, trust.Holds, judged(t, p, "Allow", guarded).Within(judged(t, p, "Allow", `{"Null":{"HOST:amr":"false"}}`)).Outcome)
}

// expectProof wants the proof to hold, or to fail with a witness in which the text is.
func expectProof(t *testing.T, p, outer *trust.Policy, witness string) {
	t.Helper()
	proof := p.Within(outer)
	checkProof(t, p, outer, proof)
	if witness == "" {
		assert.Equal(t, trust.Holds, proof.Outcome, "%s", proof)
		return
	}
	require.Equal(t, trust.Fails, proof.Outcome, "%s", proof)
	assert.Contains(t, proof.Witness.String(), witness)
}

// The examples of https://github.com/aws-samples/iam-access-analyzer-custom-policy-check-samples,
// with AWS's verdicts. AWS's references end in a statement for Principal "*" and NotAction, which
// lets through whatever the check is not about and which no trust policy may have; without it,
// what is not about the check does not pass.
func TestAWSExamplesOfCheckNoNewAccess(t *testing.T) {
	t.Parallel()
	allow := func(principal, action string) string {
		return `{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:` + action + `"}`
	}
	accounts := allow(`{"AWS":["111111111111","222222222222"]}`, "AssumeRole")
	services := allow(`{"Service":["ec2.amazonaws.com","lambda.amazonaws.com","ecs-tasks.amazonaws.com"]}`, "AssumeRole")
	oidc := allow(`{"Federated":"arn:aws:iam::111111111111:oidc-provider/my.example.com"}`, "AssumeRoleWithWebIdentity")
	saml := allow(`{"Federated":"arn:aws:iam::111111111111:saml-provider/MyProvider"}`, "AssumeRoleWithSAML")
	for _, c := range []struct {
		reference, candidate string
		passes               bool
	}{
		{accounts, allow(`{"AWS":"111111111111"}`, "AssumeRole"), true},
		{accounts, allow(`{"AWS":"arn:aws:iam::222222222222:role/MyRole"}`, "AssumeRole"), true},
		{accounts, allow(`{"Service":"glue.amazonaws.com"}`, "AssumeRole"), false},
		{accounts, allow(`{"AWS":"333333333333"}`, "AssumeRole"), false},
		{accounts, allow(`{"AWS":"arn:aws:iam::333333333333:role/NotMyRole"}`, "AssumeRole"), false},
		{services, allow(`{"Service":"ec2.amazonaws.com"}`, "AssumeRole"), true},
		{services, allow(`{"Service":"glue.amazonaws.com"}`, "AssumeRole"), false},
		{services, allow(`{"AWS":"111111111111"}`, "AssumeRole"), false},
		{services, allow(`{"AWS":"arn:aws:iam::111111111111:role/MyRole"}`, "AssumeRole"), false},
		{oidc, oidc, true},
		{oidc, saml, false},
		{oidc, allow(`{"Federated":"graph.facebook.com"}`, "AssumeRoleWithWebIdentity"), false},
		{saml, saml, true},
		{saml, oidc, false},
		{saml, allow(`{"Federated":"arn:aws:iam::111111111111:saml-provider/NotMyProvider"}`, "AssumeRoleWithSAML"), false},
	} {
		p, outer := parse(t, statement(c.candidate)), parse(t, statement(c.reference))
		proof := p.Within(outer)
		checkProof(t, p, outer, proof)
		want := trust.Fails
		if c.passes {
			want = trust.Holds
		}
		assert.Equal(t, want, proof.Outcome, "%s\n%s\n%s", p, outer, proof)
	}
}

// What nobody can say is undecided, unless it makes no difference.
func TestWhatIsNotKnownIsUndecidedUnlessItMakesNoDifference(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	open := judged(t, p, "Allow", `{}`)
	for name, doubtful := range map[string]string{
		"a variable":            `{"StringEqualsIfExists":{"HOST:sub":"${aws:RequestTag/team}"}}`,
		"an unknown operator":   `{"StringMatches":{"HOST:sub":"a"}}`,
		"an empty list":         `{"StringEquals":{"HOST:sub":[]}}`,
		"a number that is none": `{"NumericLessThanIfExists":{"aws:MultiFactorAuthAge2":"many"}}`,
	} {
		policy := judged(t, p, "Allow", doubtful)
		assert.Equal(t, trust.Holds, policy.Within(open).Outcome, "%s: it only narrows", name)
		wide := open.Within(policy)
		require.Equal(t, trust.Undecided, wide.Outcome, "%s: %s", name, wide)
		checkProof(t, open, policy, wide)
		assert.Equal(t, trust.CodeUndecided, wide.Obstacles[0].Code)
		assert.True(t, strings.HasPrefix(wide.Obstacles[0].Path, "/Statement/0/Condition/"), "%s: %s", name, wide)
		assert.Positive(t, wide.Obstacles[0].Line, name)
		assert.Contains(t, wide.String(), "undecided\n  /Statement/0/Condition/")

		twice := parse(t, statement(statementOf(policy.Document())+","+statementOf(policy.Document())))
		assert.Equal(t, trust.Holds, policy.Within(twice).Outcome, "%s: it is on both sides", name)
		assert.Equal(t, trust.Holds, twice.Within(policy).Outcome, "%s: it is on both sides", name)
	}
}

// Without azp nobody knows whether a token has oaud, so that it has none is never certain.
func TestATokenThatMayLackOaud(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	open, asks := judged(t, p, "Allow", `{}`), judged(t, p, "Allow", `{"Null":{"HOST:oaud":"false"}}`)
	proof := open.Within(asks)
	assert.Equal(t, trust.Undecided, proof.Outcome)
	assert.Contains(t, proof.String(), "a request may leave open what "+strings.ToLower(p.ConditionKey("oaud"))+" is")
	assert.Equal(t, trust.Holds, asks.Within(open).Outcome)
	expectProof(t, asks, judged(t, p, "Allow", `{"ForAnyValue:StringEquals":{"HOST:oaud":"a"}}`), "oaud x")
}

func TestAPolicyThatIAMDoesNotStore(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	open := judged(t, p, "Allow", `{}`)
	refused := parse(t, strings.Replace(open.Document(), `"Effect"`, `"Resource":"*","Effect"`, 1))
	var none *trust.Policy
	assert.Equal(t, trust.Fails, open.Within(refused).Outcome, "it allows nothing")
	assert.Equal(t, trust.Fails, open.Within(none).Outcome)
	assert.Equal(t, trust.Holds, none.Within(open).Outcome)
	assert.Equal(t, trust.Holds, new(trust.Policy).Within(none).Outcome)
	assert.Equal(t, trust.Holds, refused.Within(open).Outcome, "whether or not it is stored")
	proof := refused.Within(none)
	assert.Equal(t, trust.Undecided, proof.Outcome, "who asks does not expect that it is harmless")
	assert.Contains(t, proof.String(), "/Statement/0/Resource")
}

func TestChainsAndPodsAreExact(t *testing.T) {
	t.Parallel()
	chain := func(principal, conditions string) string {
		return `{"Effect":"Allow","Principal":` + principal + `,"Action":["sts:AssumeRole","sts:TagSession"],"Condition":` + conditions + `}`
	}
	account, role := `{"AWS":"arn:aws:iam::111122223333:root"}`, `{"AWS":"arn:aws:iam::111122223333:role/reader"}`
	pods := `{"Service":"pods.eks.amazonaws.com"}`
	for name, c := range map[string]struct{ p, outer, witness string }{
		"a role is in its account":             {chain(role, `{}`), chain(account, `{}`), ""},
		"an account is more than a role":       {chain(account, `{}`), chain(role, `{}`), "arn:aws:iam::111122223333:"},
		"a role by its ARN as a condition":     {chain(account, `{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/reader"}}`), chain(role, `{}`), ""},
		"a pattern for the caller's ARN":       {chain(account, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/team-*"}}`), chain(account, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/team-a*"}}`), "role arn:aws:iam::111122223333:role/team-"},
		"roles are not users":                  {chain(account, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}}`), chain(account, `{"StringNotEquals":{"aws:PrincipalType":"User"}}`), ""},
		"an external id":                       {chain(role, `{"StringEquals":{"sts:ExternalId":"abc"}}`), chain(role, `{"StringLike":{"sts:ExternalId":"a*"}}`), ""},
		"an external id that is not asked for": {chain(role, `{}`), chain(role, `{"StringEquals":{"sts:ExternalId":"abc"}}`), "role arn:aws:iam::111122223333:role/reader"},
		"the organization":                     {chain(`{"AWS":"*"}`, `{"StringEquals":{"aws:PrincipalOrgID":"o-mine"}}`), chain(`{"AWS":"*"}`, `{"StringEquals":{"aws:PrincipalOrgID":["o-mine","o-other"]}}`), ""},
		"another account's root":               {chain(account, `{}`), chain(`{"AWS":"444455556666"}`, `{}`), "111122223333"},
		"a session is of a role of any path": {chain(`{"AWS":"arn:aws:sts::111122223333:assumed-role/a/s"}`, `{}`) + "," +
			strings.Replace(chain(account, `{"StringNotLike":{"aws:PrincipalArn":"*:role/team/*"}}`), "Allow", "Deny", 1),
			chain(role, `{}`), "role arn:aws:iam::111122223333:role/team/"},
		"a root user assumes no role":     {chain(`{"AWS":"444455556666"}`, `{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::444455556666:root"}}`), chain(role, `{}`), ""},
		"a role of another partition":     {chain(`{"AWS":"111122223333"}`, `{"ArnLike":{"aws:PrincipalArn":"arn:aws-cn:iam::111122223333:role/*"}}`), chain(role, `{}`), "role arn:aws-cn:iam::111122223333:role/"},
		"a session by its user id":        {chain(`{"AWS":"AROAAAAAAAAAAAAAAAAA1"}`, `{"StringLike":{"aws:userid":"AROAAAAAAAAAAAAAAAAA1:*"}}`), chain(role, `{}`), "id AROAAAAAAAAAAAAAAAAA1:"},
		"a namespace of Pod Identity":     {chain(pods, `{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"shop"}}`), chain(pods, `{"StringLike":{"aws:RequestTag/kubernetes-namespace":["shop","post-*"]}}`), ""},
		"every namespace of Pod Identity": {chain(pods, `{}`), chain(pods, `{"StringEquals":{"aws:RequestTag/kubernetes-namespace":"shop"}}`), "EKS Pod Identity"},
		"a cluster of Pod Identity":       {chain(pods, `{"ArnEquals":{"aws:SourceArn":"arn:aws:eks:eu-west-1:111122223333:cluster/blue"}}`), chain(pods, `{"StringLike":{"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:*:cluster/blue"}}`), "without session tags"},
		"pods that set no session tags":   {chain(pods, `{"Null":{"aws:RequestTag/kubernetes-namespace":"true"}}`), chain(role, `{}`), "without session tags"},
		"pods that set session tags":      {chain(pods, `{"Null":{"aws:RequestTag/kubernetes-pod-uid":"false"}}`), chain(role, `{}`), "kubernetes-pod-uid x"},
		"the account of a cluster":        {chain(pods, `{"StringEquals":{"aws:SourceAccount":"111122223333"}}`), chain(pods, `{"StringEquals":{"aws:SourceAccount":"444455556666"}}`), "aws:sourceaccount 111122223333"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectProof(t, parse(t, statement(c.p)), parse(t, statement(c.outer)), c.witness)
		})
	}
}

func TestTheWitnessIsWhatItSays(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	before := build(t, trust.Grant{Provider: p, Patterns: []trust.Pattern{pattern(t, "system:serviceaccount:a:*")}})
	after := build(t, trust.Grant{Provider: p, Patterns: []trust.Pattern{pattern(t, "system:serviceaccount:a*:*")}})
	w := after.Within(before).Witness
	require.NotNil(t, w)
	assert.Equal(t, p, w.Provider)
	namespace, name, ok := strings.Cut(strings.TrimPrefix(fmt.Sprint(w.Claims["sub"]), "system:serviceaccount:"), ":")
	require.True(t, ok)
	_, err := trust.ServiceAccount(namespace, name)
	require.NoError(t, err, "a service account that can exist")
	assert.True(t, after.Allows(trust.WebIdentity(p, w.Claims)))
	assert.False(t, before.Allows(trust.WebIdentity(p, w.Claims)))
	assert.Equal(t, fmt.Sprintf("a token of %s with sub %s, aud sts.amazonaws.com", p.HostPath(), w.Claims["sub"]), w.String())
}

// The claims that STS exposes of the issuers that it knows are exact keys, and of no others.
func TestTheClaimsOfKnownIssuersAreExact(t *testing.T) {
	t.Parallel()
	for issuer, claims := range map[string][]string{
		"https://token.actions.githubusercontent.com": {"actor", "actor_id", "job_workflow_ref", "repository", "repository_id", "workflow", "ref", "environment", "enterprise_id"},
		"https://oidc.circleci.com/org/ORG":           {"oidc.circleci.com/project-id"},
		"https://idcs-abc.identity.oraclecloud.com":   {"rpst_id"},
		"https://accounts.google.com":                 {"email"},
	} {
		p := provider(t, issuer)
		for _, claim := range claims {
			on := func(operator, values string) *trust.Policy {
				return judged(t, p, "Allow", `{"ForAnyValue:StringEquals":{"HOST:sub":"me/r:job","HOST:aud":"1"},"`+operator+`":{"`+p.ConditionKey(claim)+`":`+values+`}}`)
			}
			exact, pattern := on("StringEquals", `"me/r"`), on("StringLike", `["me/*","you/?"]`)
			expectProof(t, exact, pattern, "")
			expectProof(t, pattern, exact, "me/")
			expectProof(t, exact, on("StringEqualsIgnoreCase", `"ME/R"`), "")
			assert.Equal(t, trust.Holds, judged(t, provider(t, blue), "Allow", `{"StringEquals":{"HOST:repository":"me/r"}}`).Within(nil).Outcome, "nobody has it")
		}
	}
}

func TestAProofAsJSONHasTheWitness(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	inner, outer := judged(t, p, "Allow", `{"StringEquals":{"HOST:sub":"a","HOST:aud":"b"}}`), trust.Policy{}
	text, err := json.Marshal(inner.Within(&outer))
	require.NoError(t, err)
	assert.JSONEq(t, `{"outcome":"fails","witness":{"text":"a token of `+p.HostPath()+` with sub a, aud b","provider":"`+p.ARN()+`","claims":{"sub":"a","aud":"b"}}}`, string(text))
	text, err = json.Marshal(inner.Within(inner))
	require.NoError(t, err)
	assert.JSONEq(t, `{"outcome":"holds"}`, string(text))
}
