package trust_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/trust"
)

// The trust policies that the services themselves document, with values in the place of their
// placeholders.
func TestDocumentedPoliciesOfServicesAreClean(t *testing.T) {
	t.Parallel()
	const (
		uuid      = "11111111-2222-3333-4444-555555555555"
		bitbucket = "api.bitbucket.org/2.0/workspaces/octo/pipelines-config/identity/oidc"
		circle    = "oidc.circleci.com/org/" + uuid
		github    = "token.actions.githubusercontent.com"
	)
	for name, c := range map[string]struct{ issuer, conditions string }{
		// https://docs.gitlab.com/ci/cloud_services/aws/
		"GitLab, a branch":         {"gitlab.com", `{"StringEquals":{"HOST:sub":"project_path:mygroup/myproject:ref_type:branch:ref:main"}}`},
		"GitLab, self-managed":     {"gitlab.example.com", `{"StringEquals":{"HOST:sub":"project_path:mygroup/myproject:ref_type:branch:ref:main"}}`},
		"GitLab, the audience":     {"gitlab.com", `{"StringEquals":{"HOST:aud":"https://gitlab.com"},"StringLike":{"HOST:sub":"project_path:mygroup/*:ref_type:branch:ref:main"}}`},
		"GitLab, its own audience": {"gitlab.example.com", `{"StringEquals":{"HOST:aud":"https://gitlab.example.com","HOST:sub":"project_path:mygroup/myproject:ref_type:branch:ref:main"}}`},
		// https://support.atlassian.com/bitbucket-cloud/docs/deploy-on-aws-using-bitbucket-pipelines-openid-connect/
		"Bitbucket, a repository":   {bitbucket, `{"StringEquals":{"HOST:aud":"ari:cloud:bitbucket::workspace/` + uuid + `"},"StringLike":{"HOST:sub":"{` + uuid + `}:*"}}`},
		"Bitbucket, an environment": {bitbucket, `{"StringLike":{"HOST:sub":"{` + uuid + `}:{` + uuid + `}:*"}}`},
		"Bitbucket, a step":         {bitbucket, `{"StringEquals":{"HOST:sub":"{` + uuid + `}:{` + uuid + `}"},"IpAddress":{"aws:SourceIp":["34.199.54.113/32","34.232.25.90/32"]}}`},
		"Bitbucket, any of its own": {bitbucket, `{"StringLike":{"HOST:sub":"{` + uuid + `*}:*"}}`},
		// https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/
		"CircleCI, a project":     {circle, `{"StringLike":{"HOST:sub":"org/` + uuid + `/project/` + uuid + `/user/*"}}`},
		"CircleCI, a branch":      {circle, `{"StringEquals":{"HOST:aud":"` + uuid + `"},"StringLike":{"HOST:sub":"org/` + uuid + `/project/` + uuid + `/user/*/vcs-origin/github.com/octo-org/octo-repo/vcs-ref/refs/heads/main"}}`},
		"CircleCI, by project id": {circle, `{"StringEquals":{"HOST:aud":"` + uuid + `","HOST:oidc.circleci.com/project-id":"` + uuid + `"}}`},
		"CircleCI, that alone":    {circle, `{"StringEquals":{"HOST:oidc.circleci.com/project-id":"` + uuid + `"}}`},
		// https://docs.spacelift.io/integrations/cloud-providers/oidc/aws-oidc
		"Spacelift, a space":    {"demo.app.spacelift.io", `{"StringEquals":{"HOST:aud":"demo.app.spacelift.io"},"StringLike":{"HOST:sub":"space:production:*"}}`},
		"Spacelift, a stack":    {"demo.app.spacelift.io", `{"StringEquals":{"HOST:aud":"https://demo.app.spacelift.io"},"StringLike":{"HOST:sub":"*:stack:oidc-is-awesome:*"}}`},
		"Spacelift, a run type": {"demo.app.spacelift.io", `{"StringEquals":{"HOST:aud":"demo.app.spacelift.io"},"StringLike":{"HOST:sub":"space:production-01HX:stack:web:run_type:TRACKED:scope:write"}}`},
		// https://buildkite.com/docs/pipelines/security/oidc/aws
		"Buildkite, a pipeline": {"agent.buildkite.com", `{"StringLike":{"HOST:sub":"organization:acme-inc:pipeline:super-app:ref:refs/heads/main:commit:*:step:*"},"StringEquals":{"HOST:aud":"sts.amazonaws.com"}}`},
		"Buildkite, by tags":    {"agent.buildkite.com", `{"StringEquals":{"HOST:aud":"sts.amazonaws.com","aws:RequestTag/organization_id":"` + uuid + `","aws:RequestTag/pipeline_slug":"super-app"},"StringLike":{"HOST:sub":"organization:acme-inc:*"}}`},
		// https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
		"GitHub, a branch":        {github, `{"StringEquals":{"HOST:aud":"sts.amazonaws.com","HOST:sub":"repo:octo-org/octo-repo:ref:refs/heads/octo-branch"}}`},
		"GitHub, any of a repo":   {github, `{"StringLike":{"HOST:sub":"repo:octo-org/octo-repo:*"},"StringEquals":{"HOST:aud":"sts.amazonaws.com"}}`},
		"GitHub, an environment":  {github, `{"StringEquals":{"HOST:aud":"sts.amazonaws.com","HOST:sub":"repo:octo-org/octo-repo:environment:prod"}}`},
		"GitHub, by immutable id": {github, `{"StringEquals":{"HOST:aud":"sts.amazonaws.com","HOST:repository_id":"123456789","HOST:sub":"repo:octo-org/octo-repo:environment:prod","HOST:ref":"refs/heads/main"}}`},
		// https://developer.hashicorp.com/terraform/cloud-docs/dynamic-provider-credentials/aws-configuration
		"HCP Terraform": {"app.terraform.io", `{"StringEquals":{"HOST:aud":"aws.workload.identity"},"StringLike":{"HOST:sub":"organization:my-org-name:project:my-project-name:workspace:my-workspace-name:run_phase:*"}}`},
		// https://www.pulumi.com/docs/esc/guides/configuring-oidc/aws/
		"Pulumi ESC":            {"api.pulumi.com/oidc", `{"StringEquals":{"HOST:aud":"aws:octo-org"}}`},
		"Pulumi ESC, one stack": {"api.pulumi.com/oidc", `{"StringEquals":{"HOST:aud":"aws:octo-org","HOST:sub":"pulumi:environments:org:octo-org:env:default/prod"}}`},
		// https://vercel.com/docs/oidc/aws
		"Vercel": {"oidc.vercel.com/acme", `{"StringEquals":{"HOST:sub":"owner:acme:project:web:environment:production","HOST:aud":"https://vercel.com/acme"}}`},
	} {
		policy := parse(t, web("Allow", c.issuer, c.conditions))
		assert.NoError(t, policy.Validate(), name)
		assert.Empty(t, policy.Lint(), name)
	}
}

