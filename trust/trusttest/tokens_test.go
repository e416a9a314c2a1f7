package trusttest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/trust/trusttest"
)

const ownIssuer = "issuer.example"

// tokens is an issuer whose certificates, documents and claims a test chooses.
type tokens struct {
	account *trusttest.Account
	iam     *iam.Client
	sts     *sts.Client
	key     *ecdsa.PrivateKey
	serve   *tls.Config // of the issuer's host
	chain   [][]byte
}

// newTokens has an issuer with a certificate of its own, which is its thumbprint.
func newTokens(t *testing.T, cfg trusttest.Config) *tokens {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &tokens{key: key}
	leaf := newCertificate(t, "leaf", nil, ownIssuer)
	c.present(leaf)
	cfg.DialContext = c.dial(t)
	c.account, err = trusttest.NewAccount(cfg)
	require.NoError(t, err)
	t.Cleanup(c.account.Close)
	c.iam, c.sts = iam.NewFromConfig(c.account.AWSConfig()), sts.NewFromConfig(c.account.AWSConfig())
	_, err = c.iam.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://" + ownIssuer), ClientIDList: []string{"sts.amazonaws.com"}, ThumbprintList: []string{leaf.thumbprint()},
	})
	require.NoError(t, err)
	return c
}

// present makes the issuer's host send these certificates, the first of which is its own.
func (c *tokens) present(chain ...certificate) {
	c.chain = nil
	for _, one := range chain {
		c.chain = append(c.chain, one.cert.Raw)
	}
	c.serve = &tls.Config{Certificates: []tls.Certificate{{Certificate: c.chain, PrivateKey: chain[0].key}}}
}

func (c *tokens) dial(t *testing.T) func(context.Context, string, string) (net.Conn, error) {
	keys, err := oidc.NewKeySet(c.key.Public())
	require.NoError(t, err)
	jwks, err := json.Marshal(keys)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":"https://%s","jwks_uri":"https://%[1]s/keys","response_types_supported":["id_token"],
			"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256"]}`, ownIssuer)
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(jwks) })
	return func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		server := &http.Server{Handler: mux, ErrorLog: log.New(io.Discard, "", 0)} // refused handshakes
		go func() { _ = server.Serve(&oneConn{conn: tls.Server(far, c.serve), done: make(chan struct{})}) }()
		return near, nil
	}
}

// oneConn is a listener for one connection.
type oneConn struct {
	conn net.Conn
	done chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if l.conn == nil {
		<-l.done
		return nil, net.ErrClosed
	}
	conn := l.conn
	l.conn = nil
	close(l.done) // Serve ends; the connection's goroutine goes on until it is hung up
	return conn, nil
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.IPAddr{} }

// createRole makes a role for the subject "me" of the issuer.
func (c *tokens) createRole(t *testing.T, name, actions string, conditions ...string) string {
	t.Helper()
	condition := ""
	for _, more := range conditions {
		condition += "," + more
	}
	document := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/%s"},`+
		`"Action":[%s],"Condition":{"StringLike":{"%[1]s:sub":"me","%[1]s:aud":"sts.amazonaws.com"}%[3]s}}]}`, ownIssuer, actions, condition)
	out, err := c.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &document})
	require.NoError(t, err)
	return *out.Role.Arn
}

// sign makes a token for "me", its claims overridden; a claim that is nil is left out.
func (c *tokens) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	all := map[string]any{
		"iss": "https://" + ownIssuer, "sub": "me", "aud": "sts.amazonaws.com",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	for name, value := range claims {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	payload, err := json.Marshal(all)
	require.NoError(t, err)
	kid, err := oidc.KeyID(c.key.Public())
	require.NoError(t, err)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: c.key, KeyID: kid}}, nil)
	require.NoError(t, err)
	signed, err := signer.Sign(payload)
	require.NoError(t, err)
	token, err := signed.CompactSerialize()
	require.NoError(t, err)
	return token
}

