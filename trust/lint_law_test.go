package trust_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/printable"
	"github.com/irsa-go/irsa/trust"
)

// notPolicies are documents that somebody may hand to a linter of trust policies, with what the
// finding must say about them.
func notPolicies() map[string]string {
	role := quoted(plainTrust)
	return map[string]string{
		`{}`:                       "it has no Statement",
		`{"Version":"2012-10-17"}`: "it has no Statement",
		`{"resource_changes":[{"address":"a","mode":"managed","type":"aws_iam_role","change":{"after":{"assume_role_policy":` + role + `}}}]}`: "it looks like a Terraform plan; its trust policies are at /resource_changes/0/change/after/assume_role_policy",
		`{"format_version":"1.0","terraform_version":"1.9.0"}`:                                                                                 "it looks like a Terraform state, without a role in it",
		`{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":` + plainTrust + `}}}}`:                           "it looks like a CloudFormation template; its trust policies are at /Resources/R/Properties/AssumeRolePolicyDocument",
		`{"Role":{"RoleName":"r","AssumeRolePolicyDocument":` + plainTrust + `}}`:                                                              "it looks like the output of an IAM command; its trust policies are at /Role/AssumeRolePolicyDocument",
		`{"RoleDetailList":[{},{},{},{},{}]}`:                                                                                                  "/RoleDetailList/0, /RoleDetailList/1, /RoleDetailList/2 and 2 more",
		`{"Roles":[],"IsTruncated":true}`:                                                                                                      "the list goes on after this page",
		`{"apiVersion":"iam.services.k8s.aws/v1alpha1","kind":"Role","spec":{"assumeRolePolicyDocument":` + role + `}}`:                        "it looks like a Kubernetes object; its trust policies are at /spec/assumeRolePolicyDocument",
		`{"PolicyName":"p","PolicyDocument":` + plainTrust + `}`:                                                                               "policies are at /PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`:                                             "it looks like a permissions policy",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::111122223333:role/x"}}`:      "it looks like a permissions policy",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}`:      "it looks like the policy of a resource, such as a bucket",
	}
}

func TestADocumentThatIsNotATrustPolicyIsNamed(t *testing.T) {
	t.Parallel()
	for doc, message := range notPolicies() {
		found := parse(t, doc).Lint()
		require.Len(t, found, 1, doc)
		assert.Equal(t, trust.CodeNotAPolicy, found[0].Code, doc)
		assert.Equal(t, trust.SeverityError, found[0].Severity, doc)
		assert.Contains(t, found[0].Message, message, doc)
		assert.Equal(t, []int{1, 1}, []int{found[0].Line, found[0].Column})
	}
}

// Clean means clean.
func checkCleanMeansClean(t *testing.T, p *trust.Policy) {
	t.Helper()
	if len(p.Lint()) > 0 {
		return
	}
	require.NoError(t, p.Validate(), p.Document())
	var document struct{ Statement json.RawMessage }
	require.NoError(t, json.Unmarshal([]byte(p.Document()), &document))
	var statements []map[string]any
	if json.Unmarshal(document.Statement, &statements) != nil {
		statements = make([]map[string]any, 1)
		require.NoError(t, json.Unmarshal(document.Statement, &statements[0]), p.Document())
	}
	for _, s := range statements {
		action, err := json.Marshal(s["Action"])
		require.NoError(t, err)
		if s["Principal"] != nil && strings.Contains(string(action), `"sts:`) {
			return
		}
	}
	assert.Fail(t, "clean, and nobody's policy", p.Document())
}

// checkPrintable: what a document says must not reach a terminal as more than text.
func checkPrintable(t *testing.T, text string) {
	t.Helper()
	assert.Equal(t, printable.Text(text), text)
}

