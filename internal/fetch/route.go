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
	"net/url"
	"strings"

	"github.com/irsa-go/irsa/internal/printable"
)

// routeKey is what connections differ by.
type routeKey struct {
	addr, proxy string
	offer       Versions
}

// route leads to one server, directly or through one proxy. It has a Transport of its own, so
// that what happens on its connections is known to be of this server.
type route struct {
	fetcher   *Fetcher
	addr      string
	proxy     *url.URL // nil: direct
	offer     Versions
	transport *http.Transport
	contact   *Contact // of the newest connection; under the fetcher's lock
}

func (f *Fetcher) route(req *http.Request, offer Versions) (*route, error) {
	proxy, err := f.proxyOf(req)
	if err != nil {
		return nil, err
	}
	key := routeKey{addr: addrOf(req.URL), offer: offer}
	if proxy != nil {
		key.proxy = proxy.String()
	}
	if r, ok := f.routes[key]; ok {
		return r, nil
	}
	r := &route{fetcher: f, addr: key.addr, proxy: proxy, offer: offer}
	r.transport = &http.Transport{
		Proxy:                  http.ProxyURL(proxy),
		DialContext:            r.dial,
		TLSClientConfig:        r.tlsConfig(),
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
			if resp.StatusCode != http.StatusOK {
				return proxyStatus(resp.StatusCode)
			}
			return nil
		},
	}
	if proxy != nil && proxy.Scheme == "https" {
		r.transport.DialTLSContext = r.dialTLSProxy
	}
	f.routes[key] = r
	return r, nil
}

func addrOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// current changes the newest connection's contact.
func (r *route) current(change func(*Contact)) {
	r.fetcher.mu.Lock()
	defer r.fetcher.mu.Unlock()
	if r.contact != nil {
		change(r.contact)
	}
}

// trace hears of the handshake with the server, which follows that with a proxy.
func (r *route) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		TLSHandshakeStart: func() { r.current(func(c *Contact) { c.reached = true }) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			r.current(func(c *Contact) { c.Shaken = err == nil })
		},
	}
}

// tlsConfig verifies in VerifyConnection, where the certificates are at hand that are refused.
func (r *route) tlsConfig() *tls.Config {
	host, _, _ := net.SplitHostPort(r.addr)
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}
	switch r.offer {
	case Max12:
		cfg.MaxVersion = tls.VersionTLS12
		cfg.CipherSuites = suites12()
	case Min13:
		cfg.MinVersion = tls.VersionTLS13
	}
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		r.current(func(c *Contact) { c.wantsCertificate = true })
		return &tls.Certificate{}, nil
	}
	cfg.VerifyConnection = func(state tls.ConnectionState) (err error) {
		defer recovered(&err)
		refused := r.fetcher.cfg.Verify(host, r.offer, state.PeerCertificates)
		r.current(func(c *Contact) { c.State, c.VerifyErr = &state, refused })
		if refused != nil && !r.fetcher.cfg.Insecure {
			return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: refused}
		}
		return nil
	}
	return cfg
}

// suites12 adds to Go's own choice the older suites that others still have: what is asked is
// whether the server takes TLS 1.2 at all.
func suites12() []uint16 {
	var ids []uint16
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if !strings.Contains(s.Name, "RC4") && !strings.Contains(s.Name, "3DES") {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// MaxChain is how many certificates of a server are looked at: several times what a chain has. Who
// issued whom of hundreds takes minutes to find out.
const MaxChain = 32

// VerifyChain is what crypto/tls does by itself: the first certificate is the server's, the
// others help, in any order.
func VerifyChain(sent []*x509.Certificate, opts x509.VerifyOptions) error {
	if _, err := Chains(sent, opts); err != nil {
		return printableError{err}
	}
	return nil
}

// printableError is an error that may name what is in a certificate, which is somebody else's.
type printableError struct{ error }

func (e printableError) Error() string { return printable.Text(e.error.Error()) }
func (e printableError) Unwrap() error { return e.error }

// Chains is VerifyChain with the chains that it finds.
func Chains(sent []*x509.Certificate, opts x509.VerifyOptions) ([][]*x509.Certificate, error) {
	if len(sent) == 0 {
		return nil, errors.New("the server sent no certificate")
	}
	if len(sent) > MaxChain {
		return nil, fmt.Errorf("the server sent %d certificates, more than %d", len(sent), MaxChain)
	}
	opts.Intermediates = x509.NewCertPool()
	for _, cert := range sent[1:] {
		opts.Intermediates.AddCert(cert)
	}
	return sent[0].Verify(opts)
}

// Refused12 says whether the newest server met refused TLS 1.2 in its handshake, and whether it
// gave the version as the reason. A certificate that does not verify, one that the server wants,
// and a server that was not reached are not made better by another version.
func (f *Fetcher) Refused12(err error) (refused, byVersion bool) {
	met := f.Contacts()
	if err == nil || len(met) == 0 {
		return false, false
	}
	last := met[len(met)-1]
	var unverified *tls.CertificateVerificationError
	if last.offered != Max12 || !last.reached || last.Shaken || last.wantsCertificate || errors.As(err, &unverified) {
		return false, false
	}
	const protocolVersion = tls.AlertError(70) // RFC 8446 §6.2
	var op *net.OpError
	return true, errors.As(err, &op) && op.Op == "remote error" && op.Err.Error() == protocolVersion.Error()
}

// failed says where on the way an error happened.
func (r *route) failed(rawURL string, err error) error {
	var at Contact
	r.current(func(c *Contact) { at = *c })
	through := ""
	if r.proxy != nil {
		through = " through proxy " + r.proxy.Host
	}
	switch {
	case r.proxy != nil && !at.reached:
		return fmt.Errorf("proxy %s: %w", r.proxy.Host, proxyAnswer(r.proxy, err))
	case !at.reached:
		return err
	case at.wantsCertificate:
		return fmt.Errorf("TLS with %s%s: %w", r.addr, through, ErrClientCertificate)
	case !at.Shaken:
		return fmt.Errorf("TLS with %s%s: %w", r.addr, through, err)
	}
	return fmt.Errorf("asking %s%s: %w", rawURL, through, badAnswer(err))
}

// badAnswer keeps what the server sent out of the message: net/http quotes it.
func badAnswer(err error) error {
	var netErr net.Error
	switch {
	case errors.As(err, &netErr), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe), errors.Is(err, context.Canceled):
		return fmt.Errorf("reading the answer: %w", err)
	case strings.Contains(err.Error(), "response headers exceeded"):
		return fmt.Errorf("%w: its header has more than 64 KiB", ErrTooLarge)
	}
	return errors.New("the answer is not HTTP")
}
