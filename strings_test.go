package irsa_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/azure"
	"github.com/irsa-go/irsa/mutate/manifest"
	"github.com/irsa-go/irsa/mutate/webhook"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	credentials "github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/token/doctor"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/audit"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/policyfile"
)

// printed has, for each type of the library with a String, one that is empty and one that says something.
func printed() []fmt.Stringer {
	finding := trust.Finding{Code: trust.CodeRefused, Message: "x", Fix: "y"}
	return []fmt.Stringer{
		mutate.Warning{}, mutate.Warning{Code: mutate.CodeProxy, Message: "x"}, mutate.Standing(0), mutate.Method(0), mutate.Outcome(0), mutate.Kind(0),
		mutate.Target{}, mutate.Target{Namespace: "a", ServiceAccount: "b"}, azure.Cloud(0), webhook.Verdict(0), &manifest.Object{},
		oidc.Issuer{}, oidc.Problem{}, oidc.Problem{Code: oidc.CodeTooLong, Message: "x"}, oidc.Drift{}, oidc.Drift{Missing: []string{"x"}}, oidc.Need(""),
		(*oidc.ThumbprintReport)(nil), &oidc.ThumbprintReport{Endpoints: []oidc.Endpoint{{Host: "x", Chain: []oidc.Certificate{{Subject: "x"}}}}, Problems: []oidc.Problem{{Message: "x"}}},
		(*oidc.PreflightReport)(nil), &oidc.PreflightReport{Checks: []oidc.Check{{Code: oidc.CheckIAMURL, Message: "x"}}, Warnings: []oidc.Problem{{Message: "x"}}},
		iamprovider.Changes{}, iamprovider.Changes{Steps: []iamprovider.Step{{}}}, iamrole.Changes{}, iamrole.Changes{Steps: []iamrole.Step{{}}},
		credentials.Warning{}, credentials.Resolution{}, credentials.Resolution{Kind: "x", Warnings: []credentials.Warning{{Message: "x"}}}, credentials.Explanation{}, credentials.Explanation{Code: "x", Next: []string{"x"}},
		doctor.Report{}, doctor.Report{Steps: []doctor.Step{{Name: "x", Status: doctor.Broken, Next: []string{"x"}}}}, doctor.Report{Steps: []doctor.Step{{Name: "x", Status: doctor.Skipped, Next: []string{"x"}}}},
		trust.Subject{}, trust.Pattern{}, trust.Provider{}, (*trust.Policy)(nil), &trust.Policy{}, trust.Severity(0), finding, trust.Change{}, trust.Outcome(""), trust.Proof{},
		trust.Proof{Outcome: trust.Undecided, Obstacles: []trust.Finding{finding}}, trust.Witness{}, trust.Reach{}, trust.ReachKey{}, trust.Comparison{},
		trust.Comparison{Admits: []trust.Reach{{}}, Drops: []trust.Reach{{}}}, trust.Decision{}, trust.Decision{Statements: []trust.StatementResult{{}}},
		&audit.Report{}, &audit.Report{Findings: []audit.Remark{{Who: "x", What: "x"}}},
		&policyfile.Report{}, &policyfile.Report{Findings: []policyfile.Finding{{Finding: finding}}, Skipped: []policyfile.Skipped{{File: "x"}}},
	}
}

// A String is for fmt.Println, of one line or of many: it does not end with a newline itself.
func TestNoStringEndsWithANewline(t *testing.T) {
	t.Parallel()
	held := map[string]bool{}
	for _, s := range printed() {
		of := reflect.TypeOf(s)
		text := s.String()
		assert.False(t, strings.HasSuffix(text, "\n"), "%v: %q", of, text)
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		held[of.String()] = true
	}
	for _, path := range files(t, ".go") {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "internal") || strings.HasPrefix(path, "examples") || isOfOtherModule(path) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Name.Name != "String" || f.Recv == nil {
				continue
			}
			of := f.Recv.List[0].Type
			if pointer, ok := of.(*ast.StarExpr); ok {
				of = pointer.X
			}
			if name, ok := of.(*ast.Ident); ok && name.IsExported() {
				assert.True(t, held[file.Name.Name+"."+name.Name], "%s: the table lacks %s.%s", path, file.Name.Name, name.Name)
			}
		}
	}
}

// isOfOtherModule says whether a folder above the file has a go.mod of its own.
func isOfOtherModule(path string) bool {
	for dir := filepath.Dir(path); dir != "."; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return true
		}
	}
	return false
}
