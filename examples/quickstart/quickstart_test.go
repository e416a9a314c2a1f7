package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/readme"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

func quickstart(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// edited writes the two YAML files into a new folder, with the replacements made, as -f flags.
func edited(t *testing.T, oldnew ...string) []string {
	t.Helper()
	var flags []string
	for _, name := range []string{"serviceaccount.yaml", "pod.yaml"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, []byte(strings.NewReplacer(oldnew...).Replace(string(text))), 0o600))
		flags = append(flags, "-f", path)
	}
	return flags
}

func TestTheWalkEndsAtTheRoleAndRefusesTheNeighbour(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := quickstart(t)
	require.Zero(t, code, stderr)
	readme.Shows(t, "README.md", "go run ./examples/quickstart", stdout)
	for _, want := range []string{
		"1. ", "2. ", "3. ", "4. ", "5. ", "6. ", "7. ",
		"arn:aws:iam::111122223333:oidc-provider/oidc.cluster.example/self-managed",
		`"oidc.cluster.example/self-managed:sub": "system:serviceaccount:analytics:report-reader"`,
		"/spec/volumes",
		"AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
		"arn:aws:sts::111122223333:assumed-role/report-reader/",
		"Not authorized to perform sts:AssumeRoleWithWebIdentity",
		"sub is system:serviceaccount:analytics:report-reader-neighbour, the policy wants system:serviceaccount:analytics:report-reader",
	} {
		assert.Contains(t, stdout, want)
	}
}

func TestTheWalkByPodIdentityEndsAtTheRoleAndRefusesTheNeighbour(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := quickstart(t, "-pod-identity")
	require.Zero(t, code, stderr)
	for _, want := range []string{
		"1. ", "2. ", "3. ", "4. ", "5. ", "6. ", "7. ",
		"arn:aws:eks:us-east-1:111122223333:cluster/quickstart",
		`"aws:RequestTag/kubernetes-service-account": "report-reader"`,
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1/credentials",
		"arn:aws:sts::111122223333:assumed-role/report-reader/eks-quickstart-report-",
		"(ResourceNotFoundException)",
		"denied: aws:RequestTag/kubernetes-service-account is report-reader-neighbour, the policy wants report-reader",
	} {
		assert.Contains(t, stdout, want)
	}
	readme.Shows(t, "README.md", "go run ./examples/quickstart -pod-identity", stdout)
	assert.NotContains(t, stdout, "eks.amazonaws.com/role-arn", "an annotation that it does not read")
	code, _, stderr = quickstart(t, "-pod-identity", "-issuer", "https://oidc.example")
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "-pod-identity cannot be used with -issuer")
}

func TestChangedFilesChangeTheWalk(t *testing.T) {
	t.Parallel()
	policy := filepath.Join(t.TempDir(), "policy.json")
	require.NoError(t, os.WriteFile(policy, []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*"}]}`), 0o600))
	args := edited(t, "111122223333", "444455556666", "role/report-reader", "role/team/writer", "analytics", "billing", `"3600"`, `"7200"`, "name: report\n", "name: invoice\n")
	code, stdout, stderr := quickstart(t, append(args, "-policy", policy)...)
	require.Zero(t, code, stderr)
	assert.Contains(t, stdout, "arn:aws:sts::444455556666:assumed-role/writer/")
	assert.Contains(t, stdout, "system:serviceaccount:billing:report-reader")
	assert.Contains(t, stdout, "after 2h0m0s")
	assert.Contains(t, stdout, "sqs:SendMessage")
	assert.NotContains(t, stdout, "analytics")
}

func TestARealIssuerEndsTheWalkAtThePod(t *testing.T) {
	t.Parallel()
	cluster, err := oidctest.NewServer(oidctest.Config{})
	require.NoError(t, err)
	defer cluster.Close()
	ca := filepath.Join(t.TempDir(), "ca.crt")
	top := cluster.Chain()[len(cluster.Chain())-1]
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: top.Raw}), 0o600))

	code, stdout, stderr := quickstart(t, "-issuer", cluster.URL(), "-ca", ca)
	require.Zero(t, code, stderr)
	assert.Contains(t, stdout, cluster.Issuer().HostPath())
	assert.Contains(t, stdout, "patched pod")
	assert.NotContains(t, stdout, "5. ")

	code, stdout, stderr = quickstart(t, "-issuer", cluster.URL())
	assert.Equal(t, 1, code, "this machine does not know the CA")
	assert.Contains(t, stderr, cluster.URL())
	assert.NotContains(t, stdout, "2. ")
}

func TestThePageShowsARefusal(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"-issuer http://x", "-aws"} {
		code, _, stderr := quickstart(t, strings.Fields(args)...)
		readme.Shows(t, "README.md", "go run ./examples/quickstart "+args, fmt.Sprintf("%sexit status %d\n", stderr, code))
	}
}

func TestWrongInputIsOneClearLineAndCreatesNothing(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	unreachable := "https://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	notYAML := filepath.Join(t.TempDir(), "not.yaml")
	require.NoError(t, os.WriteFile(notYAML, []byte("a: [b"), 0o600))

	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"a file that is not there":           {[]string{"-f", "missing.yaml"}, []string{"missing.yaml"}},
		"a file that is not YAML":            {[]string{"-f", notYAML}, []string{notYAML}},
		"a kind that is not Pod":             {edited(t, "kind: Pod", "kind: Deployment"), []string{"pod.yaml", "kind", "Deployment"}},
		"no service account":                 {edited(t, "  serviceAccountName: report-reader\n", ""), []string{"pod.yaml", "spec.serviceAccountName"}},
		"another service account":            {edited(t, "serviceAccountName: report-reader", "serviceAccountName: default"), []string{"pod.yaml", "spec.serviceAccountName", "default"}},
		"an annotation that is no ARN":       {edited(t, "arn:aws:iam::111122223333:role/report-reader", "report-reader"), []string{"serviceaccount.yaml", "eks.amazonaws.com/role-arn", "report-reader"}},
		"an annotation that is missing":      {edited(t, "eks.amazonaws.com/role-arn", "example.com/role"), []string{"serviceaccount.yaml", "eks.amazonaws.com/role-arn"}},
		"an expiration that is not a number": {edited(t, `"3600"`, `"soon"`), []string{"serviceaccount.yaml", "eks.amazonaws.com/token-expiration", "soon"}},
		"a misspelt field":                   {edited(t, "serviceAccountName:", "serviceAcountName:"), []string{"pod.yaml", "serviceAcountName"}},
		"an unreachable issuer":              {[]string{"-issuer", unreachable}, []string{unreachable}},
		"an issuer that is no URL":           {[]string{"-issuer", "oidc.example.com"}, []string{"oidc.example.com", "https://"}},
		"a real account for a bench":         {[]string{"-aws"}, []string{"-issuer"}},
		"an argument":                        {[]string{"pod.yaml"}, []string{"pod.yaml", "-f"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := quickstart(t, c.args...)
			assert.Equal(t, 1, code)
			assert.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %q", stderr)
			for _, want := range c.want {
				assert.Contains(t, stderr, want)
			}
			assert.NotContains(t, stdout, "2. ", "nothing was created")
		})
	}
}
