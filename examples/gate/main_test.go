package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/readme"
)

func TestThePageShowsWhatTheGateSays(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]int{"plan.json": 0, "bad.json": 1, "deployment.json": 2} {
		file = "testdata/" + file
		var out strings.Builder
		assert.Equal(t, want, run([]string{file}, &out))
		if want != 0 {
			fmt.Fprintf(&out, "exit status %d\n", want)
		}
		readme.Shows(t, "README.md", "go run . "+file, out.String())
	}
}

func TestEveryFileIsLookedAt(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	assert.Equal(t, 1, run([]string{"testdata/bad.json", "testdata/plan.json"}, &out))
	assert.Equal(t, 2, run([]string{"testdata/plan.json", filepath.Join(t.TempDir(), "none.json")}, &out))

	template := filepath.Join(t.TempDir(), "template.json")
	require.NoError(t, os.WriteFile(template, []byte(`{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":{"Ref":"Policy"}}}}}`), 0o600))
	out.Reset()
	assert.Equal(t, 1, run([]string{template}, &out), "what is known only after a deployment does not pass")
	assert.Contains(t, out.String(), ": R: ")
}
