package oidc_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
)

func TestAnIssuerIsKeptCharacterForCharacter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ raw, hostPath, discovery string }{
		{"https://example.com", "example.com", "https://example.com/.well-known/openid-configuration"},
		{"https://example.com/", "example.com/", "https://example.com/.well-known/openid-configuration"},
		{"https://Example.com:443/id/A", "Example.com/id/A", "https://Example.com:443/id/A/.well-known/openid-configuration"},
		{"https://example.com:8443/id/", "example.com:8443/id/", "https://example.com:8443/id/.well-known/openid-configuration"},
	} {
		iss := issuer(t, c.raw)
		assert.Equal(t, c.raw, iss.String())
		assert.Equal(t, c.hostPath, iss.HostPath())
		assert.Equal(t, c.discovery, iss.DiscoveryURL())
		text, err := json.Marshal(iss)
		require.NoError(t, err)
		var back oidc.Issuer
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, iss, back)
	}
	assert.NotEqual(t, issuer(t, "https://example.com"), issuer(t, "https://example.com/"))
}

func TestTheZeroIssuerIsNone(t *testing.T) {
	t.Parallel()
	var zero oidc.Issuer
	assert.True(t, zero.IsZero())
	assert.Empty(t, zero.String()+zero.HostPath()+zero.DiscoveryURL()+zero.JWKSURL())
	assert.ErrorIs(t, zero.CheckIAM(), oidc.ErrIssuerZero)
	assert.Empty(t, zero.Warnings())
	_, ok := zero.EKS()
	assert.False(t, ok)
	require.NoError(t, zero.UnmarshalText(nil))
	kept := issuer(t, "https://example.com")
	require.Error(t, kept.UnmarshalText([]byte("http://example.com")))
	assert.Equal(t, "https://example.com", kept.String())
}

func TestCheckIAMNamesEverythingThatIAMRefuses(t *testing.T) {
	t.Parallel()
	assert.NoError(t, issuer(t, "https://example.com/a").CheckIAM())
	assert.NoError(t, issuer(t, "https://example.com:443").CheckIAM())
	assert.NoError(t, issuer(t, "https://127.0.0.1:6443").CheckIAM())
	assert.ErrorIs(t, issuer(t, "https://example.com:6443").CheckIAM(), oidc.ErrIssuerPort)
	assert.NoError(t, issuer(t, "https://example.com/"+strings.Repeat("a", 255-20)).CheckIAM())
	both := issuer(t, "https://example.com:6443/"+strings.Repeat("a", 255)).CheckIAM()
	assert.ErrorIs(t, both, oidc.ErrIssuerPort)
	assert.ErrorIs(t, both, oidc.ErrIssuerLength)
}

func TestWarningsAreOfWhatPeopleRegret(t *testing.T) {
	t.Parallel()
	assert.Empty(t, issuer(t, "https://example.com/a").Warnings())
	assert.Equal(t, []oidc.Code{oidc.CodeTrailingSlash, oidc.CodeHostCase, oidc.CodeDefaultPort}, codes(issuer(t, "https://Example.com:443/").Warnings()))
}

func TestEKSIssuersAreRecognisedInEveryPartition(t *testing.T) {
	t.Parallel()
	const id = "/id/0123456789ABCDEF0123456789ABCDEF"
	for host, want := range map[string]oidc.EKSCluster{
		"oidc.eks.eu-west-1.amazonaws.com":                 {Partition: "aws", Region: "eu-west-1"},
		"oidc-eks.eu-west-1.api.aws":                       {Partition: "aws", Region: "eu-west-1", DualStack: true},
		"oidc.eks.cn-north-1.amazonaws.com.cn":             {Partition: "aws-cn", Region: "cn-north-1"},
		"oidc-eks.cn-north-1.api.amazonwebservices.com.cn": {Partition: "aws-cn", Region: "cn-north-1", DualStack: true},
		"oidc.eks.us-gov-west-1.amazonaws.com":             {Partition: "aws-us-gov", Region: "us-gov-west-1"},
		"oidc.eks.us-iso-east-1.c2s.ic.gov":                {Partition: "aws-iso", Region: "us-iso-east-1"},
		"oidc.eks.us-isob-east-1.sc2s.sgov.gov":            {Partition: "aws-iso-b", Region: "us-isob-east-1"},
		"oidc-eks.eusc-de-east-1.api.amazonwebservices.eu": {Partition: "aws-eusc", Region: "eusc-de-east-1", DualStack: true},
	} {
		want.ID = id[len("/id/"):]
		got, ok := issuer(t, "https://"+host+id).EKS()
		assert.True(t, ok, host)
		assert.Equal(t, want, got)
	}
	for _, raw := range []string{
		"https://oidc.eks.eu-west-1.amazonaws.com", "https://oidc.eks.eu-west-1.amazonaws.com/id/123",
		"https://oidc.eks.eu-west-1.amazonaws.com" + id + "/", "https://oidc.eks.eu-west-1.amazonaws.com:443" + id,
		"https://oidc.eks.eu-west-1.amazonaws.com.cn" + id, "https://oidc.eks.cn-north-1.amazonaws.com" + id,
		"https://oidc.eu-west-1.eks.amazonaws.com" + id, "https://oidc.eks.eu-west-1.amazonaws.com.evil.example" + id,
		"https://evil.example/oidc.eks.eu-west-1.amazonaws.com" + id, "https://oidc.eks.evil.amazonaws.com" + id,
		"https://OIDC.eks.eu-west-1.amazonaws.com" + id,
		"https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789abcdef0123456789abcdef",
	} {
		got, ok := issuer(t, raw).EKS()
		assert.False(t, ok, raw)
		assert.Zero(t, got)
	}
}
