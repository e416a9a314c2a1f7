package trust_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// of returns the findings of one code.
func of(p *trust.Policy, code trust.Code) []trust.Finding {
	var found []trust.Finding
	for _, f := range p.Lint() {
		if f.Code == code {
			found = append(found, f)
		}
	}
	return found
}

// web is a statement of one issuer; HOST in the conditions is that issuer.
func web(effect, issuer, conditions string) string {
	return statement(`{"Effect":"` + effect + `","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/` + issuer +
		`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + strings.ReplaceAll(conditions, "HOST", issuer) + `}`)
}

func TestAKeyThatNoRequestHasIsNamedWithWhatWasMeant(t *testing.T) {
	t.Parallel()
	const host = "oidc.eks.eu-west-1.amazonaws.com/id/A"
	for key, fix := range map[string]string{
		"https://HOST:sub": "Write " + host + ":sub",
		"HTTPS://HOST:sub": "Write " + host + ":sub",
		"arn:aws:iam::111122223333:oidc-provider/HOST:sub": "Write " + host + ":sub",
		"OIDC_PROVIDER:sub":                    "Write " + host + ":sub",
		"${OIDC_PROVIDER}:sub":                 "Write " + host + ":sub",
		"sub":                                  "Write " + host + ":sub",
		"SUB":                                  "Write " + host + ":sub",
		"aws:SourceAcount":                     "Did you mean aws:SourceAccount",
		"aws:sourceacccount":                   "Did you mean aws:SourceAccount",
		"aws:RequestTag":                       "Did you mean aws:RequestTag/",
		"aws:RequestTags/kubernetes-namespace": "Did you mean aws:RequestTag/kubernetes-namespace",
		"sts:ExternalID ":                      "Did you mean sts:ExternalId",
		"aws:Kubernetes":                       "Write HOST:CLAIM for a claim of a token, or a key that AWS documents",
		"s3:prefix":                            "Write HOST:CLAIM for a claim of a token, or a key that AWS documents",
		"kubernetes.io":                        "Write HOST:CLAIM for a claim of a token, or a key that AWS documents",
		"":                                     "Write HOST:CLAIM for a claim of a token, or a key that AWS documents",
	} {
		policy := parse(t, web("Allow", host, `{"StringEquals":{"HOST:aud":"sts.amazonaws.com","`+key+`":"system:serviceaccount:shop:cart"}}`))
		found := of(policy, trust.CodeUnknownConditionKey)
		require.Len(t, found, 1, key)
		assert.Equal(t, fix, found[0].Fix, key)
		assert.Contains(t, found[0].Message, "nobody can have the role by this statement", key)
		assert.NotContains(t, codes(policy), trust.CodeMissingSub, "nobody is not everybody: %s", key)
	}
}

func TestKeysThatRequestsHaveAreNotNamed(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"AWS:sourceip", "aws:RequestTag/team", "aws:PrincipalTag/a:b", "aws:ResourceTag/x", "iam:ResourceTag/x",
		"sts:RoleSessionName", "sts:ExternalId", "saml:aud", "ec2:SourceInstanceARN", "aws:PrincipalOrgID", "aws:TagKeys",
	} {
		policy := parse(t, statement(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole","Condition":{"StringLike":{"`+key+`":"x"}}}`))
		assert.Empty(t, policy.Lint(), key)
	}
	chained := parse(t, statement(`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"accounts.google.com:sub":"1"}}}`))
	assert.Empty(t, chained.Lint(), "the session of a web identity keeps its keys when it chains")
}

