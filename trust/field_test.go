package trust_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// What goes wrong with trust policies in the field, and what becomes of it here. The links are
// to where users ran into it.

func codes(p *trust.Policy) []string {
	var codes []string
	for _, f := range p.Lint() {
		codes = append(codes, f.Code)
	}
	return codes
}

// https://github.com/apache/airflow/issues/27331: "Cannot exceed quota for ACLSizePerRole: 2048".
func TestFieldQuotaIsSeenBeforeIAMRefuses(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	policy := build(t, grant(p, account(t, "ns", "first")))
	var size *trust.SizeError
	for i := 0; policy.CheckSize(trust.DefaultSizeQuota) == nil; i++ {
		require.Less(t, i, 200)
		if policy.Size() > 1850 {
			assert.Contains(t, codes(policy), "near-quota")
		}
		var err error
		policy, err = policy.WithGrant(grant(p, account(t, "namespace", strings.Repeat("a", i+1))))
		require.NoError(t, err)
	}
	require.ErrorAs(t, policy.CheckSize(trust.DefaultSizeQuota), &size)
	assert.Greater(t, size.Excess, 0)
	assert.Equal(t, 1, policy.Len(), "subjects share a statement: many more fit than with one statement each")
}

// https://github.com/crossplane-contrib/provider-aws/issues/5578: a wildcard under StringEquals.
func TestFieldWildcardUnderStringEquals(t *testing.T) {
	t.Parallel()
	_, err := trust.ServiceAccount("crossplane-system", "provider-aws-*")
	assert.ErrorContains(t, err, `service account "provider-aws-*" is not a DNS subdomain`)
	p := provider(t, blue)
	policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+
		p.ConditionKey("aud")+`":"sts.amazonaws.com","`+p.ConditionKey("sub")+`":"system:serviceaccount:crossplane-system:provider-aws-*"}}}`))
	q := token(p, account(t, "crossplane-system", "provider-aws-1"))
	assert.False(t, policy.Allows(q))
	assert.Contains(t, policy.Evaluate(q).String(), "StringLike would match")
	assert.Equal(t, []string{"wildcard-under-equals"}, codes(policy))
}

// https://github.com/kubernetes-sigs/cluster-api-provider-aws/issues/5565: no adoption of what
// exists. The names are computed, so what exists can be compared: the same grants give the same
// bytes, and Equal knows them in any other form.
func TestFieldWhatExistsIsRecognised(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	g := grant(p, account(t, "a", "b"))
	policy := build(t, g)
	assert.Equal(t, policy.Document(), build(t, g).Document())
	existing := parse(t, `{"Statement":{"Sid":"X","Condition":{"StringEquals":{"`+strings.ToLower(p.ConditionKey("sub"))+`":["system:serviceaccount:a:b"],"`+
		p.ConditionKey("aud")+`":["sts.amazonaws.com"]}},"Action":["sts:AssumeRoleWithWebIdentity"],"Principal":{"Federated":["`+p.ARN()+`"]},"Effect":"Allow"},"Version":"2012-10-17"}`)
	assert.True(t, existing.Equal(policy))
	assert.Empty(t, existing.Diff(policy))
	same, err := existing.WithGrant(g)
	require.NoError(t, err)
	assert.Same(t, existing, same)
}

