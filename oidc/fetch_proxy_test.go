package oidc_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

const (
	proxyAddr = "proxy.example.com:3128"
	password  = "PASSWORD"
)

// through is a client whose proxy, in memory, does with each connection what serve does.
func through(t *testing.T, scheme string, serve func(net.Conn)) (*oidc.Client, *hostile) {
	t.Helper()
	h := newHostile(t, nil)
	proxy := &url.URL{Scheme: scheme, Host: proxyAddr, User: url.UserPassword("me", password)}
	return &oidc.Client{RootCAs: h.pool, Proxy: http.ProxyURL(proxy), DialContext: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		h.served.Go(func() {
			defer server.Close()
			if scheme == "https" {
				secured := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{h.cert}, SessionTicketsDisabled: true})
				if secured.Handshake() == nil {
					serve(secured)
				}
				return
			}
			serve(server)
		})
		return client, nil
	}}, h
}

// connect reads a CONNECT and answers it.
func connect(answer string) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			io.WriteString(c, answer)
		}
	}
}

// socks answers a greeting, and then a request.
func socks(greeting, answer string) func(net.Conn) {
	return func(c net.Conn) {
		buf := make([]byte, 512)
		for _, text := range []string{greeting, answer} {
			if _, err := c.Read(buf); err != nil {
				return
			}
			io.WriteString(c, text)
		}
	}
}

func hold(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func TestAProxyThatRefusesIsNamedWithItsAnswer(t *testing.T) {
	t.Parallel()
	ways := calls(t, issuer(t, "https://idp.example.com"))
	type row struct {
		scheme string
		serve  func(net.Conn)
		want   any
	}
	const refusal = "HTTP/1.1 407 " + secret + "\r\nProxy-Authenticate: Basic\r\nContent-Length: 3\r\n\r\nabc"
	const accepted = "\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"
	rows := map[string]row{
		"407":                        {"http", connect(refusal), "it answered 407 Proxy Authentication Required"},
		"403":                        {"http", connect("HTTP/1.1 403 x\r\n\r\n"), "it answered 403 Forbidden"},
		"502":                        {"http", connect("HTTP/1.0 502\r\n\r\n"), "it answered 502 Bad Gateway"},
		"200 of another kind":        {"http", connect("HTTP/1.1 204 x\r\n\r\n"), "it answered 204 No Content"},
		"not HTTP":                   {"http", connect(secret + "\r\n\r\n"), "the answer is not HTTP"},
		"a hang-up":                  {"http", connect(""), io.ErrUnexpectedEOF},
		"a hang-up at once":          {"http", func(net.Conn) {}, io.ErrClosedPipe},
		"silence":                    {"http", hold, context.DeadlineExceeded},
		"a header without an end":    {"http", func(c net.Conn) { connect("HTTP/1.1 200 OK\r\n")(c); forever(c, "A: b\r\n", 0) }, "answer"},
		"a hang-up after the tunnel": {"http", connect("HTTP/1.1 200 OK\r\n\r\n"), "TLS with idp.example.com:443 through"},
		"https: 407":                 {"https", connect(refusal), "407 Proxy Authentication Required"},
		"https: not HTTP":            {"https", connect(secret + "\r\n\r\n"), "the answer is not HTTP"},
		"https: silence":             {"https", hold, context.DeadlineExceeded},
		"socks5: no method":          {"socks5", socks("\x05\xff", ""), "no acceptable authentication methods"},
		"socks5: a wrong password":   {"socks5", socks("\x05\x02", "\x01\x01"), "username/password authentication failed"},
		"socks5: not allowed":        {"socks5", socks("\x05\x00", "\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00"), "not allowed by ruleset"},
		"socks5: HTTP":               {"socks5", socks("HTTP/1.1 400 "+secret+"\r\n\r\n", ""), "unexpected protocol version"},
		"socks5: silence":            {"socks5", hold, context.DeadlineExceeded},
		"socks5: a hang-up":          {"socks5", func(net.Conn) {}, "closed pipe"},
		"another scheme":             {"ftp", hold, `its scheme is "ftp"`},
	}
	for cut := range len(refusal) - len("\r\n\r\nabc") {
		rows[fmt.Sprintf("407, cut at byte %d", cut)] = row{"http", connect(refusal[:cut]), "answer"}
	}
	for cut := range len(accepted) {
		rows[fmt.Sprintf("socks5: cut at byte %d", cut)] = row{"socks5", socks("\x05\x00", accepted[:cut]), "EOF"}
	}
	for name, c := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, h := through(t, c.scheme, c.serve)
				for way, call := range ways {
					ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
					err := call(ctx, client)
					cancel()
					assertIs(t, err, c.want, way)
					assert.ErrorContains(t, err, "proxy "+proxyAddr, way)
					assert.NotContains(t, err.Error(), secret, way)
					assert.NotContains(t, err.Error(), password, way)
					h.served.Wait()
				}
			})
		})
	}
}

