package oidc

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/irsa-go/irsa/internal/fetch"
)

// Client asks issuers. The zero value works. It keeps no state and no connection between
// calls, so every call's answer is the issuer's present one; when a call returns, its
// connections are closed. It is safe for concurrent use as long as no field is changed any more.
// A panic in DialContext, Proxy or AllowAddress is an error of the call.
//
// Every call ends with its context, after 30 seconds when the context has no deadline. Bodies are
// read up to 64 KiB (documents) and 1 MiB (key sets); longer is an error. Redirects are followed up
// to five times and never away from https. Nothing is retried, and it never falls back to
// anything weaker.
type Client struct {
	// RootCAs are the authorities that the issuer's certificates are verified against. An https
	// proxy is verified against these and the system's. nil: the system's.
	RootCAs *x509.CertPool

	// DialContext connects to an issuer or a proxy. nil: a [net.Dialer].
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// Proxy tells which proxy a request goes through, a nil URL meaning none. Schemes are http,
	// https, socks5 and socks5h, with or without a user. nil: what the environment says
	// ([http.ProxyFromEnvironment]); no proxy when there is a DialContext, which then decides alone
	// where to connect.
	Proxy func(*http.Request) (*url.URL, error)

	// AllowAddress vets every address after resolution, that of the issuer and of every
	// redirect included, and an error refuses it. It alone decides then.
	//
	// nil: the issuer's own host may be at a public, private or loopback address; what it
	// leads to, by jwks_uri or a redirect, must be at a public address or at one of the same
	// class. Link-local addresses, which include instance metadata, and all other special ones
	// are never allowed.
	//
	// When DialContext made the connection, its remote address is vetted if it is an IP address.
	// Without one, as for a pipe in memory, the host as written in the URL decides: an address
	// counts as what it is, a name as public. Through a proxy, only a host that is written as an
	// address is vetted, because the proxy resolves names and must vet them itself; an issuer
	// behind a proxy counts as its host is written, too.
	AllowAddress func(netip.Addr) error

	// Now is the time by which certificates are valid. nil: time.Now.
	Now func() time.Time
}

const (
	// defaultTimeout is for callers without a deadline. STS itself gives up after 5 seconds.
	defaultTimeout = 30 * time.Second
	maxRedirects   = 5
)

// Media types. kube-apiserver answers 406 to an Accept header that has only application/json
// when asked for its keys.
const (
	acceptDocument = "application/json"
	acceptKeySet   = "application/jwk-set+json, application/json;q=0.9, */*;q=0.1"
)

// Discover fetches the issuer's discovery document. Its issuer must be iss, character for
// character ([ErrIssuerMismatch]), and it must name an https jwks_uri ([ErrDocument]).
// Other errors are *[StatusError], *[AddressError], [ErrTooLarge], [ErrRedirect] and those of
// the network and of TLS.
func (c *Client) Discover(ctx context.Context, iss Issuer) (*Document, error) {
	return withSession(ctx, c, iss, "discovery", func(ctx context.Context, s *session) (*Document, error) {
		return s.discover(ctx, fetch.Any)
	})
}

// Keys fetches the issuer's discovery document, as Discover does, and the key set to which
// it points, as [ParseKeySet] reads it.
func (c *Client) Keys(ctx context.Context, iss Issuer) (*KeySet, error) {
	return withSession(ctx, c, iss, "keys", func(ctx context.Context, s *session) (*KeySet, error) {
		doc, err := s.discover(ctx, fetch.Any)
		if err != nil {
			return nil, err
		}
		return s.keys(ctx, doc)
	})
}

func withSession[T any](ctx context.Context, c *Client, iss Issuer, what string, do func(context.Context, *session) (T, error)) (T, error) {
	var zero T
	if iss.IsZero() {
		return zero, fmt.Errorf("oidc: %s: %w", what, ErrIssuerZero)
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	s := newSession(c, iss, false)
	defer s.Close()
	result, err := do(ctx, s)
	if err != nil {
		return zero, fmt.Errorf("oidc: issuer %q: %s: %w", iss, what, err)
	}
	return result, nil
}

// session is the requests of one call. It is for one goroutine.
type session struct {
	*fetch.Fetcher
	client *Client
	issuer Issuer
}

// newSession accepts chains that do not verify when insecure is true.
func newSession(c *Client, iss Issuer, insecure bool) *session {
	if c == nil {
		c = &Client{}
	}
	return &session{client: c, issuer: iss, Fetcher: fetch.New(fetch.Config{
		DialContext: c.DialContext, Proxy: c.proxy, RootCAs: c.RootCAs, Insecure: insecure,
		Guard:        &guard{allow: c.AllowAddress, issuer: hostPort(iss.url)},
		MaxRedirects: maxRedirects,
		Verify: func(host string, _ fetch.Versions, sent []*x509.Certificate) error {
			return fetch.VerifyChain(sent, x509.VerifyOptions{DNSName: host, Roots: c.RootCAs, CurrentTime: c.now()})
		},
	})}
}

// bounded keeps a call without a deadline from lasting for ever.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx == nil {
		ctx = context.Background()
	}
	if _, has := ctx.Deadline(); has {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, defaultTimeout,
		fmt.Errorf("no answer within %s, the limit of a call without a deadline: %w", defaultTimeout, context.DeadlineExceeded))
}

func (c *Client) now() time.Time {
	if c != nil && c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c *Client) proxy(req *http.Request) (*url.URL, error) {
	switch {
	case c != nil && c.Proxy != nil:
		return c.Proxy(req)
	case c != nil && c.DialContext != nil:
		return nil, nil
	}
	return http.ProxyFromEnvironment(req)
}

func (s *session) discover(ctx context.Context, offer fetch.Versions) (*Document, error) {
	body, err := s.Get(ctx, s.issuer.DiscoveryURL(), fetch.Request{Accept: acceptDocument, Limit: documentLimits.Bytes, TLS: offer})
	if err != nil {
		return nil, err
	}
	doc, err := parseDocument(body)
	if foreign := (*foreignIssuerError)(nil); errors.As(err, &foreign) && foreign.says != "" {
		return nil, fmt.Errorf("%w: %q was asked, %w", ErrIssuerMismatch, s.issuer, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if doc.Issuer != s.issuer {
		return nil, fmt.Errorf("%w: %q was asked, the discovery document says %q", ErrIssuerMismatch, s.issuer, doc.Issuer)
	}
	return doc, nil
}

func (s *session) keys(ctx context.Context, doc *Document) (*KeySet, error) {
	body, err := s.Get(ctx, doc.JWKSURI, fetch.Request{Accept: acceptKeySet, Limit: keySetLimits.Bytes})
	if err != nil {
		return nil, fmt.Errorf("jwks_uri %q: %w", doc.JWKSURI, err)
	}
	keys, err := parseKeySet(body)
	if err != nil {
		return nil, fmt.Errorf("jwks_uri %q: %w", doc.JWKSURI, err)
	}
	return keys, nil
}

var (
	// ErrTooLarge is in the error of an answer that is longer than any real one.
	ErrTooLarge = fetch.ErrTooLarge
	// ErrRedirect is in the error of a redirect that is not followed: away from https, with a
	// user, to an invalid URL, or the sixth in a row.
	ErrRedirect = fetch.ErrRedirect
	// ErrClientCertificate is in the error of a server that wants the client to have a
	// certificate: AWS has none to show.
	ErrClientCertificate = fetch.ErrClientCertificate
)

// StatusError is an answer of another status than 200: its URL, after redirects and without its
// query, and the status. It is a plain value.
type StatusError = fetch.StatusError
