package irsa_test

import (
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// page is one Markdown file of the project.
type page struct {
	path   string
	prose  []string // the lines outside fences, code spans left out
	blocks []block
}

type block struct{ language, text string }

var (
	codeSpan = regexp.MustCompile("`[^`]*`")
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)

	isCode      = regexp.MustCompile(`:=|^\s*[})]|, err\b|^\s*(func|if|for|switch|return|defer|package|import)\b.*[{(]$|^\s*[\w.]+\(.*\)$`)
	placeholder = regexp.MustCompile(`\{\{|\}\}|\b[A-Z]{3,}_[A-Z_]+\b|\b(TODO|FIXME|TBD|XXX|PLACEHOLDER)\b|[<@%$][A-Z]{3,}|^\s*[A-Z]{3,}[\s.]*$`)
)

func readPage(t *testing.T, path string) page {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	p := page{path: path}
	fenced := false
	for line := range strings.Lines(string(text)) {
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && !fenced:
			p.blocks = append(p.blocks, block{language: language})
			fenced = true
		case fence:
			fenced = false
		case fenced:
			p.blocks[len(p.blocks)-1].text += line
		default:
			p.prose = append(p.prose, codeSpan.ReplaceAllString(strings.TrimRight(line, "\n"), ""))
		}
	}
	require.False(t, fenced, "%s: a fence is not closed", path)
	return p
}

// files lists the project's files that end so, without what tests and builds leave behind.
func files(t *testing.T, suffix string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if entry.IsDir() && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".") && path != ".") {
			return fs.SkipDir
		}
		if err == nil && strings.HasSuffix(path, suffix) {
			paths = append(paths, path)
		}
		return err
	})
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	return paths
}

// goFiles holds the source of every Example and of every example program, by path.
func goFiles(t *testing.T) map[string]string {
	t.Helper()
	sources := map[string]string{}
	for _, path := range files(t, ".go") {
		if strings.Contains(filepath.Base(path), "example") || strings.HasPrefix(path, "examples") {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			sources[path] = string(text)
		}
	}
	return sources
}

func TestPagesHoldNoCodeOutsideAFence(t *testing.T) {
	t.Parallel()
	ofExamples := map[string]bool{}
	for _, source := range goFiles(t) {
		for line := range strings.Lines(source) {
			if line = strings.TrimSpace(line); strings.ContainsAny(line, "({=") && !strings.HasPrefix(line, "//") {
				ofExamples[line] = true
			}
		}
	}
	for _, path := range files(t, ".md") {
		for _, line := range readPage(t, path).prose {
			assert.False(t, isCode.MatchString(line), "%s: looks like Go: %s", path, line)
			assert.False(t, ofExamples[strings.TrimSpace(line)], "%s: a line of an Example: %s", path, line)
		}
	}
}

func TestTheGuardsKnowCodeAndPlaceholders(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"cluster's report, err := client.Thumbprints(ctx, issuer)", "check(err)", "}, iamprovider.Config{})", "}",
		"func main() {", "provider, err = f()",
	} {
		assert.True(t, isCode.MatchString(line), line)
	}
	for _, line := range []string{"EXAMPLE", "see EXAMPLE_TRUST", "{{version}}", "<NAME>", "@VERSION@", "TODO: more"} {
		assert.True(t, placeholder.MatchString(line), line)
	}
	for _, line := range []string{"AWS trusts the cluster's OIDC issuer (IRSA).", "for you (and us)", "# IRSA or EKS?", "| STS | JSON |"} {
		assert.False(t, isCode.MatchString(line) || placeholder.MatchString(line), line)
	}
}

func TestPagesHoldNoPlaceholder(t *testing.T) {
	t.Parallel()
	for _, path := range files(t, ".md") {
		for _, line := range readPage(t, path).prose {
			assert.False(t, placeholder.MatchString(line), "%s: an unexpanded placeholder: %s", path, line)
		}
	}
}

func TestLinksBetweenPagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, path := range files(t, ".md") {
		for _, line := range readPage(t, path).prose {
			for _, found := range link.FindAllStringSubmatch(line, -1) {
				target, anchor, _ := strings.Cut(found[1], "#")
				if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
					continue
				}
				to := path
				if target != "" {
					to = filepath.Join(filepath.Dir(path), target)
				}
				_, err := os.Stat(to)
				assert.NoError(t, err, "%s links to %s", path, target)
				if err == nil && anchor != "" {
					assert.Contains(t, anchors(readPage(t, to)), anchor, "%s links to %s", path, found[1])
				}
			}
		}
	}
}

