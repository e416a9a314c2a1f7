package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// setting is a cluster with a real issuer on loopback, an account, and a pod of payments/api.
type setting struct {
	program
	out, errs bytes.Buffer
	ca        string
}

func newSetting(t *testing.T, subject string) *setting {
	t.Helper()
	issuer, err := oidctest.NewServer(oidctest.Config{})
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	account, err := trusttest.NewAccount(trusttest.Config{})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	allow(t, account, issuer, subject)

	dir := t.TempDir()
	jwt, err := issuer.Token(oidctest.TokenRequest{Namespace: "payments", ServiceAccount: "api", Pod: "api-0"})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "token"), []byte(jwt), 0o600))
	chain := issuer.Chain()
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[len(chain)-1].Raw})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ca.crt"), root, 0o600))

	env := map[string]string{
		"AWS_ROLE_ARN":                "arn:aws:iam::111122223333:role/payments",
		"AWS_WEB_IDENTITY_TOKEN_FILE": filepath.Join(dir, "token"),
		"AWS_REGION":                  "eu-central-1",
	}
	s := &setting{ca: filepath.Join(dir, "ca.crt")}
	s.program = program{
		lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		load: func(context.Context, ...func(*config.LoadOptions) error) (aws.Config, error) {
			cfg := account.AWSConfig()
			cfg.Region = env["AWS_REGION"]
			return cfg, nil
		},
		stdout: &s.out, stderr: &s.errs,
	}
	return s
}

// allow makes the provider, and the role that trusts the subject.
func allow(t *testing.T, account *trusttest.Account, issuer *oidctest.Server, subject string) {
	t.Helper()
	client := iam.NewFromConfig(account.AWSConfig())
	report, err := oidc.ChainThumbprint(issuer.Chain())
	require.NoError(t, err)
	_, err = client.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(issuer.URL()), ClientIDList: []string{"sts.amazonaws.com"}, ThumbprintList: report.Thumbprints,
	})
	require.NoError(t, err)
	provider, err := trust.NewProvider("aws", account.AccountID(), issuer.URL())
	require.NoError(t, err)
	sub, err := trust.ParseSubject(subject)
	require.NoError(t, err)
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{sub}})
	require.NoError(t, err)
	_, err = client.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("payments"), AssumeRolePolicyDocument: aws.String(policy.Document()),
	})
	require.NoError(t, err)
}

func TestAHealthyPodExitsWithZero(t *testing.T) {
	t.Parallel()
	s := newSetting(t, "system:serviceaccount:payments:api")
	code := s.run(t.Context(), []string{"-iam", "-ca", s.ca})
	assert.Zero(t, code, s.out.String())
	assert.Contains(t, s.out.String(), "No broken link found.")
	assert.NotContains(t, s.out.String(), "skipped")
	assert.Empty(t, s.errs.String())
}

func TestABrokenLinkExitsWithOne(t *testing.T) {
	t.Parallel()
	s := newSetting(t, "system:serviceaccount:payments:worker")
	code := s.run(t.Context(), []string{"-iam", "-ca", s.ca, "-no-sts"})
	assert.Equal(t, 1, code)
	assert.Contains(t, s.out.String(), "The first broken link is trust-policy: trust-policy-mismatch.")
	assert.Contains(t, s.out.String(), "system:serviceaccount:payments:api")
}

func TestWithoutIAMTheAnswerIsThatOfSTS(t *testing.T) {
	t.Parallel()
	s := newSetting(t, "system:serviceaccount:payments:worker")
	code := s.run(t.Context(), []string{"-ca", s.ca})
	assert.Equal(t, 1, code)
	assert.Contains(t, s.out.String(), "The first broken link is sts: trust-policy-mismatch.")
}

func TestAWrongCommandLineExitsWithTwo(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"an argument":                 {"pod"},
		"an unknown flag":             {"-fix"},
		"a profile without -iam":      {"-profile", "admin"},
		"no time":                     {"-timeout", "0s"},
		"a CA file that is not there": {"-ca", "/does/not/exist"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			p := program{stdout: &out, stderr: &errs}
			assert.Equal(t, 2, p.run(t.Context(), args))
			assert.Empty(t, out.String())
			assert.Contains(t, errs.String(), "doctor: ")
		})
	}
}

func TestThePodIsLookedAtWhenItIsGiven(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		pod, says string
		code      int
	}{
		"a pod that was not mutated": {`{"metadata":{"name":"api-0","namespace":"payments"},"spec":{"serviceAccountName":"api","containers":[{"name":"app","image":"x"}]}}`, "The first broken link is mutation: not-mutated.", 1},
		"a file that is not a pod":   {`[`, "pod-not-readable", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSetting(t, "system:serviceaccount:payments:api")
			file := filepath.Join(t.TempDir(), "pod.json")
			require.NoError(t, os.WriteFile(file, []byte(tc.pod), 0o600))
			code := s.run(t.Context(), []string{"-iam", "-ca", s.ca, "-pod", file})
			assert.Equal(t, tc.code, code, s.out.String())
			assert.Contains(t, s.out.String(), tc.says)
		})
	}
}
