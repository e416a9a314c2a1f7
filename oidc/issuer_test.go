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
	require.ErrorContains(t, kept.UnmarshalText([]byte("http://example.com")), `"https://"`)
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

func TestIssuersThatCanNeverWorkAreTold(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"https://kubernetes.default.svc.cluster.local", "https://kubernetes.default.svc", "https://KUBERNETES.default.SVC", "https://master",
		"https://idp.local", "https://idp.internal", "https://nas.home.arpa", "https://10.0.0.1", "https://[fd00::1]", "https://169.254.169.254",
		"https://[::ffff:10.0.0.1]", "https://192.168.1.1:6443", "https://100.64.0.1", "https://idp.corp/a/b",
	} {
		found := issuer(t, raw).Warnings()
		require.Contains(t, codes(found), oidc.CodeIssuerNotPublic, raw)
		for _, p := range found {
			if p.Code == oidc.CodeIssuerNotPublic {
				assert.Contains(t, p.Message, "--service-account-issuer twice: the new one first", raw)
			}
		}
	}
	for _, raw := range []string{"https://svc.example.com", "https://local.example", "https://8.8.8.8", "https://[2606:4700::1]", "https://127.0.0.1:1", "https://localhost", "https://internal.example.com"} {
		assert.NotContains(t, codes(issuer(t, raw).Warnings()), oidc.CodeIssuerNotPublic, raw)
	}
	outbound := issuer(t, "https://a1d2b0fd-1177-4468-9351-2f0123456723.tokens.sts.global.api.aws")
	assert.Equal(t, []oidc.Code{oidc.CodeOutboundIssuer}, codes(outbound.Warnings()))
	assert.Empty(t, issuer(t, "https://tokens.sts.global.api.aws.example.com").Warnings())
}

func TestGKEAndAKSIssuersAreRecognised(t *testing.T) {
	t.Parallel()
	gke := issuer(t, "https://container.googleapis.com/v1/projects/my-project/locations/europe-west1/clusters/prod")
	cluster, ok := gke.GKE()
	assert.True(t, ok)
	assert.Equal(t, oidc.GKECluster{Project: "my-project", Location: "europe-west1", Name: "prod"}, cluster)
	assert.Equal(t, []oidc.Code{oidc.CodeIssuerReusable}, codes(gke.Warnings()))
	aks := "https://westeurope.oic.prod-aks.azure.com/72f988bf-86f1-41af-91ab-2d7cd011db47/0a1b2c3d-0000-4000-8000-000000000000/"
	assert.Empty(t, issuer(t, aks).Warnings(), "AKS writes the slash in its tokens")
	assert.Equal(t, []oidc.Code{oidc.CodeTrailingSlash}, codes(issuer(t, aks+"/").Warnings()))
	const id, tenant = "4327d83a-dd12-4dc6-9a45-f303f763fa99", "b25036e3-de39-4fec-a4aa-bda41b870d38"
	for raw, want := range map[string]oidc.AKSCluster{
		"https://westeurope.oic.prod-aks.azure.com/" + tenant + "/" + id + "/": {Region: "westeurope", TenantID: tenant, ID: id},
		"https://oidc.prod-aks.azure.com/" + id + "/":                          {ID: id},
	} {
		got, ok := issuer(t, raw).AKS()
		assert.True(t, ok, raw)
		assert.Equal(t, want, got)
	}
	for _, raw := range []string{
		gke.String() + "/", "https://container.googleapis.com/v1/projects/p/locations/l/clusters/", "https://container.googleapis.com/v1/projects/p/zones/z/clusters/c",
		"https://evil.example/v1/projects/p/locations/l/clusters/c", "https://container.googleapis.com:443/v1/projects/p/locations/l/clusters/c",
		"https://containerXgoogleapis.com/v1/projects/p/locations/l/clusters/c",
		"https://westeurope.oic.prod-aks.azure.com/" + tenant + "/" + id, "https://westeurope.oic.prod-aks.azure.com/" + id + "/",
		"https://a.b.oic.prod-aks.azure.com/" + tenant + "/" + id + "/", "https://westeurope.oic.prod-aks.azure.com.evil.example/" + tenant + "/" + id + "/",
		"https://oidc.prod-aks.azure.com/" + id,
	} {
		_, isGKE := issuer(t, raw).GKE()
		_, isAKS := issuer(t, raw).AKS()
		assert.False(t, isGKE || isAKS, raw)
	}
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