func TestLogins(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
		"Google":           `"Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"accounts.google.com:aud":"66677788899900pro0","accounts.google.com:oaud":"x","accounts.google.com:sub":"112233"}}`,
		"Amazon":           `"Principal":{"Federated":"www.amazon.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"www.amazon.com:app_id":"amzn1.application-oa2-123456"}}`,
		"Facebook":         `"Principal":{"Federated":"graph.facebook.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"graph.facebook.com:app_id":"111222333444555"}}`,
		"Cognito":          `"Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"us-east-1:12345678-abcd-abcd-abcd-123456"},"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"unauthenticated"}}`,
		"SAML":             `"Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/okta"},"Action":"sts:AssumeRoleWithSAML","Condition":{"StringEquals":{"saml:edupersonorgdn":"ExampleOrg","saml:aud":"https://signin.aws.amazon.com/saml"}}`,
		"EKS Pod Identity": `"Principal":{"Service":"pods.eks.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{"aws:SourceAccount":"111122223333","aws:RequestTag/kubernetes-namespace":"shop"},"ArnEquals":{"aws:SourceArn":"arn:aws:eks:eu-west-1:111122223333:cluster/blue"}}`,
	} {
		policy := parse(t, statement(`{"Effect":"Allow",`+body+`}`))
		assert.NoError(t, policy.Validate(), name)
		assert.Empty(t, policy.Lint(), name)
	}
	wrong := parse(t, statement(`{"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"accounts.google.com:aud":"x","accounts.google.com:hd":"example.com"}}}`))
	assert.Equal(t, []string{trust.CodeClaimNotExposed}, codes(wrong))
}