// What an absent key does hangs on the effect and on the operator.
func TestAnUnknownKeyIsReportedWithItsConsequence(t *testing.T) {
	t.Parallel()
	const ok = `"StringEquals":{"HOST:aud":"sts.amazonaws.com","HOST:sub":"system:serviceaccount:shop:cart"}`
	for _, c := range []struct{ effect, operator, consequence string }{
		{"Allow", "StringLike", "nobody can have the role by this statement"},
		{"Allow", "ForAnyValue:StringLike", "nobody can have the role by this statement"},
		{"Allow", "StringNotLike", "the condition is always met"},
		{"Allow", "StringLikeIfExists", "the condition is always met"},
		{"Allow", "ForAllValues:StringLike", "the condition is always met"},
		{"Deny", "StringLike", "the Deny denies nobody"},
		{"Deny", "StringNotEquals", "the condition is always met"},
	} {
		policy := parse(t, web(c.effect, "a.b", `{`+ok+`,"`+c.operator+`":{"aws:SourceAcount":"x"}}`))
		found := of(policy, trust.CodeUnknownConditionKey)
		require.Len(t, found, 1, "%v", c)
		assert.Contains(t, found[0].Message, c.consequence, "%v", c)
	}
}

func TestAConditionThatIsAlwaysMetDoesNotHideAMissingSub(t *testing.T) {
	t.Parallel()
	for _, conditions := range []string{
		`{"StringEquals":{"HOST:aud":"x"},"StringNotEquals":{"sub":"y"}}`,
		`{"StringEquals":{"HOST:aud":"x"},"StringEqualsIfExists":{"https://HOST:sub":"y"}}`,
		`{"StringEquals":{"HOST:aud":"x"},"ForAllValues:StringEquals":{"OIDC_PROVIDER:sub":"y"}}`,
		`{"StringEquals":{"HOST:aud":"x"},"Null":{"sub":"true"}}`,
	} {
		assert.Contains(t, codes(parse(t, web("Allow", "a.b", conditions))), trust.CodeMissingSub, conditions)
	}
	for _, conditions := range []string{
		`{"StringEquals":{"HOST:aud":"x","c.d:sub":"y"}}`,
		`{"StringEquals":{"HOST:aud":"x"},"Null":{"sub":"false"}}`,
		`{"StringEquals":{"HOST:aud":"x","HOST:groups":"y"}}`,
	} {
		assert.NotContains(t, codes(parse(t, web("Allow", "a.b", conditions))), trust.CodeMissingSub, conditions)
	}
}

func TestEachIssuerOfAStatementIsLookedAtForItself(t *testing.T) {
	t.Parallel()
	policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":["arn:aws:iam::111122223333:oidc-provider/a.b","arn:aws:iam::111122223333:oidc-provider/c.d"]},`+
		`"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"a.b:aud":"sts.amazonaws.com","a.b:sub":"system:serviceaccount:x:y"}}}`))
	found := policy.Lint()
	require.Len(t, found, 1)
	assert.Equal(t, trust.CodeForeignConditionKey, found[0].Code)
	assert.Contains(t, found[0].Message, "no token of c.d can have the role", "which is not the same as every token")
	open := parse(t, strings.ReplaceAll(policy.Document(), "StringEquals", "StringEqualsIfExists"))
	assert.Contains(t, codes(open), trust.CodeMissingSub)
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
func TestOnlyClaimsThatSTSExposesAreKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		issuer, claim string
		exposed       bool
	}{
		{"token.actions.githubusercontent.com", "iss", false},
		{"token.actions.githubusercontent.com", "repository_owner", false},
		{"token.actions.githubusercontent.com", "head_ref", false},
		{"token.actions.githubusercontent.com", "repository", true},
		{"token.actions.githubusercontent.com", "Repository_ID", true},
		{"token.actions.githubusercontent.com", "job_workflow_ref", true},
		{"token.actions.githubusercontent.com/octo", "job_workflow_ref", true},
		{"gitlab.com", "project_path", false},
		{"gitlab.com", "repository", false},
		{"agent.buildkite.com", "pipeline_slug", false},
		{"oidc.circleci.com/org/1", "oidc.circleci.com/project-id", true},
		{"oidc.circleci.com/org/1", "oidc.circleci.com/org-id", false},
		{"a.b", "oaud", true},
		{"a.b", "email", true},
		{"a.b", "groups", false},
	} {
		policy := parse(t, web("Allow", c.issuer, `{"StringEquals":{"HOST:aud":"x","HOST:sub":"y","HOST:`+c.claim+`":"z"}}`))
		if c.exposed {
			assert.Empty(t, policy.Lint(), "%v", c)
		} else {
			assert.Equal(t, []string{trust.CodeClaimNotExposed}, codes(policy), "%v", c)
		}
	}
	typo := of(parse(t, web("Allow", "token.actions.githubusercontent.com", `{"StringEquals":{"HOST:aud":"x","HOST:job_workflow_rev":"z","HOST:sub":"y"}}`)), trust.CodeClaimNotExposed)
	require.Len(t, typo, 1)
	assert.Equal(t, "Did you mean job_workflow_ref", typo[0].Fix)
}

