package main

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/readme"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

var issuers = []string{gke, aks, "https://oidc.prod-aks.azure.com/4327d83a-dd12-4dc6-9a45-f303f763fa99/"}

func TestThePageShowsWhatIsPrinted(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out))
	readme.Shows(t, "README.md", "go run ./examples/otherclusters", out.String())
}

func TestAnIssuerIsKeptToTheCharacter(t *testing.T) {
	t.Parallel()
	for _, url := range issuers {
		hostPath := strings.TrimPrefix(url, "https://")
		issuer, err := oidc.ParseIssuer(url)
		require.NoError(t, err)
		assert.Equal(t, url, issuer.String())
		assert.NoError(t, issuer.CheckIAM())
		provider, err := trust.NewProvider("aws", "111122223333", url)
		require.NoError(t, err)
		assert.Equal(t, "arn:aws:iam::111122223333:oidc-provider/"+hostPath, provider.ARN())
		assert.Equal(t, url, provider.IssuerURL())
		again, err := trust.ParseProviderARN(provider.ARN())
		require.NoError(t, err)
		assert.Equal(t, provider, again)

		subject, err := trust.ServiceAccount("shop", "cart")
		require.NoError(t, err)
		policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
		require.NoError(t, err)
		assert.Contains(t, policy.Document(), `"`+hostPath+`:sub"`)
		assert.NoError(t, policy.Validate())
		assert.Empty(t, policy.Lint())
		rule, err := iamrole.SpecByRule(iamrole.RoleRule{AccountID: "111122223333"}, provider, "shop", "cart")
		require.NoError(t, err)
		assert.True(t, rule.Trust.Equal(policy))

		other := strings.TrimSuffix(url, "/")
		if other == url {
			other += "/"
		}
		neighbour, err := trust.NewProvider("aws", "111122223333", other)
		require.NoError(t, err)
		assert.NotEqual(t, provider, neighbour)
		claims := trust.Claims{"sub": subject.String(), "aud": trust.DefaultAudience}
		assert.True(t, policy.Allows(trust.WebIdentity(provider, claims)))
		assert.False(t, policy.Allows(trust.WebIdentity(neighbour, claims)))
	}
}

// The cluster's own audience is that of every pod's default token.
func TestTheIssuersOwnURLIsNotAnAudience(t *testing.T) {
	t.Parallel()
	account, err := trusttest.NewAccount(trusttest.Config{})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	for _, url := range issuers {
		issuer, err := oidc.ParseIssuer(url)
		require.NoError(t, err)
		for _, audience := range []string{url, strings.TrimSuffix(url, "/")} {
			_, err = iamprovider.Ensure(t.Context(), iam.NewFromConfig(account.AWSConfig()), iamprovider.Spec{
				AccountID: "111122223333", Issuer: issuer, ClientIDs: []string{audience}, NotCluster: true,
			}, iamprovider.Config{})
			assert.ErrorIs(t, err, iamprovider.ErrAPIServerAudience, audience)
		}
	}
}

func TestWithoutARegionThereAreNoCredentials(t *testing.T) {
	t.Parallel()
	_, err := token.NewProvider(sts.New(sts.Options{}), "arn:aws:iam::111122223333:role/cart",
		token.SourceFunc(func(context.Context) (string, error) { return "", nil }), token.Config{})
	assert.ErrorIs(t, err, token.ErrNoRegion)
}
