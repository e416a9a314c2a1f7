package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/token/tokenrequest"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

const awsAccount = "111122223333"

// operatorBench is a cluster whose issuer an AWS account trusts.
type operatorBench struct {
	*testCluster
	aws      *trusttest.Account
	provider trust.Provider
}

func newOperatorBench(t *testing.T) *operatorBench {
	t.Helper()
	b := &operatorBench{testCluster: startCluster(t, cluster.Config{})}
	b.discoverable(t)
	var err error
	b.aws, err = trusttest.NewAccount(trusttest.Config{AccountID: awsAccount})
	require.NoError(t, err)
	t.Cleanup(b.aws.Close)
	issuer, err := oidc.ParseIssuer(b.URL)
	require.NoError(t, err)
	client := &oidc.Client{RootCAs: b.CertPool}
	var report *oidc.ThumbprintReport
	eventually(t, "issuer open to everybody", func() bool {
		report, err = client.Thumbprints(t.Context(), issuer)
		return err == nil
	})
	_, err = iamprovider.Ensure(t.Context(), iam.NewFromConfig(b.aws.AWSConfig()), iamprovider.Spec{
		AccountID: awsAccount, Issuer: issuer, Thumbprints: report.Thumbprints,
	}, iamprovider.Config{})
	require.NoError(t, err)
	b.provider, err = trust.NewProvider("aws", awsAccount, b.URL)
	require.NoError(t, err)
	return b
}

// role creates a role for one service account and returns its ARN.
func (b *operatorBench) role(t *testing.T, name, namespace, account string) string {
	t.Helper()
	subject, err := trust.ServiceAccount(namespace, account)
	require.NoError(t, err)
	policy, err := trust.New(trust.Grant{Provider: b.provider, Subjects: []trust.Subject{subject}})
	require.NoError(t, err)
	_, err = iamrole.Ensure(t.Context(), iam.NewFromConfig(b.aws.AWSConfig()), iamrole.Spec{Name: name, AccountID: awsAccount, Trust: policy}, iamrole.Config{})
	require.NoError(t, err)
	return "arn:aws:iam::" + awsAccount + ":role/" + name
}

func (b *operatorBench) newPool(t *testing.T) *token.Pool {
	t.Helper()
	pool, err := token.NewPool(func(token.Key) (stscreds.AssumeRoleWithWebIdentityAPIClient, error) {
		cfg := b.aws.AWSConfig()
		cfg.Credentials = nil // a web identity needs none
		return sts.NewFromConfig(cfg), nil
	}, token.PoolConfig{})
	require.NoError(t, err)
	return pool
}

func (b *operatorBench) source(t *testing.T, account *corev1.ServiceAccount) *tokenrequest.Source {
	t.Helper()
	source, err := tokenrequest.New(b.client.CoreV1().ServiceAccounts(account.Namespace), account.Name, tokenrequest.Config{})
	require.NoError(t, err)
	return source
}

func (b *operatorBench) key(account *corev1.ServiceAccount, role string) token.Key {
	return token.Key{
		Issuer: b.URL, Namespace: account.Namespace, ServiceAccount: account.Name, UID: string(account.UID),
		RoleARN: role, Audience: tokenrequest.DefaultAudience, Region: "us-east-1",
	}
}

// whoIs asks STS whose credentials these are.
func (b *operatorBench) whoIs(ctx context.Context, credentials aws.Credentials) (string, error) {
	cfg := b.aws.AWSConfig()
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil })
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Arn), nil
}

// TestAnOperatorActsForTwoHundredAccounts gives each account its own role, and asks for all of their
// credentials at once.
func TestAnOperatorActsForTwoHundredAccounts(t *testing.T) {
	t.Parallel()
	b := newOperatorBench(t)
	b.namespace(t, "tenants", nil)
	const count = 200
	providers := make([]aws.CredentialsProvider, count)
	roles := make([]string, count)
	pool := b.newPool(t)
	for i := range count {
		account := b.account(t, "tenants", fmt.Sprintf("tenant-%03d", i), nil)
		roles[i] = b.role(t, account.Name, account.Namespace, account.Name)
		var err error
		providers[i], err = pool.Provider(b.key(account, roles[i]), b.source(t, account))
		require.NoError(t, err)
	}
	began := time.Now()
	credentials := make([]aws.Credentials, count)
	for round := range 2 {
		var all sync.WaitGroup
		for i, provider := range providers {
			all.Go(func() {
				got, err := provider.Retrieve(t.Context())
				if assert.NoError(t, err) && round == 1 {
					assert.Equal(t, credentials[i], got, "the second time from the pool")
				}
				credentials[i] = got
			})
		}
		all.Wait()
	}
	t.Logf("%d accounts, credentials for all after %v", count, time.Since(began).Round(time.Millisecond))
	assert.Equal(t, count, b.aws.Calls("AssumeRoleWithWebIdentity"), "one call each")
	seen := map[string]bool{}
	for i, got := range credentials {
		assert.False(t, seen[got.AccessKeyID])
		seen[got.AccessKeyID] = true
		who, err := b.whoIs(t.Context(), got)
		require.NoError(t, err)
		assert.Contains(t, who, fmt.Sprintf(":assumed-role/tenant-%03d/", i))
	}
	t.Run("and none for another's role", func(t *testing.T) {
		account, err := b.client.CoreV1().ServiceAccounts("tenants").Get(t.Context(), "tenant-000", metav1.GetOptions{})
		require.NoError(t, err)
		provider, err := pool.Provider(b.key(account, roles[1]), b.source(t, account))
		require.NoError(t, err)
		_, err = provider.Retrieve(t.Context())
		assert.ErrorContains(t, err, "AccessDenied")
	})
}

// TestAnAccountMadeAnewIsSomebodyElse deletes accounts and creates them again with the same names.
func TestAnAccountMadeAnewIsSomebodyElse(t *testing.T) {
	t.Parallel()
	b := newOperatorBench(t)
	b.namespace(t, "tenants", nil)
	pool := b.newPool(t)
	for i := range 10 {
		name := fmt.Sprintf("again-%d", i)
		old := b.account(t, "tenants", name, nil)
		role := b.role(t, name, "tenants", name)
		of := func(account *corev1.ServiceAccount) aws.CredentialsProvider {
			provider, err := pool.Provider(b.key(account, role), b.source(t, account))
			require.NoError(t, err)
			return provider
		}
		had, err := of(old).Retrieve(t.Context())
		require.NoError(t, err)

		require.NoError(t, b.client.CoreV1().ServiceAccounts("tenants").Delete(t.Context(), name, metav1.DeleteOptions{}))
		anew := b.account(t, "tenants", name, nil)
		require.NotEqual(t, old.UID, anew.UID)
		got, err := of(anew).Retrieve(t.Context())
		require.NoError(t, err)
		assert.NotEqual(t, had.AccessKeyID, got.AccessKeyID, "the old account's credentials are not the new one's")

		pool.Evict(func(key token.Key) bool { return key.UID == string(old.UID) })
		_, err = of(old).Retrieve(t.Context())
		require.Error(t, err, "a token of the new account is none of the old one's")
		assert.False(t, strings.Contains(err.Error(), "eyJ"), "no token in the message")
		again, err := of(anew).Retrieve(t.Context())
		require.NoError(t, err)
		assert.Equal(t, got, again)
	}
}
