package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const provider = "arn:aws:iam::111122223333:oidc-provider/" + issuer

func TestEvaluateJudgesTokensPodsAndPrincipals(t *testing.T) {
	t.Parallel()
	policy := write(t, "policy.json", narrow)
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"the account itself":         {[]string{"--provider", provider, "--account", "shop/checkout"}, 0, "allowed"},
		"names swapped":              {[]string{"--provider", provider, "--account", "checkout/shop"}, 1, "namespace and name swapped?"},
		"another audience":           {[]string{"--provider", provider, "--account", "shop/checkout", "--audience", "x"}, 1, "aud is x"},
		"claims":                     {[]string{"--provider", provider, "--claims", `{"sub":"system:serviceaccount:shop:checkout","aud":["sts.amazonaws.com"]}`}, 0, "allowed"},
		"a pod":                      {[]string{"--cluster", "arn:aws:eks:eu-central-1:111122223333:cluster/blue", "--account", "shop/checkout"}, 1, "denied"},
		"a principal":                {[]string{"--principal", "arn:aws:iam::111122223333:user/admin"}, 1, "denied"},
		"no account":                 {[]string{"--provider", provider}, 2, "want NAMESPACE/NAME"},
		"nobody":                     {nil, 2, "provider"},
		"two at once":                {[]string{"--provider", provider, "--principal", "x"}, 2, "provider"},
		"broken claims":              {[]string{"--provider", provider, "--claims", `{}{}`}, 2, "not one JSON object"},
		"claims with a rest":         {[]string{"--provider", provider, "--claims", `{"sub":"x"}]`}, 2, "not one JSON object"},
		"a claim twice":              {[]string{"--provider", provider, "--claims", `{"sub":"y","sub":"x"}`}, 2, "twice"},
		"a principal that is none":   {[]string{"--principal", "x"}, 2, "--principal: "},
		"a cluster that is none":     {[]string{"--cluster", "x", "--account", "a/b"}, 2, "--cluster: "},
		"an account that cannot be":  {[]string{"--provider", provider, "--account", "A B/c"}, 2, "--account: "},
		"a claim that is not a text": {[]string{"--provider", provider, "--claims", `{"sub":1}`}, 2, "--claims: "},
		"no claims":                  {[]string{"--provider", provider, "--claims", `null`}, 2, "--claims: "},
		"a key that cannot be added": {[]string{"--provider", provider, "--account", "a/b", "--with", "k=v"}, 2, "--with k: "},
		"an audience of a principal": {[]string{"--principal", "arn:aws:iam::111122223333:root", "--audience", "x"}, 2, "audience"},
		"a broken provider":          {[]string{"--provider", "x", "--account", "a/b"}, 2, "provider ARN"},
	} {
		code, stdout, stderr := irsa(t, "", append([]string{"evaluate", policy}, c.args...)...)
		assert.Equal(t, c.code, code, "%s: %s%s", name, stdout, stderr)
		assert.Contains(t, stdout+stderr, c.says, name)
	}
}

func TestWithinProvesOrShowsAWitness(t *testing.T) {
	t.Parallel()
	inner, outer := write(t, "narrow.json", narrow), write(t, "wide.json", wide)
	code, stdout, stderr := irsa(t, "", "within", inner, outer)
	assert.Zero(t, code, stderr)
	assert.Contains(t, stdout, "holds")
	code, stdout, _ = irsa(t, "", "within", outer, inner, "-o", "json")
	assert.Equal(t, 1, code)
	var proof struct {
		Outcome string
		Witness struct {
			Text   string
			Claims map[string]any
		}
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &proof))
	assert.Equal(t, "fails", proof.Outcome)
	assert.Contains(t, proof.Witness.Text, "system:serviceaccount:")
	assert.Contains(t, proof.Witness.Claims["sub"], "system:serviceaccount:")
	code, _, stderr = irsa(t, "", "within", inner, "/does/not/exist")
	assert.Equal(t, 2, code, stderr)
}

func TestWhoAndDiffAreAboutEverybody(t *testing.T) {
	t.Parallel()
	small, large := write(t, "narrow.json", narrow), write(t, "wide.json", wide)
	code, stdout, stderr := irsa(t, "", "who", small, large)
	require.Zero(t, code, stderr)
	assert.Contains(t, stdout, small+":\n  service account checkout in namespace shop")
	assert.Contains(t, stdout, large+":\n  ")
	code, stdout, _ = irsa(t, "", "diff", small, large)
	assert.Equal(t, 1, code)
	assert.Contains(t, stdout, "system:serviceaccount:")
	code, _, stderr = irsa(t, "", "diff", small, small)
	assert.Zero(t, code, stderr)
	code, _, stderr = irsa(t, `{"a":1}`, "who", "-")
	assert.Equal(t, 2, code, stderr)

	// Who is in a file that is cut off is not known, so the list would lack somebody.
	broken := write(t, "broken.json", narrow[:100])
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(broken), "narrow.json"), []byte(narrow), 0o600))
	code, stdout, stderr = irsa(t, "", "who", filepath.Dir(broken))
	assert.Equal(t, 2, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, broken+": ")
}

// A template may hold a policy: who is silent about it in no format.
func TestAFileThatCouldNotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	dir := filepath.Dir(write(t, "narrow.json", narrow))
	template := filepath.Join(dir, "role.yaml")
	require.NoError(t, os.WriteFile(template, []byte("a: {{ .Values.a }}\n"), 0o600))
	for _, args := range [][]string{{"who", dir}, {"who", dir, "-o", "json"}, {"lint", dir, "-o", "sarif"}, {"lint", dir, "-o", "github"}, {"within", dir, dir}, {"lint", dir}} {
		code, stdout, stderr := irsa(t, "", args...)
		assert.Zero(t, code, "%v: %s", args, stderr)
		assert.Contains(t, stdout+stderr, template+": no trust policy: ", args)
	}
}