// Kubeflow's profile controller: removing the last account left a statement that asked for the
// audience alone.
func TestFieldLastRemovalDropsTheStatement(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	s := account(t, "a", "b")
	left, err := build(t, grant(p, s)).WithoutGrant(grant(p, s))
	require.NoError(t, err)
	assert.Zero(t, left.Len())
	assert.Empty(t, left.Who(p, []trust.Subject{s, account(t, "x", "y")}))

	open := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"`+p.ConditionKey("aud")+`":"sts.amazonaws.com"}}}`))
	assert.Equal(t, []string{"missing-sub"}, codes(open))
	_, err = open.WithoutGrant(grant(p, s))
	var refused *trust.EditError
	assert.ErrorAs(t, err, &refused, "such a statement admits everybody, so nobody can be removed from it")
}

// eksctl's migrator to Pod Identity dropped what it did not know.
func TestFieldEditsKeepUnrelatedStatements(t *testing.T) {
	t.Parallel()
	p, q := provider(t, blue), provider(t, green)
	s := account(t, "a", "b")
	github := `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:o/r:*"}}}`
	policy := parse(t, statement(vendor+","+github+","+statementOf(build(t, grant(q, s)).Document())))
	for name, edit := range map[string]func(*trust.Policy) (*trust.Policy, error){
		"WithGrant":       func(x *trust.Policy) (*trust.Policy, error) { return x.WithGrant(grant(p, s)) },
		"WithoutGrant":    func(x *trust.Policy) (*trust.Policy, error) { return x.WithoutGrant(grant(q, s)) },
		"WithoutProvider": func(x *trust.Policy) (*trust.Policy, error) { return x.WithoutProvider(q) },
		"Retargeted":      func(x *trust.Policy) (*trust.Policy, error) { return x.Retargeted(q, p) },
	} {
		out, err := edit(policy)
		require.NoError(t, err, name)
		assert.Contains(t, out.Document(), vendor+","+github, name)
	}
	podIdentity, err := trust.NewPodIdentity(trust.PodIdentityGrant{})
	require.NoError(t, err)
	migrated, err := trust.Join(policy, podIdentity)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(migrated.Document(), strings.TrimSuffix(policy.Document(), "]}")))
	assert.True(t, migrated.Allows(token(q, s)))
	assert.True(t, migrated.Allows(trust.PodIdentity(trust.PodIdentitySession{Namespace: "a", ServiceAccount: "b"})))
}

// Namespace and name swapped, or one of them twice.
func TestFieldNamespaceAndNameSwapped(t *testing.T) {
	t.Parallel()
	p := provider(t, blue)
	swapped := build(t, grant(p, account(t, "cart", "shop")))
	assert.Contains(t, swapped.Evaluate(token(p, account(t, "shop", "cart"))).String(), "namespace and name swapped?")
	twice := build(t, grant(p, account(t, "shop", "shop")))
	assert.Contains(t, twice.Evaluate(token(p, account(t, "shop", "cart"))).String(), "the policy has one name twice?")
	assert.Equal(t, []string{"swapped-names"}, codes(build(t, grant(p, account(t, "aws-node", "kube-system")))))
}

// https://github.com/aws/amazon-eks-pod-identity-webhook/issues/30: oidc.REGION.eks.
func TestFieldHostFormOfEKS(t *testing.T) {
	t.Parallel()
	right := provider(t, "https://oidc.eks.us-west-2.amazonaws.com/id/ABC")
	wrong := provider(t, "https://oidc.us-west-2.eks.amazonaws.com/id/ABC")
	policy := build(t, grant(wrong, account(t, "a", "b")))
	assert.True(t, slices.Contains(codes(policy), "swapped-host"))
	assert.False(t, policy.Allows(token(right, account(t, "a", "b"))))
	keyOnly := parse(t, strings.Replace(policy.Document(), wrong.ARN(), right.ARN(), 1))
	assert.True(t, slices.Contains(codes(keyOnly), "swapped-host"))
	for host, fix := range map[string]string{
		"oidc.us-west-2.eks.amazonaws.com":     "oidc.eks.us-west-2.amazonaws.com",
		"oidc.cn-north-1.eks.amazonaws.com.cn": "oidc.eks.cn-north-1.amazonaws.com.cn",
		"oidc.region.eks.amazonaws.com":        "oidc.eks.region.amazonaws.com",
	} {
		found := build(t, grant(provider(t, "https://"+host+"/id/ABC"), account(t, "a", "b"))).Lint()
		at := slices.IndexFunc(found, func(f trust.Finding) bool { return f.Code == trust.CodeSwappedHost })
		require.GreaterOrEqual(t, at, 0, host)
		assert.Equal(t, "Use "+fix, found[at].Fix, "the suffix of the region's own partition")
	}
}

