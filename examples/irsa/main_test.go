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

// TestMain is the command itself where a test needs a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("IRSA_TEST_COMMAND") != "" {
		main()
	}
	os.Exit(m.Run())
}

// irsa runs the command in this process.
func irsa(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = process{}.run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestWrongInputIsOneLineAndExitCode2(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"no such command":          {"nonsense"},
		"a slip of the pen":        {"lnit", "x"},
		"no such flag":             {"mutate", "--nonsense", "x"},
		"no argument":              {"thumbprint"},
		"an issuer over http":      {"thumbprint", "http://issuer.example"},
		"a missing file":           {"mutate", "/does/not/exist.yaml"},
		"a region that is none":    {"mutate", "--region", "Frankfurt", "-"},
		"a role that is none":      {"mutate", "--role-arn", "x", "testdata/pod.yaml"},
		"a role that nobody needs": {"mutate", "--role-arn", "x", "testdata/shop.yaml"},
		"an account that is none":  {"permissions", "iamrole.Read", "--account", "12"},
		"a partition that is none": {"permissions", "iamrole.Read", "--account", "111122223333", "--partition", "moon"},
		"a provider of no account": {"issuer", "provider", "https://issuer.example", "--account", "12"},
		"a format that is none":    {"lint", "-o", "xml", "-"},
	} {
		code, stdout, stderr := irsa(t, "", args...)
		assert.Equal(t, 2, code, name)
		assert.Empty(t, stdout, name)
		assert.True(t, strings.HasPrefix(stderr, "irsa: "), "%s: %s", name, stderr)
		assert.Equal(t, 1, strings.Count(stderr, "\n"), "%s: %s", name, stderr)
	}
	_, _, stderr := irsa(t, "", "lint")
	assert.Contains(t, stderr, "usage: irsa lint FILE|FOLDER...", "what is missing is named")
	_, _, stderr = irsa(t, "", "lnit")
	assert.Equal(t, "irsa: unknown command \"lnit\" for \"irsa\"; did you mean lint?\n", stderr)
	_, _, stderr = irsa(t, "PK\x03\x04plan\x00", "lint", "-")
	assert.Contains(t, stderr, "terraform show -json FILE", "a saved plan")

	code, stdout, _ := irsa(t, "", "--help")
	assert.Zero(t, code)
	assert.Contains(t, stdout, "mutate")
}
