package oidc_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

const secret = "SECRET-FROM-THE-SERVER"

// hostile answers every request in memory with what answer writes.
type hostile struct {
	cert   tls.Certificate
	pool   *x509.CertPool
	silent bool // no TLS either
	answer func(w io.Writer)
	served sync.WaitGroup
}

func newHostile(t *testing.T, answer func(io.Writer), names ...string) *hostile {
	t.Helper()
	if names == nil {
		names = []string{"idp.example.com", "other.example.com", "proxy.example.com"}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	h := &hostile{cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool: x509.NewCertPool(), answer: answer}
	h.pool.AddCert(cert)
	return h
}

func (h *hostile) client() *oidc.Client {
	return &oidc.Client{RootCAs: h.pool, DialContext: h.dial}
}

func (h *hostile) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	h.served.Go(func() {
		defer server.Close()
		if h.silent {
			_, _ = io.Copy(io.Discard, server)
			return
		}
		conn := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{h.cert}, SessionTicketsDisabled: true})
		if conn.Handshake() != nil {
			return
		}
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		h.answer(conn)
	})
	return client, nil
}

// forever writes until the client is gone, pausing in between.
func forever(w io.Writer, piece string, pause time.Duration) {
	for {
		if _, err := io.WriteString(w, piece); err != nil {
			return
		}
		time.Sleep(pause)
	}
}

// calls are the ways to an issuer; each must survive what the network does.
func calls(t testing.TB, iss oidc.Issuer) map[string]func(context.Context, *oidc.Client) error {
	t.Helper()
	minted := time.Now() // a bubble has another clock
	token := mint(t, server(t, oidctest.Config{Issuer: iss.String()}), oidctest.TokenRequest{Audiences: []string{"a"}})
	return map[string]func(context.Context, *oidc.Client) error{
		"Discover": func(ctx context.Context, c *oidc.Client) error { _, err := c.Discover(ctx, iss); return err },
		"Keys":     func(ctx context.Context, c *oidc.Client) error { _, err := c.Keys(ctx, iss); return err },
		"Thumbprints": func(ctx context.Context, c *oidc.Client) error {
			_, err := c.Thumbprints(ctx, iss)
			return err
		},
		"Preflight": func(ctx context.Context, c *oidc.Client) error {
			return c.Preflight(ctx, iss, oidc.PreflightConfig{}).Err()
		},
		"Verifier": func(ctx context.Context, c *oidc.Client) error {
			v, err := oidc.NewVerifier(iss, "a", oidc.VerifierConfig{Client: c, Now: func() time.Time { return minted }})
			require.NoError(t, err)
			_, err = v.Verify(ctx, token)
			return err
		},
		"Stale": func(ctx context.Context, c *oidc.Client) error {
			reports, err := iamprovider.Stale(ctx, provided{iss}, iamprovider.StaleConfig{Discoverer: c, Timeout: 2 * time.Second})
			if err != nil || len(reports) == 0 {
				return err
			}
			return reports[0].Err
		},
	}
}

// provided is an account with the provider of one issuer.
type provided struct{ oidc.Issuer }

func (p provided) ListOpenIDConnectProviders(context.Context, *iam.ListOpenIDConnectProvidersInput, ...func(*iam.Options)) (*iam.ListOpenIDConnectProvidersOutput, error) {
	return &iam.ListOpenIDConnectProvidersOutput{OpenIDConnectProviderList: []types.OpenIDConnectProviderListEntry{
		{Arn: aws.String("arn:aws:iam::111122223333:oidc-provider/" + p.HostPath())},
	}}, nil
}

