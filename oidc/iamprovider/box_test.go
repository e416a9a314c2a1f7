package iamprovider_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/iamfault"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/trust/trusttest"
)

const (
	account     = "111122223333"
	issuerURL   = "https://issuer.example/clusters/a"
	providerARN = "arn:aws:iam::111122223333:oidc-provider/issuer.example/clusters/a"
)

var (
	thumbA = strings.Repeat("a1", 20)
	thumbB = strings.Repeat("b2", 20)
	thumbC = strings.Repeat("c3", 20)
)

// box is an account with a wire to step on.
type box struct {
	*iam.Client
	*trusttest.Account
	wire *iamfault.Transport
}

func newBox(t *testing.T, cfg trusttest.Config) box {
	t.Helper()
	a, err := trusttest.NewAccount(cfg)
	require.NoError(t, err)
	t.Cleanup(a.Close)
	wire := &iamfault.Transport{Inner: a.Transport()}
	c := a.AWSConfig()
	c.HTTPClient = &http.Client{Transport: wire}
	return box{Client: iam.NewFromConfig(c), Account: a, wire: wire}
}

func issuer(t testing.TB, raw string) oidc.Issuer {
	iss, err := oidc.ParseIssuer(raw)
	require.NoError(t, err)
	return iss
}

func spec(t testing.TB) iamprovider.Spec {
	return iamprovider.Spec{AccountID: account, Issuer: issuer(t, issuerURL), Thumbprints: []string{thumbA}}
}

// stored is the provider as IAM has it.
func (b box) stored(t *testing.T) *iam.GetOpenIDConnectProviderOutput {
	t.Helper()
	out, err := b.GetOpenIDConnectProvider(t.Context(), &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(providerARN)})
	require.NoError(t, err)
	return out
}

func (b box) ensure(t *testing.T, s iamprovider.Spec) iamprovider.Result {
	t.Helper()
	r, err := iamprovider.Ensure(t.Context(), b, s, iamprovider.Config{})
	require.NoError(t, err)
	return r
}