// anchors are the page's headings as GitHub makes them link targets.
func anchors(p page) (all []string) {
	dropped := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for _, line := range p.prose {
		if title := strings.TrimLeft(line, "#"); title != line {
			all = append(all, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), ""), " ", "-"))
		}
	}
	return all
}

func TestTablesHaveAsManyCellsInEachRow(t *testing.T) {
	t.Parallel()
	for _, path := range files(t, ".md") {
		cells := 0 // of the table's first row
		for _, line := range readPage(t, path).prose {
			n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
			if !strings.HasPrefix(line, "|") {
				n = 0
			}
			if cells != 0 && n != 0 {
				assert.Equal(t, cells, n, "%s: %s", path, line)
			}
			cells = n
		}
	}
}

func TestTheREADMEBeginsAsThePackageDocumentationDoes(t *testing.T) {
	t.Parallel()
	parsed, err := build.ImportDir(".", build.ImportComment)
	require.NoError(t, err)
	synopsis, ok := strings.CutPrefix(parsed.Doc, "Package ")
	require.True(t, ok)

	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	paragraphs := strings.Split(string(text), "\n\n")
	first := slices.IndexFunc(paragraphs, func(p string) bool { return !strings.HasPrefix(p, "#") && !strings.HasPrefix(p, "[!") })
	prose := strings.ReplaceAll(strings.ReplaceAll(paragraphs[first], "\n", " "), "`", "")
	assert.Equal(t, synopsis, new(doc.Package).Synopsis(prose))
}

// What a page shows compiles: its Go is that of an Example or of an example program, and a reader
// finds on the page, or among the imports of that file, where each name comes from.
func TestPagesShowWhatCompiles(t *testing.T) {
	t.Parallel()
	sources := goFiles(t)
	for _, path := range files(t, ".md") {
		shown := readPage(t, path)
		declared := map[string]bool{}
		var unknown [][]string
		var origins []string
		for _, b := range shown.blocks {
			if b.language != "go" {
				continue
			}
			origin := originOf(sources, b.text)
			if !assert.NotEmpty(t, origin, "%s: no Example or example program has this:\n%s", path, b.text) {
				continue
			}
			names, rest := resolve(t, b.text)
			for _, name := range names {
				declared[name] = true
			}
			unknown, origins = append(unknown, rest), append(origins, origin)
		}
		for i, names := range unknown {
			imported := importsOf(t, sources[origins[i]])
			for _, name := range names {
				assert.True(t, declared[name] || imported[name], "%s: nothing on the page says what %s is", path, name)
			}
		}
	}
}

func TestEveryExampleHasAPageAndIsInTheList(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("examples/README.md")
	require.NoError(t, err)
	folders, err := os.ReadDir("examples")
	require.NoError(t, err)
	for _, folder := range folders {
		if folder.IsDir() {
			assert.FileExists(t, filepath.Join("examples", folder.Name(), "README.md"))
			assert.Contains(t, string(list), "| ["+folder.Name()+"]("+folder.Name()+")")
		}
	}
}

// A reader sees what a program prints, and what it says when something is wrong. Tests beside the
// programs hold the text; this holds that it is there.
func TestEveryExampleShowsItsOutputAndARefusal(t *testing.T) {
	t.Parallel()
	refusal := regexp.MustCompile(`(?m)^exit status [1-9]|^\(exit code [1-9]|^--- FAIL|^Error from server|"status":"False"|no-provider|no such file`)
	for _, path := range files(t, "README.md") {
		if !strings.HasPrefix(path, "examples/") || path == "examples/README.md" {
			continue
		}
		var commands, refusals int
		for _, b := range readPage(t, path).blocks {
			if strings.HasPrefix(b.text, "$ ") && strings.Count(b.text, "\n") > 1 {
				commands++
			}
			if refusal.MatchString(b.text) {
				refusals++
			}
		}
		assert.NotZero(t, commands, "%s shows no command with its output", path)
		assert.NotZero(t, refusals, "%s shows no refusal", path)
	}
}

