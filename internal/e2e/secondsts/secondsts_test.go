package secondsts_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/e2e/ceph"
	"github.com/irsa-go/irsa/internal/e2e/real"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
)

const gatewayAccount = "111122223333"

// TestTrustAndASecondSTSJudgeAlike holds every policy of the matrix against every token, and
// three answers against each other: what AWS documents, what trust says, and what a gateway that
// others wrote does with a real token and a real role.
func TestTrustAndASecondSTSJudgeAlike(t *testing.T) {
	g := startGateway(t)
	cases, denied := 0, 0
	for i, policy := range gatewayPolicies {
		parsed := g.parse(t, policy)
		role := g.ensureRole(t, fmt.Sprintf("matrix-%d", i), parsed)
		for _, tok := range gatewayTokens {
			cases++
			t.Run(policy.name+"/"+tok.name, func(t *testing.T) {
				want := policy.awsAdmits(tok.name)
				decision := parsed.Evaluate(trust.WebIdentity(g.provider, trust.Claims(g.claims(tok))))
				assert.Equal(t, want, decision.Allowed, "trust against AWS (%s):\n%s", policy.because, decision)
				got := g.assume(t, role, tok)
				assert.Equal(t, policy.gatewayAdmits(tok.name), got, "the gateway against AWS (%s) and its known differences (%s)", policy.because, policy.differs)
				if want != got {
					t.Logf("the gateway differs from AWS: %s", policy.differs)
				}
			})
			if !policy.awsAdmits(tok.name) {
				denied++
			}
		}
	}
	require.GreaterOrEqual(t, cases, 40)
	require.Greater(t, denied, 0)
	t.Logf("%d cases, %d of them refusals", cases, denied)
}

// gateway is Ceph's, with an issuer that it trusts.
type gateway struct {
	issuer   *ceph.Issuer
	provider trust.Provider
	iam      *iam.Client
	sts      *sts.Client
}

func startGateway(t *testing.T) *gateway {
	t.Helper()
	server, err := ceph.Start(t.Context(), t.TempDir(), gatewayAccount)
	real.Need(t, err, ceph.ErrNotInstalled)
	t.Cleanup(server.Stop)
	real.Met(t, "Ceph RADOS gateway %s", server.Version)

	issuer, err := ceph.NewIssuer()
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL),
		Credentials:      credentials.NewStaticCredentialsProvider(ceph.AccessKey, ceph.SecretKey, ""),
		RetryMaxAttempts: 1,
	}
	g := &gateway{issuer: issuer, iam: iam.NewFromConfig(cfg), sts: sts.NewFromConfig(cfg)}
	g.provider, err = trust.NewProvider("aws", gatewayAccount, issuer.URL)
	require.NoError(t, err)
	g.ensureProvider(t)
	return g
}

func (g *gateway) ensureProvider(t *testing.T) {
	t.Helper()
	issuer, err := oidc.ParseIssuer(g.issuer.URL)
	require.NoError(t, err)
	_, err = iamprovider.Ensure(t.Context(), g.iam, iamprovider.Spec{
		Partition: "aws", AccountID: gatewayAccount, Issuer: issuer,
		ClientIDs:   []string{"sts.amazonaws.com", "vault"},
		Thumbprints: []string{strings.Repeat("0", 40)}, // stored there, but not checked
	}, iamprovider.Config{})
	require.NoError(t, err)
}

func (g *gateway) parse(t *testing.T, p gatewayPolicy) *trust.Policy {
	t.Helper()
	text := strings.NewReplacer("PROVIDER", g.provider.ARN(), "HOST", g.provider.HostPath()).Replace(p.statements)
	policy, err := trust.Parse([]byte(`{"Version":"2012-10-17","Statement":[` + text + `]}`))
	require.NoError(t, err)
	return policy
}

func (g *gateway) ensureRole(t *testing.T, name string, policy *trust.Policy) string {
	t.Helper()
	role, err := iamrole.Ensure(t.Context(), g.iam, iamrole.Spec{Name: name, Trust: policy}, iamrole.Config{})
	require.NoError(t, err)
	return role.ARN
}

func (g *gateway) claims(tok gatewayToken) map[string]any {
	claims := map[string]any{"iss": g.issuer.URL, "sub": tok.subject, "aud": tok.audience, "jti": rand.Text()}
	if tok.tenant != "" {
		claims["tenant"] = tok.tenant
	}
	return claims
}

// assume says whether the gateway gave credentials to the token, through package token.
func (g *gateway) assume(t *testing.T, roleARN string, tok gatewayToken) bool {
	t.Helper()
	claims := g.claims(tok)
	now := time.Now()
	claims["iat"], claims["exp"] = now.Unix(), now.Add(time.Hour).Unix()
	signed, err := g.issuer.Token(claims)
	require.NoError(t, err)
	source := token.SourceFunc(func(context.Context) (string, error) { return signed, nil })
	provider, err := token.NewProvider(g.sts, roleARN, source, token.Config{SessionName: "matrix"})
	require.NoError(t, err)
	creds, err := provider.Retrieve(t.Context())
	if err != nil {
		require.ErrorContains(t, err, "403", "a refusal, not a fault")
		assert.Zero(t, creds)
		return false
	}
	assert.NotEmpty(t, creds.SessionToken)
	return true
}