func TestAProxyWhoseCertificateNobodyVouchesForIsNotUsed(t *testing.T) {
	t.Parallel()
	for way, call := range calls(t, issuer(t, "https://idp.example.com")) {
		client, h := through(t, "https", hold)
		client.RootCAs = nil
		err := call(t.Context(), client)
		assert.ErrorContains(t, err, "proxy "+proxyAddr+": ", way)
		assert.ErrorContains(t, err, "TLS: x509: certificate signed by unknown authority", way)
		h.served.Wait()
	}
}

func TestWhatTheCallersFunctionsDoIsAnError(t *testing.T) {
	t.Parallel()
	ways := calls(t, issuer(t, "https://idp.example.com"))
	boom := func() { panic("http://me:" + password + "@p") }
	for name, c := range map[string]struct {
		client oidc.Client
		want   string
	}{
		"a dialer that panics": {oidc.Client{DialContext: func(context.Context, string, string) (net.Conn, error) { boom(); return nil, nil }}, "panicked, in"},
		"a dialer of nothing":  {oidc.Client{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, nil }}, "neither a connection nor an error"},
		"a proxy that panics":  {oidc.Client{Proxy: func(*http.Request) (*url.URL, error) { boom(); return nil, nil }}, "panicked, in"},
		"a proxy that fails": {oidc.Client{Proxy: func(*http.Request) (*url.URL, error) {
			return nil, errors.New("http://me:" + password + "@p")
		}}, "choosing a proxy"},
		"a proxy without a host": {oidc.Client{Proxy: http.ProxyURL(&url.URL{Scheme: "http"})}, "has no host"},
	} {
		for way, call := range ways {
			err := call(t.Context(), &c.client)
			require.ErrorContains(t, err, c.want, name+": "+way)
			assert.NotContains(t, err.Error(), password)
		}
	}
	srv := server(t, oidctest.Config{})
	dialer := srv.Client()
	for way, call := range ways {
		local := oidc.Client{DialContext: dialer.DialContext, Proxy: func(*http.Request) (*url.URL, error) { return nil, nil },
			Now: func() time.Time { boom(); return time.Time{} }}
		if way == "Discover" || way == "Keys" || way == "Verifier" { // the others judge certificates in the caller's goroutine too
			assert.ErrorContains(t, call(t.Context(), &local), "panicked, in", way)
		}
	}
}

// proxyServer leads everything to srv, by any scheme, and tells who asked for what.
func proxyServer(t *testing.T, srv *oidctest.Server, scheme string) (addr string, seen <-chan string, vouches *x509.Certificate) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr = listener.Addr().String()
	if scheme == "https" {
		cert := newHostile(t, nil).cert
		vouches, err = x509.ParseCertificate(cert.Certificate[0])
		require.NoError(t, err)
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{cert}})
	}
	log := make(chan string, 100)
	done := make(chan struct{})
	t.Cleanup(func() { listener.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveProxy(conn, srv, strings.HasPrefix(scheme, "socks"), log)
		}
	}()
	return addr, log, vouches
}