func FuzzCleanMeansClean(f *testing.F) {
	for doc := range notPolicies() {
		f.Add([]byte(doc))
	}
	for _, c := range lintCases() {
		f.Add([]byte(c.doc))
	}
	for _, body := range []string{`{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`, `{"Effect":"Allow","Principal":{"AWS":[]},"Action":[]}`,
		`{"Effect":"Allow","Principal":{},"NotAction":"sts:x"}`, `5`, `{"Statement":[]}`, `{"Effect":"Allow","Principal":{"Federated":["arn:\u202e:iam::111122223333:oidc-provider/a.b","arn:a\u001b:iam::111122223333:oidc-provider/\u202e"],"\u202e":"\u001b[31m"},"Action":"\u202e","Condition":{"StringEquals":{"\u202e":"\u202e{x}","a.b:\u001b":"*\u202e"}}}`, `{"Effect":"Allow","Principal":{"CanonicalUser":"x"},"Action":"sts:TagSession"}`} {
		f.Add([]byte(statement(body)))
		f.Add([]byte(`{"Statement":` + body + `}`))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, err := trust.Parse(doc)
		if err != nil {
			return
		}
		checkCleanMeansClean(t, p)
		for _, finding := range p.Lint() {
			assert.Positive(t, finding.Line, "%v", finding)
			assert.Positive(t, finding.Column, "%v", finding)
			assert.NotEmpty(t, finding.Severity.String(), "%v", finding)
			checkPrintable(t, finding.String())
			checkPrintable(t, finding.Message)
			checkPrintable(t, finding.Fix)
		}
		if err := p.Validate(); err != nil {
			checkPrintable(t, strings.NewReplacer("\n", "", "\t", "").Replace(err.Error()))
		}
	})
}

func TestTheEmptyPolicyIsNotClean(t *testing.T) {
	t.Parallel()
	var none *trust.Policy
	for _, p := range []*trust.Policy{none, {}, parse(t, `{"Version":"2012-10-17","Statement":[]}`), parse(t, `{"Statement":[]}`)} {
		assert.Equal(t, []string{trust.CodeRefused}, codes(p))
	}
}

// What Validate finds is not clean, and is said once.
func TestWhatIAMRefusesIsAFinding(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ doc, code, path string }{
		"a Sid with a space":        {strings.Replace(plainTrust, `"Effect"`, `"Sid":"a b","Effect"`, 1), trust.CodeRefused, "/Statement/0/Sid"},
		"an unproven action":        {strings.Replace(plainTrust, "sts:AssumeRole", "sts:AssumeRole*", 1), trust.CodeRefused, "/Statement/0/Action"},
		"an element of the policy":  {strings.Replace(plainTrust, `{"Version"`, `{"Comment":"x","Version"`, 1), trust.CodeRefused, "/Comment"},
		"a shared issuer":           {web("Allow", "gitlab.com", `{"StringLike":{"HOST:sub":"*"}}`), trust.CodeRefused, "/Statement/0"},
		"an element of a statement": {strings.Replace(plainTrust, `"Effect"`, `"Resource":"*","Effect"`, 1), trust.CodeBrokenStatement, "/Statement/0"},
		"no principal":              {`{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}`, trust.CodeBrokenStatement, "/Statement"},
	} {
		found := parse(t, c.doc).Lint()
		count := 0
		for _, f := range found {
			if f.Path == c.path || f.Code == trust.CodeRefused {
				count++
				assert.Equal(t, c.code, f.Code, name)
			}
		}
		assert.Equal(t, 1, count, "%s: %v", name, found)
	}
	refused := of(parse(t, web("Allow", "gitlab.com", `{"StringLike":{"HOST:sub":"*"}}`)), trust.CodeRefused)
	assert.Contains(t, refused[0].Message, "which is not scoped to all.", "IAM's own words")
}

