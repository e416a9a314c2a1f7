//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wrongFiles cannot be read by any subcommand.
func wrongFiles(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"missing": filepath.Join(dir, "missing"), "a folder": dir, "a loop": filepath.Join(dir, "loop")}
	require.NoError(t, os.Symlink("loop", files["a loop"]))
	bomb := "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		a := string(rune('0' + i))
		bomb += "b" + a + ": &a" + string(rune('1'+i)) + " [" + strings.Repeat("*a"+a+", ", 9) + "*a" + a + "]\n"
	}
	for name, text := range map[string]string{
		"empty":          "",
		"binary":         "\x00\xff\xfe\x01PK\x80",
		"JSON cut off":   `{"kind": "List", "items": [{"kind": "Pod", "Statement": [{`,
		"YAML cut off":   "kind: Pod\na: [1,\n b: \"",
		"JSON null":      "null",
		"a text":         `"x"`,
		"a list":         "[1]",
		"empty YAML":     "---\n---\n",
		"nested deeply":  strings.Repeat("[", 200_000),
		"a YAML bomb":    bomb,
		"another object": `{"kindred": 1}`,
	} {
		files[name] = filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		require.NoError(t, os.WriteFile(files[name], []byte(text), 0o600))
	}
	return files
}

func TestAWrongFileIsOneLineThatNamesItAndNothingIsDone(t *testing.T) {
	t.Parallel()
	web, state := filepath.Join(t.TempDir(), "web"), filepath.Join(t.TempDir(), "rotation.json")
	provider := " --provider " + eksProvider
	const good, issuer = "testdata/checkout.json", "https://issuer.example"
	for name, file := range wrongFiles(t) {
		for command, alike := range map[string][]string{ // and the files that are right for it
			"lint FILE": nil, "validate FILE": nil, "who FILE": nil,
			"evaluate FILE --account a/b" + provider: nil,
			"within FILE " + good:                    nil, "within " + good + " FILE": nil,
			"diff FILE " + good: nil, "diff " + good + " FILE": nil,
			"mutate FILE": {"another object"},
			"audit --cluster FILE --roles testdata/roles.json" + provider:     nil,
			"audit --cluster testdata/cluster.yaml --roles FILE" + provider:   nil,
			"doctor --no-sts --pod FILE":                                      nil,
			"doctor --no-sts --ca FILE":                                       nil,
			"thumbprint " + issuer + " --ca FILE":                             nil,
			"preflight " + issuer + " --ca FILE":                              nil,
			"webhook-manifests --ca-bundle FILE":                              nil,
			"issuer publish " + issuer + " --key FILE --dir " + web:           nil,
			"issuer rotate --state FILE":                                      nil,
			"issuer rotate --state FILE --done accept":                        nil,
			"issuer retire " + issuer + " --state FILE --dir " + web:          nil,
			"issuer rotate --old FILE --new FILE --state " + state:            nil,
			"issuer keys --out FILE":                                          {"missing"},
			"issuer provider " + issuer + " --account 111122223333 --ca FILE": nil,
		} {
			if len(alike) > 0 && alike[0] == name {
				continue
			}
			what := command + " of " + name
			var before []byte
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
				before, err = os.ReadFile(file)
				require.NoError(t, err)
			}
			args := strings.Fields(command)
			for i := range args {
				if args[i] == "FILE" {
					args[i] = file
				}
			}
			code, stdout, stderr := irsa(t, "", args...)
			assert.Equal(t, 2, code, what)
			assert.Empty(t, stdout, what)
			assert.True(t, strings.HasPrefix(stderr, "irsa: "), "%s: %s", what, stderr)
			assert.Equal(t, 1, strings.Count(stderr, "\n"), "%s: %s", what, stderr)
			assert.Contains(t, stderr, file, what)
			if before != nil {
				after, err := os.ReadFile(file)
				require.NoError(t, err, what)
				assert.Equal(t, before, after, what)
			}
			assert.NoFileExists(t, state, what)
			assert.NoDirExists(t, web, what)
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestWhatCannotBePrintedIsAnError(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"lint testdata/everybody.json", "lint testdata/everybody.json -o sarif", "validate testdata/checkout.json", "who testdata/checkout.json",
		"evaluate testdata/checkout.json --account a/b --provider " + eksProvider,
		"within testdata/checkout.json testdata/everybody.json", "diff testdata/checkout.json testdata/everybody.json",
		"mutate testdata/shop.yaml", "mutate --patch testdata/shop.yaml", "webhook-manifests --cert-manager",
		"issuer flags https://issuer.example --key a --signing-key b", "permissions iamrole.Read --account 111122223333",
		"audit --cluster testdata/cluster.yaml --roles testdata/roles.json --provider " + eksProvider,
		"audit --cluster testdata/cluster.yaml --roles testdata/roles.json -o html --provider " + eksProvider,
		"doctor --no-sts",
	} {
		var errs bytes.Buffer
		p := process{lookup: func(string) (string, bool) { return "", false }}
		assert.Equal(t, 2, p.run(t.Context(), strings.Fields(command), strings.NewReader(""), full{}, &errs), command)
		assert.Equal(t, "irsa: no space left on device\n", errs.String(), command)
	}
}

func TestStandardInputIsReadOnce(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"lint - -", "mutate - -", "within - -", "audit --cluster - --roles - --provider " + eksProvider} {
		text, err := os.ReadFile("testdata/roles.json")
		require.NoError(t, err)
		if strings.HasPrefix(command, "mutate") {
			text = []byte("kind: Pod\nspec: {containers: []}\n")
		} else if strings.HasPrefix(command, "within") {
			text = []byte(narrow)
		}
		code, stdout, stderr := irsa(t, string(text), strings.Fields(command)...)
		assert.Equal(t, 2, code, command)
		assert.Empty(t, stdout, command)
		assert.Contains(t, stderr, "standard input is read already", command)
	}
}

func TestFilesAreWrittenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, state := filepath.Join(dir, "sa.key"), filepath.Join(dir, "rotation.json")
	require.NoError(t, createFile(key, []byte("old")))
	require.ErrorIs(t, createFile(key, []byte("new")), os.ErrExist)
	require.ErrorContains(t, replaceFile(filepath.Join(dir, "none", "rotation.json"), nil), "none")
	require.NoError(t, os.MkdirAll(filepath.Join(state, "in the way"), 0o700))
	require.ErrorIs(t, replaceFile(state, []byte("new")), os.ErrExist)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing is left behind")
	text, err := os.ReadFile(key)
	require.NoError(t, err)
	assert.Equal(t, "old", string(text))
}

func TestAPipeInAFolderIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe.json"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "policy.json"), []byte(narrow), 0o600))
	code, stdout, stderr := irsa(t, "", "lint", dir)
	assert.Zero(t, code, stderr)
	assert.Contains(t, stdout, "1 files, 1 trust policies")
}

// A read of standard input cannot be interrupted, so the process ends around it.
func TestAnInterruptionEndsTheProcess(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "mutate", "-")
		cmd.Env = append(os.Environ(), "IRSA_TEST_COMMAND=1")
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		_, err = io.WriteString(in, strings.Repeat("# nothing\n", 100_000)) // more than a pipe holds: it reads
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Signal(signal))
		exit := (*exec.ExitError)(nil)
		require.True(t, errors.As(cmd.Wait(), &exit), "%v", signal)
		assert.Equal(t, 2, exit.ExitCode(), "%v", signal)
		assert.Equal(t, "irsa: interrupted\n", errs.String(), "%v", signal)
		assert.Empty(t, out.String(), "%v", signal)
	}
}
