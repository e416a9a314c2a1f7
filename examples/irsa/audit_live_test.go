package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust/trusttest"
)

// live audits payments/api, which the cluster of the setting has, with the roles that IAM lists.
func (s *setting) live(t *testing.T, args ...string) (code int, stdout, stderr string) {
	cluster := `{"items":[{"kind":"ServiceAccount","metadata":{"namespace":"payments","name":"api"}}]}`
	args = append([]string{"audit", "--provider", "arn:aws:iam::111122223333:oidc-provider/" + strings.TrimPrefix(s.issuer, "https://"), "--cluster", "-"}, args...)
	var out, errs bytes.Buffer
	code = s.run(t.Context(), args, strings.NewReader(cluster), &out, &errs)
	return code, out.String(), errs.String()
}

func TestAuditAsksIAMForEveryPage(t *testing.T) {
	t.Parallel()
	s := newSetting(t, api)
	client := iam.NewFromConfig(s.account.AWSConfig())
	payments := "arn:aws:iam::111122223333:role/payments"
	chain := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + payments + `"},"Action":"sts:AssumeRole"}]}`
	for i := range 201 { // a page has 100
		_, err := client.CreateRole(t.Context(), &iam.CreateRoleInput{
			RoleName: aws.String(fmt.Sprintf("reader-%04d", i)), AssumeRolePolicyDocument: &chain,
		})
		require.NoError(t, err)
	}
	code, stdout, stderr := s.live(t, "--iam")
	require.Zero(t, code, stderr)
	assert.Contains(t, stdout, "  payments/api: "+payments+"\n")
	assert.Contains(t, stdout, "role/reader-0200 through "+payments+"\n")
	assert.Equal(t, 202, strings.Count(stdout, "  payments/api: "))
}

// A session of a role without permissions asks: what it may not do is said, and nothing is printed.
func TestAuditSaysWhichCallIsDenied(t *testing.T) {
	t.Parallel()
	s := newSetting(t, api)
	token := s.env["AWS_WEB_IDENTITY_TOKEN_FILE"]
	text, err := readFile(&cobra.Command{}, token)
	require.NoError(t, err)
	cfg := s.account.AWSConfig()
	cfg.Region = "eu-central-1"
	out, err := sts.NewFromConfig(cfg).AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String(s.env["AWS_ROLE_ARN"]), RoleSessionName: aws.String("audit"), WebIdentityToken: aws.String(strings.TrimSpace(string(text))),
	})
	require.NoError(t, err)
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken}, nil
	})
	var profile string
	s.load = func(_ context.Context, options ...func(*config.LoadOptions) error) (aws.Config, error) {
		var o config.LoadOptions
		for _, option := range options {
			if err := option(&o); err != nil {
				return aws.Config{}, err
			}
		}
		profile = o.SharedConfigProfile
		return cfg, nil
	}
	code, stdout, stderr := s.live(t, "--iam", "--profile", "prod")
	assert.Equal(t, 2, code)
	assert.Empty(t, stdout)
	assert.True(t, strings.HasPrefix(stderr, "irsa: --iam prod: "), stderr)
	assert.Contains(t, stderr, "is not authorized to perform: iam:ListRoles")
	assert.Equal(t, 1, strings.Count(stderr, "\n"))
	assert.Equal(t, "prod", profile)
}

// Half of the roles would make the other half look absent.
func TestAuditOfHalfAnAccountIsNone(t *testing.T) {
	t.Parallel()
	s := newSetting(t, api)
	s.account.SetFault(trusttest.Fault{Failure: trusttest.Throttling, Actions: []string{"ListRoles"}})
	code, stdout, stderr := s.live(t, "--iam")
	assert.Equal(t, 2, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "ListRoles")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.account.SetFault(trusttest.Fault{})
	args := []string{"audit", "--provider", eksProvider, "--cluster", "testdata/cluster.yaml", "--iam"}
	var errs bytes.Buffer
	assert.Equal(t, 2, s.run(ctx, args, nil, io.Discard, &errs))
	assert.Contains(t, errs.String(), "context canceled")

	code, _, stderr = s.live(t, "--roles", "testdata/chain.json", "--profile", "prod")
	assert.Equal(t, 2, code)
	assert.Equal(t, "irsa: --profile: it needs --iam\n", stderr)
}
