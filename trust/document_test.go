package trust_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func TestParseSaysWhere(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	for name, c := range map[string]struct {
		doc, pointer, message string
		line, column          int
	}{
		"nothing":                  {"", "", "This policy contains invalid Json", 1, 1},
		"not JSON":                 {"{,}", "", "This policy contains invalid Json", 1, 2},
		"cut short":                {`{"Version":"2012-10-17"`, "", "This policy contains invalid Json", 1, 24},
		"a duplicate name":         {"{\"Statement\":{\n\"Effect\":\"Deny\",\"Effect\":\"Allow\"}}", "/Statement/Effect", "This policy contains invalid Json", 2, 17},
		"a duplicate in disguise":  {`{"Statement":{"Effect":"Deny","\u0045ffect":"Allow"}}`, "/Statement/Effect", "This policy contains invalid Json", 1, 31},
		"something after it":       {`{} {}`, "", "This policy contains invalid Json", 1, 4},
		"a list":                   {`[]`, "", "Syntax errors in policy.", 1, 1},
		"a text":                   {`"{}"`, "", "Syntax errors in policy.", 1, 1},
		"null":                     {`null`, "", "Syntax errors in policy.", 1, 1},
		"a name in lower case":     {`{"version":"2012-10-17"}`, "/version", "Syntax errors in policy.", 1, 2},
		"an effect in lower case":  {"{\"Statement\":[{},\n {\"effect\":\"Allow\"}]}", "/Statement/1/effect", "Syntax errors in policy.", 2, 3},
		"a principal in upper":     {`{"Statement":{"Principal":{"FEDERATED":"x"}}}`, "/Statement/Principal/FEDERATED", "Syntax errors in policy.", 1, 28},
		"nested too deep":          {deep, strings.Repeat("/a", 32), "This policy contains invalid Json", 1, 162},
		"not UTF-8":                {"{\"Id\":\"\xff\"}", "/Id", "This policy contains invalid Json", 1, 8},
		"half a surrogate":         {`{"Id":"\ud800"}`, "/Id", "This policy contains invalid Json", 1, 8},
		"longer than IAM can take": {strings.Repeat(" ", 300000), "", "This policy contains invalid Json", 1, 262145},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := trust.Parse([]byte(c.doc))
			var syntax *trust.SyntaxError
			require.ErrorAs(t, err, &syntax)
			assert.Nil(t, p)
			assert.Equal(t, c.message, syntax.Message)
			assert.Equal(t, []int{c.line, c.column}, []int{syntax.Line, syntax.Column}, "%v", err)
			assert.Equal(t, c.pointer, syntax.Pointer)
			assert.Contains(t, err.Error(), "trust: policy: line ")
		})
	}
}

func TestADocumentKeepsItsShape(t *testing.T) {
	t.Parallel()
	doc := `{"Statement":{"Sid":"","Condition":{},"Action":["sts:AssumeRole"],"Principal":{"AWS":["111122223333"]},"Effect":"Allow","Extra":[null,true,{"b":1.50e2,"a":[]}]},` +
		`"Version":"2008-10-17","Id":"<&>\u0001\"\\/ü","More":-0}`
	p := parse(t, doc)
	assert.Equal(t, doc, p.Document())
	text, err := p.MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, doc, string(text))
	assert.Equal(t, doc, p.String())
	var q trust.Policy
	require.NoError(t, json.Unmarshal([]byte(doc), &q))
	assert.Equal(t, doc, q.Document())
	before := q.Document()
	require.ErrorContains(t, q.UnmarshalJSON([]byte(`{`)), "the document ends in the middle")
	assert.Equal(t, before, q.Document(), "a failed read changes nothing")
}

func TestDocumentHasOnlyCharactersThatIAMTakes(t *testing.T) {
	t.Parallel()
	p := parse(t, `{"Id":"中 𝄞 é \u2028 \u007f","Statement":[]}`)
	for _, c := range p.Document() {
		require.True(t, c == '\t' || c == '\n' || c == '\r' || ' ' <= c && c <= 0xff, "%q", c)
	}
	assert.JSONEq(t, `{"Id":"中 𝄞 é \u2028 \u007f","Statement":[]}`, p.Document())
}

// corpus returns the real policies that are kept beside a checkout, and skips without them.
func corpus(t testing.TB) (dir string, rows [][]string) {
	t.Helper()
	dir = "../../shared/corpus/policies"
	table, err := os.ReadFile(filepath.Join(dir, "SOURCES.tsv"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the corpus is not here")
	}
	require.NoError(t, err)
	for _, line := range strings.Split(strings.TrimSpace(string(table)), "\n")[1:] {
		rows = append(rows, strings.Split(line, "\t"))
	}
	require.NotEmpty(t, rows)
	return dir, rows
}

func TestRealPolicies(t *testing.T) {
	t.Parallel()
	dir, rows := corpus(t)
	for _, row := range rows {
		file, verdict := row[0], row[3]
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			doc, err := os.ReadFile(filepath.Join(dir, file))
			require.NoError(t, err)
			p, err := trust.Parse(doc)
			if verdict == "check-__doc_comment" { // IAM refuses a name that stands twice, and so does Parse
				var syntax *trust.SyntaxError
				require.ErrorAs(t, err, &syntax)
				assert.Equal(t, "/Statement/0/Condition/__doc_comment", syntax.Pointer)
				return
			}
			require.NoError(t, err)

			var compact bytes.Buffer
			require.NoError(t, json.Compact(&compact, doc))
			assert.Equal(t, compact.String(), p.Document(), "the document keeps its shape")
			assert.True(t, p.Equal(p.Compact()))
			checkVerdict(t, p, file, verdict)
		})
	}
}

