package doctor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/token/doctor"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/trusttest"
)

const (
	issuerURL = "https://issuer.example/cluster"
	roleARN   = "arn:aws:iam::111122223333:role/payments"
)

// world is a cluster's issuer, an AWS account and a pod, all healthy.
type world struct {
	issuer  *oidctest.Server
	account *trusttest.Account
	iam     *iam.Client
	env     map[string]string
	file    string
	cfg     doctor.Config
}

func newWorld(t testing.TB) *world {
	t.Helper()
	issuer, err := oidctest.NewServer(oidctest.Config{Issuer: issuerURL})
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	account, err := trusttest.NewAccount(trusttest.Config{DialContext: issuer.DialContext})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	w := &world{issuer: issuer, account: account, iam: iam.NewFromConfig(account.AWSConfig()), file: filepath.Join(t.TempDir(), "token")}
	w.env = map[string]string{
		"AWS_ROLE_ARN": roleARN, "AWS_WEB_IDENTITY_TOKEN_FILE": w.file, "AWS_REGION": "eu-central-1",
	}
	w.cfg = doctor.Config{
		Issuers: issuer.Client(), ReadProvider: w.readProvider, ReadRole: w.readRole, Assume: w.assume,
	}
	w.project(t, oidctest.TokenRequest{Namespace: "payments", ServiceAccount: "api", Pod: "api-0"})
	report, err := oidc.ChainThumbprint(issuer.Chain())
	require.NoError(t, err)
	w.createProvider(t, []string{"sts.amazonaws.com"}, report.Thumbprints)
	w.createRole(t, "payments", "/", "api")
	return w
}

// project writes the token file, as the kubelet does.
func (w *world) project(t testing.TB, req oidctest.TokenRequest) {
	t.Helper()
	jwt, err := w.issuer.Token(req)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(w.file, []byte(jwt), 0o600))
}

func (w *world) providerARN() string {
	return "arn:aws:iam::111122223333:oidc-provider/issuer.example/cluster"
}

func (w *world) createProvider(t testing.TB, clientIDs, thumbprints []string) {
	t.Helper()
	_, err := w.iam.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String(issuerURL), ClientIDList: clientIDs, ThumbprintList: thumbprints,
	})
	require.NoError(t, err)
}

func (w *world) replaceProvider(t testing.TB, clientIDs, thumbprints []string) {
	t.Helper()
	w.deleteProvider(t)
	w.createProvider(t, clientIDs, thumbprints)
}

func (w *world) deleteProvider(t testing.TB) {
	t.Helper()
	_, err := w.iam.DeleteOpenIDConnectProvider(t.Context(), &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(w.providerARN())})
	require.NoError(t, err)
}

func (w *world) createRole(t testing.TB, name, path, account string) {
	t.Helper()
	provider, err := trust.ParseProviderARN(w.providerARN())
	require.NoError(t, err)
	subject, err := trust.ServiceAccount("payments", account)
	require.NoError(t, err)
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	require.NoError(t, err)
	_, err = w.iam.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String(name), Path: aws.String(path), AssumeRolePolicyDocument: aws.String(policy.Document()),
	})
	require.NoError(t, err)
}

func (w *world) deleteRole(t testing.TB) {
	t.Helper()
	_, err := w.iam.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("payments")})
	require.NoError(t, err)
}

func (w *world) readProvider(ctx context.Context, arn string) (doctor.Provider, error) {
	out, err := w.iam.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(arn)})
	if err != nil {
		return doctor.Provider{}, err
	}
	return doctor.Provider{ClientIDs: out.ClientIDList, Thumbprints: out.ThumbprintList}, nil
}

func (w *world) readRole(ctx context.Context, name string) (doctor.Role, error) {
	out, err := w.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(name)})
	if err != nil {
		return doctor.Role{}, err
	}
	return doctor.Role{ARN: aws.ToString(out.Role.Arn), TrustPolicy: aws.ToString(out.Role.AssumeRolePolicyDocument)}, nil
}

func (w *world) assume(ctx context.Context, r token.Resolution) error {
	cfg := w.account.AWSConfig()
	cfg.Region = "eu-central-1"
	p, err := r.Provider(sts.NewFromConfig(cfg), token.Config{Refresh: token.Refresh{Timeout: 2 * time.Second}})
	if err != nil {
		return err
	}
	creds, err := p.Current(ctx)
	if err == nil && creds.Expired() {
		err = token.ErrStaleCredentials
	}
	return err
}

func (w *world) lookup(name string) (string, bool) {
	value, ok := w.env[name]
	return value, ok
}

