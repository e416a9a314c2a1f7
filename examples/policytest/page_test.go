package policytest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/readme"
)

// The tests are run in a folder where somebody has made a policy wider, as the page tells.
func TestThePageShowsWhatAWiderPolicyDoes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(".")))
	path := filepath.Join(dir, "policies", "shop", "cart.json")
	policy, err := os.ReadFile(path)
	require.NoError(t, err)
	wider := strings.NewReplacer("StringEquals", "StringLike", "serviceaccount:shop:cart", "serviceaccount:*:cart").Replace(string(policy))
	require.NoError(t, os.WriteFile(path, []byte(wider), 0o600))
	for _, name := range []string{"WhoMayBecomeWhat", "IAMTakes", "NoPolicyReaches"} {
		tests := exec.Command(os.Args[0], "-test.run="+name)
		tests.Dir = dir
		output, err := tests.CombinedOutput()
		require.Equal(t, name != "WhoMayBecomeWhat", err != nil, string(output))
		if err != nil {
			readme.Shows(t, "README.md", "go test -run "+name+" .", string(output))
		}
	}
}