func TestFindingsSayWhereTheyAre(t *testing.T) {
	t.Parallel()
	doc := "{\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\", \"Principal\": {\"Ä\": 1, \"AWS\": [\"1\",\n \"*\"]},\n      \"Action\": \"sts:AssumeRole\"\n    }\n  ]\n}"
	p := parse(t, doc)
	found := p.Lint()
	places := map[string][]int{}
	for _, f := range found {
		places[f.Path] = []int{f.Line, f.Column}
	}
	assert.Equal(t, []int{3, 5}, places["/Statement/0"], "%v", found)
	shorter := parse(t, "{\"Statement\":{\"Effect\":\"Allow\",\n\"Principal\":{\"AWS\":[\"111122223333\",\t\"*\"]},\n\"Action\":\"sts:AssumeRole\"}}").Lint()
	require.Len(t, shorter, 1)
	assert.Equal(t, []int{2, 37}, []int{shorter[0].Line, shorter[0].Column})

	absent := of(parse(t, "{\"Statement\":\n {\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"111122223333\"},\"NotAction\":[\"sts:AssumeRole\",\"sts:AssumeRoleWithSAML\"]}}"), trust.CodeActionMismatch)
	require.Len(t, absent, 1)
	assert.Equal(t, []any{"/Statement/Action", 1, 2}, []any{absent[0].Path, absent[0].Line, absent[0].Column}, "as far as the document follows the path")

	edited, err := parse(t, strings.ReplaceAll(web("Allow", "a.b", `{"StringEquals":{"HOST:sub":["system:serviceaccount:x:y","system:serviceaccount:x:z"]}}`), ",", ",\n")).
		WithoutGrant(trust.Grant{Provider: provider(t, "https://a.b"), Subjects: []trust.Subject{account(t, "x", "y")}})
	require.NoError(t, err)
	for _, f := range edited.Lint() {
		assert.Zero(t, f.Line+f.Column, "an edited policy was not read from a document")
	}
	assert.NotEmpty(t, edited.Lint())
}

func TestFindingsAreJSONWithLowerCaseNames(t *testing.T) {
	t.Parallel()
	found := parse(t, `{"Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}`).Lint()
	b, err := json.Marshal(found)
	require.NoError(t, err)
	assert.Equal(t, `[{"code":"principal-star","severity":"error","path":"/Statement/Principal/AWS","line":1,"column":45,`+
		`"message":"AWS \"*\" is every AWS account; it does not admit a web identity either","fix":"Name the accounts or roles that are meant"}]`, string(b))
	var back []trust.Finding
	require.NoError(t, json.Unmarshal(b, &back))
	assert.Equal(t, found, back)
}

func TestSeveritiesAreOrdered(t *testing.T) {
	t.Parallel()
	assert.Less(t, trust.SeverityInfo, trust.SeverityWarning)
	assert.Less(t, trust.SeverityWarning, trust.SeverityError)
	for _, s := range []trust.Severity{0, trust.SeverityInfo, trust.SeverityWarning, trust.SeverityError} {
		text, err := s.MarshalText()
		require.NoError(t, err)
		var back trust.Severity
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, s, back)
	}
	var s trust.Severity
	assert.EqualError(t, s.UnmarshalText([]byte("fatal")), `trust: severity "fatal": want info, warning or error`)
	assert.Empty(t, trust.Severity(7).String())
}

func ExampleFindingKinds() {
	for _, kind := range trust.FindingKinds() {
		if kind.Severity == trust.SeverityWarning {
			fmt.Println(kind.Code+":", kind.Meaning)
		}
	}
	// Output:
	// api-server-audience: the audience is the Kubernetes API server's own
	// missing-aud: nothing asks whom the token was made for
	// missing-tag-session: EKS Pod Identity without sts:TagSession
	// over-quota: over the default quota, which IAM takes only where it was raised
	// swapped-names: namespace and name of a service account are swapped
	// vacuous-condition: ForAllValues or IfExists: satisfied when the key is absent
	// wildcard-crosses-colon: a wildcard that reaches over namespaces
}

func TestTheCorpusIsCleanOnlyWhereItIsValid(t *testing.T) {
	t.Parallel()
	dir, rows := corpus(t)
	clean := 0
	for _, row := range rows {
		doc, err := os.ReadFile(filepath.Join(dir, row[0]))
		require.NoError(t, err)
		if p, err := trust.Parse(doc); err == nil {
			checkCleanMeansClean(t, p)
			if len(p.Lint()) == 0 {
				clean++
				assert.NotContains(t, row[3], "invalid", row[0])
				assert.NotContains(t, row[3], "dangerous", row[0])
			}
		}
	}
	assert.Greater(t, clean, 5)
}
