package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// setting is a cluster, an account with a role for payments/api, and a pod of that account.
type setting struct {
	program
	env       map[string]string
	account   *trusttest.Account
	out, errs bytes.Buffer
}

func newSetting(t *testing.T) *setting {
	t.Helper()
	issuer, err := oidctest.NewServer(oidctest.Config{Issuer: "https://issuer.example"})
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	account, err := trusttest.NewAccount(trusttest.Config{DialContext: issuer.DialContext})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	allow(t, account, issuer)

	file := filepath.Join(t.TempDir(), "token")
	jwt, err := issuer.Token(oidctest.TokenRequest{Namespace: "payments", ServiceAccount: "api", Pod: "api-0"})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(jwt+"\n"), 0o600))
	s := &setting{account: account, env: map[string]string{
		"AWS_ROLE_ARN":                "arn:aws:iam::111122223333:role/payments",
		"AWS_WEB_IDENTITY_TOKEN_FILE": file, "AWS_REGION": "eu-central-1",
	}}
	s.program = program{
		lookup: func(name string) (string, bool) { v, ok := s.env[name]; return v, ok },
		load: func(context.Context, ...func(*config.LoadOptions) error) (aws.Config, error) {
			cfg := account.AWSConfig()
			cfg.Region = s.env["AWS_REGION"]
			return cfg, nil
		},
		stdout: &s.out, stderr: &s.errs,
	}
	return s
}

func allow(t *testing.T, account *trusttest.Account, issuer *oidctest.Server) {
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
	subject, err := trust.ServiceAccount("payments", "api")
	require.NoError(t, err)
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	require.NoError(t, err)
	_, err = client.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("payments"), AssumeRolePolicyDocument: aws.String(policy.Document()),
	})
	require.NoError(t, err)
}

func TestThePrintedCredentialsWork(t *testing.T) {
	t.Parallel()
	s := newSetting(t)
	require.Zero(t, s.run(t.Context(), nil), s.errs.String())
	var got struct {
		Version                                    int
		AccessKeyId, SecretAccessKey, SessionToken string
		Expiration                                 time.Time
	}
	require.NoError(t, json.Unmarshal(s.out.Bytes(), &got))
	assert.Equal(t, 1, got.Version)
	assert.WithinDuration(t, time.Now().Add(time.Hour), got.Expiration, time.Minute, "when they really expire")
	assert.Empty(t, s.errs.String())

	cfg := s.account.AWSConfig()
	cfg.Region = "eu-central-1"
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: got.AccessKeyId, SecretAccessKey: got.SecretAccessKey, SessionToken: got.SessionToken}, nil
	})
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, "arn:aws:sts::111122223333:assumed-role/payments/payments.api@api-0", *who.Arn)
}

func TestNothingIsPrintedWhenThereAreNoCredentials(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		hurt func(*setting)
		args []string
		says string
	}{
		"without an identity":      {func(s *setting) { clear(s.env) }, nil, "node's role"},
		"without a token file":     {func(s *setting) { os.Remove(s.env["AWS_WEB_IDENTITY_TOKEN_FILE"]) }, nil, "token-file-missing"},
		"for another role":         {func(s *setting) { s.env["AWS_ROLE_ARN"] += "2" }, nil, "trust-policy-mismatch"},
		"without a region":         {func(s *setting) { delete(s.env, "AWS_REGION") }, nil, "region"},
		"with an argument":         {func(*setting) {}, []string{"-h"}, "unexpected argument"},
		"with a terminal for them": {func(s *setting) { s.terminal = true }, nil, "terminal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSetting(t)
			tc.hurt(s)
			assert.Equal(t, 1, s.run(t.Context(), tc.args))
			assert.Empty(t, s.out.String())
			assert.Contains(t, s.errs.String(), tc.says)
			assert.NotContains(t, s.errs.String(), "eyJ")
		})
	}
}
