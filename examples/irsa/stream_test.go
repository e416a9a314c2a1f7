package main

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/growth"
)

// It measures memory, so that nothing else may run meanwhile.
func TestDumpsOfAnySizeAreReadAsAStream(t *testing.T) {
	const roles = 500 // of 40 KB
	filler := strings.Repeat("x", 40_000)
	for command, says := range map[string]string{
		"lint -":     fmt.Sprintf("-:%d:34: error: whole-cluster: last: ", roles+1+7),
		"validate -": fmt.Sprintf("1 files, %d trust policies, 0 findings\n", roles+1),
		"who -":      "- last:\n  every service account in any namespace of " + issuer,
	} {
		var out, errs strings.Builder
		dump := growth.Large("{\"UserDetailList\":[{}],\"RoleDetailList\":[\n", roles, func(i int) string {
			return fmt.Sprintf("{\"Arn\":\"arn:aws:iam::111122223333:role/r%d\",\"RolePolicyList\":[\"%s\"],\"AssumeRolePolicyDocument\":%s},\n", i, filler, narrow)
		}, `{"Arn":"arn:aws:iam::111122223333:role/last","RoleName":"last","AssumeRolePolicyDocument":`+wide+`}],"Policies":[]}`)
		code := process{}.run(t.Context(), strings.Fields(command), dump, &out, &errs)
		grew, looks := dump.Grew()
		assert.Greater(t, looks, 5, command)
		assert.Less(t, grew, int64(10<<20), command)
		printed := out.String() + errs.String()
		assert.Contains(t, printed[max(0, len(printed)-1000):], says, command)
		assert.Equal(t, map[string]int{"lint -": 1}[command], code, command)
	}

	// One part of a dump is bounded.
	var out, errs strings.Builder
	in := io.MultiReader(strings.NewReader(`{"Roles":[{"Arn":"`), &endless{'x'})
	require.Equal(t, 2, process{}.run(t.Context(), []string{"lint", "-"}, in, &out, &errs))
	assert.Contains(t, errs.String(), "has more than 67108864 bytes")
	assert.Empty(t, out.String())
}
