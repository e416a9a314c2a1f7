package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/growth"
)

const eksProvider = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3"

func TestAudit(t *testing.T) {
	t.Parallel()
	code, out, stderr := irsa(t, "", "audit", "--provider", eksProvider, "--cluster", "testdata/cluster.yaml", "--roles", "testdata/roles.json")
	require.Equal(t, 1, code, stderr)
	want := `Who can become what
  shop/cart: arn:aws:iam::111122223333:role/cart
  shop/default: arn:aws:iam::111122223333:role/cart

Annotations that lead nowhere
`
	require.True(t, strings.HasPrefix(out, want), out)
	for _, line := range []string{
		"post/mail: arn:aws:iam::111122223333:role/mail: denied: sub is system:serviceaccount:post:mail, the policy wants system:serviceaccount:mail:post (namespace and name swapped?)",
		"post/stamps: arn:aws:iam::111122223333:role/gone: the account has no such role",
		"post/typo: ",
		"post/mail-0: as service account mail, containers app, proxy",
		"arn:aws:iam::111122223333:role/mail: /Statement/0: warning: missing-aud",
	} {
		assert.Contains(t, out, "  "+line)
	}
	assert.NotContains(t, out, "cart-0")
}

func TestAuditOverClustersAndAccountsFollowsChains(t *testing.T) {
	t.Parallel()
	green := strings.Replace(eksProvider, "A1B2C3", "D4E5F6", 1)
	code, out, stderr := irsa(t, "", "audit", "--provider", eksProvider, "--cluster", "testdata/cluster.yaml", "--provider", green, "--cluster", "testdata/green.yaml",
		"--roles", "testdata/roles.json", "--roles", "testdata/chain.json")
	require.Equal(t, 1, code, stderr)
	blue, other := " of oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3: ", " of oidc.eks.eu-west-1.amazonaws.com/id/D4E5F6: "
	want := "Who can become what\n" +
		"  shop/cart" + blue + "arn:aws:iam::111122223333:role/cart\n" +
		"  shop/checkout" + other + "arn:aws:iam::111122223333:role/reader\n" +
		"  shop/checkout" + other + "arn:aws:iam::444455556666:role/archive through arn:aws:iam::111122223333:role/reader\n" +
		"  shop/default" + blue + "arn:aws:iam::111122223333:role/cart\n\n"
	assert.Equal(t, want, out[:min(len(want), len(out))])
}

func TestAuditOfAnotherClusterFindsNobody(t *testing.T) {
	t.Parallel()
	code, out, stderr := irsa(t, "", "audit", "--provider", strings.Replace(eksProvider, "A1B2C3", "D4E5F6", 1), "--cluster", "testdata/cluster.yaml", "--roles", "testdata/roles.json")
	require.Equal(t, 1, code, stderr)
	assert.Contains(t, out, "Who can become what\n  none\n")
	assert.Contains(t, out, "post/mail: arn:aws:iam::111122223333:role/mail: denied: the caller is ")
}

func TestWrongInputNamesTheFlag(t *testing.T) {
	t.Parallel()
	good := map[string]string{"--provider": eksProvider, "--cluster": "testdata/cluster.yaml", "--roles": "testdata/roles.json"}
	for flag, value := range map[string]string{"--provider": "x", "--cluster": "testdata/roles.json", "--roles": "testdata/cluster.yaml"} {
		for _, wrong := range []string{value, "", "testdata/none", "-"} {
			var args []string
			for name, v := range good {
				if name == flag {
					v = wrong
				}
				args = append(args, name, v)
			}
			code, stdout, stderr := irsa(t, "{", append([]string{"audit"}, args...)...)
			assert.Equal(t, 2, code, "%s %q", flag, wrong)
			assert.Contains(t, stderr, flag, "%s %q", flag, wrong)
			assert.Empty(t, stdout)
		}
	}
}

func TestAuditInItsFormats(t *testing.T) {
	t.Parallel()
	green := strings.Replace(eksProvider, "A1B2C3", "D4E5F6", 1)
	for _, format := range []string{"text", "json", "mermaid"} {
		code, out, stderr := irsa(t, "", "audit", "--provider", eksProvider, "--cluster", "testdata/cluster.yaml", "--provider", green, "--cluster", "testdata/green.yaml",
			"--roles", "testdata/roles.json", "--roles", "testdata/chain.json", "-o", format)
		require.Equal(t, 1, code, stderr)
		generated(t, "testdata/audit."+format, out)
	}
}

// endless is a byte again and again.
type endless struct{ byte }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.byte
	}
	return len(p), nil
}