// https://securitylabs.datadoghq.com/articles/exploring-github-to-aws-keyless-authentication-flaws/:
// roles open to strangers.
func TestFieldRolesOpenToStrangers(t *testing.T) {
	t.Parallel()
	p := provider(t, "https://token.actions.githubusercontent.com")
	web := func(conditions string) *trust.Policy {
		return parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+p.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":`+strings.ReplaceAll(conditions, "HOST", p.HostPath())+`}`))
	}
	stranger, err := trust.ParseSubject("repo:stranger/repo:ref:refs/heads/main")
	require.NoError(t, err)
	for conditions, code := range map[string]string{
		`{"StringEquals":{"HOST:aud":"sts.amazonaws.com"}}`:                                    "missing-sub",
		`{"StringEquals":{"HOST:aud":"sts.amazonaws.com"},"StringLike":{"HOST:sub":"*"}}`:      "whole-cluster",
		`{"StringEquals":{"HOST:aud":"sts.amazonaws.com"},"StringNotEquals":{"HOST:sub":"x"}}`: "missing-sub",
	} {
		policy := web(conditions)
		assert.Contains(t, codes(policy), code, conditions)
		assert.ErrorContains(t, policy.Validate(), "must evaluate, using StringEqual", "IAM's own control for shared issuers: %s", conditions)
		assert.Len(t, policy.Who(p, []trust.Subject{stranger}), 1)
	}
	_, err = trust.New(trust.Grant{Provider: p, Audiences: []string{trust.DefaultAudience}})
	assert.ErrorContains(t, err, "it names nobody", "the builder makes no such policy")
	_, err = trust.ParsePattern("*")
	assert.ErrorContains(t, err, "only wildcards")
}

// https://github.com/eksctl-io/eksctl/issues/1910: the audience in China.
func TestFieldAudienceInChina(t *testing.T) {
	t.Parallel()
	p, err := trust.NewProvider("aws-cn", "111122223333", "https://oidc.eks.cn-north-1.amazonaws.com.cn/id/ABC")
	require.NoError(t, err)
	s := account(t, "a", "b")
	assert.True(t, build(t, grant(p, s)).Allows(token(p, s)), "sts.amazonaws.com, in China too")
	wrong := build(t, trust.Grant{Provider: p, Subjects: []trust.Subject{s}, Audiences: []string{"sts.amazonaws.com.cn"}})
	assert.Equal(t, []string{"china-audience"}, codes(wrong))
	assert.False(t, wrong.Allows(token(p, s)))
}

// https://github.com/terraform-aws-modules/terraform-aws-eks/issues/2594: an ARN that nothing
// expanded gives an opaque MalformedPolicyDocument.
func TestFieldUnexpandedARN(t *testing.T) {
	t.Parallel()
	for arn, want := range map[string]string{
		"": "it is not an ARN", "${module.eks.oidc_provider_arn}": "it is not an ARN",
		"arn:aws:iam::111122223333:oidc-provider/": `want "oidc-provider/NAME"`,
		"arn:aws:iam::{ACCOUNT}:oidc-provider/x.y": `account id "{ACCOUNT}"`,
	} {
		policy := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"`+arn+`"},"Action":"sts:AssumeRoleWithWebIdentity"}`))
		var invalid *trust.InvalidError
		require.ErrorAs(t, policy.Validate(), &invalid)
		assert.Equal(t, "/Statement/0/Principal/Federated", invalid.Path, "the place, which IAM does not give")
		assert.Equal(t, "Federated principals must be valid domain names or SAML metadata ARNs", invalid.Message)
		_, err := trust.ParseProviderARN(arn)
		assert.ErrorContains(t, err, want)
	}
}