func (w *world) run(t testing.TB) doctor.Report {
	t.Helper()
	report := doctor.Run(t.Context(), w.lookup, w.cfg)
	require.Len(t, report.Steps, 8)
	if jwt, err := os.ReadFile(w.file); err == nil && len(jwt) > 100 {
		assert.NotContains(t, report.String(), string(jwt[len(jwt)-100:]), "no report has the token")
	}
	return report
}

func TestAHealthyChainHasNoBrokenLink(t *testing.T) {
	t.Parallel()
	report := newWorld(t).run(t)
	for _, s := range report.Steps {
		assert.Equal(t, doctor.OK, s.Status, "%s: %s %v", s.Name, s.Message, s.Err)
		assert.Equal(t, "ok", s.Code)
		assert.NoError(t, s.Err)
	}
	_, found := report.FirstBroken()
	assert.False(t, found)
	assert.Equal(t, roleARN, report.RoleARN)
	assert.Equal(t, "system:serviceaccount:payments:api", report.Token.Subject)
	assert.Contains(t, report.String(), "No broken link found.")
}

func TestTheFirstBrokenLinkIs(t *testing.T) {
	t.Parallel()
	write := func(content string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) { require.NoError(t, os.WriteFile(w.file, []byte(content), 0o600)) }
	}
	project := func(req oidctest.TokenRequest) func(*testing.T, *world) {
		req.Namespace = "payments"
		if req.ServiceAccount == "" {
			req.ServiceAccount = "api"
		}
		return func(t *testing.T, w *world) { w.project(t, req) }
	}
	fault := func(f oidctest.Fault) func(*testing.T, *world) {
		return func(_ *testing.T, w *world) { w.issuer.SetFault(f) }
	}
	for name, tc := range map[string]struct {
		hurt func(*testing.T, *world)
		link doctor.Name
		code string
	}{
		"no variables at all": {func(_ *testing.T, w *world) { clear(w.env) }, doctor.Environment, "no-identity"},
		"a role without a token file": {func(_ *testing.T, w *world) { delete(w.env, "AWS_WEB_IDENTITY_TOKEN_FILE") },
			doctor.Environment, "half-identity"},
		"a token file without a role": {func(_ *testing.T, w *world) { delete(w.env, "AWS_ROLE_ARN") },
			doctor.Environment, "half-identity"},
		"static keys before the web identity": {func(_ *testing.T, w *world) {
			w.env["AWS_ACCESS_KEY_ID"], w.env["AWS_SECRET_ACCESS_KEY"] = "AKIA", "secret"
		}, doctor.Environment, "static-keys-shadow-web-identity"},
		"static keys alone": {func(_ *testing.T, w *world) {
			clear(w.env)
			w.env["AWS_ACCESS_KEY_ID"], w.env["AWS_SECRET_ACCESS_KEY"] = "AKIA", "secret"
		}, doctor.Environment, "no-web-identity"},
		"no token file": {func(t *testing.T, w *world) { require.NoError(t, os.Remove(w.file)) },
			doctor.TokenFile, "token-file-missing"},
		"an empty token file":    {write("\n"), doctor.TokenFile, "token-empty"},
		"a far too long file":    {write(strings.Repeat("x", 30000)), doctor.TokenFile, "token-file-unusable"},
		"a file without a token": {write("hello"), doctor.Token, "token-malformed"},
		"a token without claims": {write("e30.e30.e30"), doctor.Token, "claim-missing"},
		"an expired token":       {project(oidctest.TokenRequest{Lifetime: -time.Minute}), doctor.Token, "token-expired"},
		"an issuer that fails":   {fault(oidctest.Fault{Status: 500}), doctor.Issuer, "issuer-unreachable"},
		"an issuer that expired": {fault(oidctest.Fault{ExpiredChain: true}), doctor.Issuer, "issuer-unreachable"},
		"an issuer that calls itself otherwise": {fault(oidctest.Fault{WrongIssuer: issuerURL + "/"}),
			doctor.Issuer, "issuer-mismatch"},
		"an issuer without its keys": {fault(oidctest.Fault{JWKSURI: issuerURL + "/nothing"}),
			doctor.Issuer, "keys-unavailable"},
		"a token of a key that is not served": {func(t *testing.T, w *world) {
			w.issuer.SetFault(oidctest.Fault{UnknownKeyID: true})
			w.project(t, oidctest.TokenRequest{Namespace: "payments", ServiceAccount: "api"})
		}, doctor.Issuer, "key-missing"},
		"a token that somebody changed": {func(t *testing.T, w *world) {
			jwt, err := os.ReadFile(w.file)
			require.NoError(t, err)
			parts := strings.Split(string(jwt), ".")
			parts[2] = strings.Repeat("A", len(parts[2]))
			write(strings.Join(parts, "."))(t, w)
		}, doctor.Issuer, "signature-invalid"},
		"no provider": {func(t *testing.T, w *world) { w.deleteProvider(t) }, doctor.IAMProvider, "no-provider"},
		"a provider for another audience": {func(t *testing.T, w *world) {
			w.replaceProvider(t, []string{"other"}, []string{strings.Repeat("a", 40)})
		}, doctor.IAMProvider, "audience-not-registered"},
		"a token for another audience": {project(oidctest.TokenRequest{Audiences: []string{"other"}}),
			doctor.IAMProvider, "audience-not-registered"},
		"a provider with an old thumbprint": {func(t *testing.T, w *world) {
			w.replaceProvider(t, []string{"sts.amazonaws.com"}, []string{strings.Repeat("a", 40)})
		}, doctor.IAMProvider, "thumbprint-mismatch"},
		"no role": {func(t *testing.T, w *world) { w.deleteRole(t) }, doctor.IAMRole, "role-missing"},
		"a role under a path": {func(t *testing.T, w *world) {
			w.deleteRole(t)
			w.createRole(t, "payments", "/team/", "api")
		}, doctor.IAMRole, "role-arn-mismatch"},
		"a role for another account": {func(t *testing.T, w *world) {
			w.deleteRole(t)
			w.createRole(t, "payments", "/", "worker")
		}, doctor.TrustPolicy, "trust-policy-mismatch"},
		"a pod of another account": {project(oidctest.TokenRequest{ServiceAccount: "worker"}),
			doctor.TrustPolicy, "trust-policy-mismatch"},
		"an STS that throttles": {func(_ *testing.T, w *world) {
			w.account.SetFault(trusttest.Fault{Failure: trusttest.Throttling, Actions: []string{"AssumeRoleWithWebIdentity"}})
		}, doctor.STS, "throttled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tc.hurt(t, w)
			report := w.run(t)
			first, found := report.FirstBroken()
			require.True(t, found, report.String())
			assert.Equal(t, tc.link, first.Name, report.String())
			assert.Equal(t, tc.code, first.Code, report.String())
			assert.NotEmpty(t, first.Message)
			assert.Contains(t, report.String(), "The first broken link is "+string(tc.link))
		})
	}
}

