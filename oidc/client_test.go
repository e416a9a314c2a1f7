package oidc_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

func TestTheDocumentMustBeTheIssuersOwn(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{Issuer: "https://idp.example.com/a"})
	for _, wrong := range []string{"https://idp.example.com/a/", "https://idp.example.com/A", "https://idp.example.com:443/a", "https://evil.example"} {
		srv.SetFault(oidctest.Fault{WrongIssuer: wrong})
		doc, err := srv.Client().Discover(t.Context(), srv.Issuer())
		assert.ErrorIs(t, err, oidc.ErrIssuerMismatch, wrong)
		assert.Nil(t, doc)
	}
	srv.SetFault(oidctest.Fault{JWKSURI: "http://idp.example.com/keys"})
	_, err := srv.Client().Discover(t.Context(), srv.Issuer())
	assert.ErrorIs(t, err, oidc.ErrDocument)
	srv.SetFault(oidctest.Fault{Status: 503})
	_, err = srv.Client().Keys(t.Context(), srv.Issuer())
	var status *oidc.StatusError
	require.ErrorAs(t, err, &status)
	assert.Equal(t, 503, status.Status)
	srv.SetFault(oidctest.Fault{EndlessBody: true})
	_, err = srv.Client().Keys(t.Context(), srv.Issuer())
	assert.ErrorIs(t, err, oidc.ErrTooLarge)
	srv.SetFault(oidctest.Fault{RedirectTo: srv.URL() + "/round"})
	_, err = srv.Client().Keys(t.Context(), srv.Issuer())
	assert.ErrorIs(t, err, oidc.ErrRedirect)
}

func TestOnlyTheGivenRootsAreTrusted(t *testing.T) {
	t.Parallel()
	srv, stranger := server(t, oidctest.Config{}), server(t, oidctest.Config{})
	client := srv.Client()
	client.RootCAs = stranger.CertPool()
	_, err := client.Discover(t.Context(), srv.Issuer())
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
	for _, fault := range []oidctest.Fault{{ExpiredChain: true}, {IncompleteChain: true}} {
		srv.SetFault(fault)
		_, err = srv.Client().Discover(t.Context(), srv.Issuer())
		assert.Error(t, err)
	}
	srv.SetFault(oidctest.Fault{TLS13Only: true})
	_, err = srv.Client().Discover(t.Context(), srv.Issuer())
	assert.NoError(t, err)
}

func TestZeroAndNilClientsDoNotPanic(t *testing.T) {
	t.Parallel()
	var client *oidc.Client
	for _, c := range []*oidc.Client{client, {}} {
		_, err := c.Discover(t.Context(), oidc.Issuer{})
		assert.ErrorIs(t, err, oidc.ErrIssuerZero)
		_, err = c.Keys(t.Context(), oidc.Issuer{})
		assert.ErrorIs(t, err, oidc.ErrIssuerZero)
		_, err = c.Thumbprints(t.Context(), oidc.Issuer{})
		assert.ErrorIs(t, err, oidc.ErrIssuerZero)
		assert.ErrorIs(t, c.Preflight(t.Context(), oidc.Issuer{}, oidc.PreflightConfig{}).Err(), oidc.ErrIssuerZero)
	}
}

// tunnel is a proxy that leads everything to srv.
func tunnel(t *testing.T, srv *oidctest.Server, requests chan<- *http.Request) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() { listener.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			reader := bufio.NewReader(conn)
			req, err := http.ReadRequest(reader)
			if err != nil {
				conn.Close()
				continue
			}
			requests <- req
			up, err := srv.DialContext(context.Background(), "tcp", req.Host)
			if err != nil {
				io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
				conn.Close()
				continue
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			go func() { io.Copy(up, reader); up.Close() }()
			io.Copy(conn, up)
			conn.Close()
		}
	}()
	return listener.Addr().String()
}

func TestAProxyIsAskedForATunnel(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	requests := make(chan *http.Request, 10)
	addr := tunnel(t, srv, requests)
	client := &oidc.Client{RootCAs: srv.CertPool(), Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: addr, User: url.UserPassword("me", "pw")})}
	report, err := client.Thumbprints(t.Context(), srv.Issuer())
	require.NoError(t, err)
	req := <-requests
	assert.Equal(t, http.MethodConnect, req.Method)
	assert.Equal(t, "idp.example.com:443", req.Host)
	assert.True(t, strings.HasPrefix(req.Header.Get("Proxy-Authorization"), "Basic "))
	assert.Equal(t, addr, report.Endpoints[0].Proxy)
	assert.Empty(t, report.Endpoints[0].Address)
	assert.NotContains(t, report.String(), "pw")

	client.Proxy = http.ProxyURL(&url.URL{Scheme: "socks5", Host: addr})
	_, err = client.Discover(t.Context(), srv.Issuer())
	assert.ErrorContains(t, err, "socks5")
}