func TestEachKindOfPrincipalHasItsAction(t *testing.T) {
	t.Parallel()
	const (
		oidc = `"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"`
		saml = `"Federated":"arn:aws:iam::111122223333:saml-provider/okta"`
		aws  = `"AWS":"111122223333"`
		pods = `"Service":"pods.eks.amazonaws.com"`
	)
	for _, c := range []struct {
		principal, action string
		mismatch          bool
	}{
		{oidc, `"sts:AssumeRoleWithWebIdentity"`, false}, {oidc, `"sts:AssumeRole"`, true}, {oidc, `"sts:AssumeRoleWithSAML"`, true},
		{saml, `"sts:AssumeRoleWithSAML"`, false}, {saml, `"sts:AssumeRoleWithWebIdentity"`, true}, {saml, `["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`, true},
		{aws, `"sts:AssumeRole"`, false}, {aws, `"sts:AssumeRoleWithWebIdentity"`, true},
		{pods, `["sts:AssumeRole","sts:TagSession"]`, false}, {pods, `"sts:AssumeRoleWithWebIdentity"`, true},
		{oidc, `"sts:TagSession"`, false}, {saml, `"sts:SetSourceIdentity"`, false},
		{oidc + "," + pods, `["sts:AssumeRole","sts:AssumeRoleWithWebIdentity"]`, false}, {oidc + "," + pods, `"sts:AssumeRoleWithWebIdentity"`, true},
		{aws, `"sts:AssumeRole*"`, false},
	} {
		for effect, mismatch := range map[string]bool{"Allow": c.mismatch, "Deny": false} {
			policy := parse(t, statement(`{"Effect":"`+effect+`","Principal":{`+c.principal+`},"Action":`+c.action+`,"Condition":{"StringEquals":{"a.b:sub":"x"}}}`))
			assert.Equal(t, mismatch, len(of(policy, trust.CodeActionMismatch)) == 1, "%s %v", effect, c)
		}
	}
}