// What the doctor finds broken without STS is what STS refuses.
func TestWhatIsBrokenDoesNotWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.project(t, oidctest.TokenRequest{Namespace: "payments", ServiceAccount: "worker"})
	report := w.run(t)
	policy, _ := report.Step(doctor.TrustPolicy)
	atLast, _ := report.Step(doctor.STS)
	assert.Equal(t, doctor.Broken, policy.Status)
	assert.Equal(t, doctor.Broken, atLast.Status)
	assert.Equal(t, "trust-policy-mismatch", policy.Code)
	assert.Equal(t, "trust-policy-mismatch", atLast.Code)
	assert.Contains(t, strings.Join(policy.Notes, "\n"), "system:serviceaccount:payments:worker", "it says what the token has")
	assert.Contains(t, strings.Join(policy.Notes, "\n"), "system:serviceaccount:payments:api", "and what the policy wants")
}

func TestWhatCannotBeReadIsSkippedNotBroken(t *testing.T) {
	t.Parallel()
	denied := &smithy.GenericAPIError{Code: "AccessDenied", Message: "not authorized to perform iam:GetRole"}
	w := newWorld(t)
	w.cfg.ReadProvider = func(context.Context, string) (doctor.Provider, error) { return doctor.Provider{}, denied }
	w.cfg.ReadRole = func(context.Context, string) (doctor.Role, error) { return doctor.Role{}, denied }
	w.cfg.Assume = nil
	report := w.run(t)
	_, found := report.FirstBroken()
	assert.False(t, found, report.String())
	for name, code := range map[doctor.Name]string{
		doctor.IAMProvider: "provider-not-readable", doctor.IAMRole: "role-not-readable",
		doctor.TrustPolicy: "not-read", doctor.STS: "not-asked",
	} {
		s, ok := report.Step(name)
		require.True(t, ok)
		assert.Equal(t, doctor.Skipped, s.Status)
		assert.Equal(t, code, s.Code)
	}
}

