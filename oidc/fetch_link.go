package oidc

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
)

const (
	maxHeader    = 64 << 10 // of an answer, in bytes
	maxInterim   = 5        // 1xx answers before the real one
	headerTooBig = "its header has more than 64 KiB"
)

// link is one open TLS connection. Its context's end closes it, which ends every read and
// write.
type link struct {
	route    route
	contact  *contact
	raw      net.Conn
	conn     *tls.Conn
	budget   *io.LimitedReader // what may still be read for the present answer
	reader   *bufio.Reader
	answered bool // the present request got a first byte
	stop     func() bool
}

// contact is one TLS server as it was met: what a person needs to see when it goes wrong.
type contact struct {
	route     route
	serverIP  string // and port; "" behind a proxy or in memory
	connected bool   // to the server or through the proxy
	state     tls.ConnectionState
	seen      bool  // the server's certificates, in state
	shaken    bool  // the handshake is complete
	verifyErr error // of those certificates
}

// connect dials, through the proxy when there is one, and shakes hands.
func (s *session) connect(ctx context.Context, to route, proxy *url.URL) (*link, error) {
	c := &contact{route: to}
	s.contacts = append(s.contacts, c)
	raw, err := s.dial(ctx, to.addr, proxy)
	if err != nil {
		return nil, err
	}
	l := &link{route: to, contact: c, raw: raw}
	l.stop = context.AfterFunc(ctx, func() { raw.Close() })
	if proxy != nil {
		if l.raw, err = throughProxy(raw, to.addr, proxy); err != nil {
			l.close()
			return nil, err
		}
	} else if ip, ok := remoteIP(raw); ok {
		c.serverIP = ip.String()
	}
	c.connected = true
	l.conn = tls.Client(l.raw, s.tlsConfig(to, c))
	if err := l.conn.Handshake(); err != nil {
		l.close()
		return nil, fmt.Errorf("TLS with %s: %w", to.addr, err)
	}
	c.shaken = true
	l.budget = &io.LimitedReader{R: l.conn}
	l.reader = bufio.NewReader(l.budget)
	return l, nil
}

// close does not say goodbye in TLS: a peer that does not read would hold it up.
func (l *link) close() {
	l.stop()
	l.raw.Close()
}

// tlsConfig verifies in VerifyConnection and by the rules of crypto/tls, because only there
// is everything at hand that a server showed whose certificate is then refused.
func (s *session) tlsConfig(to route, c *contact) *tls.Config {
	host, _, _ := net.SplitHostPort(to.addr)
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}
	switch to.tls {
	case tlsMax12:
		cfg.MaxVersion = tls.VersionTLS12
	case tlsMin13:
		cfg.MinVersion = tls.VersionTLS13
	}
	cfg.VerifyConnection = func(state tls.ConnectionState) error {
		c.state, c.seen = state, true
		c.verifyErr = verifyChain(state.PeerCertificates, x509.VerifyOptions{
			DNSName: host, Roots: s.client.roots(), CurrentTime: s.client.now(),
		})
		if c.verifyErr != nil && !s.insecure {
			return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: c.verifyErr}
		}
		return nil
	}
	return cfg
}

// verifyChain is what crypto/tls does by itself: the first certificate is the server's, the
// others help, in any order.
func verifyChain(sent []*x509.Certificate, opts x509.VerifyOptions) error {
	if len(sent) == 0 {
		return errors.New("the server sent no certificate")
	}
	opts.Intermediates = x509.NewCertPool()
	for _, cert := range sent[1:] {
		opts.Intermediates.AddCert(cert)
	}
	_, err := sent[0].Verify(opts)
	return err
}

// roundTrip reads the body of status 200 only; after any other answer with a body the
// connection is not used again.
func (l *link) roundTrip(req *http.Request, limit int) (*answer, error) {
	l.answered = false
	l.budget.N = maxHeader
	if err := req.Write(l.conn); err != nil {
		return nil, fmt.Errorf("sending the request: %w", err)
	}
	if _, err := l.reader.Peek(1); err != nil {
		return nil, fmt.Errorf("waiting for the answer: %w", err)
	}
	l.answered = true
	resp, err := l.header(req)
	if err != nil {
		return nil, err
	}
	a := &answer{Response: resp}
	if resp.StatusCode != http.StatusOK {
		resp.Close = resp.Close || resp.ContentLength != 0
		return a, nil
	}
	// Chunks have some framing of their own.
	l.budget.N += 2*int64(limit) + maxHeader
	if a.body, err = readBody(resp.Body, limit); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return a, nil
}

// header passes over interim answers (RFC 9110 §15.2).
func (l *link) header(req *http.Request) (*http.Response, error) {
	for range maxInterim + 1 {
		resp, err := http.ReadResponse(l.reader, req)
		switch {
		case err != nil && l.budget.N <= 0:
			return nil, fmt.Errorf("%w: %s", ErrTooLarge, headerTooBig)
		case err != nil:
			return nil, badAnswer(err)
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, errors.New("the answer is no HTTP: it wants another protocol")
		case resp.StatusCode >= 200:
			return resp, nil
		}
	}
	return nil, fmt.Errorf("%w: more than %d interim answers", ErrTooLarge, maxInterim)
}

// badAnswer keeps what the server sent out of the message: net/http quotes it.
func badAnswer(err error) error {
	var netErr net.Error
	if errors.As(err, &netErr) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	return errors.New("the answer is no HTTP")
}