func serveProxy(conn net.Conn, srv *oidctest.Server, isSocks bool, log chan<- string) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	var who, host string
	if isSocks {
		who, host = socksRequest(reader, conn)
	} else {
		req, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		host = req.Host
		name, pass, _ := (&http.Request{Header: http.Header{"Authorization": req.Header["Proxy-Authorization"]}}).BasicAuth()
		who = name + ":" + pass
	}
	log <- who + " " + host
	up, err := srv.DialContext(context.Background(), "tcp", host)
	if err != nil {
		return
	}
	defer up.Close()
	if isSocks {
		io.WriteString(conn, "\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
	} else {
		io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	}
	go func() { io.Copy(up, reader); up.Close() }()
	io.Copy(conn, up)
}

// socksRequest is RFC 1928 and RFC 1929, as far as net/http speaks them.
func socksRequest(r *bufio.Reader, w io.Writer) (who, host string) {
	text := func(n byte) string { b := make([]byte, n); io.ReadFull(r, b); return string(b) }
	one := func() byte { return text(1)[0] }
	text(1)
	if methods := text(one()); strings.Contains(methods, "\x02") {
		io.WriteString(w, "\x05\x02")
		text(1)
		who = text(one())
		who += ":" + text(one())
		io.WriteString(w, "\x01\x00")
	} else {
		who = ":"
		io.WriteString(w, "\x05\x00")
	}
	text(4) // version, CONNECT, 0, a name
	host = text(one())
	port := text(2)
	return who, net.JoinHostPort(host, fmt.Sprint(int(port[0])<<8|int(port[1])))
}

func TestProxiesLeadToIssuersWithAndWithoutCredentials(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	for _, scheme := range []string{"http", "https", "socks5", "socks5h"} {
		for who, user := range map[string]*url.Userinfo{":": nil, "me:" + password: url.UserPassword("me", password)} {
			addr, seen, vouches := proxyServer(t, srv, scheme)
			client := srv.Client()
			client.Proxy = http.ProxyURL(&url.URL{Scheme: scheme, Host: "other.example.com:3128", User: user})
			client.DialContext = func(ctx context.Context, network, to string) (net.Conn, error) {
				assert.Equal(t, "other.example.com:3128", to)
				return (&net.Dialer{}).DialContext(ctx, network, addr)
			}
			if vouches != nil {
				client.RootCAs.AddCert(vouches)
			}
			report, err := client.Thumbprints(t.Context(), srv.Issuer())
			require.NoError(t, err, scheme)
			assert.Equal(t, who+" idp.example.com:443", <-seen, scheme)
			assert.Equal(t, "other.example.com:3128", report.Endpoints[0].Proxy)
			assert.Empty(t, report.Endpoints[0].Address)
			assert.NotContains(t, report.String(), password)
			for way, call := range calls(t, srv.Issuer()) {
				if way != "Verifier" { // whose token is of another key
					assert.NoError(t, call(t.Context(), client), scheme+": "+way)
				}
			}
		}
	}
}

// net/http reads the environment once, so each case needs a process of its own.
func TestTheEnvironmentDecidesTheProxy(t *testing.T) {
	if os.Getenv("OIDC_TEST_ASK") != "" {
		_, err := (&oidc.Client{}).Discover(t.Context(), issuer(t, "https://idp.example.invalid"))
		fmt.Println("ANSWER:", err)
		return
	}
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connect("HTTP/1.1 407 x\r\n\r\n")(conn)
			conn.Close()
		}
	}()
	for noProxy, wants := range map[string]bool{"": true, "other.invalid": true, "idp.example.invalid": false, ".example.invalid": false, "*": false} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheEnvironmentDecidesTheProxy$")
		cmd.Env = append(os.Environ(), "OIDC_TEST_ASK=1", "HTTPS_PROXY=http://me:"+password+"@"+listener.Addr().String(), "NO_PROXY="+noProxy)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		assert.Equal(t, wants, strings.Contains(string(out), "proxy "+listener.Addr().String()+": it answered 407"), "NO_PROXY=%q: %s", noProxy, out)
		assert.NotContains(t, string(out), password)
	}
}
