package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// session is one call's connections and what was seen on them. It speaks HTTP/1.1 itself, in
// the caller's goroutine: an [http.Transport] dials on after its request is given up, keeps
// goroutines, and does not tell what a server showed whose certificate it refused.
// A session is for one goroutine.
type session struct {
	client   *Client
	issuer   Issuer
	guard    *guard
	insecure bool // take chains that do not verify

	links    map[route]*link
	contacts []*contact // in the order of the dials
}

// route is what connections differ by.
type route struct {
	addr  string // host:port of the URL
	proxy string // URL; "": none
	tls   tlsVersions
}

// tlsVersions is what is offered to a server.
type tlsVersions int

const (
	tlsAny   tlsVersions = iota // 1.2 and 1.3
	tlsMax12                    // 1.2 only
	tlsMin13                    // 1.3 only
)

// request is what a document is asked with.
type request struct {
	accept string
	limit  int // of the body, in bytes
	tls    tlsVersions
}

func newSession(c *Client, iss Issuer) *session {
	if c == nil {
		c = &Client{}
	}
	return &session{client: c, issuer: iss, guard: newGuard(c.AllowAddress, iss), links: map[route]*link{}}
}

func (s *session) close() {
	for _, l := range s.links {
		l.close()
	}
}

// get follows redirects: each hop has its own address check and proxy.
func (s *session) get(ctx context.Context, rawURL string, r request) ([]byte, error) {
	for range maxRedirects + 1 {
		resp, err := s.ask(ctx, rawURL, r)
		if err != nil {
			return nil, explain(ctx, err)
		}
		switch location := resp.Header.Get("Location"); {
		case isRedirect(resp.StatusCode) && location != "":
			if rawURL, err = follow(rawURL, location); err != nil {
				return nil, err
			}
		case resp.StatusCode != http.StatusOK:
			return nil, &StatusError{URL: rawURL, Status: resp.StatusCode}
		default:
			return resp.body, nil
		}
	}
	return nil, fmt.Errorf("%w: there were %d before it", ErrRedirect, maxRedirects)
}

// explain gives a context's end precedence over what it looks like on the connection.
func explain(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w (%w)", cause, err)
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

func follow(from, location string) (string, error) {
	base, err := url.Parse(from)
	if err != nil {
		return "", fmt.Errorf("%w: it comes from no valid URL", ErrRedirect)
	}
	next, err := base.Parse(location)
	if err != nil || next.Host == "" || next.User != nil {
		return "", fmt.Errorf("%w: %s leads to no valid URL", ErrRedirect, from)
	}
	if next.Scheme != "https" {
		return "", fmt.Errorf("%w: %s leads to scheme %q", ErrRedirect, from, next.Scheme)
	}
	next.Fragment = ""
	return next.String(), nil
}

// answer is a response whose body is read.
type answer struct {
	*http.Response
	body []byte // of status 200 only
}

// ask sends one GET. A connection that was used before may have been closed by the server in
// between, before it read the request; only then is it sent again (RFC 9112 §9.3.1).
func (s *session) ask(ctx context.Context, rawURL string, r request) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil || req.URL.Host == "" {
		return nil, fmt.Errorf("%q is no URL to ask", rawURL)
	}
	req.Header.Set("Accept", r.accept)
	req.Header.Set("User-Agent", "irsa-go")
	l, reused, err := s.link(ctx, req, r.tls)
	if err != nil {
		return nil, err
	}
	resp, err := l.roundTrip(req, r.limit)
	if err != nil && reused && !l.answered {
		s.drop(l)
		if l, _, err = s.link(ctx, req, r.tls); err != nil {
			return nil, err
		}
		resp, err = l.roundTrip(req, r.limit)
	}
	if err != nil || resp.Close {
		s.drop(l)
	}
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", rawURL, err)
	}
	return resp, nil
}

// link returns the open connection for a request, or a new one.
func (s *session) link(ctx context.Context, req *http.Request, versions tlsVersions) (l *link, reused bool, err error) {
	proxy, err := s.client.proxy(req)
	if err != nil {
		return nil, false, fmt.Errorf("choosing a proxy: %w", err)
	}
	to := route{addr: canonicalAddr(req.URL), tls: versions}
	if proxy != nil {
		to.proxy = proxy.String()
	}
	if l, ok := s.links[to]; ok {
		return l, true, nil
	}
	l, err = s.connect(ctx, to, proxy)
	if err != nil {
		return nil, false, err
	}
	s.links[to] = l
	return l, false, nil
}

// touch connects to a URL's host and asks nothing.
func (s *session) touch(ctx context.Context, rawURL string, versions tlsVersions) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil || req.URL.Host == "" {
		return fmt.Errorf("%q is no URL to ask", rawURL)
	}
	_, _, err = s.link(ctx, req, versions)
	return err
}

func (s *session) drop(l *link) {
	l.close()
	delete(s.links, l.route)
}

// readBody reads a body of at most limit bytes.
func readBody(body io.Reader, limit int) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(body, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(b) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return b, nil
}
