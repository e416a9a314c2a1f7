package iamrole_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/trust/iamrole"
)

// FuzzNameFor: a name is one that IAM takes, has its prefix, and is another one when a part moves
// from one input to the next.
func FuzzNameFor(f *testing.F) {
	f.Add("irsa-", "shop", "cart")
	f.Add("", "łódź", "\xff")
	f.Add(strings.Repeat("p", 47), "-", strings.Repeat("x", 300))
	f.Fuzz(func(t *testing.T, prefix, a, b string) {
		name, err := iamrole.NameFor(prefix, a, b)
		if err != nil {
			assert.Empty(t, name)
			return
		}
		require.NoError(t, arn.CheckRoleName(name))
		assert.True(t, strings.HasPrefix(name, prefix))
		others := [][]string{{a + b}, {a, b, a}, {a, strings.ToUpper(b) + "x"}, {a + " " + b}}
		if a != b {
			others = append(others, []string{b, a})
		}
		for _, parts := range others {
			other, err := iamrole.NameFor(prefix, parts...)
			require.NoError(t, err)
			assert.False(t, strings.EqualFold(name, other), "%q and %q", []string{a, b}, parts)
		}
	})
}