func TestASchemeInAPrincipalIsFound(t *testing.T) {
	t.Parallel()
	for _, principal := range []string{"arn:aws:iam::111122223333:oidc-provider/https://a.b/c", "arn:aws:iam::111122223333:oidc-provider/HTTPS://a.b/c", "https://a.b/c", "arn:aws:iam::111122223333:oidc-provider/http://a.b/c"} {
		policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+principal+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"a.b/c:aud":"x","a.b/c:sub":"y"}}}`))
		require.Equal(t, []string{trust.CodeSchemeInPrincipal}, codes(policy), principal)
		assert.Equal(t, "End it with oidc-provider/a.b/c", policy.Lint()[0].Fix)
	}
}

func TestDualStackIssuersAreThoseOfEKSToo(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{"oidc.eks.eu-central-1.amazonaws.com/id/A", "oidc-eks.eu-central-1.api.aws/id/A", "oidc-eks.cn-north-1.api.amazonwebservices.com.cn/id/A"} {
		for sub, code := range map[string]trust.Code{
			"shop:checkout": trust.CodeSubjectShape, "system:serviceaccount:shop:checkout": "", "shop/*": trust.CodeSubjectShape,
			"System:ServiceAccount:shop:*": trust.CodeSubjectShape, "system:serviceaccounts:shop:*": trust.CodeSubjectShape,
			"system:serviceaccount:shop:Check*": trust.CodeSubjectShape, "system:serviceaccount:shop:check*": "", "system:serviceaccount:a:b:c*": trust.CodeSubjectShape,
			"sys*:shop:*": "",
		} {
			policy := parse(t, web("Allow", issuer, `{"StringEquals":{"HOST:aud":"sts.amazonaws.com"},"StringLike":{"HOST:sub":"`+sub+`"}}`))
			if code == "" {
				assert.Empty(t, policy.Lint(), "%s %s", issuer, sub)
			} else {
				assert.Equal(t, []string{code}, codes(policy), "%s %s", issuer, sub)
			}
		}
	}
	policy := parse(t, web("Allow", "oidc-eks.region-code.api.aws/id/A", `{"StringEquals":{"HOST:aud":"sts.amazonaws.com","HOST:sub":"system:serviceaccount:a:b"}}`))
	assert.Equal(t, []string{trust.CodePlaceholder}, codes(policy))
}

func TestASubThatDiffersInCaseOnlyIsSaidSo(t *testing.T) {
	t.Parallel()
	for _, sub := range []string{"system:serviceaccount:Shop:cart", "system:serviceaccount:Shop:*", "System:serviceaccount:shop:cart"} {
		policy := parse(t, web("Allow", "oidc.eks.eu-west-1.amazonaws.com/id/A", `{"StringEquals":{"HOST:aud":"sts.amazonaws.com"},"StringLike":{"HOST:sub":"`+sub+`"}}`))
		found := policy.Lint()
		require.Len(t, found, 1, sub)
		assert.Contains(t, found[0].Message, "compared by case", sub)
		assert.Equal(t, "Write "+strings.ToLower(sub), found[0].Fix)
		ignored := parse(t, web("Allow", "oidc.eks.eu-west-1.amazonaws.com/id/A", `{"StringEquals":{"HOST:aud":"sts.amazonaws.com"},"StringEqualsIgnoreCase":{"HOST:sub":"`+strings.ReplaceAll(sub, "*", "cart")+`"}}`))
		assert.Empty(t, ignored.Lint(), sub)
	}
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html: some keys
// are of calls that only AWS services make, and a token has no external id.
func TestAKeyThatThisKindOfPrincipalNeverHasIsFound(t *testing.T) {
	t.Parallel()
	const (
		web  = `"Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"},"Action":"sts:AssumeRoleWithWebIdentity"`
		aws  = `"Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"`
		pods = `"Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"]`
		both = `"Principal":{"Service":"pods.eks.amazonaws.com","AWS":"111122223333"},"Action":["sts:AssumeRole","sts:TagSession"]`
	)
	for _, c := range []struct {
		principal, key string
		found          bool
	}{
		{web, "aws:SourceAccount", true}, {web, "aws:sourcearn", true}, {web, "sts:ExternalId", true}, {web, "aws:MultiFactorAuthPresent", true},
		{web, "saml:sub", true}, {web, "aws:RequestTag/team", false}, {web, "aws:SourceIp", false}, {web, "sts:SourceIdentity", false},
		{aws, "aws:SourceAccount", true}, {aws, "sts:ExternalId", false}, {aws, "aws:MultiFactorAuthPresent", false}, {aws, "saml:sub", false},
		{pods, "aws:SourceAccount", false}, {pods, "aws:RequestTag/kubernetes-namespace", false}, {pods, "sts:ExternalId", true},
		{both, "aws:SourceAccount", false}, {both, "sts:ExternalId", false},
	} {
		policy := parse(t, statement(`{"Effect":"Allow",`+c.principal+`,"Condition":{"StringEquals":{"`+c.key+`":"x"}}}`))
		assert.Equal(t, c.found, len(of(policy, trust.CodeUnknownConditionKey)) == 1, "%v: %v", c, policy.Lint())
		if c.found {
			assert.NotContains(t, codes(policy), trust.CodeMissingSub, "%v", c)
		}
	}
}

func TestAKeyBelongsToTheIssuerThatItBeginsWith(t *testing.T) {
	t.Parallel()
	bench := parse(t, web("Allow", "localhost:8443/x", `{"StringEquals":{"HOST:aud":"sts.amazonaws.com","HOST:sub":"system:serviceaccount:a:b"}}`))
	assert.Empty(t, bench.Lint(), "a test bench's issuer has no dot and a port")
	for _, key := range []string{"a.bc:sub", "a.b.c:sub", "a.b/c:sub", "a.:sub"} {
		policy := parse(t, web("Allow", "a.b", `{"StringEquals":{"HOST:aud":"x","HOST:sub":"y","`+key+`":"z"}}`))
		assert.Equal(t, []string{trust.CodeForeignConditionKey}, codes(policy), key)
	}
	port := of(parse(t, web("Allow", "a.b", `{"StringEquals":{"HOST:aud":"x","HOST:sub":"y","c.d:8443:sub":"z"}}`)), trust.CodeForeignConditionKey)
	require.Len(t, port, 1)
	assert.Contains(t, port[0].Message, "the key is for issuer c.d:8443,")
	slash := parse(t, web("Allow", "a.b/", `{"StringEquals":{"a.b:aud":"x","a.b:sub":"y"}}`))
	assert.Equal(t, []string{trust.CodeTrailingSlash, trust.CodeTrailingSlash}, codes(slash))
	assert.Contains(t, slash.Lint()[0].Message, "nobody can have the role")
}

// Keys of a token stay in the session, so an AWS principal beside it may have what no token has.
func TestTheConsequenceSpeaksOfTokensWhereOthersAreAdmittedToo(t *testing.T) {
	t.Parallel()
	policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b","AWS":"111122223333"},`+
		`"Action":["sts:AssumeRole","sts:AssumeRoleWithWebIdentity"],"Condition":{"StringEquals":{"c.d:sub":"x"}}}`))
	found := of(policy, trust.CodeForeignConditionKey)
	require.Len(t, found, 1)
	assert.Contains(t, found[0].Message, "no token can have the role by this statement")
	unknown := of(parse(t, strings.Replace(policy.Document(), "c.d:sub", "sub", 1)), trust.CodeUnknownConditionKey)
	require.Len(t, unknown, 1)
	assert.Contains(t, unknown[0].Message, "nobody can have the role by this statement")
}