// What keeps the documented policies quiet must not keep others quiet.
func TestServicesAreNotTrustedBlindly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		issuer, conditions string
		code               trust.Code
	}{
		"Bitbucket's own placeholder":       {"api.bitbucket.org/2.0/workspaces/octo/pipelines-config/identity/oidc", `{"StringLike":{"HOST:sub":"{REPOSITORY_UUID}:*"}}`, trust.CodePlaceholder},
		"the cluster's issuer as audience":  {"oidc.example.com", `{"StringEquals":{"HOST:aud":"https://oidc.example.com","HOST:sub":"system:serviceaccount:a:b"}}`, trust.CodeAPIServerAudience},
		"the same by pattern":               {"oidc.example.com", `{"StringEquals":{"HOST:aud":"https://oidc.example.com"},"StringLike":{"HOST:sub":"*:b"}}`, trust.CodeAPIServerAudience},
		"the API server's name, of anybody": {"gitlab.com", `{"StringEquals":{"HOST:aud":"https://kubernetes.default.svc","HOST:sub":"project_path:a/b:ref_type:branch:ref:main"}}`, trust.CodeAPIServerAudience},
		"a cluster without an audience":     {"oidc.example.com", `{"StringEquals":{"HOST:sub":"system:serviceaccount:a:b"}}`, trust.CodeMissingAud},
		"every project of GitLab":           {"gitlab.com", `{"StringEquals":{"HOST:aud":"https://gitlab.com"},"StringLike":{"HOST:sub":"**"}}`, trust.CodeWholeCluster},
		"an organization without a project": {"oidc.circleci.com/org/1", `{"StringEquals":{"HOST:aud":"1"}}`, trust.CodeMissingSub},
		"GitHub by environment alone":       {"token.actions.githubusercontent.com", `{"StringEquals":{"HOST:aud":"sts.amazonaws.com","HOST:environment":"prod"}}`, trust.CodeMissingSub},
	} {
		assert.Contains(t, codes(parse(t, web("Allow", c.issuer, c.conditions))), c.code, name)
	}
	whole := of(parse(t, web("Allow", "gitlab.com", `{"StringLike":{"HOST:sub":"**"}}`)), trust.CodeWholeCluster)
	assert.True(t, strings.HasSuffix(whole[0].Message, "is every token of gitlab.com"), whole[0].Message)
}

