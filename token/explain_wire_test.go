package token_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
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

// wire is a cluster's issuer and an account whose role trusts payments/api.
type wire struct {
	issuer  *oidctest.Server
	account *trusttest.Account
	iam     *iam.Client
	request oidctest.TokenRequest
	roleARN string
	region  string
}

func newWire(t *testing.T) *wire {
	t.Helper()
	issuer, err := oidctest.NewServer(oidctest.Config{Issuer: "https://issuer.example"})
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	account, err := trusttest.NewAccount(trusttest.Config{DialContext: issuer.DialContext})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	w := &wire{
		issuer: issuer, account: account, iam: iam.NewFromConfig(account.AWSConfig()),
		request: oidctest.TokenRequest{Namespace: "payments", ServiceAccount: "api"},
		roleARN: "arn:aws:iam::111122223333:role/payments", region: "eu-central-1",
	}
	report, err := oidc.ChainThumbprint(issuer.Chain())
	require.NoError(t, err)
	w.createProvider(t, "sts.amazonaws.com", report.Thumbprints[0])
	provider, err := trust.NewProvider("aws", account.AccountID(), issuer.URL())
	require.NoError(t, err)
	subject, err := trust.ServiceAccount("payments", "api")
	require.NoError(t, err)
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	require.NoError(t, err)
	_, err = w.iam.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("payments"), AssumeRolePolicyDocument: aws.String(policy.Document()),
	})
	require.NoError(t, err)
	return w
}

func (w *wire) createProvider(t *testing.T, clientID, thumbprint string) {
	t.Helper()
	_, err := w.iam.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(w.issuer.URL()), ClientIDList: []string{clientID}, ThumbprintList: []string{thumbprint},
	})
	require.NoError(t, err)
}

func (w *wire) deleteProvider(t *testing.T) {
	t.Helper()
	_, err := w.iam.DeleteOpenIDConnectProvider(t.Context(), &iam.DeleteOpenIDConnectProviderInput{
		OpenIDConnectProviderArn: aws.String("arn:aws:iam::111122223333:oidc-provider/issuer.example"),
	})
	require.NoError(t, err)
}

func TestExplainKnowsWhatComesOverTheWire(t *testing.T) {
	t.Parallel()
	fails := func(f trusttest.Failure) func(*testing.T, *wire) {
		return func(_ *testing.T, w *wire) { w.account.SetFault(trusttest.Fault{Failure: f}) }
	}
	const none = "0000000000000000000000000000000000000000"
	for name, tc := range map[string]struct {
		hurt func(*testing.T, *wire)
		code string
	}{
		"no provider":               {func(t *testing.T, w *wire) { w.deleteProvider(t) }, "no-provider"},
		"another audience":          {func(_ *testing.T, w *wire) { w.request.Audiences = []string{"other"} }, "audience-not-registered"},
		"a wrong thumbprint":        {func(t *testing.T, w *wire) { w.deleteProvider(t); w.createProvider(t, "sts.amazonaws.com", none) }, "thumbprint-mismatch"},
		"another service account":   {func(_ *testing.T, w *wire) { w.request.ServiceAccount = "worker" }, "trust-policy-mismatch"},
		"another role":              {func(_ *testing.T, w *wire) { w.roleARN += "2" }, "trust-policy-mismatch"},
		"a key that is not served":  {func(_ *testing.T, w *wire) { w.issuer.SetFault(oidctest.Fault{UnknownKeyID: true}) }, "key-not-retrieved"},
		"an issuer that fails":      {func(_ *testing.T, w *wire) { w.issuer.SetFault(oidctest.Fault{Status: 500}) }, "key-not-retrieved"},
		"an issuer out of reach":    {fails(trusttest.IDPCommunicationError), "issuer-unreachable"},
		"too many calls":            {fails(trusttest.Throttling), "throttled"},
		"a fault of STS":            {fails(trusttest.InternalFailure), "service-fault"},
		"a region that is disabled": {fails(trusttest.RegionDisabled), "region-disabled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t)
			tc.hurt(t, w)
			jwt, err := w.issuer.Token(w.request)
			require.NoError(t, err)
			cfg := w.account.AWSConfig()
			cfg.Region = w.region
			p, err := token.NewProvider(sts.NewFromConfig(cfg), w.roleARN, token.SourceFunc(func(context.Context) (string, error) { return jwt, nil }), token.Config{
				Refresh: token.Refresh{Timeout: 400 * time.Millisecond},
			})
			require.NoError(t, err)
			_, err = p.Retrieve(t.Context())
			got, ok := token.Explain(err)
			require.True(t, ok, err)
			assert.Equal(t, tc.code, got.Code, err)
			assert.Equal(t, w.roleARN, got.RoleARN)
			assert.Equal(t, "https://issuer.example", got.Token.Issuer)
			assert.Equal(t, "system:serviceaccount:payments:"+w.request.ServiceAccount, got.Token.Subject)
			assert.NotEmpty(t, got.Token.Audiences)
			assert.NotContains(t, got.String(), jwt[:30])
		})
	}
}