// checkVerdict holds Validate to what IAM answered, and Lint to what Access Analyzer finds.
func checkVerdict(t *testing.T, p *trust.Policy, file, verdict string) {
	t.Helper()
	err := p.Validate()
	switch answer, refused := strings.CutPrefix(verdict, "IAM answered MalformedPolicyDocument: "); {
	case verdict == "IAM accepted":
		assert.NoError(t, err)
	case refused:
		var invalid *trust.InvalidError
		require.ErrorAs(t, err, &invalid)
		assert.False(t, invalid.Unproven)
		at := 0
		for part := range strings.SplitSeq(answer, "...") {
			i := strings.Index(invalid.Message[at:], part)
			require.GreaterOrEqual(t, i, 0, "%q has no %q", invalid.Message, part)
			at += i + len(part)
		}
	case strings.HasPrefix(file, "aa_"):
		assert.NotEmpty(t, p.Lint())
	}
}

func TestRealPairs(t *testing.T) {
	t.Parallel()
	dir, _ := corpus(t)
	read := func(name string) *trust.Policy {
		doc, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return parse(t, string(doc))
	}
	a, b := read("ack_webidentity_sub_array_order_a.json"), read("ack_webidentity_sub_array_order_b.json")
	assert.True(t, a.Equal(b))
	assert.Empty(t, a.Diff(b))
	a, b = read("ack_condition_diff_a.json"), read("ack_condition_diff_b.json")
	assert.False(t, a.Equal(b))
	changes := a.Diff(b)
	assert.Equal(t, []trust.ChangeKind{trust.SubjectDropped, trust.SubjectAdmitted}, []trust.ChangeKind{changes[0].Kind, changes[1].Kind})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/a.b"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"a.b:sub":["x*","${a.b:sub}"]}}}]}`))
	f.Add([]byte(`{"Statement":{"Effect":"Deny","Principal":"*","NotAction":["x"],"Condition":{"IpAddress":{"aws:SourceIp":5}}}}`))
	f.Add([]byte(`{"Id":"\ud834\udd1e","Statement":[[],1,null,{"Principal":{"AWS":[]}}]}`))
	if files, err := filepath.Glob("../../shared/corpus/policies/*.json"); err == nil {
		for _, file := range files {
			if doc, err := os.ReadFile(file); err == nil {
				f.Add(doc)
			}
		}
	}
	p, err := trust.NewProvider("aws", "111122223333", "https://a.b")
	require.NoError(f, err)
	to, err := trust.NewProvider("aws", "111122223333", "https://c.d/e")
	require.NoError(f, err)
	s, err := trust.ServiceAccount("a", "b")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, doc []byte) {
		policy, err := trust.Parse(doc)
		if err != nil {
			var syntax *trust.SyntaxError
			require.ErrorAs(t, err, &syntax)
			require.Nil(t, policy)
			return
		}
		// Reading what was written gives the same, and nothing of the document is lost.
		again, err := trust.Parse([]byte(policy.Document()))
		require.NoError(t, err)
		require.Equal(t, policy.Document(), again.Document())
		require.True(t, policy.Equal(again))
		require.Equal(t, ordered(t, doc), ordered(t, []byte(policy.Document())))

		q := token(p, s)
		require.Equal(t, policy.Allows(q), policy.Evaluate(q).Allowed)
		require.Equal(t, policy.Allows(q), policy.Compact().Allows(q))
		_, _, _ = policy.Validate(), policy.Lint(), policy.Evaluate(q).String()
		_, _ = policy.CheckSize(100), policy.Who(p, []trust.Subject{s})
		checkEdits(t, policy, p, to, s)
	})
}

// checkEdits holds whatever policy to what the edits promise.
func checkEdits(t *testing.T, policy *trust.Policy, p, to trust.Provider, s trust.Subject) {
	t.Helper()
	grant := trust.Grant{Provider: p, Subjects: []trust.Subject{s}}
	if with, err := policy.WithGrant(grant); err == nil {
		again, err := with.WithGrant(grant)
		require.NoError(t, err)
		require.Same(t, with, again, "granting twice changes nothing")
	}
	if without, err := policy.WithoutGrant(grant); err == nil {
		require.False(t, without.Allows(token(p, s)))
		require.Empty(t, without.Who(p, []trust.Subject{s}))
		again, err := without.WithoutGrant(grant)
		require.NoError(t, err)
		require.Same(t, without, again)
	}
	if without, err := policy.WithoutProvider(p); err == nil {
		require.Empty(t, without.Who(p, []trust.Subject{s}))
	}
	if moved, err := policy.Retargeted(p, to); err == nil && moved != policy {
		require.NotContains(t, moved.Document(), `"`+p.ARN()+`"`)
	}
}

// ordered is a document as its tokens: values compared as JSON, members in their order.
func ordered(t *testing.T, doc []byte) []any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var tokens []any
	for {
		token, err := dec.Token()
		if err != nil {
			return tokens
		}
		tokens = append(tokens, token)
	}
}