func TestHostileServersCostNoMoreThanTheDeadlineAndLeaveNothing(t *testing.T) {
	t.Parallel()
	ok := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	says := func(text string) func(io.Writer) {
		return func(w io.Writer) { io.WriteString(w, text) }
	}
	iss := issuer(t, "https://idp.example.com")
	ways := calls(t, iss)
	var status *oidc.StatusError
	var address *oidc.AddressError
	for name, c := range map[string]struct {
		answer func(io.Writer)
		want   any // an error, a pointer for errors.As, or a text
	}{
		"silence after TLS": {nil, context.DeadlineExceeded},
		"an end instead":    {says(""), io.EOF},
		"not HTTP":          {says(secret + "\r\n\r\n"), "the answer is not HTTP"},
		"half a header":     {says("HTTP/1.1 200 OK\r\nContent-"), "the answer is not HTTP"},
		"a slow header":     {func(w io.Writer) { io.WriteString(w, "HTTP/1.1 200 OK\r\nA: "); forever(w, "a", time.Second) }, context.DeadlineExceeded},
		"an endless header": {func(w io.Writer) {
			io.WriteString(w, "HTTP/1.1 200 OK\r\n")
			forever(w, strings.Repeat("A: b\r\n", 500), 0)
		}, oidc.ErrTooLarge},
		"an endless line":  {func(w io.Writer) { forever(w, strings.Repeat("a", 1000), 0) }, oidc.ErrTooLarge},
		"interim answers":  {func(w io.Writer) { forever(w, strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 20), 0) }, oidc.ErrTooLarge},
		"another protocol": {says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), &status},
		"a slow body":      {func(w io.Writer) { io.WriteString(w, ok+"Content-Length: 1000\r\n\r\n"); forever(w, "a", time.Second) }, context.DeadlineExceeded},
		"an endless body":  {func(w io.Writer) { io.WriteString(w, ok+"\r\n"); forever(w, strings.Repeat(" ", 4096), 0) }, oidc.ErrTooLarge},
		"endless chunks": {func(w io.Writer) {
			io.WriteString(w, ok+"Transfer-Encoding: chunked\r\n\r\n")
			forever(w, strings.Repeat("1\r\n \r\n", 500), 0)
		}, oidc.ErrTooLarge},
		"an endless comment": {func(w io.Writer) {
			io.WriteString(w, ok+"Transfer-Encoding: chunked\r\n\r\n1;")
			forever(w, strings.Repeat("a", 4096), 0)
		}, "the answer is not HTTP"},
		"half a body":           {says(ok + "Content-Length: 1000\r\n\r\n" + secret), io.ErrUnexpectedEOF},
		"a page":                {says("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 29\r\n\r\n<html>" + secret + " "), oidc.ErrDocument},
		"compressed":            {says(ok + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"), oidc.ErrDocument},
		"an error with a body":  {func(w io.Writer) { io.WriteString(w, "HTTP/1.1 500 x\r\n\r\n"); forever(w, secret, 0) }, &status},
		"a redirect loop":       {says("HTTP/1.1 302 x\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"), "there were 5 before it"},
		"a redirect to http":    {says("HTTP/1.1 302 x\r\nLocation: http://idp.example.com/\r\n\r\n"), `leads to scheme "http"`},
		"a redirect to nowhere": {says("HTTP/1.1 302 x\r\nLocation: https://:x/\r\n\r\n"), "leads to an invalid URL"},
		"a redirect to user":    {says("HTTP/1.1 302 x\r\nLocation: https://a:b@idp.example.com/\r\n\r\n"), "leads to a URL with a user"},
		"a redirect to an IDN":  {says("HTTP/1.1 302 x\r\nLocation: https://bücher.example/\r\n\r\n"), "leads to an invalid URL"},
		"a redirect to escapes": {says("HTTP/1.1 302 x\r\nLocation: /?\u009b2J\r\n\r\n"), "leads to an invalid URL"},
		"a redirect inside":     {says("HTTP/1.1 302 x\r\nLocation: https://169.254.169.254/latest/\r\n\r\n"), &address},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := newHostile(t, c.answer)
				if c.answer == nil {
					h.answer = func(w io.Writer) { _, _ = io.Copy(io.Discard, w.(io.Reader)) }
				}
				for way, call := range ways {
					ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
					start := time.Now()
					err := call(ctx, h.client())
					assertIs(t, err, c.want, way)
					assert.NotContains(t, err.Error(), secret, way)
					assert.LessOrEqual(t, time.Since(start), 3*time.Second, way)
					cancel()
					// Every connection was closed: the bubble would not end otherwise.
					h.served.Wait()
				}
			})
		})
	}
}

// assertIs takes an error, a pointer of the type for errors.As, or a text.
func assertIs(t testing.TB, err error, want any, what string) {
	t.Helper()
	switch want := want.(type) {
	case error:
		assert.ErrorIs(t, err, want, what)
	case string:
		assert.ErrorContains(t, err, want, what)
	default:
		// A target of this call's own: cases run side by side, and share what want points to.
		assert.ErrorAs(t, err, reflect.New(reflect.TypeOf(want).Elem()).Interface(), what)
	}
}

func TestACallWithoutADeadlineEndsByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHostile(t, nil)
		h.silent = true
		start := time.Now()
		_, err := h.client().Discover(context.Background(), issuer(t, "https://idp.example.com"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 30*time.Second, time.Since(start))
	})
}

func TestACancelledCallSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHostile(t, nil)
		h.silent = true
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := h.client().Keys(ctx, issuer(t, "https://idp.example.com"))
		assert.ErrorIs(t, err, context.Canceled)
	})
}

// What the document of a public issuer points at must be public, whatever it spells.
func TestAPublicIssuerLeadsToPublicAddressesOnly(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	for _, target := range []string{
		"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "169.254.169.254",
		"169.254.170.23", "[fd00:ec2::254]", "[fd00::1]", "[fe80::1]", "0.0.0.0", "[::]", "255.255.255.255", "224.0.0.1",
		"[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:db8::1]", "198.18.0.1",
		"[::ffff:0:127.0.0.1]", "[64:ff9b:1::a00:1]", "[::127.0.0.1]", "[100::1]", "[5f00::1]", "[fec0::1]", "[4000::1]", "[1::1]",
	} {
		srv.SetFault(oidctest.Fault{JWKSURI: "https://" + target + "/keys"})
		_, err := srv.Client().Keys(t.Context(), srv.Issuer())
		var refused *oidc.AddressError
		require.ErrorAs(t, err, &refused, target)
		assert.True(t, refused.Addr.IsValid())
		srv.SetFault(oidctest.Fault{RedirectTo: "https://" + target + "/x"})
		_, err = srv.Client().Thumbprints(t.Context(), srv.Issuer())
		assert.ErrorAs(t, err, &refused, target)
	}
}

func TestAllowAddressDecidesAlone(t *testing.T) {
	t.Parallel()
	srv, err := oidctest.NewServer(oidctest.Config{Algorithm: "ES256"})
	require.NoError(t, err)
	defer srv.Close()
	reason := fmt.Errorf("not there")
	var asked []netip.Addr
	client := &oidc.Client{RootCAs: srv.CertPool(), AllowAddress: func(a netip.Addr) error { asked = append(asked, a); return reason }}
	_, err = client.Discover(t.Context(), srv.Issuer())
	require.ErrorIs(t, err, reason)
	assert.Equal(t, netip.MustParseAddr("127.0.0.1"), asked[0])
	client.AllowAddress = func(netip.Addr) error { return nil }
	_, err = client.Discover(t.Context(), srv.Issuer())
	assert.NoError(t, err)
	client.AllowAddress = nil
	_, err = client.Keys(t.Context(), srv.Issuer())
	assert.NoError(t, err, "a loopback issuer stays in its own class")
}

func TestAddressesAreVettedWhereADialerOfOnesOwnEndsUp(t *testing.T) {
	t.Parallel()
	local, err := oidctest.NewServer(oidctest.Config{Algorithm: "ES256"})
	require.NoError(t, err)
	defer local.Close()
	srv := server(t, oidctest.Config{})
	srv.SetFault(oidctest.Fault{JWKSURI: "https://keys.example.com/keys"})
	client := srv.Client()
	client.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == "keys.example.com:443" { // a name that resolves to loopback
			return (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(local.URL(), "https://"))
		}
		return srv.DialContext(ctx, network, addr)
	}
	_, err = client.Keys(t.Context(), srv.Issuer())
	var refused *oidc.AddressError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "keys.example.com:443", refused.Host)
}

func TestADialerIsToldOfTheEndAndWhatItBringsLaterIsClosed(t *testing.T) {
	t.Parallel()
	iss := issuer(t, "https://idp.example.com")
	ways := calls(t, iss)
	synctest.Test(t, func(t *testing.T) {
		for way, call := range ways {
			h := newHostile(t, func(io.Writer) {})
			var told atomic.Bool
			client := h.client()
			client.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				<-ctx.Done()
				told.Store(true)
				time.Sleep(time.Minute)
				return h.dial(ctx, network, addr)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			require.ErrorIs(t, call(ctx, client), context.DeadlineExceeded, way)
			cancel()
			synctest.Wait()
			assert.True(t, told.Load(), way)
			time.Sleep(2 * time.Minute)
			h.served.Wait() // the connection was closed
		}
	})
}
