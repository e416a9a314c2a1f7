package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/irsa-go/irsa/internal/panics"
)

// recovered turns a panic into an error. The caller's functions are called in goroutines of a
// Transport, where nobody else could.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = dialError{panics.Error(p)}
	}
}

// dial connects to the server, or to the proxy that leads there. Whom a caller names as a proxy
// is not vetted; behind one only addresses that are spelled out can be.
func (r *route) dial(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	defer recovered(&err)
	f := r.fetcher
	c := &Contact{Addr: r.addr, offered: r.offer}
	if r.proxy != nil {
		c.Proxy = r.proxy.Host
	}
	f.mu.Lock()
	f.contacts, r.contact = append(f.contacts, c), c
	f.mu.Unlock()
	if conn, err = r.connect(ctx, network, addr); err != nil {
		return nil, dialError{err}
	}
	return conn, nil
}

// checkHost vets a host that is spelled as an address: a proxy would not tell where it leads.
func (f *Fetcher) checkHost(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || f.cfg.Guard == nil {
		return err
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return f.cfg.Guard.Check(addr, ip)
	}
	return nil
}

// connect dials and has the address vetted, before or after.
func (r *route) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	f := r.fetcher
	vetted := r.proxy == nil && f.cfg.Guard != nil
	dial := f.cfg.DialContext
	if dial == nil {
		d := net.Dialer{}
		if vetted {
			d.Control = func(_, resolved string, _ syscall.RawConn) (err error) {
				defer recovered(&err)
				return r.vet(resolved)
			}
		}
		dial = d.DialContext
	}
	conn, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if conn == nil {
		return nil, errors.New("DialContext returned neither a connection nor an error")
	}
	remote, known := remoteOf(conn)
	if vetted {
		if known && f.cfg.DialContext != nil {
			if err := r.vet(remote.String()); err != nil {
				conn.Close()
				return nil, err
			}
		}
		f.cfg.Guard.Connected(remote.Addr())
	} else if f.cfg.Guard != nil {
		f.cfg.Guard.Connected(netip.Addr{})
	}
	if r.proxy == nil {
		r.current(func(c *Contact) { c.Server = remote })
	}
	return curtConn{conn}, nil
}

func (r *route) vet(resolved string) error {
	ap, err := netip.ParseAddrPort(resolved)
	if err != nil {
		return fmt.Errorf("%s: cannot tell the address that it resolves to", r.addr)
	}
	return r.fetcher.cfg.Guard.Check(r.addr, ap.Addr())
}

// remoteOf returns the other end's address when it is on an IP network.
func remoteOf(conn net.Conn) (netip.AddrPort, bool) {
	addr := conn.RemoteAddr()
	if addr == nil {
		return netip.AddrPort{}, false
	}
	ap, err := netip.ParseAddrPort(addr.String())
	return ap, err == nil
}

// curtConn leaves without the farewell of TLS, for which a peer that does not read would keep
// it 5 seconds.
type curtConn struct{ net.Conn }

// SetWriteDeadline is called by [tls.Conn.Close] alone, before it says farewell.
func (c curtConn) SetWriteDeadline(time.Time) error { return c.Conn.SetWriteDeadline(time.Unix(1, 0)) }

// RemoteAddr is never nil: net/http asks a SOCKS proxy's connection for it.
func (c curtConn) RemoteAddr() net.Addr {
	if addr := c.Conn.RemoteAddr(); addr != nil {
		return addr
	}
	return &net.TCPAddr{}
}

// dialTLSProxy connects to a proxy that is itself spoken to over TLS.
func (r *route) dialTLSProxy(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	raw, err := r.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	defer recovered(&err)
	host := r.proxy.Hostname()
	shaken := tls.Client(raw, &tls.Config{
		ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			err := VerifyChain(state.PeerCertificates, x509.VerifyOptions{DNSName: host})
			if err != nil && r.fetcher.cfg.RootCAs != nil {
				err = VerifyChain(state.PeerCertificates, x509.VerifyOptions{DNSName: host, Roots: r.fetcher.cfg.RootCAs})
			}
			return err
		},
	})
	if err := shaken.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, dialError{fmt.Errorf("TLS: %w", err)}
	}
	return proxyConn{shaken}, nil
}

// proxyConn hides that it is a tls.Conn: net/http would take the handshake for the server's.
type proxyConn struct{ net.Conn }

// dialError marks an error of the network or of TLS, which quotes nothing that a server sent.
type dialError struct{ error }

func (e dialError) Unwrap() error { return e.error }

// proxyOf chooses the proxy of a request, nil for none.
func (f *Fetcher) proxyOf(req *http.Request) (*url.URL, error) {
	if f.cfg.Proxy == nil {
		return nil, nil
	}
	proxy, err := f.cfg.Proxy(req)
	switch {
	case err != nil: // it may quote the URL, and so a password
		return nil, errors.New("choosing a proxy: its URL is invalid, or the Proxy function failed")
	case proxy == nil:
		return nil, nil
	case proxy.Hostname() == "":
		return nil, errors.New("the proxy's URL has no host")
	}
	switch proxy.Scheme {
	case "http", "https", "socks5", "socks5h":
		return proxy, nil
	}
	return nil, fmt.Errorf("proxy %s: its scheme is %q, want http, https, socks5 or socks5h", proxy.Host, proxy.Scheme)
}

// proxyStatus is what a proxy answered instead of a tunnel.
type proxyStatus int

func (s proxyStatus) Error() string {
	return fmt.Sprintf("it answered %d %s", int(s), http.StatusText(int(s)))
}

// proxyAnswer keeps what the proxy sent out of the message.
func proxyAnswer(proxy *url.URL, err error) error {
	var dialed dialError
	var status proxyStatus
	switch {
	case errors.As(err, &status):
		return status
	case errors.As(err, &dialed), proxy.Scheme != "http" && proxy.Scheme != "https":
		return err
	}
	return badAnswer(err)
}
