package oidctest

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/irsa-go/irsa/oidc"
)

// Config says what issuer a Server is. The zero value is one on loopback.
type Config struct {
	// Issuer is the issuer's URL. "": https on loopback, at a free port, reachable by every
	// program of this machine. Otherwise nothing is listened on: the issuer is served in
	// memory and reached through [Server.DialContext] alone, whatever its host is.
	Issuer string

	// JWKSURI is where the keys are, an https URL. "": the issuer's /openid/v1/jwks.
	// In memory it may be on another host, which then has an intermediate CA of its own.
	JWKSURI string

	// Algorithm is what tokens are signed with: RS256, ES256, ES384 or ES512. "": RS256.
	Algorithm string

	// Now is the time that tokens are minted at. nil: time.Now. Certificates are valid by any
	// clock of this century, those of an expired chain by none.
	Now func() time.Time
}

// Server is an issuer. It is safe for concurrent use. Close it when done.
type Server struct {
	issuer  oidc.Issuer
	jwksURI string
	now     func() time.Time
	root    *authority
	sites   map[string]*site // by host:port
	keys    *keyring

	listener net.Listener  // nil in memory
	accepted chan struct{} // closed when nothing is accepted any more

	mu     sync.Mutex
	closed bool
	fault  Fault
	open   map[net.Conn]<-chan struct{} // closed when the connection's goroutine is done
}

// NewServer starts an issuer with one key. On loopback it listens when NewServer returns.
func NewServer(cfg Config) (*Server, error) {
	s, err := newServer(cfg)
	if err != nil {
		return nil, fmt.Errorf("oidctest: %w", err)
	}
	return s, nil
}

func newServer(cfg Config) (s *Server, err error) {
	s = &Server{now: cfg.Now, sites: map[string]*site{}, open: map[net.Conn]<-chan struct{}{}, accepted: make(chan struct{})}
	if s.now == nil {
		s.now = time.Now
	}
	if s.keys, err = newKeyring(cfg.Algorithm); err != nil {
		return nil, err
	}
	if s.root, err = newAuthority("oidctest root", nil, s.now()); err != nil {
		return nil, err
	}
	rawIssuer := cfg.Issuer
	if rawIssuer == "" {
		if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, err
		}
		listener := s.listener
		defer func() {
			if err != nil {
				listener.Close()
			}
		}()
		rawIssuer = "https://" + s.listener.Addr().String()
	}
	if err = s.locate(rawIssuer, cfg.JWKSURI); err != nil {
		return nil, err
	}
	if s.listener == nil {
		close(s.accepted)
	} else {
		go s.accept()
	}
	return s, nil
}

// locate settles the URLs and makes a certificate chain for each host.
func (s *Server) locate(rawIssuer, jwksURI string) (err error) {
	if s.issuer, err = oidc.ParseIssuer(rawIssuer); err != nil {
		return err
	}
	s.jwksURI = cmp.Or(jwksURI, s.issuer.JWKSURL())
	for _, raw := range []string{s.issuer.DiscoveryURL(), s.jwksURI} {
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" {
			return fmt.Errorf("%q is not an https URL", raw)
		}
		addr := addrOf(u)
		if s.sites[addr] != nil {
			continue
		}
		if s.listener != nil && len(s.sites) > 0 {
			return fmt.Errorf("jwks URI %q is not on the loopback issuer's own host and port, which is possible in memory only", raw)
		}
		if s.sites[addr], err = newSite(s.root, u.Hostname(), s.listener != nil, s.now()); err != nil {
			return err
		}
	}
	return nil
}

func addrOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// URL returns the issuer's URL, which is the iss of its tokens.
func (s *Server) URL() string { return s.issuer.String() }

// Issuer returns URL, parsed.
func (s *Server) Issuer() oidc.Issuer { return s.issuer }

// CertPool returns a fresh pool with the issuer's root CA.
func (s *Server) CertPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.root.cert)
	return pool
}

// Chain returns what the issuer's host sends when it is healthy: its certificate, the
// intermediate CA that issued that one, and the intermediate above. The root is not sent.
// The last one is the one whose SHA-1 is IAM's thumbprint.
func (s *Server) Chain() []*x509.Certificate {
	site := s.issuerSite()
	return []*x509.Certificate{site.leaf, site.issuing, site.top}
}

func (s *Server) issuerSite() *site {
	u, err := url.Parse(s.issuer.String())
	if err != nil {
		return nil
	}
	return s.sites[addrOf(u)]
}

// Client returns an oidc.Client that reaches the issuer and trusts it.
func (s *Server) Client() *oidc.Client {
	return &oidc.Client{RootCAs: s.CertPool(), DialContext: s.DialContext, Now: s.now}
}

// DialContext connects to the issuer in memory, on loopback as well: no socket is involved,
// so a connection that waits does not keep a testing/synctest bubble from becoming idle.
// The address must be one of the issuer's own. The connection has no IP addresses.
func (s *Server) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	site := s.sites[addr]
	if site == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("oidctest: %s is not an address of %s", addr, s.issuer)}
	}
	client, server := pipe(addr)
	if err := s.serve(server, site); err != nil {
		client.Close()
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	return client, nil
}

func (s *Server) accept() {
	defer close(s.accepted)
	site := s.issuerSite()
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		if s.serve(conn, site) != nil {
			return
		}
	}
}

// tlsConfig is asked anew at each connection, so that a fault begins with the next one.
func (s *Server) tlsConfig(site *site) *tls.Config {
	return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		fault := s.currentFault()
		cfg := &tls.Config{
			Certificates: []tls.Certificate{site.chain(fault)},
			MinVersion:   tls.VersionTLS12,
			// A ticket would be written while the client may be writing too.
			SessionTicketsDisabled: true,
		}
		if fault.TLS13Only {
			cfg.MinVersion = tls.VersionTLS13
		}
		return cfg, nil
	}}
}

// Close ends every connection and waits until no goroutine of the server is left. It may be
// called more than once. Tokens can still be minted, for offline verification.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	var waits []<-chan struct{}
	for conn, done := range s.open {
		conn.Close()
		waits = append(waits, done)
	}
	s.mu.Unlock()
	if s.listener != nil {
		s.listener.Close()
	}
	<-s.accepted
	for _, done := range waits {
		<-done
	}
}
