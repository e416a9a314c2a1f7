package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// module is a small one, with tests that leave a gap.
func module(t *testing.T, source, test string) (file string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.26\n", "a.go": "package m\n\n" + source, "a_test.go": "package m\n\nimport \"testing\"\n\n" + test,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return filepath.Join(dir, "a.go")
}

const adult = `func adult(age int, guarded bool) bool {
	if age >= 18 {
		return true
	}
	return guarded && age > 5
}
`

func TestSurvivorsAreWhatNoTestNotices(t *testing.T) {
	t.Parallel()
	file := module(t, adult, `func TestAdult(t *testing.T) {
	if !adult(30, false) || adult(17, false) || !adult(6, true) || adult(5, true) {
		t.Fail()
	}
}
`)
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	var out bytes.Buffer
	require.ErrorIs(t, run(t.Context(), []string{file}, &out), errSurvivors)
	report := strings.ReplaceAll(out.String(), file, "a.go")
	assert.Equal(t, "a.go:4:9: adult: `>=` -> `>`: survives\n"+
		"a.go:4:12: adult: `18` -> `19`: survives\n"+
		"9 mutants: 7 noticed, 0 too slow, 0 that do not compile, 2 survive\n", report)
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, before, after, "no file of the tree is touched")
}

func TestATestWithoutAGapLeavesNoSurvivor(t *testing.T) {
	t.Parallel()
	file := module(t, adult, `func TestAdult(t *testing.T) {
	if !adult(18, false) || adult(17, false) || !adult(6, true) || adult(5, true) || adult(6, false) {
		t.Fail()
	}
}
`)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-timeout=20s", file}, &out))
	assert.Contains(t, out.String(), "0 survive\n")
}

func TestFewTestsFirstFindTheSameSurvivors(t *testing.T) {
	t.Parallel()
	file := module(t, adult, `func TestAdult(t *testing.T) {
	if !adult(30, false) || adult(17, false) || !adult(6, true) || adult(5, true) {
		t.Fail()
	}
}

func TestOther(*testing.T) {}
`)
	for _, first := range []string{"TestAdult", "TestOther"} {
		var out bytes.Buffer
		require.ErrorIs(t, run(t.Context(), []string{"-first=" + first, file}, &out), errSurvivors)
		assert.Contains(t, out.String(), "9 mutants: 7 noticed, 0 too slow, 0 that do not compile, 2 survive\n", first)
	}
}

func TestAMutantThatNeverEndsIsTooSlow(t *testing.T) {
	t.Parallel()
	file := module(t, `func count(n int) (sum int) {
	for n > 0 {
		sum++
		n--
	}
	return sum
}
`, `func TestCount(t *testing.T) {
	if count(3) != 3 {
		t.Fail()
	}
}
`)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-timeout=1s", "-v", file}, &out))
	assert.Contains(t, out.String(), "count: `n--` -> nothing: too slow\n")
	assert.Contains(t, out.String(), "count: `sum++` -> nothing: noticed\n")
}

func TestTestsThatFailBeforehandAreAnError(t *testing.T) {
	t.Parallel()
	file := module(t, adult, "func TestAdult(t *testing.T) { t.Fail() }\n")
	err := run(t.Context(), []string{file}, &bytes.Buffer{})
	require.ErrorContains(t, err, "the tests fail before anything is changed")
	for want, args := range map[string][]string{
		"no files given": {}, "-func: error parsing regexp": {"-func=(", file}, "no such file": {file + "x"}, "not defined: -nonsense": {"-nonsense"},
	} {
		require.ErrorContains(t, run(t.Context(), args, &bytes.Buffer{}), want)
	}
}

func TestWhatIsChanged(t *testing.T) {
	t.Parallel()
	file := module(t, `func other() bool { return true }

func f(a, b int, s string) int {
	a = b
	go other()
	defer other()
	switch s {
	case "x", "y":
		a++
	case "z":
		return a
	}
	switch {
	case s == "q":
		return 0x10
	}
	for a < b {
		if !other() {
			continue
		}
		break
	}
	_ = a == b && a > 0 || a > 127 || a > b/2
	switch a {
	case 1:
		fallthrough
	default:
		return a + b
	}
}
`, "func TestNothing(*testing.T) {}\n")
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-list", "-func=^f$", file}, &out))
	got := strings.ReplaceAll(out.String(), file, "a.go")
	for _, want := range []string{
		"6:2: f: `a = b` -> nothing", "`go other()` -> nothing", "`defer other()` -> nothing",
		"f: `\"x\",` -> nothing", "f: `, \"y\"` -> nothing", "f: `a++` -> nothing", "f: `case \"z\": return a` -> nothing",
		"`s == \"q\"` -> `true || (s == \"q\")`", "`s == \"q\"` -> `false && (s == \"q\")`", "`\"q\"` -> `\"mutant\"`",
		"`0x10` -> `17`", "`a < b` -> `false && (a < b)`", "`<` -> `<=`",
		"`!other()` -> `true || (!other())`", "`!other()` -> `other()`", "`>` -> `>=`", "`==` -> `!=`", "`break` -> nothing", "`+` -> `-`",
	} {
		assert.Contains(t, got, want)
	}
	assert.NotContains(t, got, "other: ")
	assert.NotContains(t, got, "`return a + b` -> nothing", "does not compile")
	assert.NotContains(t, got, ": `fallthrough` -> nothing", "does not compile")
	assert.Contains(t, got, "`127` -> `126`", "a small type can hold it")
	out.Reset()
	require.ErrorIs(t, run(t.Context(), []string{"-quick", "-func=^f$", file}, &out), errSurvivors)
	assert.Contains(t, out.String(), "`>` -> `>=`: survives", "all of these are built together")
	assert.NotContains(t, out.String(), "`2` -> `3`")
	assert.NotContains(t, got, "`continue` -> nothing", "the same as a condition that never holds")
	assert.Equal(t, 1, strings.Count(got, "`==` -> `!=`"), "a condition that is fixed both ways is not also turned round")
}