// A command that runs some tests names tests that are there.
func TestPagesNameTestsThatExist(t *testing.T) {
	t.Parallel()
	command := regexp.MustCompile("(?:cd (\\S+) && (?:\\S*build\\.sh[^&]*&& )?)?go test ([^`\n]*-(?:run|fuzz)[ =][^`\n]*)")
	selected := regexp.MustCompile(`-(?:run|fuzz)[ =](?:'([^']+)'|(\S+))`)
	folder := regexp.MustCompile(`(?: |^)(\./\S+|\.)(?: |$)`)
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)
	found := 0
	for _, path := range files(t, ".md") {
		if strings.HasPrefix(path, "examples/") {
			continue // a program's test runs these
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, shown := range command.FindAllStringSubmatch(string(text), -1) {
			pattern, in := selected.FindStringSubmatch(shown[2]), folder.FindStringSubmatch(shown[2])
			require.NotNil(t, in, "%s: %s", path, shown[0])
			tests := regexp.MustCompile(strings.ReplaceAll(pattern[1]+pattern[2], `\|`, "|"))
			sources, err := filepath.Glob(filepath.Join(shown[1], in[1], "*_test.go"))
			require.NoError(t, err)
			matched := false
			for _, source := range sources {
				text, err := os.ReadFile(source)
				require.NoError(t, err)
				for _, name := range declared.FindAllStringSubmatch(string(text), -1) {
					matched = matched || tests.MatchString(name[1])
				}
			}
			assert.True(t, matched, "%s: no test for: %s", path, shown[0])
			found++
		}
	}
	assert.Greater(t, found, 15)
}

// What an Example of the programs prints is on the page beside it.
func TestPagesShowWhatExamplesPrint(t *testing.T) {
	t.Parallel()
	for path, source := range goFiles(t) {
		if !strings.HasPrefix(path, "examples/") || !strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ParseComments)
		require.NoError(t, err)
		for _, example := range doc.Examples(file) {
			page, err := os.ReadFile(filepath.Join(filepath.Dir(path), "README.md"))
			require.NoError(t, err)
			assert.Contains(t, string(page), "```\n"+example.Output+"```\n", "%s: Example %s", path, example.Name)
		}
	}
}

func TestTheREADMEIsReadInOneGo(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	assert.LessOrEqual(t, strings.Count(string(text), "\n"), 150)
}

// What a newcomer writes is short: lines of code, imports included, blank lines and comments not. A page
// that says how many there are is right.
func TestTheProgramsAreShort(t *testing.T) {
	t.Parallel()
	said := regexp.MustCompile(`\bin (\d+) lines`)
	for path, most := range map[string]int{
		"application/main.go": 25, "controller-runtime/main.go": 67, "controller-runtime/operator/main.go": 70,
		"gate/main.go": 37, "installer/main.go": 102,
	} {
		path = filepath.Join("examples", path)
		lines := 0
		for line := range strings.Lines(goFiles(t)[path]) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
				lines++
			}
		}
		assert.LessOrEqual(t, lines, most, path)
		page, err := os.ReadFile(filepath.Join(filepath.Dir(path), "README.md"))
		require.NoError(t, err)
		for _, found := range said.FindAllStringSubmatch(string(page), -1) {
			assert.Equal(t, strconv.Itoa(lines), found[1], path)
		}
	}
}

// originOf returns the file that has the block's lines one after the other, indentation aside.
func originOf(sources map[string]string, text string) string {
	for path, source := range sources {
		if strings.Contains(withoutIndent(source), withoutIndent(text)) {
			return path
		}
	}
	return ""
}

func withoutIndent(code string) string {
	var lines strings.Builder
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" {
			lines.WriteString(line + "\n")
		}
	}
	return lines.String()
}

// resolve parses a whole file, declarations or statements, and returns the names that it declares
// and those that it leaves to others.
func resolve(t *testing.T, text string) (declared, unresolved []string) {
	t.Helper()
	var file *ast.File
	var err error
	for _, frame := range []string{"%", "package p\n%", "package p\nfunc _() {\n%\n}"} {
		if file, err = parser.ParseFile(token.NewFileSet(), "", strings.Replace(frame, "%", text, 1), 0); err == nil {
			break
		}
	}
	require.NoError(t, err, text)
	ast.Inspect(file, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Obj != nil {
			declared = append(declared, id.Name)
		}
		return true
	})
	imported := importNames(file)
	for _, id := range file.Unresolved {
		if types.Universe.Lookup(id.Name) == nil && !imported[id.Name] {
			unresolved = append(unresolved, id.Name)
		}
	}
	return declared, unresolved
}

func importsOf(t *testing.T, source string) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ImportsOnly)
	require.NoError(t, err)
	return importNames(file)
}

func importNames(file *ast.File) map[string]bool {
	names := map[string]bool{}
	for _, spec := range file.Imports {
		name := filepath.Base(strings.Trim(spec.Path.Value, `"`))
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = true
	}
	return names
}
