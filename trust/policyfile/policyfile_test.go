package policyfile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/policyfile"
)

const star = `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}`

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	template := `Resources:
  Reader:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
        - Effect: Allow
          Principal: {AWS: "*"}
          Action: sts:AssumeRole
  Writer:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: !Ref Document
`
	if err := os.WriteFile(filepath.Join(dir, "template.yaml"), []byte(template), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	var search policyfile.Search
	report, err := search.Check((*trust.Policy).Lint, nil, dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range report.Findings {
		fmt.Printf("%s:%d: %s: %s\n", filepath.Base(f.File), f.Line, f.Role, f.Code)
	}
	fmt.Println("fail:", report.Has(trust.SeverityWarning))
	// Output:
	// template.yaml:9: Reader: principal-star
	// template.yaml:14: Writer: not-a-policy
	// fail: true
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

func lint(t *testing.T, names ...string) *policyfile.Report {
	t.Helper()
	var search policyfile.Search
	report, err := search.Check((*trust.Policy).Lint, nil, names...)
	require.NoError(t, err)
	return report
}

// A policy in JSON, in YAML and in a text has its findings where the file has them.
func TestFindingsArePlacedInTheFile(t *testing.T) {
	t.Parallel()
	quoted, err := json.Marshal("\n\n" + strings.ReplaceAll(star, ",", ",\n"))
	require.NoError(t, err)
	for name, c := range map[string]struct{ text, at string }{
		"a.json":    {"{\n\"Statement\":[{\"Effect\":\"Allow\",\n  \"Principal\":\"*\",\"Action\":\"sts:AssumeRole\"}]}", "3:3"},
		"text.json": {`{"Role": {"RoleName": "é", "AssumeRolePolicyDocument": ` + string(quoted) + `}}`, "1:56"},
		"a.yaml":    {"# first\nStatement:\n- Effect: Allow\n  Principal: '*'\n  Action: sts:AssumeRole\n", "4:3"},
		"flow.yml":  {"---\n\nRole:\n  AssumeRolePolicyDocument: {Statement: [{Effect: Allow,\n   Principal: '*', Action: 'sts:AssumeRole'}]}\n", "5:4"},
		"two.yaml":  {"apiVersion: v1\nkind: ConfigMap\n---\nStatement:\n- Effect: Allow\n  Principal: '*'\n  Action: sts:AssumeRole\n", "6:3"},
		"half.json": {`{"Statement": 8}`, "1:2"},
	} {
		dir := folder(t, map[string]string{name: c.text})
		report := lint(t, filepath.Join(dir, name))
		require.Len(t, report.Findings, 1, name)
		assert.Equal(t, c.at, fmt.Sprintf("%d:%d", report.Findings[0].Line, report.Findings[0].Column), name)
	}
}

func TestAFolderHasOtherFilesToo(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"a.json": star, "sub/b.yaml": "a: b\n---\n" + star, ".git/c.json": star, "readme.md": star,
		"chart.yaml": "{{- if .Values.role }}\na: b\n{{- end }}\n", "values.yaml": "replicas: 3\n", "comments.json": "// x\n{}",
		"broken.json": "{", "page.json": `{"Roles":[{"RoleName":"r","AssumeRolePolicyDocument":` + star + `}],"IsTruncated":true}`,
		"list.json": `[{"a":1},` + star + `,7,` + star + `]`, "list.yaml": "- a: b\n- " + star, "lists.json": `[{"a":1},8]`,
		"both.json": `{"Statement":[],"Roles":[]}`, "empty.json": "", "template.json": `{"Resources":{}}`,
	})
	report := lint(t, dir)
	var found, skipped []string
	for _, f := range report.Findings {
		found = append(found, strings.TrimPrefix(f.File, dir+"/")+" "+f.Code)
	}
	for _, s := range report.Skipped {
		skipped = append(skipped, fmt.Sprint(strings.TrimPrefix(s.File, dir+"/"), " ", s.Reason != ""))
	}
	assert.Equal(t, []string{
		"a.json principal-star", "both.json not-a-policy", "broken.json not-a-policy", "list.json principal-star", "list.json principal-star", "list.yaml principal-star", "page.json principal-star", "page.json not-a-policy", "sub/b.yaml principal-star",
	}, found)
	assert.Equal(t, []string{"chart.yaml true", "comments.json false", "empty.json false", "lists.json false", "template.json false", "values.yaml false"}, skipped)
	assert.Equal(t, 13, report.Files)
}

