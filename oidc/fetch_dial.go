package oidc

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
)

// dial connects to the server, or to the proxy that leads there. Whom a caller names as a
// proxy is not vetted; behind one only addresses that are spelled out can be.
func (s *session) dial(ctx context.Context, addr string, proxy *url.URL) (net.Conn, error) {
	if err := s.guard.checkHost(addr); err != nil {
		return nil, err
	}
	if proxy != nil {
		s.guard.proxied()
		return s.dialProxy(ctx, proxy)
	}
	if s.client.DialContext == nil {
		d := net.Dialer{Control: func(_, resolved string, _ syscall.RawConn) error {
			return s.guard.checkResolved(addr, resolved)
		}}
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		s.guard.connected(conn)
		return conn, nil
	}
	conn, err := s.client.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if conn == nil {
		return nil, errors.New("DialContext returned neither a connection nor an error")
	}
	if ip, ok := remoteIP(conn); ok {
		if err := s.guard.checkResolved(addr, ip.String()); err != nil {
			conn.Close()
			return nil, err
		}
	}
	s.guard.connected(conn)
	return conn, nil
}

func (s *session) dialProxy(ctx context.Context, proxy *url.URL) (net.Conn, error) {
	port := proxy.Port()
	switch {
	case proxy.Hostname() == "":
		return nil, errors.New("the proxy's URL has no host")
	case proxy.Scheme == "http" && port == "":
		port = "80"
	case proxy.Scheme == "https" && port == "":
		port = "443"
	case proxy.Scheme != "http" && proxy.Scheme != "https":
		return nil, fmt.Errorf("the proxy's scheme is %q, http and https are possible", proxy.Scheme)
	}
	dial := (&net.Dialer{}).DialContext
	if s.client.DialContext != nil {
		dial = s.client.DialContext
	}
	conn, err := dial(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), port))
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", proxy.Host, err)
	}
	if conn == nil {
		return nil, errors.New("DialContext returned neither a connection nor an error")
	}
	return conn, nil
}

// throughProxy asks for a tunnel (RFC 9110 §9.3.6). The caller closes raw on an error.
func throughProxy(raw net.Conn, addr string, proxy *url.URL) (net.Conn, error) {
	conn := raw
	if proxy.Scheme == "https" {
		conn = tls.Client(raw, &tls.Config{ServerName: proxy.Hostname(), MinVersion: tls.VersionTLS12})
	}
	connect := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{}}
	if user := proxy.User; user != nil {
		password, _ := user.Password()
		connect.Header.Set("Proxy-Authorization",
			"Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := connect.Write(conn); err != nil {
		return nil, fmt.Errorf("proxy %s: %w", proxy.Host, err)
	}
	// One byte at a time: what follows the header belongs to the server.
	reader := bufio.NewReaderSize(io.LimitReader(&byteReader{conn}, maxHeader), 16)
	resp, err := http.ReadResponse(reader, connect)
	if err != nil {
		return nil, fmt.Errorf("proxy %s: %w", proxy.Host, badAnswer(err))
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("proxy %s answered %d %s", proxy.Host, resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return conn, nil
}

// byteReader keeps a bufio.Reader from reading ahead.
type byteReader struct{ io.Reader }

func (r *byteReader) Read(p []byte) (int, error) {
	if len(p) > 1 {
		p = p[:1]
	}
	return r.Reader.Read(p)
}

func canonicalAddr(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// remoteIP returns the other end's address when it is on an IP network.
func remoteIP(conn net.Conn) (netip.AddrPort, bool) {
	addr := conn.RemoteAddr()
	if addr == nil {
		return netip.AddrPort{}, false
	}
	ap, err := netip.ParseAddrPort(addr.String())
	return ap, err == nil
}
