package iamprovider_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// The account trusts no public CA, so STS believes the issuer for its thumbprint alone.
func TestTheProviderOfAPrivateCAIsAcceptedBySTSForItsThumbprint(t *testing.T) {
	t.Parallel()
	cluster, err := oidctest.NewServer(oidctest.Config{Issuer: issuerURL, JWKSURI: "https://keys.example/jwks"})
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	b := newBox(t, trusttest.Config{DialContext: cluster.DialContext})
	finder := &oidc.Client{RootCAs: cluster.CertPool(), DialContext: cluster.DialContext}
	report, err := finder.Thumbprints(t.Context(), issuer(t, issuerURL))
	require.NoError(t, err)
	require.Len(t, report.Thumbprints, 2, "discovery and keys are on two hosts, each with its own CA")

	s := spec(t)
	s.Thumbprints = []string{thumbA}
	b.ensure(t, s)
	subject, err := trust.ServiceAccount("shop", "cart")
	require.NoError(t, err)
	p, err := trust.ParseProviderARN(providerARN)
	require.NoError(t, err)
	document, err := trust.New(trust.Grant{Provider: p, Subjects: []trust.Subject{subject}})
	require.NoError(t, err)
	role, err := iamrole.Ensure(t.Context(), b, iamrole.Spec{Name: "cart", Trust: document}, iamrole.Config{})
	require.NoError(t, err)
	token, err := cluster.Token(oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "cart", UID: "1", Audiences: []string{"sts.amazonaws.com"}})
	require.NoError(t, err)
	assume := func() error {
		_, err := sts.NewFromConfig(b.AWSConfig()).AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String(role.ARN), RoleSessionName: aws.String("test"), WebIdentityToken: aws.String(token),
		})
		return err
	}
	var api smithy.APIError
	require.ErrorAs(t, assume(), &api, "the thumbprint is another CA's")
	assert.Equal(t, "InvalidIdentityToken", api.ErrorCode())

	s.Thumbprints, s.Exact = report.Thumbprints, true
	_, err = iamprovider.Ensure(t.Context(), b, s, iamprovider.Config{Settle: 1})
	require.NoError(t, err)
	assert.NoError(t, assume())

	require.NoError(t, iamprovider.Delete(t.Context(), b, providerARN))
	require.ErrorAs(t, assume(), &api)
	assert.Equal(t, "No OpenIDConnect provider found in your account for "+issuerURL, api.ErrorMessage())
}

func TestIAMMayFetchTheThumbprintItself(t *testing.T) {
	t.Parallel()
	cluster, err := oidctest.NewServer(oidctest.Config{Issuer: issuerURL})
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	b := newBox(t, trusttest.Config{DialContext: cluster.DialContext})
	s := spec(t)
	s.Thumbprints = nil
	b.ensure(t, s)
	report, err := oidc.ChainThumbprint(cluster.Chain())
	require.NoError(t, err)
	assert.Equal(t, report.Thumbprints, b.stored(t).ThumbprintList)

	b = newBox(t, trusttest.Config{DialContext: cluster.DialContext})
	s.Issuer = issuer(t, "https://nobody.example")
	_, err = iamprovider.Ensure(t.Context(), b, s, iamprovider.Config{})
	require.ErrorContains(t, err, "OpenIdIdpCommunicationError")
	list, err := b.ListOpenIDConnectProviders(t.Context(), &iam.ListOpenIDConnectProvidersInput{})
	require.NoError(t, err)
	assert.Empty(t, list.OpenIDConnectProviderList)
}
