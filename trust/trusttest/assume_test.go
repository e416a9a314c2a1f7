package trusttest_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// assertDenied checks what the SDK made of an error's code, HTTP status and message.
func assertDenied(t *testing.T, err error, code string, status int, message string) {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	assert.Equal(t, code, api.ErrorCode())
	assert.Contains(t, api.ErrorMessage(), message)
	var response *smithyhttp.ResponseError
	require.ErrorAs(t, err, &response)
	assert.Equal(t, status, response.HTTPStatusCode())
}

// assertAllowed checks whether a trust policy let somebody in.
func assertAllowed(t *testing.T, allowed bool, err error, name string) {
	t.Helper()
	if allowed {
		assert.NoError(t, err, name)
	} else {
		assertDenied(t, err, "AccessDenied", 403, "sts:AssumeRole")
	}
}

const unretrieved = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"

func TestWhatSTSRefusesOfAWebIdentity(t *testing.T) {
	t.Parallel()
	type input = sts.AssumeRoleWithWebIdentityInput
	bad := http.StatusBadRequest
	minted := func(req oidctest.TokenRequest) func(*cluster, *testing.T, *input) {
		return func(c *cluster, t *testing.T, in *input) { in.WebIdentityToken = aws.String(c.token(t, req)) }
	}
	faulty := func(f oidctest.Fault) func(*cluster, *testing.T, *input) {
		return func(c *cluster, t *testing.T, in *input) {
			c.issuer.SetFault(f)
			in.WebIdentityToken = aws.String(c.token(t, oidctest.TokenRequest{}))
		}
	}
	alter := func(change func(*input)) func(*cluster, *testing.T, *input) {
		return func(_ *cluster, _ *testing.T, in *input) { change(in) }
	}
	for name, c := range map[string]struct {
		change  func(*cluster, *testing.T, *input)
		code    string
		status  int
		message string
	}{
		"another service account":          {minted(oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "mail"}), "AccessDenied", 403, "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		"another audience":                 {minted(oidctest.TokenRequest{Audiences: []string{"vault"}}), "InvalidIdentityToken", bad, "Incorrect token audience"},
		"an expired token":                 {minted(oidctest.TokenRequest{Lifetime: -time.Hour}), "ExpiredTokenException", bad, "Token expired: current date/time "},
		"no JWT":                           {alter(func(in *input) { in.WebIdentityToken = aws.String("not-a-token") }), "InvalidIdentityToken", bad, "The ID Token provided is not a valid JWT"},
		"an unsigned JWT":                  {alter(func(in *input) { in.WebIdentityToken = aws.String(unsigned(*in.WebIdentityToken)) }), "InvalidIdentityToken", bad, "The ID Token provided is not a valid JWT"},
		"a token without a signature":      {alter(func(in *input) { in.WebIdentityToken = aws.String(beheaded(*in.WebIdentityToken)) }), "InvalidIdentityToken", bad, ""},
		"other claims under the signature": {alter(func(in *input) { in.WebIdentityToken = aws.String(forged(*in.WebIdentityToken)) }), "InvalidIdentityToken", bad, ""},
		"a key that is not served":         {faulty(oidctest.Fault{UnknownKeyID: true}), "InvalidIdentityToken", bad, unretrieved},
		"an issuer that fails":             {faulty(oidctest.Fault{Status: 500}), "InvalidIdentityToken", bad, unretrieved},
		"another issuer's document":        {faulty(oidctest.Fault{WrongIssuer: "https://other.example"}), "InvalidIdentityToken", bad, unretrieved},
		"a body without an end":            {faulty(oidctest.Fault{EndlessBody: true}), "InvalidIdentityToken", bad, unretrieved},
		"a misordered chain":               {faulty(oidctest.Fault{MisorderedChain: true}), "InvalidIdentityToken", bad, "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"},
		"a role that is not there":         {alter(func(in *input) { *in.RoleArn += "x" }), "AccessDenied", 403, "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		"a role of another account":        {alter(func(in *input) { in.RoleArn = aws.String("arn:aws:iam::444455556666:role/app") }), "InvalidIdentityToken", bad, "No OpenIDConnect provider found in your account for https://"},
		"an ARN of no role":                {alter(func(in *input) { in.RoleArn = aws.String("arn:aws:iam::111122223333:user/app") }), "ValidationError", bad, "Request ARN is invalid"},
		"a session name too long":          {alter(func(in *input) { in.RoleSessionName = aws.String(strings.Repeat("x", 65)) }), "ValidationError", bad, "at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		"a session name with a slash":      {alter(func(in *input) { in.RoleSessionName = aws.String("a/b") }), "ValidationError", bad, `must satisfy regular expression pattern: [\w+=,.@-]*`},
		"a session too short":              {alter(func(in *input) { in.DurationSeconds = aws.Int32(899) }), "ValidationError", bad, "greater than or equal to 900"},
		"a session too long":               {alter(func(in *input) { in.DurationSeconds = aws.Int32(43201) }), "ValidationError", bad, "less than or equal to 43200"},
		"longer than the role allows":      {alter(func(in *input) { in.DurationSeconds = aws.Int32(7200) }), "ValidationError", bad, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bench := newCluster(t, oidctest.Config{}, trusttest.Config{})
			out, err := bench.assume(t, func(in *input) { c.change(bench, t, in) })
			assert.Nil(t, out)
			assertDenied(t, err, c.code, c.status, c.message)
			assert.NotContains(t, err.Error(), "eyJ", "no part of a token")
		})
	}
}

// unsigned has the claims of a token under an algorithm that signs nothing.
func unsigned(token string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + strings.Split(token, ".")[1] + "."
}

func beheaded(token string) string {
	parts := strings.Split(token, ".")
	return parts[0] + "." + parts[1] + "."
}

// forged names another account under the signature of the first.
func forged(token string) string {
	parts := strings.Split(token, ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		panic(err)
	}
	claims = []byte(strings.ReplaceAll(string(claims), "cart", "mail"))
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(claims) + "." + parts[2]
}

func TestATokenOfAnotherProviderOfTheAccountIsAnothersToken(t *testing.T) {
	t.Parallel()
	c := newCluster(t, oidctest.Config{}, trusttest.Config{})
	other, err := oidctest.NewServer(oidctest.Config{Issuer: "https://other.example"})
	require.NoError(t, err)
	t.Cleanup(other.Close)
	signed, err := other.Token(oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "cart"})
	require.NoError(t, err)
	_, err = c.assume(t, func(in *sts.AssumeRoleWithWebIdentityInput) { in.WebIdentityToken = &signed })
	assertDenied(t, err, "InvalidIdentityToken", 400, "No OpenIDConnect provider found in your account for https://other.example")
}

