package trust_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// lintCases has at least one document for each code.
func lintCases() map[string]struct{ doc, code, path string } {
	const eks = "oidc.eks.eu-west-1.amazonaws.com/id/A"
	web := func(conditions string) string {
		return statement(`{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/` + eks +
			`"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + strings.ReplaceAll(conditions, "HOST", eks) + `}`)
	}
	const aud = `"HOST:aud":"sts.amazonaws.com"`
	const sub = `"HOST:sub":"system:serviceaccount:shop:cart"`
	const at = "/Statement/0/Condition/StringEquals/oidc.eks.eu-west-1.amazonaws.com~1id~1A:"
	const like = "/Statement/0/Condition/StringLike/oidc.eks.eu-west-1.amazonaws.com~1id~1A:"
	swap := func(doc, old, new string) string { return strings.Replace(doc, old, new, 1) }
	clean := web(`{"StringEquals":{` + aud + `,` + sub + `}}`)
	return map[string]struct{ doc, code, path string }{
		"clean":                     {clean, "", ""},
		"no sub":                    {web(`{"StringEquals":{` + aud + `}}`), "missing-sub", "/Statement/0"},
		"a sub that must not be":    {web(`{"StringEquals":{` + aud + `},"StringNotEquals":{"HOST:sub":"x"}}`), "missing-sub", "/Statement/0"},
		"no aud":                    {web(`{"StringEquals":{` + sub + `}}`), "missing-aud", "/Statement/0"},
		"a wildcard under equals":   {web(`{"StringEquals":{` + aud + `,"HOST:sub":["system:serviceaccount:shop:*"]}}`), "wildcard-under-equals", at + "sub/0"},
		"the cluster":               {web(`{"StringEquals":{` + aud + `},"StringLike":{"HOST:sub":"system:serviceaccount:*"}}`), "whole-cluster", like + "sub"},
		"the cluster in two stars":  {web(`{"StringEquals":{` + aud + `},"StringLike":{"HOST:sub":"system:serviceaccount:*:*"}}`), "whole-cluster", like + "sub"},
		"everybody":                 {web(`{"StringEquals":{` + aud + `},"StringLike":{"HOST:sub":"*"}}`), "whole-cluster", like + "sub"},
		"namespaces by prefix":      {web(`{"StringEquals":{` + aud + `},"StringLike":{"HOST:sub":"system:serviceaccount:shop-*"}}`), "wildcard-crosses-colon", like + "sub"},
		"a namespace by wildcard":   {web(`{"StringEquals":{` + aud + `},"StringLike":{"HOST:sub":"system:serviceaccount:*:cart"}}`), "wildcard-crosses-colon", like + "sub"},
		"a whole namespace":         {web(`{"StringEquals":{` + aud + `},"StringLike":{"HOST:sub":"system:serviceaccount:shop:*"}}`), "", ""},
		"vacuous for all values":    {web(`{"StringEquals":{` + aud + `},"ForAllValues:StringEquals":{` + sub + `}}`), "vacuous-condition", "/Statement/0/Condition/ForAllValues:StringEquals/oidc.eks.eu-west-1.amazonaws.com~1id~1A:sub"},
		"vacuous if it exists":      {web(`{"StringEqualsIfExists":{` + aud + `},"StringEquals":{` + sub + `}}`), "vacuous-condition", "/Statement/0/Condition/StringEqualsIfExists/oidc.eks.eu-west-1.amazonaws.com~1id~1A:aud"},
		"a key of another cluster":  {web(`{"StringEquals":{` + aud + `,` + sub + `,"oidc.eks.eu-west-1.amazonaws.com/id/B:sub":"system:serviceaccount:shop:cart"}}`), "foreign-condition-key", "/Statement/0/Condition/StringEquals/oidc.eks.eu-west-1.amazonaws.com~1id~1B:sub"},
		"a claim that is not a key": {web(`{"StringEquals":{` + aud + `,` + sub + `,"HOST:kubernetes.io/namespace":"shop"}}`), "claim-not-exposed", at + "kubernetes.io~1namespace"},
		"the host swapped":          {strings.ReplaceAll(clean, "oidc.eks.eu-west-1", "oidc.eu-west-1.eks"), "swapped-host", "/Statement/0/Principal/Federated"},
		"a trailing slash":          {swap(clean, `id/A"}`, `id/A/"}`), "trailing-slash", at + "aud"},
		"a template in braces":      {swap(clean, "111122223333", "{ACCOUNT_ID}"), "placeholder", "/Statement/0/Principal/Federated"},
		"a shell variable":          {swap(clean, "shop:cart", "$NAMESPACE:cart"), "placeholder", at + "sub"},
		"a terraform variable":      {swap(clean, "shop:cart", "${var.namespace}:cart"), "placeholder", at + "sub"},
		"a variable cut short":      {swap(clean, "shop:cart", "${shop:cart"), "subject-shape", at + "sub"},
		"a word in capitals":        {swap(clean, "shop:cart", "MY_NAMESPACE:cart"), "placeholder", at + "sub"},
		"a region that is none":     {strings.ReplaceAll(clean, "eu-west-1", "region-code"), "placeholder", "/Statement/0/Principal/Federated"},
		"China's audience":          {swap(clean, "sts.amazonaws.com", "sts.amazonaws.com.cn"), "china-audience", at + "aud"},
		"the API server's audience": {swap(clean, "sts.amazonaws.com", "https://kubernetes.default.svc.cluster.local"), "api-server-audience", at + "aud"},
		"the issuer as audience":    {swap(clean, "sts.amazonaws.com", "https://oidc.eks.eu-west-1.amazonaws.com/id/A"), "api-server-audience", at + "aud"},
		"a sub of two parts":        {swap(clean, "shop:cart", "cart"), "subject-shape", at + "sub"},
		"a sub without prefix":      {swap(clean, "system:serviceaccount:shop:cart", "shop/cart"), "subject-shape", at + "sub"},
		"a sub in upper case":       {swap(clean, "shop:cart", "shop:Cart"), "subject-shape", at + "sub"},
		"namespace and name":        {swap(clean, "shop:cart", "aws-node:kube-system"), "swapped-names", at + "sub"},
		"a literal and a pattern":   {web(`{"StringEquals":{` + aud + `},"StringLike":{"HOST:sub":["system:serviceaccount:shop:cart","system:serviceaccount:shop:c*"]}}`), "covered-literal", like + "sub/0"},
		"two statements, one covered": {swap(web(`{"StringEquals":{`+aud+`},"StringLike":{"HOST:sub":"system:serviceaccount:shop:c*"}}`), `"Statement":[`, `"Statement":[`+statementOf(clean)+`,`),
			"covered-literal", at + "sub"},
		"said twice":                {swap(clean, `"Statement":[`, `"Statement":[`+statementOf(clean)+`,`), "repeated-statement", "/Statement/1"},
		"principal star":            {statement(`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}`), "principal-star", "/Statement/0/Principal"},
		"every account":             {statement(`{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":"sts:AssumeRole"}`), "principal-star", "/Statement/0/Principal/AWS/0"},
		"everybody else":            {statement(`{"Effect":"Deny","NotPrincipal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}`), "not-principal", "/Statement/0/NotPrincipal"},
		"a deleted role":            {statement(`{"Effect":"Allow","Principal":{"AWS":"AROAEXAMPLEEXAMPLE123"},"Action":"sts:AssumeRole"}`), "deleted-principal", "/Statement/0/Principal/AWS"},
		"the wrong action":          {swap(clean, "sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"), "action-mismatch", "/Statement/0/Action"},
		"an element too much":       {swap(clean, `{"Effect"`, `{"Resource":"*","Effect"`), "broken-statement", "/Statement/0"},
		"an operator too much":      {swap(clean, `{"StringEquals"`, `{"__comment":{"a":"b"},"StringEquals"`), "broken-condition", "/Statement/0/Condition/__comment/a"},
		"a variable in 2008":        {swap(swap(clean, "2012-10-17", "2008-10-17"), "shop:cart", "shop:${aws:x}"), "variable-in-old-version", at + "sub"},
		"providers of accounts":     {swap(clean, `"Statement":[`, `"Statement":[`+strings.Replace(statementOf(clean), "111122223333", "444455556666", 1)+`,`), "foreign-account", "/Statement/1/Principal/Federated"},
		"a scheme in the principal": {swap(clean, "oidc-provider/", "oidc-provider/https://"), "scheme-in-principal", "/Statement/0/Principal/Federated"},
		"a SAML provider's tokens":  {swap(clean, "oidc-provider/"+eks, "saml-provider/okta"), "action-mismatch", "/Statement/0/Action"},
		"a key with a scheme":       {web(`{"StringEquals":{` + aud + `,"https://HOST:sub":"system:serviceaccount:shop:cart"}}`), "unknown-condition-key", "/Statement/0/Condition/StringEquals/https:~1~1oidc.eks.eu-west-1.amazonaws.com~1id~1A:sub"},
		"no statement at all":       {`{"Version":"2012-10-17","Statement":[]}`, "refused", "/Statement"},
		"another document":          {`{}`, "not-a-policy", ""},
		"over the quota":            {web(`{"StringEquals":{` + aud + `,"HOST:sub":["` + strings.Join(accounts(40), `","`) + `"]}}`), "over-quota", ""},
		"Pod Identity without tags": {statement(`{"Effect":"Allow","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":"sts:AssumeRole"}`), "missing-tag-session", "/Statement/0/Action"},
		"anybody's repositories":    {strings.NewReplacer(eks, "token.actions.githubusercontent.com", "StringEquals", "StringLike", "system:serviceaccount:shop:cart", "repo:octo*").Replace(clean), "wildcard-in-owner", "/Statement/0/Condition/StringLike/token.actions.githubusercontent.com:sub"},
		"near the quota":            {web(`{"StringEquals":{` + aud + `,"HOST:sub":["` + strings.Join(accounts(33), `","`) + `"]}}`), "near-quota", ""},
	}
}

// statementOf takes the one statement out of a document.
func statementOf(doc string) string {
	return strings.TrimSuffix(strings.TrimPrefix(doc, `{"Version":"2012-10-17","Statement":[`), "]}")
}

func accounts(n int) []string {
	var subs []string
	for i := range n {
		subs = append(subs, "system:serviceaccount:production-shop:cart-"+string(rune('a'+i%26))+string(rune('a'+i/26)))
	}
	return subs
}

func TestLint(t *testing.T) {
	t.Parallel()
	for name, c := range lintCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := parse(t, c.doc).Lint()
			if c.code == "" {
				assert.Empty(t, found)
				return
			}
			i := slices.IndexFunc(found, func(f trust.Finding) bool { return f.Code == c.code && f.Path == c.path })
			require.GreaterOrEqual(t, i, 0, "%v", found)
			f := found[i]
			assert.NotEmpty(t, f.Message)
			assert.NotEmpty(t, f.Fix)
			assert.NotEmpty(t, f.Severity.String())
			assert.Positive(t, f.Line)
			assert.Positive(t, f.Column)
			assert.Contains(t, f.String(), f.Code)
		})
	}
}