func TestLinksAreFollowedToFilesAndFromTheName(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a.json": star, "sub/b.json": star})
	for link, to := range map[string]string{
		"link.json": "a.json", ".#lock.json": "user@host.1234", "folder.json": "sub", "loop": ".", "turn.json": "turn.json",
	} {
		require.NoError(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	to := filepath.Join(t.TempDir(), ".link")
	require.NoError(t, os.Symlink(dir, to))
	var search policyfile.Search
	_, err := search.Check((*trust.Policy).Lint, nil, to)
	require.ErrorContains(t, err, "turn.json", "a link that leads back to itself")
	require.NoError(t, os.Remove(filepath.Join(dir, "turn.json")))
	for _, name := range []string{dir, to, to + "/"} {
		var found []string
		for _, f := range lint(t, name).Findings {
			found = append(found, strings.TrimPrefix(f.File, strings.TrimSuffix(name, "/")))
		}
		assert.Equal(t, []string{"/a.json", "/link.json", "/sub/b.json"}, found, name)
	}
}

func TestNamesOfFilesArePrintable(t *testing.T) {
	t.Parallel()
	report := lint(t, folder(t, map[string]string{"\x1b[2J\n.json": star, "\x07.yaml": "a: b"}))
	assert.NotContains(t, report.String(), "\x1b")
	assert.NotContains(t, report.String(), "\x07")
	assert.Equal(t, 2, strings.Count(report.String(), "\n"), "a line for each")
	assert.NotContains(t, report.GitHub(), "\n")
}

func TestAFileThatIsNamedMustBeWell(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"values.yaml": "replicas: 3\n", "broken.json": "{", "twice.yaml": "a: 1\na: 2\n", "none.json": `{"Resources":{}}`,
		"main.tf": "resource \"aws_iam_role\" \"cart\" {\n  name = \"cart\"\n}\n", "tabs.tf": "a {\n\tb = c: d\n}\n", "nothing.yaml": "---\n# later\n"})
	for name, says := range map[string]string{
		"values.yaml": "it is not a trust policy", "broken.json": "line 1, column 2", "twice.yaml": `line 2: mapping key "a" already defined`,
		"main.tf": "want a Terraform plan or state", "tabs.tf": "it is neither JSON nor YAML", "nothing.yaml": "no trust policy was found",
		"none.json": "no trust policy was found", "missing.json": "no such file", "": "no trust policy was found",
	} {
		var search policyfile.Search
		report, err := search.Check((*trust.Policy).Lint, nil, filepath.Join(dir, name))
		if name == "" {
			report, err = search.Check((*trust.Policy).Lint, nil, folder(t, nil))
		}
		assert.ErrorContains(t, err, says, name)
		assert.Nil(t, report, name)
		assert.NotContains(t, err.Error(), "\n", name)
	}
}

func TestWhatIsOpenedIsTheCallersChoice(t *testing.T) {
	t.Parallel()
	broken := errors.New("the line went dead")
	for text, want := range map[string]error{star: nil, "": broken} {
		search := policyfile.Search{Open: func(name string) (io.ReadCloser, error) {
			assert.Equal(t, "-", name)
			return io.NopCloser(io.MultiReader(strings.NewReader(text), iotest.ErrReader(errOr(want, io.EOF)))), nil
		}}
		report, err := search.Check((*trust.Policy).Lint, []string{"principal-star"}, "-")
		if want != nil {
			require.ErrorIs(t, err, want)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, "1 files, 1 trust policies, 0 findings", report.String())
	}
	var search policyfile.Search
	report, err := search.Check((*trust.Policy).Lint, []string{trust.CodeNotAPolicy}, folder(t, map[string]string{"half.json": `{"Statement": 8}`}))
	require.NoError(t, err)
	assert.Len(t, report.Findings, 1, "what cannot be judged cannot be ignored")
	_, err = search.Check((*trust.Policy).Lint, []string{"hole-cluster"}, "-")
	require.ErrorIs(t, err, policyfile.ErrUnknownCode)
	assert.ErrorContains(t, err, `unknown code "hole-cluster"`)
}

func errOr(err, otherwise error) error {
	if err == nil {
		return otherwise
	}
	return err
}

func TestASearchCanBeLeft(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a.json": star, "b.json": "{", "c.yaml": star})
	for _, names := range [][]string{{dir}, {filepath.Join(dir, "a.json"), filepath.Join(dir, "c.yaml")}} {
		var search policyfile.Search
		for _, err := range search.Policies(names...) {
			require.NoError(t, err)
			break
		}
		assert.Equal(t, 1, search.Files)
	}
}

func TestFormatsForOtherPrograms(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a, b.json": `{"Role":{"RoleName":"r%","AssumeRolePolicyDocument":` + star + `}}`})
	file := filepath.Join(dir, "a, b.json")
	report := lint(t, file)
	assert.Contains(t, report.GitHub(), "::error file="+strings.ReplaceAll(file, ",", "%2C")+",line=1,col=85,title=principal-star::r%25 ")
	assert.NotContains(t, report.GitHub(), "\n")

	text, err := report.SARIF()
	require.NoError(t, err)
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn int }
					}
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal(text, &log))
	require.Len(t, log.Runs[0].Results, 1)
	r := log.Runs[0].Results[0]
	assert.Equal(t, r.RuleID, log.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID)
	assert.True(t, strings.HasPrefix(r.Message.Text, "r%: "))
	assert.Equal(t, "file://"+strings.ReplaceAll(filepath.ToSlash(file), " ", "%20"), r.Locations[0].PhysicalLocation.ArtifactLocation.URI)
	assert.Equal(t, 85, r.Locations[0].PhysicalLocation.Region.StartColumn)
}

func TestRefusalsAreInIAMsWords(t *testing.T) {
	t.Parallel()
	var search policyfile.Search
	dir := folder(t, map[string]string{"a.json": `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject"}]}`})
	report, err := search.Check(policyfile.Refusals, nil, dir)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "a.json")+":1:1: error: refused: AssumeRole policy may only specify STS AssumeRole actions.\n1 files, 1 trust policies, 1 findings", report.String())
}

// Whatever a file has, each policy is there or says why it cannot be judged, and nothing panics.
func FuzzAFileHasPoliciesOrReasons(f *testing.F) {
	f.Add("a.yaml", []byte("a: &a [1]\nb: *a\n<<: {c: !Ref d}\n---\n"+star))
	f.Add("a.json", []byte(`[`+star+`,{"Role":{"AssumeRolePolicyDocument":"%7B"}}]`))
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		for e, err := range policyfile.Read(name, bytes.NewReader(text)) {
			if err == nil {
				assert.Equal(t, e.Err == nil, e.Policy != nil)
			} else {
				assert.Equal(t, trust.Extracted{}, e)
			}
		}
	})
}