func TestATrustedCANeedsNoThumbprint(t *testing.T) {
	t.Parallel()
	issuer, err := oidctest.NewServer(oidctest.Config{Issuer: "https://oidc.public.example"})
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	for trusted, want := range map[bool]string{true: "", false: "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"} {
		cfg := trusttest.Config{DialContext: issuer.DialContext}
		if trusted {
			cfg.RootCAs = issuer.CertPool()
		}
		account, err := trusttest.NewAccount(cfg)
		require.NoError(t, err)
		t.Cleanup(account.Close)
		c := &cluster{issuer: issuer, account: account, iam: iam.NewFromConfig(account.AWSConfig()), sts: sts.NewFromConfig(account.AWSConfig())}
		created, err := c.iam.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{
			Url: aws.String(issuer.URL()), ClientIDList: []string{"sts.amazonaws.com"}, ThumbprintList: []string{strings.Repeat("0", 40)},
		})
		require.NoError(t, err)
		c.provider = *created.OpenIDConnectProviderArn
		c.role = c.createRole(t, "app", "system:serviceaccount:shop:cart")
		_, err = c.assume(t)
		if trusted {
			require.NoError(t, err)
			continue
		}
		assertDenied(t, err, "InvalidIdentityToken", 400, want)
	}
}

func TestKeysRotateAndRetire(t *testing.T) {
	t.Parallel()
	c := newCluster(t, oidctest.Config{}, trusttest.Config{})
	old, oldKey := c.token(t, oidctest.TokenRequest{}), c.issuer.KeyID()
	_, err := c.issuer.Rotate()
	require.NoError(t, err)
	with := func(in *sts.AssumeRoleWithWebIdentityInput) { in.WebIdentityToken = &old }
	_, err = c.assume(t, with)
	require.NoError(t, err, "the old key is still served")
	_, err = c.assume(t)
	require.NoError(t, err, "and so is the new one")
	require.NoError(t, c.issuer.Retire(oldKey))
	_, err = c.assume(t, with)
	assertDenied(t, err, "InvalidIdentityToken", 400, unretrieved)
}

