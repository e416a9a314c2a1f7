package main

import (
	"bytes"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// realAccount makes a bench the account of the default AWS configuration, and returns the flags
// for an issuer that it can reach.
func realAccount(t *testing.T) (*trusttest.Account, []string) {
	t.Helper()
	account, err := trusttest.NewAccount(trusttest.Config{})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	for _, v := range account.Env() {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	t.Setenv("HOME", t.TempDir())
	cluster, err := oidctest.NewServer(oidctest.Config{})
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	ca := filepath.Join(t.TempDir(), "ca.crt")
	top := cluster.Chain()[len(cluster.Chain())-1]
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: top.Raw}), 0o600))
	return account, []string{"-aws", "-issuer", cluster.URL(), "-ca", ca}
}

// answer runs the quickstart with an answer to its question.
func answer(t *testing.T, text string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(text), &out, &errs)
	return code, out.String(), errs.String()
}

func roles(t *testing.T, account *trusttest.Account) int {
	t.Helper()
	listed, err := iam.NewFromConfig(account.AWSConfig()).ListRoles(t.Context(), &iam.ListRolesInput{})
	require.NoError(t, err)
	return len(listed.Roles)
}

func TestARealAccountIsAskedForFirst(t *testing.T) {
	account, flags := realAccount(t)
	for _, no := range []string{"", "n\n", "no\n", "yess\n"} {
		code, stdout, stderr := answer(t, no, flags...)
		assert.Equal(t, 1, code)
		assert.Contains(t, stdout, "report-reader", "what would be done is shown")
		assert.Contains(t, stderr, "nothing was created")
		assert.Zero(t, roles(t, account))
	}
	code, stdout, stderr := answer(t, "y\n", flags...)
	require.Zero(t, code, stderr)
	assert.Contains(t, stdout, "arn:aws:iam::111122223333:role/report-reader")
	assert.Equal(t, 1, roles(t, account))

	code, _, stderr = answer(t, "", append(flags, "-yes")...)
	require.Zero(t, code, stderr)
	assert.Equal(t, 1, roles(t, account), "a second time changes nothing")
}

func TestAnotherAccountThanTheAnnotationsIsRefused(t *testing.T) {
	account, flags := realAccount(t)
	code, stdout, stderr := answer(t, "y\n", append(flags, edited(t, "111122223333", "444455556666")...)...)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "444455556666")
	assert.NotContains(t, stdout, "2. ")
	assert.Zero(t, roles(t, account))
}
