package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	explain "github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
)

var update = flag.Bool("update", false, "write the pages that are generated")

// generated holds a page to what the code says, or writes it.
func generated(t *testing.T, name, text string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	have, err := os.ReadFile(name)
	require.NoError(t, err)
	want, got := strings.Split(text, "\n"), strings.Split(string(have), "\n")
	for i := range want { // a page is too long to show
		if i >= len(got) || want[i] != got[i] {
			t.Fatalf("%s:%d: the code says now: %s\nrun: go test ./examples/irsa -update", name, i+1, want[i])
		}
	}
	assert.Len(t, got, len(want), name)
}

// The page has every code that the library gives out, from the tables in its source.
func TestTroubleshootingIsWhatTheCodeSays(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Troubleshooting\n\nWritten by `go test ./examples/irsa -update` from the tables in the code: every code that the library gives\n" +
		"out, what it means, and what to look at, the likeliest first. In a pod, `irsa doctor` finds the code.\n\n" +
		"- [Credentials](#credentials): `token.Explain`, and the links of `irsa doctor` that STS names\n" +
		"- [Links of the chain](#links-of-the-chain): what else `irsa doctor` finds\n" +
		"- [Trust policies](#trust-policies): `irsa lint`\n- [Pods](#pods): warnings of `irsa mutate` and of the webhook\n" +
		"- [Containers without the identity](#containers-without-the-identity): causes of `mutate.Mutator.Diagnose`\n")
	credentials(t, &b)
	links(t, &b)
	b.WriteString("\n## Trust policies\n\n| code | severity | what it means |\n|---|---|---|\n")
	for _, k := range trust.FindingKinds() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Code, k.Severity, prose(k.Meaning))
	}
	for _, table := range [][3]string{{"Pods", "warning.go", "Code"}, {"Containers without the identity", "diagnose.go", "Cause"}} {
		fmt.Fprintf(&b, "\n## %s\n\n| code | what it means |\n|---|---|\n", table[0])
		for _, c := range constants(t, "../../mutate/"+table[1], table[2]) {
			fmt.Fprintf(&b, "| `%s` | %s |\n", c[0], prose(c[1]))
		}
	}
	generated(t, "TROUBLESHOOTING.md", b.String())
}

func credentials(t *testing.T, b *strings.Builder) {
	said := says(t)
	b.WriteString("\n## Credentials\n")
	for _, x := range explain.Explanations() {
		fmt.Fprintf(b, "\n### %s\n\n%s. At fault: %s. Retry: %s.\n", x.Code, prose(x.Meaning), x.Cause, x.Retry)
		if len(said[x.Code]) > 0 {
			fmt.Fprintf(b, "\nThe service says: `%s`\n", strings.Join(said[x.Code], "`, `"))
		}
		list(b, x.Next)
	}
}

// links are the findings of the doctor that are its own.
func links(t *testing.T, b *strings.Builder) {
	b.WriteString("\n## Links of the chain\n")
	known := map[string]bool{}
	for _, x := range explain.Explanations() {
		known[x.Code] = true
	}
	for _, file := range sources(t, "../../token/doctor/*.go") {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name, ok := call.Fun.(*ast.Ident)
			if !ok || !slices.Contains([]string{"broken", "skipped", "explained"}, name.Name) {
				return true
			}
			args := call.Args
			if name.Name == "explained" {
				args = args[1:]
			}
			code := literals(args[0])
			if len(code) != 1 || known[code[0]] {
				return true
			}
			known[code[0]] = true
			fmt.Fprintf(b, "\n### %s\n\n%s.\n", code[0], prose(sentence(args[1])))
			var next []string
			for _, arg := range args[2:] {
				next = append(next, sentence(arg))
			}
			list(b, next)
			return true
		})
	}
}

// sentence has an ellipsis for what only a run can say.
func sentence(n ast.Node) string {
	text := strings.ReplaceAll(strings.Join(literals(n), "…"), "%s", "…")
	if strings.HasSuffix(text, " ") {
		text += "…"
	}
	return text
}

func list(b *strings.Builder, next []string) {
	if len(next) > 0 {
		b.WriteByte('\n')
	}
	for _, step := range next {
		fmt.Fprintf(b, "- %s\n", prose(step))
	}
}

var name = regexp.MustCompile("`[^`]*`" + `|\b[A-Z]{3,}_[A-Z_]+\b|\S*[<*_|](?:\S*[^\s,;:.])?|--[a-z-]+`)

// prose puts names of variables and flags between backticks, and begins with a capital letter.
func prose(text string) string {
	text = name.ReplaceAllStringFunc(text, func(s string) string { return "`" + strings.Trim(s, "`") + "`" })
	if first, _, _ := strings.Cut(text, " "); first != strings.ToLower(first) || strings.ContainsAny(strings.TrimRight(first, ":,"), ".:") {
		return text // a name
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func sources(t *testing.T, pattern string) (files []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	return files
}

// literals are the strings in an expression.
func literals(n ast.Node) (texts []string) {
	ast.Inspect(n, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil && text != "" {
				texts = append(texts, text)
			}
		}
		return true
	})
	return texts
}

// says are the answers of services by which an error is known, by the code of its explanation.
func says(t *testing.T) map[string][]string {
	t.Helper()
	values, said := map[string]string{}, map[string][]string{}
	for _, c := range constants(t, "../../token/explain_codes.go", "") {
		values[c[2]] = c[0]
	}
	for _, file := range sources(t, "../../token/explain_rows_*.go") {
		ast.Inspect(file, func(n ast.Node) bool {
			row, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			fields := map[string]ast.Expr{}
			for _, element := range row.Elts {
				if pair, ok := element.(*ast.KeyValueExpr); ok {
					if key, ok := pair.Key.(*ast.Ident); ok {
						fields[key.Name] = pair.Value
					}
				}
			}
			if code, ok := fields["code"].(*ast.Ident); ok && fields["is"] != nil {
				for _, text := range literals(fields["is"]) {
					if key := values[code.Name]; !slices.Contains(said[key], text) {
						said[key] = append(said[key], text)
					}
				}
			}
			return true
		})
	}
	require.NotEmpty(t, said["no-provider"])
	return said
}

// constants are the value, the comment without its beginning, and the name of those of a type.
func constants(t *testing.T, path, ofType string) (all [][3]string) {
	t.Helper()
	ast.Inspect(sources(t, path)[0], func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || len(literals(spec.Values[0])) != 1 {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ofType != "" && (!ok || typ.Name != ofType) {
			return true
		}
		comment := strings.Join(strings.Fields(spec.Doc.Text()), " ")
		comment = strings.TrimPrefix(comment, spec.Names[0].Name+": ")
		all = append(all, [3]string{literals(spec.Values[0])[0], comment, spec.Names[0].Name})
		return true
	})
	require.NotEmpty(t, all)
	return all
}