func TestAConditionThatEveryTokenFailsIsBroken(t *testing.T) {
	t.Parallel()
	for conditions, broken := range map[string]bool{
		`{"StringEquals":{"HOST:aud":"x"},"Null":{"HOST:sub":"true"}}`:                                         true,
		`{"StringEquals":{"HOST:sub":"system:serviceaccount:a:b"},"Null":{"HOST:aud":"TRUE"}}`:                 true,
		`{"StringEquals":{"HOST:aud":"x"},"StringNotLike":{"HOST:sub":["system:serviceaccount:*","x"]}}`:       true,
		`{"StringEquals":{"HOST:aud":"x"},"StringNotLikeIfExists":{"HOST:sub":"*"}}`:                           true,
		`{"StringEquals":{"HOST:aud":"x"},"StringNotLike":{"HOST:sub":"system:serviceaccount:a:*"}}`:           false,
		`{"StringEquals":{"HOST:aud":"x","HOST:sub":"system:serviceaccount:a:b"},"Null":{"HOST:sub":"false"}}`: false,
		`{"StringEquals":{"HOST:aud":"x","HOST:sub":"system:serviceaccount:a:b"},"Null":{"HOST:amr":"true"}}`:  false,
	} {
		policy := parse(t, web("Allow", "oidc.eks.eu-west-1.amazonaws.com/id/A", conditions))
		assert.Equal(t, broken, slices.Contains(codes(policy), trust.CodeBrokenCondition), conditions)
		if broken {
			assert.NotContains(t, codes(policy), trust.CodeMissingSub, conditions)
		}
	}
}