// Every code has a constant, a line in FindingKinds, a line in the package documentation and a
// document that shows it, and no other.
func TestTheTableOfCodesIsComplete(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("lint_finding.go")
	require.NoError(t, err)
	var constants []string
	for _, m := range regexp.MustCompile(`(?m)^\tCode[A-Za-z]+ +Code = "([a-z-]+)"$`).FindAllStringSubmatch(string(source), -1) {
		constants = append(constants, m[1])
	}
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	seen := map[string]bool{}
	for name, c := range lintCases() {
		for _, f := range parse(t, c.doc).Lint() {
			i := slices.IndexFunc(trust.FindingKinds(), func(k trust.FindingKind) bool { return k.Code == f.Code })
			require.GreaterOrEqual(t, i, 0, f.Code)
			assert.Equal(t, trust.FindingKinds()[i].Severity, f.Severity, "%s: %s", name, f.Code)
			seen[f.Code] = true
		}
	}
	var kinds []string
	var table strings.Builder
	for _, k := range trust.FindingKinds() {
		kinds = append(kinds, k.Code)
		assert.True(t, seen[k.Code], "no case shows %s", k.Code)
		fmt.Fprintf(&table, "//\t%-23s  %-8s  %s\n", k.Code, k.Severity, k.Meaning)
	}
	assert.Equal(t, constants, kinds)
	assert.True(t, slices.IsSorted(kinds))
	assert.True(t, strings.Contains(string(doc), "what it means\n"+table.String()+"//\n"), "want in doc.go:\n%s", table.String())
}

