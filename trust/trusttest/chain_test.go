package trusttest_test

import (
	"crypto/sha1"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// cluster is an issuer and an account that knows it, with a role for one service account.
type cluster struct {
	issuer   *oidctest.Server
	account  *trusttest.Account
	iam      *iam.Client
	sts      *sts.Client
	provider string // ARN
	role     string // ARN of "app"
}

// newCluster takes the account's configuration; DialContext and Now of the issuer are set.
func newCluster(t *testing.T, issuerCfg oidctest.Config, cfg trusttest.Config) *cluster {
	t.Helper()
	if issuerCfg.Issuer == "" {
		issuerCfg.Issuer = "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
	}
	issuer, err := oidctest.NewServer(issuerCfg)
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	cfg.DialContext = issuer.DialContext
	account, err := trusttest.NewAccount(cfg)
	require.NoError(t, err)
	t.Cleanup(account.Close)
	c := &cluster{
		issuer: issuer, account: account,
		iam: iam.NewFromConfig(account.AWSConfig()), sts: sts.NewFromConfig(account.AWSConfig()),
	}
	created, err := c.iam.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(issuer.URL()), ClientIDList: []string{"sts.amazonaws.com"}, ThumbprintList: []string{thumbprint(issuer)},
	})
	require.NoError(t, err)
	c.provider = *created.OpenIDConnectProviderArn
	c.role = c.createRole(t, "app", "system:serviceaccount:shop:cart")
	return c
}

func thumbprint(issuer *oidctest.Server) string {
	chain := issuer.Chain()
	return fmt.Sprintf("%x", sha1.Sum(chain[len(chain)-1].Raw))
}

func (c *cluster) trustPolicy(subject string) string {
	hostPath := c.issuer.Issuer().HostPath()
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":%q},`+
		`"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{%q:%q,%q:"sts.amazonaws.com"}}}]}`,
		c.provider, hostPath+":sub", subject, hostPath+":aud")
}

func (c *cluster) createRole(t *testing.T, name, subject string) (arn string) {
	t.Helper()
	out, err := c.iam.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: &name, AssumeRolePolicyDocument: aws.String(c.trustPolicy(subject)),
	})
	require.NoError(t, err)
	return *out.Role.Arn
}

func (c *cluster) token(t *testing.T, req oidctest.TokenRequest) string {
	t.Helper()
	if req.Namespace == "" {
		req.Namespace, req.ServiceAccount = "shop", "cart"
	}
	token, err := c.issuer.Token(req)
	require.NoError(t, err)
	return token
}

// assume asks for the role "app" with a fresh token, as changed by edit.
func (c *cluster) assume(t *testing.T, edit ...func(*sts.AssumeRoleWithWebIdentityInput)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	t.Helper()
	in := &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &c.role, RoleSessionName: aws.String("pod-1"), WebIdentityToken: aws.String(c.token(t, oidctest.TokenRequest{})),
	}
	for _, change := range edit {
		change(in)
	}
	return c.sts.AssumeRoleWithWebIdentity(t.Context(), in)
}

// as is a client of STS with what STS handed out.
func (c *cluster) as(out *sts.AssumeRoleWithWebIdentityOutput) *sts.Client {
	cfg := c.account.AWSConfig()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(
		*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return sts.NewFromConfig(cfg)
}

func TestAServiceAccountsTokenBecomesTheRole(t *testing.T) {
	t.Parallel()
	c := newCluster(t, oidctest.Config{}, trusttest.Config{})

	out, err := c.assume(t)

	require.NoError(t, err)
	assert.Equal(t, "arn:aws:sts::111122223333:assumed-role/app/pod-1", *out.AssumedRoleUser.Arn)
	assert.Regexp(t, `^AROA[A-Z2-7]{17}:pod-1$`, *out.AssumedRoleUser.AssumedRoleId)
	assert.Equal(t, "system:serviceaccount:shop:cart", *out.SubjectFromWebIdentityToken)
	assert.Equal(t, "sts.amazonaws.com", *out.Audience)
	assert.Equal(t, c.provider, *out.Provider)
	who, err := c.as(out).GetCallerIdentity(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, *out.AssumedRoleUser.Arn, *who.Arn)
	assert.Equal(t, *out.AssumedRoleUser.AssumedRoleId, *who.UserId)
	assert.Equal(t, "111122223333", *who.Account)
}

func TestTheSameOverLoopback(t *testing.T) {
	t.Parallel()
	issuer, err := oidctest.NewServer(oidctest.Config{})
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	account, err := trusttest.NewAccount(trusttest.Config{RootCAs: issuer.CertPool()})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	cfg := account.AWSConfig()
	cfg.BaseEndpoint, cfg.HTTPClient = aws.String(account.URL()), nil
	c := &cluster{issuer: issuer, account: account, iam: iam.NewFromConfig(cfg), sts: sts.NewFromConfig(cfg)}
	created, err := c.iam.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(issuer.URL()), ClientIDList: []string{"sts.amazonaws.com"},
	})
	require.NoError(t, err)
	c.provider = *created.OpenIDConnectProviderArn
	c.role = c.createRole(t, "app", "system:serviceaccount:shop:cart")

	out, err := c.assume(t)

	require.NoError(t, err)
	assert.Equal(t, "arn:aws:sts::111122223333:assumed-role/app/pod-1", *out.AssumedRoleUser.Arn)
	provider, err := c.iam.GetOpenIDConnectProvider(t.Context(), &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &c.provider})
	require.NoError(t, err)
	assert.Equal(t, []string{thumbprint(issuer)}, provider.ThumbprintList, "fetched by IAM itself")
}
