// Package fetch gets small documents over https from servers that nobody trusts yet: issuers.
// It adds to [http.Transport] what that does not have: every address is vetted before anything
// is sent to it, reads are bounded, redirects never leave https, what a server showed in its
// handshake is kept although it was refused, and nothing stays open after a call.
package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"unicode/utf8"
)

var (
	// ErrTooLarge is in the error of an answer that is longer than any real one.
	ErrTooLarge = errors.New("the answer is too long")
	// ErrRedirect is in the error of a redirect that is not followed.
	ErrRedirect = errors.New("the redirect is not followed")
	// ErrClientCertificate is in the error of a server that wants the client to have a certificate.
	ErrClientCertificate = errors.New("the server wants a client certificate, which AWS does not have")
)

const maxHeader = 64 << 10 // of an answer, in bytes

// StatusError is an answer with a status other than 200.
type StatusError struct {
	URL    string // that answered, after redirects, without its query
	Status int
}

// Error names the URL and the status; the body is never shown.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s answered %d %s", e.URL, e.Status, http.StatusText(e.Status))
}

// Versions is what is offered to a server.
type Versions int

// The values of [Versions].
const (
	Any   Versions = iota // TLS 1.2 and 1.3
	Max12                 // TLS 1.2 only
	Min13                 // TLS 1.3 only
)

// Guard vets addresses. Its methods are called from several goroutines.
type Guard interface {
	// Check refuses an address; host is host:port as a URL has it.
	Check(host string, ip netip.Addr) error
	// Connected says that a connection exists: to ip, or to an address that is not known
	// because a proxy leads there or the connection is in memory.
	Connected(ip netip.Addr)
}

// Config is how a Fetcher works. Only Verify is required.
type Config struct {
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error) // nil: a net.Dialer
	Proxy       func(*http.Request) (*url.URL, error)                             // nil: none
	// Verify judges the certificates that a host sent, its own first.
	Verify func(host string, offered Versions, sent []*x509.Certificate) error
	// Insecure goes on when Verify refuses; the [Contact] has the refusal.
	Insecure bool
	// RootCAs may vouch for an https proxy too, beside the system's.
	RootCAs      *x509.CertPool
	Guard        Guard // nil: every address will do
	MaxRedirects int
}

// Request is how a document is asked for.
type Request struct {
	Accept string
	Limit  int // of the body, in bytes
	TLS    Versions
}

// Contact is one TLS server as it was met.
type Contact struct {
	Addr    string // host:port of the URL
	Proxy   string // host:port of the proxy; "" when there is none
	offered Versions
	Server  netip.AddrPort // zero behind a proxy and in memory

	reached          bool                 // a connection leads to the server, or a tunnel
	State            *tls.ConnectionState // what the server showed; nil when it showed no certificate
	VerifyErr        error                // Verify's
	wantsCertificate bool                 // the server asked for the client's certificate
	Shaken           bool                 // the handshake is complete
}

// Fetcher is for one call. Make one with New and Close it. Its methods are for one goroutine.
type Fetcher struct {
	cfg    Config
	routes map[routeKey]*route

	mu       sync.Mutex
	contacts []*Contact // in the order of the dials
}

// New makes a Fetcher.
func New(cfg Config) *Fetcher { return &Fetcher{cfg: cfg, routes: map[routeKey]*route{}} }

// Close closes every connection, and ends every dial that goes on although its request was given
// up.
func (f *Fetcher) Close() {
	for _, r := range f.routes {
		r.transport.CloseIdleConnections()
	}
}

// Contacts returns the servers met so far, in order.
func (f *Fetcher) Contacts() []Contact {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Contact, len(f.contacts))
	for i, c := range f.contacts {
		out[i] = *c
	}
	return out
}

// Get fetches a document and follows redirects: each hop has its own address check and proxy.
func (f *Fetcher) Get(ctx context.Context, rawURL string, r Request) ([]byte, error) {
	for range f.cfg.MaxRedirects + 1 {
		resp, body, err := f.ask(ctx, rawURL, r)
		if err != nil {
			return nil, explain(ctx, err)
		}
		switch location := resp.Header.Get("Location"); {
		case isRedirect(resp.StatusCode) && location != "":
			if rawURL, err = follow(rawURL, location); err != nil {
				return nil, err
			}
		case resp.StatusCode != http.StatusOK:
			return nil, &StatusError{URL: shown(rawURL), Status: resp.StatusCode}
		default:
			return body, nil
		}
	}
	return nil, fmt.Errorf("%w: there were %d before it", ErrRedirect, f.cfg.MaxRedirects)
}

// Meet connects to a URL's host and waits for any answer: a server that wants a client
// certificate says so after the handshake in TLS 1.3.
func (f *Fetcher) Meet(ctx context.Context, rawURL string, offer Versions) error {
	_, _, err := f.ask(ctx, rawURL, Request{Accept: "*/*", TLS: offer, Limit: -1})
	return explain(ctx, err)
}

// ask sends one GET, and reads the body of status 200 unless the limit is negative.
func (f *Fetcher) ask(ctx context.Context, rawURL string, r Request) (resp *http.Response, body []byte, err error) {
	defer recovered(&err)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil || req.URL.Scheme != "https" || req.URL.Host == "" || req.URL.User != nil {
		return nil, nil, fmt.Errorf("%q is not an https URL that can be asked", shown(rawURL))
	}
	req.Header.Set("Accept", r.Accept)
	req.Header.Set("User-Agent", "irsa-go")
	if err := f.checkHost(addrOf(req.URL)); err != nil {
		return nil, nil, err
	}
	to, err := f.route(req, r.TLS)
	if err != nil {
		return nil, nil, err
	}
	req = req.WithContext(httptrace.WithClientTrace(ctx, to.trace()))
	resp, err = to.transport.RoundTrip(req)
	if err != nil {
		return nil, nil, to.failed(shown(rawURL), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || r.Limit < 0 {
		return resp, nil, nil
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, int64(r.Limit)+1))
	if err != nil {
		return nil, nil, fmt.Errorf("asking %s: %w", shown(rawURL), badAnswer(err))
	}
	if len(body) > r.Limit {
		return nil, nil, fmt.Errorf("asking %s: %w: more than %d bytes", shown(rawURL), ErrTooLarge, r.Limit)
	}
	return resp, body, nil
}

// explain gives a context's end precedence over what it looks like on the connection.
func explain(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if err == nil || cause == nil || errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w (%w)", cause, err)
}

// shown leaves out the query: that of a redirect may be a signature, with which anybody can read.
func shown(rawURL string) string {
	base, _, _ := strings.Cut(rawURL, "?")
	return base
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

func follow(from, location string) (string, error) {
	base, err := url.Parse(from)
	if err != nil {
		return "", fmt.Errorf("%w: it comes from an invalid URL", ErrRedirect)
	}
	next, err := base.Parse(location)
	switch {
	case err != nil || next.Host == "" || !isASCII(next.Host+next.RawQuery): // RFC 3986 §2; a path is escaped
		return "", fmt.Errorf("%w: %s leads to an invalid URL", ErrRedirect, shown(from))
	case next.User != nil:
		return "", fmt.Errorf("%w: %s leads to a URL with a user", ErrRedirect, shown(from))
	case next.Scheme != "https":
		return "", fmt.Errorf("%w: %s leads to scheme %q", ErrRedirect, shown(from), next.Scheme)
	}
	next.Fragment = ""
	return next.String(), nil
}
