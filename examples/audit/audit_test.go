package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const provider = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3"

func TestAudit(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	found, err := run([]string{"-provider", provider, "-f", "testdata/cluster.yaml", "-roles", "testdata/roles.json"}, nil, &out)
	require.NoError(t, err)
	assert.True(t, found)
	want := `Who can become what
  shop/cart: arn:aws:iam::111122223333:role/cart
  shop/default: arn:aws:iam::111122223333:role/cart

Annotations that lead nowhere
`
	require.True(t, strings.HasPrefix(out.String(), want), out.String())
	for _, line := range []string{
		"post/mail: arn:aws:iam::111122223333:role/mail: denied: sub is system:serviceaccount:post:mail, the policy wants system:serviceaccount:mail:post (namespace and name swapped?)",
		"post/stamps: arn:aws:iam::111122223333:role/gone: the account has no such role",
		"post/typo: ",
		"post/mail-0: as service account mail, containers app, proxy",
		"arn:aws:iam::111122223333:role/mail: /Statement/0: warning: missing-aud",
	} {
		assert.Contains(t, out.String(), "  "+line)
	}
	assert.NotContains(t, out.String(), "cart-0")
}

func TestAuditOverClustersAndAccountsFollowsChains(t *testing.T) {
	t.Parallel()
	green := strings.Replace(provider, "A1B2C3", "D4E5F6", 1)
	var out strings.Builder
	_, err := run([]string{"-provider", provider, "-f", "testdata/cluster.yaml", "-provider", green, "-f", "testdata/green.yaml",
		"-roles", "testdata/roles.json", "-roles", "testdata/chain.json"}, nil, &out)
	require.NoError(t, err)
	blue, other := " of oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3: ", " of oidc.eks.eu-west-1.amazonaws.com/id/D4E5F6: "
	want := "Who can become what\n" +
		"  shop/cart" + blue + "arn:aws:iam::111122223333:role/cart\n" +
		"  shop/checkout" + other + "arn:aws:iam::111122223333:role/reader\n" +
		"  shop/checkout" + other + "arn:aws:iam::444455556666:role/archive through arn:aws:iam::111122223333:role/reader\n" +
		"  shop/default" + blue + "arn:aws:iam::111122223333:role/cart\n\n"
	assert.Equal(t, want, out.String()[:min(len(want), len(out.String()))])
}

func TestAuditOfAnotherClusterFindsNobody(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	_, err := run([]string{"-provider", strings.Replace(provider, "A1B2C3", "D4E5F6", 1), "-f", "testdata/cluster.yaml", "-roles", "testdata/roles.json"}, nil, &out)
	require.NoError(t, err)
	assert.Contains(t, out.String(), "Who can become what\n  none\n")
	assert.Contains(t, out.String(), "post/mail: arn:aws:iam::111122223333:role/mail: denied: the caller is ")
}

func TestWrongInputNamesTheFlag(t *testing.T) {
	t.Parallel()
	good := map[string]string{"-provider": provider, "-f": "testdata/cluster.yaml", "-roles": "testdata/roles.json"}
	for flag, value := range map[string]string{"-provider": "x", "-f": "testdata/roles.json", "-roles": "testdata/cluster.yaml"} {
		for _, wrong := range []string{value, "", "testdata/none", "-"} {
			var args []string
			for name, v := range good {
				if name == flag {
					v = wrong
				}
				args = append(args, name, v)
			}
			var out strings.Builder
			_, err := run(args, strings.NewReader("{"), &out)
			assert.ErrorContains(t, err, flag, "%s %q", flag, wrong)
			assert.Empty(t, out.String())
		}
	}
}
