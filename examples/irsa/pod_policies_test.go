package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What irsa-policies itself prints is tested beside it, and that irsa finds it in .ci/release.
func TestPoliciesRunsItsProgram(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	code, stdout, stderr := irsa(t, "", "policies", "-required")
	assert.Equal(t, 2, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "go install github.com/irsa-go/irsa/examples/irsa-policies@latest\n")

	program := filepath.Join(dir, "irsa-policies")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\necho \"$@\"\n"), 0o700))
	code, stdout, stderr = irsa(t, "", "policies", "-required", "--name", "x")
	assert.Zero(t, code, stderr)
	assert.Equal(t, "-required --name x\n", stdout)

	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\necho half\necho 'irsa-policies: -guard: no' >&2\nexit 2\n"), 0o700))
	code, stdout, stderr = irsa(t, "", "policies", "-guard")
	assert.Equal(t, 2, code)
	assert.Empty(t, stdout)
	assert.Equal(t, "irsa: -guard: no\n", stderr)
}
