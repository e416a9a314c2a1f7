package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
)

// must runs a command line of words.
func must(t *testing.T, line string) string {
	t.Helper()
	code, stdout, stderr := irsa(t, "", strings.Fields(line)...)
	require.Zero(t, code, "%s\n%s%s", line, stdout, stderr)
	return stdout
}

func refused(t *testing.T, line, says string) {
	t.Helper()
	code, stdout, stderr := irsa(t, "", strings.Fields(line)...)
	assert.Equal(t, 2, code, line)
	assert.Empty(t, stdout, line)
	assert.Contains(t, stderr, says, line)
	assert.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
}

func TestAnIssuerIsMadeAndItsKeyReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	web, first, second := filepath.Join(dir, "web"), filepath.Join(dir, "sa.key"), filepath.Join(dir, "sa2.key")
	state := filepath.Join(dir, "rotation.json")
	require.NoError(t, os.Mkdir(web, 0o755))
	srv := httptest.NewTLSServer(http.FileServer(http.Dir(web)))
	defer srv.Close()
	ca := write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})))
	at := " " + srv.URL + " --dir " + web

	must(t, "issuer keys --out "+first)
	info, err := os.Stat(first)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	refused(t, "issuer keys --out "+first, "exists") // a key is never overwritten
	must(t, "issuer publish"+at+" --key "+first+" --jwks-uri "+srv.URL+"/keys.json")
	assert.Contains(t, must(t, "issuer preflight "+srv.URL+" --ca "+ca), "passed   keys-valid")

	must(t, "issuer keys --algorithm ES256 --out "+second)
	refused(t, "issuer publish"+at+" --key "+second, oidc.ErrKeyServed.Error())
	assert.Contains(t, must(t, "issuer rotate --state "+state+" --old "+first+" --new "+second), "--done accept")
	refused(t, "issuer rotate --state "+state+" --old "+first+" --new "+second, "exists")
	refused(t, "issuer rotate --state "+state+" --done publish", oidc.ErrRotationOrder.Error())
	must(t, "issuer rotate --state "+state+" --done accept")
	must(t, "issuer publish"+at+" --key "+first+" --key "+second)
	assert.FileExists(t, filepath.Join(web, "keys.json"))
	assert.NoDirExists(t, filepath.Join(web, "openid"), "the keys stay where they are")
	assert.Contains(t, must(t, "issuer rotate --state "+state+" --done publish"), "not before: ")
	refused(t, "issuer retire --state "+state+at, oidc.ErrKeyInUse.Error())

	r, err := loadRotation(&cobra.Command{}, state) // two days pass
	require.NoError(t, err)
	r.Accepted, r.Published, r.Switched = r.Accepted.AddDate(0, 0, -3), r.Published.AddDate(0, 0, -3), r.Published.AddDate(0, 0, -2)
	require.NoError(t, saveRotation(state, r, replaceFile))
	must(t, "issuer retire --state "+state+at)
	assert.Contains(t, must(t, "issuer rotate --state "+state), "complete")
	jwks, err := os.ReadFile(filepath.Join(web, "keys.json"))
	require.NoError(t, err)
	left, err := oidc.ParseKeySet(jwks)
	require.NoError(t, err)
	assert.Equal(t, []string{r.New}, left.IDs())

	must(t, "issuer unpublish"+at)
	assert.NoFileExists(t, filepath.Join(web, "keys.json"))
	assert.NoFileExists(t, filepath.Join(web, ".well-known", "openid-configuration"))
}

func TestNoProviderIsMadeOfAnIssuerThatDoesNotPass(t *testing.T) {
	t.Parallel()
	s := newSetting(t, api)
	code, stdout, _ := s.do(t, "issuer", "provider", "https://localhost", "--account", "111122223333")
	assert.Equal(t, 1, code)
	assert.Contains(t, stdout, "failed")
	list, err := iam.NewFromConfig(s.account.AWSConfig()).ListOpenIDConnectProviders(t.Context(), nil)
	require.NoError(t, err)
	assert.Len(t, list.OpenIDConnectProviderList, 1, "that of the setting alone")
}

func TestFlagsAreInTheOrderInWhichTheyAreApplied(t *testing.T) {
	t.Parallel()
	out := must(t, "issuer flags https://new.example --old-issuer https://kubernetes.default.svc.cluster.local --key old.pub --signing-key new.key")
	last := 0
	for _, line := range []string{
		"1. accept", "--service-account-issuer=https://kubernetes.default.svc.cluster.local", "--service-account-issuer=https://new.example",
		"--service-account-key-file=old.pub", "--service-account-key-file=new.key",
		"2. publish", "3. sign",
		"--service-account-issuer=https://new.example", "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-jwks-uri=https://new.example/openid/v1/jwks", "--service-account-signing-key-file=new.key",
		"--api-audiences=https://kubernetes.default.svc,https://kubernetes.default.svc.cluster.local",
		"--service-account-private-key-file=new.key",
	} {
		at := strings.Index(out[last:], line)
		require.GreaterOrEqual(t, at, 0, "%s\nin\n%s", line, out[last:])
		last += at
	}
}

func TestWrongInputOfIssuersLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.pem")
	require.NoError(t, os.WriteFile(bad, []byte("ssh-rsa AAAA"), 0o600))
	for args, want := range map[string]string{
		"":                                       "which step",
		"explode":                                "unknown command",
		"publish":                                "accepts 1 arg",
		"publish https://a.example --dir " + dir: `"key" not set`,
		"publish https://a.example --key " + bad: "at least one of the flags",
		"publish http://a.example --dir " + dir + " --key " + bad:       "https://",
		"publish https://a.example:8443 --dir " + dir + " --key " + bad: "port",
		"publish https://a.example --dir " + dir + " --key " + bad:      bad + ": oidc: PEM: it is an OpenSSH public key",
		"publish https://a.example --dir x --bucket y --key " + bad:     "none of the others can be",
		"publish --account 1":                                "unknown flag: --account",
		"flags https://a.example --key a":                    `"signing-key" not set`,
		"rotate --state " + dir + "/none":                    "begin with --old and --new",
		"keys -o xml --out " + dir + "/new":                  "want one of text",
		"unpublish https://a.example --dir " + dir + " more": "accepts 1 arg",
	} {
		refused(t, "issuer "+args, want)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}