func TestOnlyTheCredentialsThatWereHandedOutWork(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := newCluster(t, oidctest.Config{}, trusttest.Config{Now: func() time.Time { return now }})
	out, err := c.assume(t)
	require.NoError(t, err)
	ask := func(id, secret, session string) error {
		cfg := c.account.AWSConfig()
		cfg.Credentials = credentials.NewStaticCredentialsProvider(id, secret, session)
		_, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
		return err
	}
	id, secret, session := *out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken
	require.NoError(t, ask(id, secret, session))
	for name, err := range map[string]error{
		"an unknown key":          ask("ASIAAAAAAAAAAAAAAAAA", secret, session),
		"an altered secret":       ask(id, secret+"x", session),
		"an altered session":      ask(id, secret, session+"x"),
		"no session":              ask(id, secret, ""),
		"the administrator's IAM": func() error { _, err := iamAs(c, out).ListRoles(t.Context(), nil); return err }(),
	} {
		var api smithy.APIError
		require.True(t, errors.As(err, &api), name)
		assert.Contains(t, []string{"InvalidClientTokenId", "SignatureDoesNotMatch", "AccessDenied"}, api.ErrorCode(), name)
	}
	now = out.Credentials.Expiration.Add(time.Second)
	assertDenied(t, ask(id, secret, session), "ExpiredToken", 403, "The security token included in the request is expired")
}

func iamAs(c *cluster, out *sts.AssumeRoleWithWebIdentityOutput) *iam.Client {
	cfg := c.account.AWSConfig()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return iam.NewFromConfig(cfg)
}

func TestARoleBecomesAnotherForAnHourAtMost(t *testing.T) {
	t.Parallel()
	c := newCluster(t, oidctest.Config{}, trusttest.Config{})
	out, err := c.assume(t)
	require.NoError(t, err)
	next, err := c.iam.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("next"), MaxSessionDuration: aws.Int32(43200),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + c.role + `"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"e-1"}}}]}`),
	})
	require.NoError(t, err)
	in := &sts.AssumeRoleInput{RoleArn: next.Role.Arn, RoleSessionName: aws.String("chained"), ExternalId: aws.String("e-1")}
	chained, err := c.as(out).AssumeRole(t.Context(), in)
	require.NoError(t, err)
	assert.Equal(t, "arn:aws:sts::111122223333:assumed-role/next/chained", *chained.AssumedRoleUser.Arn)

	in.DurationSeconds = aws.Int32(3601)
	_, err = c.as(out).AssumeRole(t.Context(), in)
	assertDenied(t, err, "ValidationError", 400, "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	in.DurationSeconds, in.ExternalId = nil, aws.String("e-2")
	_, err = c.as(out).AssumeRole(t.Context(), in)
	assertDenied(t, err, "AccessDenied", 403, "sts:AssumeRole")
}

func TestANewRoleIsRefusedUntilItHasPropagated(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := newCluster(t, oidctest.Config{}, trusttest.Config{Now: func() time.Time { return now }})
	c.account.SetFault(trusttest.Fault{RolePropagation: 7 * time.Second})
	_, err := c.assume(t)
	assertDenied(t, err, "AccessDenied", 403, "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	now = now.Add(8 * time.Second)
	_, err = c.assume(t)
	require.NoError(t, err)
}
