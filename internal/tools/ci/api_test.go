// Package ci has the tests of scripts under .ci.
package ci

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// repository is a scratch one. Each of its methods fails the test when something is wrong.
type repository struct {
	*testing.T
	dir string
}

func (r repository) git(args ...string) {
	r.Helper()
	command := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@localhost"}, args...)...)
	command.Dir = r.dir
	out, err := command.CombinedOutput()
	require.NoError(r, err, "%s", out)
}

// commit writes files, "" removing one, and commits them.
func (r repository) commit(files map[string]string) {
	r.Helper()
	for name, text := range files {
		file := filepath.Join(r.dir, name)
		if text == "" {
			require.NoError(r, os.Remove(file))
			continue
		}
		require.NoError(r, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(r, os.WriteFile(file, []byte(text), 0o600))
	}
	r.git("add", "-A")
	r.git("commit", "-qm", "a change")
}

// api runs the script, and says whether it let the version pass.
func (r repository) api(version string) (out string, passed bool) {
	r.Helper()
	script, err := filepath.Abs("../../../.ci/api")
	require.NoError(r, err)
	command := exec.Command(script, version)
	command.Dir = r.dir
	text, err := command.CombinedOutput()
	if err != nil {
		var exit *exec.ExitError
		require.ErrorAs(r, err, &exit, "%s", text)
	}
	return string(text), err == nil
}

// scratch is two modules, the second of which requires the first, tagged as v0.1.0.
func scratch(t *testing.T) repository {
	t.Helper()
	r := repository{t, t.TempDir()}
	r.git("init", "-q")
	r.commit(map[string]string{
		"CHANGELOG.md":  "## [Unreleased]\n### Added\nKept, Removed and Gone are new.\n\n## [0.1.0]\n### Removed\nRemoved and Gone\n",
		"go.mod":        "module example.com/m\n\ngo 1.26\n",
		"a/a.go":        "package a\n\ntype T struct{}\n\nfunc (*T) Gone() {}\n\nfunc Kept() {}\n",
		"internal/i.go": "package internal\n\nfunc Own() {}\n",
		"n/go.mod":      "module example.com/m/n\n\ngo 1.26\n\nrequire example.com/m v0.1.0\n",
		"n/n.go":        "package n\n\nimport \"example.com/m/a\"\n\nfunc Removed() { a.Kept() }\n",
	})
	return r
}

func TestWithoutATagThereIsNothingToCompare(t *testing.T) {
	t.Parallel()
	out, passed := scratch(t).api("v0.1.0")
	assert.True(t, passed)
	assert.Contains(t, out, "no version before v0.1.0 is tagged")
}

func TestAnExportedNameThatIsGoneIsNamed(t *testing.T) {
	t.Parallel()
	r := scratch(t)
	r.git("tag", "v0.1.0")
	out, passed := r.api("v0.1.1")
	assert.True(t, passed)
	assert.Empty(t, out)

	// The next release is on a side of its own: its tag is not among the ancestors of what follows.
	r.git("checkout", "-qb", "released")
	r.commit(map[string]string{"b/b.go": "package b\n\nfunc New() {}\n"})
	r.git("tag", "v0.2.0")
	r.git("checkout", "-q", "-")
	r.commit(map[string]string{
		"internal/i.go": "package internal\n\nfunc Others() {}\n",
		"b/b.go":        "package b\n\nfunc New() {}\n",
		"a/a.go":        "package a\n\ntype T struct{}\n\nfunc Kept(int) {}\n",
		"n/n.go":        "package n\n\nimport \"example.com/m/a\"\n\nfunc Other() { a.Kept(1) }\n",
	})
	for _, version := range []string{"v0.2.1", "v0.3.0", "v1.0.0"} {
		out, passed = r.api(version)
		assert.False(t, passed, out)
		for _, change := range []string{"- ./a.(*T).Gone: removed", "- ./a.Kept: changed from func() to func(int)", "- Removed: removed", "- Other: added", "since v0.2.0"} {
			assert.Contains(t, out, change)
		}
		assert.NotContains(t, out, "Own")
	}
	assert.Contains(t, out, "the changelog does not say what became of: Gone Kept Removed")

	r.commit(map[string]string{"CHANGELOG.md": "## [Unreleased]\n### Changed\n`Kept` takes a number, `Removed` is `Other`.\n### Removed\n`T.Gone`\n\n## [0.2.0]\n"})
	out, passed = r.api("v0.3.0")
	assert.True(t, passed, out)
	out, passed = r.api("v0.2.1")
	assert.False(t, passed)
	assert.Contains(t, out, "a patch such as v0.2.1 may not change exported names")

	r.git("tag", "v1.0.0", "v0.2.0")
	out, passed = r.api("v1.1.0")
	assert.False(t, passed)
	assert.Contains(t, out, "v1.1.0 may not break importers of v1.0.0")
}

func TestModulesComeAndGo(t *testing.T) {
	t.Parallel()
	r := scratch(t)
	r.git("tag", "v0.1.0")
	r.commit(map[string]string{
		"n/go.mod": "", "n/n.go": "",
		"o/go.mod": "module example.com/m/o\n\ngo 1.26\n", "o/o.go": "package o\n",
	})
	out, passed := r.api("v0.2.0")
	assert.False(t, passed)
	assert.Contains(t, out, "example.com/m/o is new since v0.1.0")
	assert.Contains(t, out, "- ./n: the module is removed")
}