func TestTheZeroConfigLooksAtThePodAlone(t *testing.T) {
	t.Parallel()
	report := doctor.Run(t.Context(), nil, doctor.Config{})
	first, found := report.FirstBroken()
	require.True(t, found)
	assert.Equal(t, doctor.Environment, first.Name)
	for _, s := range report.Steps[1:] {
		assert.Equal(t, doctor.Skipped, s.Status, s.Name)
	}
	assert.Empty(t, doctor.Report{}.String())
}

func TestPodIdentityNeedsNoIssuer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clear(w.env)
	w.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.170.23/v1/credentials"
	w.env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = w.file
	w.cfg.Assume = func(_ context.Context, r token.Resolution) error {
		assert.Equal(t, token.Container, r.Kind)
		return errors.New("the agent does not answer")
	}
	report := w.run(t)
	first, found := report.FirstBroken()
	require.True(t, found, report.String())
	assert.Equal(t, doctor.STS, first.Name)
	assert.Equal(t, "no-credentials", first.Code)
	for _, name := range []doctor.Name{doctor.Issuer, doctor.IAMProvider, doctor.IAMRole} {
		s, _ := report.Step(name)
		assert.Equal(t, "not-needed", s.Code)
	}
}

func TestTheDoctorStopsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	report := doctor.Run(ctx, w.lookup, w.cfg)
	for _, s := range report.Steps {
		assert.Equal(t, doctor.Skipped, s.Status)
		assert.Equal(t, "stopped", s.Code)
	}
}

func TestAClientIDOfTheAPIServerIsNoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	report, err := oidc.ChainThumbprint(w.issuer.Chain())
	require.NoError(t, err)
	for id, noted := range map[string]bool{
		"https://kubernetes.default.svc.cluster.local": true, "kubernetes.svc.default": true, "k3s": true, "rke2": true,
		w.issuer.URL(): true, w.issuer.URL() + "/": true, "my-audience": false,
	} {
		w.replaceProvider(t, []string{"sts.amazonaws.com", id}, report.Thumbprints)
		s, _ := w.run(t).Step(doctor.IAMProvider)
		assert.Equal(t, doctor.OK, s.Status)
		assert.Equal(t, noted, strings.Contains(strings.Join(s.Notes, "\n"), "default token"), id)
	}
}

func FuzzRun(f *testing.F) {
	f.Add("arn:aws:iam::111122223333:role/r", "e30.e30.e30", `%7B%7D`)
	f.Add("x", "", "{")
	f.Fuzz(func(t *testing.T, role, jwt, policy string) {
		file := filepath.Join(t.TempDir(), "token")
		require.NoError(t, os.WriteFile(file, []byte(jwt), 0o600))
		env := map[string]string{"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": file}
		offline := &oidc.Client{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("offline") }}
		report := doctor.Run(t.Context(), func(name string) (string, bool) { v, ok := env[name]; return v, ok }, doctor.Config{
			Issuers:      offline,
			ReadProvider: func(context.Context, string) (doctor.Provider, error) { return doctor.Provider{}, nil },
			ReadRole: func(context.Context, string) (doctor.Role, error) {
				return doctor.Role{ARN: role, TrustPolicy: policy}, nil
			},
		})
		require.Len(t, report.Steps, 8)
	})
}

func ExampleRun() {
	env := map[string]string{"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/payments", "AWS_WEB_IDENTITY_TOKEN_FILE": "/does/not/exist"}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok } // os.LookupEnv
	report := doctor.Run(context.Background(), lookup, doctor.Config{})
	if first, broken := report.FirstBroken(); broken {
		fmt.Println(first.Name, first.Code)
		fmt.Println(first.Message)
		fmt.Println(first.Next[0])
	}
	fmt.Println(len(report.Steps), "links looked at")
	// Output:
	// token-file token-file-missing
	// the token file does not exist
	// AWS_WEB_IDENTITY_TOKEN_FILE against the path that the token's volume is mounted at
	// 8 links looked at
}

func TestAReportAsJSONHasErrorsAsTextAndNoToken(t *testing.T) {
	t.Parallel()
	report := doctor.Report{
		RoleARN: "arn:aws:iam::111122223333:role/x", Token: token.Unverified{Subject: "secret"},
		Steps: []doctor.Step{{Name: doctor.STS, Status: doctor.Broken, Code: "c", Message: "m", Err: errors.New("why"), Next: []string{"look"}}},
	}
	text, err := json.Marshal(report)
	require.NoError(t, err)
	assert.JSONEq(t, `{"roleARN":"arn:aws:iam::111122223333:role/x","steps":[{"name":"sts","status":"broken","code":"c","message":"m","error":"why","next":["look"]}]}`, string(text))
}