// https://securitylabs.datadoghq.com/articles/exploring-github-to-aws-keyless-authentication-flaws/:
// a name that somebody else can register.
func TestAPatternOfASharedIssuerNamesItsOwner(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		issuer, sub string
		open        bool
	}{
		{"token.actions.githubusercontent.com", "repo:octo-org/*", false}, {"token.actions.githubusercontent.com", "repo:octo-org*", true},
		{"token.actions.githubusercontent.com", "repo:*", true}, {"token.actions.githubusercontent.com", "repo:*/octo-repo:*", true},
		{"token.actions.githubusercontent.com", "re*", true}, {"token.actions.githubusercontent.com", "repo:octo-or?/octo-repo:*", true},
		{"token.actions.githubusercontent.com", "repository_owner_id:123:*", false}, {"token.actions.githubusercontent.com", "repo:octo-org/octo-repo:ref:refs/heads/*", false},
		{"gitlab.com", "project_path:mygroup/*", false}, {"gitlab.com", "project_path:mygroup*", true}, {"gitlab.com", "?*", true},
		{"app.terraform.io", "organization:acme:*", false}, {"app.terraform.io", "organization:acme*", true},
		{"agent.buildkite.com", "organization:acme:pipeline:*", false}, {"agent.buildkite.com", "organization:*:pipeline:x:*", true},
		{"gitlab.example.com", "project_path:*", false}, {"token.actions.githubusercontent.com", "repo:${HOST:sub}/*", true},
		{"token.actions.githubusercontent.com", "repository_owner:octo-org*", true}, {"token.actions.githubusercontent.com", "repository_owner:octo-org:*", false},
		{"token.actions.githubusercontent.com", "job_workflow_ref:octo-org*", true}, {"token.actions.githubusercontent.com", "job_workflow_ref:octo-org/x/.github/*", false},
	} {
		policy := parse(t, web("Allow", c.issuer, `{"StringEquals":{"HOST:aud":"x"},"StringLike":{"HOST:sub":"`+c.sub+`"}}`))
		found := len(of(policy, trust.CodeWildcardInOwner))+len(of(policy, trust.CodeWholeCluster)) > 0
		assert.Equal(t, c.open, found, "%v: %v", c, policy.Lint())
	}
}

// Where another claim than the sub names the workload, it must name its owner too.
func TestAnotherClaimInPlaceOfTheSubNamesItsOwner(t *testing.T) {
	t.Parallel()
	const github = "token.actions.githubusercontent.com"
	for _, c := range []struct {
		issuer, conditions string
		codes              []string
	}{
		{github, `{"StringLike":{"HOST:job_workflow_ref":"octo-org/*"}}`, nil},
		{github, `{"StringLike":{"HOST:job_workflow_ref":"octo-org*"}}`, []string{trust.CodeWildcardInOwner}},
		{github, `{"StringLike":{"HOST:job_workflow_ref":["octo-org/x*","o?/x"]}}`, []string{trust.CodeWildcardInOwner}},
		{github, `{"StringEquals":{"HOST:job_workflow_ref":"${HOST:repository}/x"}}`, []string{trust.CodeWildcardInOwner}},
		{github, `{"StringLike":{"HOST:job_workflow_ref":"?*"}}`, []string{trust.CodeMissingSub}},
		{github, `{"StringEquals":{"HOST:job_workflow_ref":"${HOST:job_workflow_ref}"}}`, []string{trust.CodeMissingSub}},
		{github, `{"StringEquals":{"HOST:sub":"${HOST:sub}"}}`, []string{trust.CodeWholeCluster}},
		{github, `{"StringLike":{"HOST:sub":"repo:octo-org/x:*","HOST:job_workflow_ref":"*/deploy.yml@*"}}`, []string{trust.CodeRefused}}, // by IAM, for its leading star
		{github, `{"StringLike":{"HOST:sub":"repo:octo-org/x:*","HOST:job_workflow_ref":"?*/deploy.yml@*"}}`, nil},
		{"oidc.circleci.com/org/1", `{"StringLike":{"HOST:oidc.circleci.com/project-id":"*"}}`, []string{trust.CodeMissingSub}},
		{"api.pulumi.com/oidc", `{"StringLike":{"HOST:aud":"aws:octo*"}}`, []string{trust.CodeWildcardInOwner}},
		{"api.pulumi.com/oidc", `{"StringLike":{"HOST:aud":"?*"}}`, []string{trust.CodeMissingSub}},
		{"idp.example.com", `{"StringEquals":{"HOST:aud":"x","HOST:sub":"${HOST:sub}"}}`, []string{trust.CodeWholeCluster}},
	} {
		policy := parse(t, web("Allow", c.issuer, strings.ReplaceAll(c.conditions, "HOST", c.issuer)))
		assert.Equal(t, c.codes, codes(policy), "%s", c.conditions)
	}
}
