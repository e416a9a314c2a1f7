package podidentity_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/podidentity"
)

func (b box) token(t testing.TB, req oidctest.TokenRequest) string {
	t.Helper()
	if req.Audiences == nil {
		req.Audiences = []string{audience}
	}
	token, err := b.cluster.Token(req)
	require.NoError(t, err)
	return token
}

func (b box) checkout(t testing.TB) string {
	return b.token(t, oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "checkout", Pod: "checkout-1"})
}

// credentials asks the agent as the Go SDK does in a pod.
func (b box) credentials(t testing.TB, token string) (aws.Credentials, error) {
	t.Helper()
	return endpointcreds.New(b.account.AgentURL("blue"), func(o *endpointcreds.Options) { o.AuthorizationToken = token }).Retrieve(t.Context())
}

func (b box) whoIs(t testing.TB, creds aws.Credentials) string {
	t.Helper()
	cfg := b.account.AWSConfig()
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return creds, nil })
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
	require.NoError(t, err)
	return *who.Arn
}

func TestTheAgentGivesAPodTheRoleOfItsAssociation(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	_, err := podidentity.Ensure(t.Context(), b, podidentity.Spec{Target: b.target("checkout"), RoleARN: reader}, podidentity.Config{})
	require.NoError(t, err)
	creds, err := b.credentials(t, b.checkout(t))
	require.NoError(t, err)
	assert.Contains(t, b.whoIs(t, creds), ":assumed-role/reader/eks-blue-checkout-1-")
	assert.Equal(t, "111122223333", creds.AccountID)
	assert.WithinDuration(t, time.Now().Add(6*time.Hour), creds.Expires, time.Minute)
}

func TestTheAgentGivesATargetRoleToItsOwnAssociationAlone(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	spec := podidentity.Spec{Target: b.target("checkout"), RoleARN: reader, TargetRoleARN: "arn:aws:iam::111122223333:role/target"}
	made, err := podidentity.Ensure(t.Context(), b, spec, podidentity.Config{})
	require.NoError(t, err)
	b.role(t, "target", chain(t, trust.ChainGrant{RoleARNs: []string{reader}, ExternalID: made.Association.ExternalID, TagSession: true}))
	creds, err := b.credentials(t, b.checkout(t))
	require.NoError(t, err)
	assert.Contains(t, b.whoIs(t, creds), ":assumed-role/target/")

	other := podidentity.Spec{Target: b.target("other"), RoleARN: reader, TargetRoleARN: spec.TargetRoleARN}
	_, err = podidentity.Ensure(t.Context(), b, other, podidentity.Config{})
	require.NoError(t, err)
	_, err = b.credentials(t, b.token(t, oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "other", Pod: "other-1"}))
	assert.ErrorContains(t, err, "AccessDeniedException", "its external id is another")
}

func TestTheAgentAnswersWrongCallersAsTheRealOneDoes(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	_, err := podidentity.Ensure(t.Context(), b, podidentity.Spec{Target: b.target("checkout"), RoleARN: reader}, podidentity.Config{})
	require.NoError(t, err)
	b.role(t, "strict", grant(t, trust.PodIdentityGrant{Namespaces: []string{"mail"}}))
	_, err = podidentity.Ensure(t.Context(), b, podidentity.Spec{Target: b.target("strict"), RoleARN: "arn:aws:iam::111122223333:role/strict"}, podidentity.Config{})
	require.NoError(t, err)

	strangers := newBox(t)
	for name, c := range map[string]struct {
		token  string
		status int
		text   string
	}{
		"no token":                  {"", 400, "Service account token cannot be empty\n"},
		"not a token":               {"Bearer x", 400, "Service account token cannot be parsed: token is malformed: token contains an invalid number of segments\n"},
		"another cluster's":         {strangers.checkout(t), 400, "(InvalidTokenException): "},
		"for another audience":      {b.token(t, oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "checkout", Pod: "p", Audiences: []string{"sts.amazonaws.com"}}), 400, "(InvalidTokenException): "},
		"not bound to a pod":        {b.token(t, oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "checkout"}), 400, "(InvalidTokenException): "},
		"expired":                   {b.token(t, oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "checkout", Pod: "p", Lifetime: -time.Minute}), 400, "(ExpiredTokenException): "},
		"without an association":    {b.token(t, oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "default", Pod: "p"}), 404, "(ResourceNotFoundException): "},
		"of a role that refuses it": {b.token(t, oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "strict", Pod: "p"}), 400, "(AccessDeniedException): Unauthorized Exception! EKS does not have permissions to assume the associated role., fault: client\n"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.account.AgentURL("blue"), nil)
		require.NoError(t, err)
		if c.token != "" {
			req.Header.Set("Authorization", c.token)
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		_ = resp.Body.Close()
		assert.Equal(t, c.status, resp.StatusCode, name)
		assert.Contains(t, string(body), c.text, name)
		assert.Equal(t, "text/plain; charset=utf-8", resp.Header.Get("Content-Type"), name)
	}
}