func (c *tokens) assume(t *testing.T, role string, claims map[string]any) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	t.Helper()
	return c.sts.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &role, RoleSessionName: aws.String("session"), WebIdentityToken: aws.String(c.sign(t, claims)),
	})
}

// certificate is one with its key.
type certificate struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func (c certificate) thumbprint() string { return fmt.Sprintf("%x", sha1.Sum(c.cert.Raw)) }

// newCertificate is signed by the issuer, nil for itself; with hosts it is a server's.
func newCertificate(t *testing.T, name string, issuer *certificate, hosts ...string) certificate {
	t.Helper()
	return newCertificateFor(t, name, issuer, -time.Hour, 24*time.Hour, hosts...)
}

func newCertificateFor(t *testing.T, name string, issuer *certificate, from, to time.Duration, hosts ...string) certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
		DNSNames: hosts, BasicConstraintsValid: true, IsCA: len(hosts) == 0,
	}
	if template.IsCA {
		template.KeyUsage = x509.KeyUsageCertSign
	}
	parent := certificate{template, key}
	if issuer != nil {
		parent = *issuer
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent.cert, key.Public(), parent.key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	return certificate{cert, key}
}

func TestAThumbprintVouchesForAChainWhoseEveryLinkHolds(t *testing.T) {
	t.Parallel()
	root := newCertificate(t, "root", nil)
	middle := newCertificate(t, "middle", &root)
	leaf := newCertificate(t, "leaf", &middle, ownIssuer)
	namesake := newCertificate(t, "middle", &root) // its name, but another key
	elsewhere := newCertificate(t, "leaf", &middle, "other.example")
	expired := newCertificateFor(t, "leaf", &middle, -2*time.Hour, -time.Hour, ownIssuer)
	early := newCertificateFor(t, "leaf", &middle, time.Hour, 2*time.Hour, ownIssuer)
	oldMiddle := newCertificateFor(t, "middle", &root, -2*time.Hour, -time.Hour)
	underOld := newCertificate(t, "leaf", &oldMiddle, ownIssuer)
	for name, test := range map[string]struct {
		chain []certificate
		known certificate // whose thumbprint the provider has
		want  bool
	}{
		"the middle alone":                   {[]certificate{leaf, middle}, middle, true},
		"with the root":                      {[]certificate{leaf, middle, root}, root, true},
		"a known one that is not the last":   {[]certificate{leaf, middle, root}, middle, false},
		"the leaf, as the last":              {[]certificate{leaf}, leaf, true},
		"the leaf, which others follow":      {[]certificate{leaf, middle}, leaf, false},
		"an unknown last one":                {[]certificate{leaf, middle}, root, false},
		"a last one that did not sign":       {[]certificate{leaf, namesake}, namesake, false},
		"a stranger in the middle":           {[]certificate{leaf, namesake, root}, root, false},
		"out of order":                       {[]certificate{leaf, root, middle}, middle, false},
		"one twice":                          {[]certificate{leaf, middle, middle}, middle, false},
		"another host's":                     {[]certificate{elsewhere, middle}, middle, false},
		"expired":                            {[]certificate{expired, middle}, middle, false},
		"not valid yet":                      {[]certificate{early, middle}, middle, false},
		"under one that is expired":          {[]certificate{underOld, oldMiddle}, oldMiddle, false},
		"under one that is expired, as leaf": {[]certificate{underOld}, underOld, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTokens(t, trusttest.Config{})
			role := c.createRole(t, "app", `"sts:AssumeRoleWithWebIdentity"`)
			_, err := c.iam.UpdateOpenIDConnectProviderThumbprint(t.Context(), &iam.UpdateOpenIDConnectProviderThumbprintInput{
				OpenIDConnectProviderArn: aws.String("arn:aws:iam::111122223333:oidc-provider/" + ownIssuer), ThumbprintList: []string{test.known.thumbprint()},
			})
			require.NoError(t, err)
			c.present(test.chain...)
			_, err = c.assume(t, role, nil)
			if test.want {
				require.NoError(t, err)
				return
			}
			assertDenied(t, err, "InvalidIdentityToken", 400, "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")
		})
	}
}