func TestOtherIssuersAreNotHeldToKubernetesNames(t *testing.T) {
	t.Parallel()
	github := `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"},"StringLike":{"token.actions.githubusercontent.com:sub":"repo:octo-org/octo-repo:*"}}}`
	assert.Empty(t, parse(t, statement(github)).Lint())
	workflow := strings.Replace(github, `:sub":"repo:octo-org/octo-repo:*"`, `:job_workflow_ref":"octo-org/octo-repo/*"`, 1)
	assert.Empty(t, parse(t, statement(workflow)).Lint())
	assert.Empty(t, parse(t, statement(vendor)).Lint())
	tags := strings.Replace(github, "sts:AssumeRoleWithWebIdentity", "sts:TagSession", 1)
	assert.Empty(t, parse(t, statement(tags)).Lint())
}

func TestPodIdentityNeedsToTagItsSessions(t *testing.T) {
	t.Parallel()
	allow := func(service, action string) string {
		return `{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":` + action + `}`
	}
	const pods = "pods.eks.amazonaws.com"
	for body, missing := range map[string]bool{
		allow(pods, `"sts:AssumeRole"`):                                                                                             true,
		allow(pods, `["sts:AssumeRole","sts:TagSession"]`):                                                                          false,
		allow(pods, `"sts:AssumeRole"`) + `,` + allow(pods, `"sts:TagSession"`):                                                     false,
		allow(pods, `"sts:AssumeRole"`) + `,` + allow("ec2.amazonaws.com", `["sts:AssumeRole","sts:TagSession"]`):                   true,
		allow(pods, `"sts:AssumeRole"`) + `,` + strings.Replace(allow(pods, `"sts:TagSession"`), "Allow", "Deny", 1):                true,
		strings.Replace(allow(pods, `"sts:AssumeRole"`), "Allow", "Deny", 1) + `,` + allow("ec2.amazonaws.com", `"sts:AssumeRole"`): false,
		allow("ec2.amazonaws.com", `"sts:AssumeRole"`):                                                                              false,
	} {
		assert.Equal(t, missing, slices.Contains(codes(parse(t, statement(body))), trust.CodeMissingTagSession), body)
	}
}

// Lint is asked about every role of an account, so it must stay cheap: under 100 µs.
func TestLintAtTheQuotaAllocatesLittle(t *testing.T) {
	policy, _, _ := atQuota(t)
	assert.LessOrEqual(t, testing.AllocsPerRun(20, func() { policy.Lint() }), 60.0)
}