// It measures memory, so that nothing else may run meanwhile.
func TestAuditReadsDumpsAsAStream(t *testing.T) {
	args := []string{"audit", "--provider", eksProvider, "--cluster", "-", "--roles", "testdata/chain.json"}
	var out, errs strings.Builder
	secret := func(int) string { return `{"kind":"Secret","data":{"x":"` + strings.Repeat("x", 4000) + `"}},` }
	const end = `{"kind":"Secret"}],"kind":"List"}`
	in := growth.Large(`{"items":[{"kind":"ServiceAccount","metadata":{"namespace":"a","name":"b"}},`, 5_000, secret, end) // 20 MB
	code := process{}.run(t.Context(), args, in, &out, &errs)
	require.Zero(t, code, errs.String())
	grew, _ := in.Grew()
	assert.Less(t, grew, int64(10<<20))
	// A dump of a whole account has policies too.
	args = []string{"audit", "--provider", eksProvider, "--cluster", "testdata/green.yaml", "--roles", "-"}
	in = growth.Large(`{"Roles":[{"Arn":"a","AssumeRolePolicyDocument":{"Statement":[]}}],"Policies":[`, 5_000, secret, end)
	code = process{}.run(t.Context(), args, in, &out, &errs)
	require.Equal(t, 1, code, errs.String())
	grew, _ = in.Grew()
	assert.Less(t, grew, int64(10<<20))

	// One part of a dump is bounded too.
	errs.Reset()
	code = process{}.run(t.Context(), args, io.MultiReader(strings.NewReader(`{"Roles":[{"Arn":"`), &endless{'x'}), &out, &errs)
	assert.Equal(t, 2, code)
	assert.Contains(t, errs.String(), `--roles -: trust: extract: line 1, column 17 at "/Roles/0/Arn": `)
	assert.Contains(t, errs.String(), "has more than 67108864 bytes")
}

func TestAuditTellsAnAbsentRoleFromAnUnknownAccount(t *testing.T) {
	t.Parallel()
	const account = `{"kind":"ServiceAccount","metadata":{"namespace":"a","name":"b","annotations":{"eks.amazonaws.com/role-arn":"ROLE"}}}`
	for role, says := range map[string]string{
		"arn:aws:iam::111122223333:role/none": "the account has no such role",
		"arn:aws:iam::999988887777:role/none": "nothing is known of this role's account",
	} {
		code, stdout, stderr := irsa(t, `{"items":[`+strings.Replace(account, "ROLE", role, 1)+`]}`,
			"audit", "--provider", eksProvider, "--cluster", "-", "--roles", "testdata/roles.json")
		assert.Equal(t, 1, code, stderr)
		assert.Contains(t, stdout, "  a/b: "+role+": "+says)
	}
}

func TestAuditRefusesDumpsThatLackAccounts(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		`{"items":[]}`: "it has no service account",
		`{"items":[{"kind":"Pod","metadata":{"namespace":"a","name":"b"}}]}`:                          "it has no service account",
		`{"kind":"ServiceAccountList","items":[{"metadata":{"namespace":"a","name":"b"}}]}`:           "items[0]: it has no kind",
		`{"items":[{"kind":"ServiceAccount","metadata":{"namespace":"a","name":"b"}}]}{"items":[{`:    "items[0]: ",
		`{"items":[{"kind":"ServiceAccount","metadata":{"namespace":"a","name":"A B"}}]}`:             `"A B"`,
		`{"items":[{"kind":"ServiceAccount","metadata":{"namespace":"a","name":{"generate":true}}}]}`: "items[0]: ",
	} {
		code, stdout, stderr := irsa(t, text, "audit", "--provider", eksProvider, "--cluster", "-", "--roles", "testdata/roles.json")
		assert.Equal(t, 2, code, text)
		assert.True(t, strings.HasPrefix(stderr, "irsa: --cluster -: "), stderr)
		assert.Contains(t, stderr, says, text)
		assert.Empty(t, stdout, text)
	}
}

func TestAuditRefusesFilesThatDisagreeAboutARole(t *testing.T) {
	t.Parallel()
	listed := func(name string) string {
		return fmt.Sprintf(`{"Roles":[{"Arn":"arn:aws:iam::111122223333:role/cart","AssumeRolePolicyDocument":{"Version":"2012-10-17",`+
			`"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/%s"},"Action":"sts:AssumeRole"}]}}]}`, name)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"a": listed("x"), "same": listed("x"), "other": listed("y")} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	with := func(second string) []string {
		return []string{"audit", "--provider", eksProvider, "--cluster", "testdata/cluster.yaml", "--roles", filepath.Join(dir, "a"), "--roles", filepath.Join(dir, second)}
	}
	code, stdout, stderr := irsa(t, "", with("other")...)
	assert.Equal(t, 2, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, `role "arn:aws:iam::111122223333:role/cart" has another policy in a file before`)
	code, _, stderr = irsa(t, "", with("same")...)
	assert.Equal(t, 1, code, stderr)
}

func TestAuditRefusesDumpsThatLackRoles(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		`{"RoleDetailList":[]}`: "it does not list any role",
		`{"RoleDetailList":[{"Arn":"a","AssumeRolePolicyDocument":{"Statement":[]}}],"IsTruncated":true}`: "the list goes on",
		`{"Roles":[{"Arn":"a","AssumeRolePolicyDocument":{"Statement":[]}}],"NextToken":"x"}`:             "the list goes on",
		`{"UserDetailList":[]}`:  "it does not list any role",
		`{"RoleDetailList":[{}]`: "/RoleDetailList/0",
		`{"RoleDetailList":[`:    "the document ends in the middle",
	} {
		code, stdout, stderr := irsa(t, text, "audit", "--provider", eksProvider, "--cluster", "testdata/cluster.yaml", "--roles", "-")
		assert.Equal(t, 2, code, text)
		assert.Contains(t, stderr, says, text)
		assert.Empty(t, stdout, text)
	}
}
