package iamrole_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/iamfault"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

const (
	account   = "111122223333"
	issuerURL = "https://issuer.example/clusters/a"
	roleARN   = "arn:aws:iam::111122223333:role/reader"
	permit    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`
	permitPut = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}]}`
	viewOnly  = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
	ownPolicy = "arn:aws:iam::111122223333:policy/own"
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

// direct is another client of the same account, past the wire.
func (b box) direct() *iam.Client { return iam.NewFromConfig(b.AWSConfig()) }

func provider(t testing.TB, accountID string) trust.Provider {
	p, err := trust.NewProvider("aws", accountID, issuerURL)
	require.NoError(t, err)
	return p
}

// grant admits the service accounts "ns:name".
func grant(t testing.TB, accounts ...string) trust.Grant {
	g := trust.Grant{Provider: provider(t, account)}
	for _, a := range accounts {
		namespace, name, _ := strings.Cut(a, ":")
		s, err := trust.ServiceAccount(namespace, name)
		require.NoError(t, err)
		g.Subjects = append(g.Subjects, s)
	}
	return g
}

func policy(t testing.TB, accounts ...string) *trust.Policy {
	p, err := trust.New(grant(t, accounts...))
	require.NoError(t, err)
	return p
}

func spec(t testing.TB) iamrole.Spec {
	return iamrole.Spec{Name: "reader", Trust: policy(t, "a:one")}
}

func (b box) ensure(t *testing.T, s iamrole.Spec) iamrole.Result {
	t.Helper()
	r, err := iamrole.Ensure(t.Context(), b, s, iamrole.Config{})
	require.NoError(t, err)
	return r
}

func (b box) trust(t *testing.T) *trust.Policy {
	t.Helper()
	out, err := b.direct().GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("reader")})
	require.NoError(t, err)
	document, err := url.PathUnescape(*out.Role.AssumeRolePolicyDocument)
	require.NoError(t, err)
	p, err := trust.Parse([]byte(document))
	require.NoError(t, err)
	return p
}

func (b box) admits(t *testing.T, account string) bool {
	t.Helper()
	return b.trust(t).Allows(trust.WebIdentity(provider(t, "111122223333"),
		trust.Claims{"sub": "system:serviceaccount:" + account, "aud": "sts.amazonaws.com"}))
}

func full(t testing.TB) iamrole.Spec {
	s := spec(t)
	s.Path, s.Description, s.MaxSessionDuration = "/apps/", "reads+writes 100%", 2*time.Hour
	s.PermissionsBoundary = ownPolicy
	s.InlinePolicies = map[string]string{"get": permit, "put": permitPut}
	s.ManagedPolicies = []string{viewOnly, ownPolicy, viewOnly}
	s.Tags = map[string]string{"Team": "a", "env": "b"}
	return s
}
