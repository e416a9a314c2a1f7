package token_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// cluster is an issuer and an account that trusts it, with the role reader for one service
// account, which may assume the role writer.
type cluster struct {
	issuer  *oidctest.Server
	account *trusttest.Account
	file    token.File
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	issuer, err := oidctest.NewServer(oidctest.Config{Issuer: "https://issuer.example/cluster", Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	account, err := trusttest.NewAccount(trusttest.Config{DialContext: issuer.DialContext, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	admin := iam.NewFromConfig(account.AWSConfig())
	report, err := oidc.ChainThumbprint(issuer.Chain())
	require.NoError(t, err)
	_, err = admin.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(issuer.URL()), ClientIDList: []string{"sts.amazonaws.com"}, ThumbprintList: report.Thumbprints,
	})
	require.NoError(t, err)
	provider, err := trust.NewProvider("aws", "111122223333", issuer.URL())
	require.NoError(t, err)
	subject, err := trust.ServiceAccount("payments", "api")
	require.NoError(t, err)
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	require.NoError(t, err)
	for role, document := range map[string]string{
		"reader": policy.Document(),
		"writer": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}`,
	} {
		_, err := admin.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: &document})
		require.NoError(t, err)
	}
	return &cluster{issuer, account, token.File(filepath.Join(t.TempDir(), "token"))}
}

// config is a program's, without credentials.
func (c *cluster) config() aws.Config {
	cfg := c.account.AWSConfig()
	cfg.Credentials = nil
	return cfg
}

func (c *cluster) project(t *testing.T, account string) {
	t.Helper()
	jwt, err := c.issuer.Token(oidctest.TokenRequest{Namespace: "payments", ServiceAccount: account, UID: "u", Pod: "api-0"})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(string(c.file), []byte(jwt+"\n"), 0o600))
}

// whoami asks the account who signed.
func (c *cluster) whoami(t *testing.T, p aws.CredentialsProvider) string {
	t.Helper()
	cfg := c.config()
	cfg.Credentials = p
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	require.NoError(t, err)
	return aws.ToString(out.Arn)
}

func TestADayInAClusterWithAnAccountThatVerifiesTokens(t *testing.T) {
	in(func(t *testing.T) {
		c := newCluster(t)
		c.project(t, "api")
		p, err := token.NewProvider(sts.NewFromConfig(c.config()), roleARN, c.file, token.Config{})
		require.NoError(t, err)
		want := "arn:aws:sts::111122223333:assumed-role/reader/payments.api@api-0"
		for hour := range 24 {
			assert.Equal(t, want, c.whoami(t, p), "hour %d", hour)
			time.Sleep(47 * time.Minute)
			if hour%5 == 4 {
				_, err := c.issuer.Rotate()
				require.NoError(t, err)
			}
			c.project(t, "api")
		}
		assert.Equal(t, 24, c.account.Calls("AssumeRoleWithWebIdentity"))
	})(t)
}

func TestAChainInAnAccountThatVerifiesSignatures(t *testing.T) {
	in(func(t *testing.T) {
		c := newCluster(t)
		c.project(t, "api")
		base, err := token.NewProvider(sts.NewFromConfig(c.config()), roleARN, c.file, token.Config{})
		require.NoError(t, err)
		p, err := token.Chain(base, func(creds aws.CredentialsProvider) stscreds.AssumeRoleAPIClient {
			cfg := c.config()
			cfg.Credentials = creds
			return sts.NewFromConfig(cfg)
		}, token.Hop{RoleARN: "arn:aws:iam::111122223333:role/writer"})
		require.NoError(t, err)
		assert.Equal(t, "arn:aws:sts::111122223333:assumed-role/writer/payments.api@api-0", c.whoami(t, p))
	})(t)
}

func TestAnotherAccountsTokenIsRefusedForGood(t *testing.T) {
	in(func(t *testing.T) {
		c := newCluster(t)
		c.project(t, "other")
		p, err := token.NewProvider(sts.NewFromConfig(c.config()), roleARN, c.file, token.Config{})
		require.NoError(t, err)
		for range 5 {
			_, err = p.Retrieve(t.Context())
			require.ErrorContains(t, err, "api error AccessDenied: Not authorized")
		}
		assert.True(t, token.IsFinal(err))
		assert.Equal(t, 1, c.account.Calls("AssumeRoleWithWebIdentity"))
		e, ok := token.Explain(err)
		require.True(t, ok)
		assert.Equal(t, token.CauseTrustPolicy, e.Cause)
		assert.Equal(t, "system:serviceaccount:payments:other", e.Token.Subject)
	})(t)
}

func TestAnOutageOfSTSIsNotNoticed(t *testing.T) {
	in(func(t *testing.T) {
		c := newCluster(t)
		c.project(t, "api")
		p, err := token.NewProvider(sts.NewFromConfig(c.config()), roleARN, c.file, token.Config{})
		require.NoError(t, err)
		who := c.whoami(t, p)
		time.Sleep(50 * time.Minute)
		c.project(t, "api")
		c.account.SetFault(trusttest.Fault{Failure: trusttest.ServiceUnavailable, Actions: []string{"AssumeRoleWithWebIdentity"}})
		assert.Equal(t, who, c.whoami(t, p), "the old ones are still good")
		c.account.SetFault(trusttest.Fault{})
		time.Sleep(10 * time.Minute)
		assert.Equal(t, who, c.whoami(t, p), "and have been renewed when they expire")
		assert.Equal(t, 3, c.account.Calls("AssumeRoleWithWebIdentity"))
	})(t)
}