func TestWhatATokenMustSay(t *testing.T) {
	t.Parallel()
	c := newTokens(t, trusttest.Config{})
	role := c.createRole(t, "app", `"sts:AssumeRoleWithWebIdentity"`)
	for name, test := range map[string]struct {
		claims  map[string]any
		message string // "": fine
	}{
		"all there is":        {nil, ""},
		"a fraction of time":  {map[string]any{"exp": json.Number("99999999999.5")}, ""},
		"one audience listed": {map[string]any{"aud": []string{"sts.amazonaws.com"}}, ""},
		"azp decides":         {map[string]any{"aud": []string{"x", "y"}, "azp": "sts.amazonaws.com"}, ""},
		"azp of another":      {map[string]any{"azp": "x"}, "Incorrect token audience"},
		"azp of a number":     {map[string]any{"azp": 7}, "not a valid JWT"},
		"two audiences":       {map[string]any{"aud": []string{"sts.amazonaws.com", "x"}}, "Incorrect token audience"},
		"no audience":         {map[string]any{"aud": []string{}}, "Incorrect token audience"},
		"a numeric audience":  {map[string]any{"aud": 7}, "not a valid JWT"},
		"no aud":              {map[string]any{"aud": nil}, "Missing a required claim: aud"},
		"no sub":              {map[string]any{"sub": nil}, "Missing a required claim: sub"},
		"no iat":              {map[string]any{"iat": nil}, "Missing a required claim: iat"},
		"no exp":              {map[string]any{"exp": nil}, "Missing a required claim: exp"},
		"no iss":              {map[string]any{"iss": nil}, "Missing a required claim: iss"},
		"an empty iss":        {map[string]any{"iss": ""}, "Missing a required claim: iss"},
		"a numeric sub":       {map[string]any{"sub": 7}, "not a valid JWT"},
		"a text as exp":       {map[string]any{"exp": "tomorrow"}, "not a valid JWT"},
		"a text as iat":       {map[string]any{"iat": "today"}, "not a valid JWT"},
		"an endless exp":      {map[string]any{"exp": json.Number("1e300")}, "not a valid JWT"},
		"an ancient exp":      {map[string]any{"exp": json.Number("-1e300")}, "not a valid JWT"},
		"an iss in http":      {map[string]any{"iss": "http://" + ownIssuer}, "No OpenIDConnect provider found in your account for http://"},
		"an iss with a slash": {map[string]any{"iss": "https://" + ownIssuer + "/"}, "No OpenIDConnect provider found in your account for https://"},
	} {
		_, err := c.assume(t, role, test.claims)
		if test.message == "" {
			assert.NoError(t, err, name)
			continue
		}
		assertDenied(t, err, "InvalidIdentityToken", 400, test.message)
	}
}

func TestAProviderIsFoundOnceItHasPropagated(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Second)
	c := newTokens(t, trusttest.Config{Now: func() time.Time { return now }})
	role := c.createRole(t, "app", `"sts:AssumeRoleWithWebIdentity"`)
	c.account.SetFault(trusttest.Fault{ProviderPropagation: 7 * time.Second})
	for age, want := range map[time.Duration]bool{0: false, 7*time.Second - time.Nanosecond: false, 7 * time.Second: true, time.Minute: true} {
		start := now
		now = start.Add(age)
		_, err := c.assume(t, role, nil)
		now = start
		if want {
			require.NoError(t, err, age)
			continue
		}
		assertDenied(t, err, "InvalidIdentityToken", 400, "No OpenIDConnect provider found in your account for https://"+ownIssuer)
	}
}
