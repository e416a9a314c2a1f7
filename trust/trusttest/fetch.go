package trusttest

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/irsa-go/irsa/oidc"
)

const (
	// fetchTimeout is how long STS is observed to wait for an issuer.
	fetchTimeout = 5 * time.Second
	// maxDocument bounds what is read of an issuer's answer, headers included.
	maxDocument = 1 << 20
)

// errThumbprint is of an issuer whose certificate nobody vouches for.
var errThumbprint = errors.New("neither a trusted authority nor a thumbprint vouches for the certificate")

// keysOf fetches an issuer's discovery document and its keys, over TLS that either the
// account's authorities or the provider's thumbprints vouch for
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html).
func (a *Account) keysOf(ctx context.Context, iss oidc.Issuer, thumbprints []string) (*oidc.KeySet, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	body, err := a.fetch(ctx, iss.DiscoveryURL(), thumbprints)
	if err != nil {
		return nil, err
	}
	doc, err := oidc.ParseDocument(body)
	if err != nil {
		return nil, err
	}
	if doc.Issuer != iss || len(doc.ResponseTypes) == 0 || len(doc.SubjectTypes) == 0 || len(doc.SigningAlgorithms) == 0 {
		return nil, errors.New("the discovery document is another issuer's or lacks a required member")
	}
	if body, err = a.fetch(ctx, doc.JWKSURI, thumbprints); err != nil {
		return nil, err
	}
	return oidc.ParseKeySet(body)
}

// issuerThumbprint is what IAM keeps of an issuer when it is given none: the SHA-1 of the last
// certificate that its host sends.
func (a *Account) issuerThumbprint(ctx context.Context, iss oidc.Issuer) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	u, err := url.Parse(iss.String())
	if err != nil {
		return nil, err
	}
	conn, err := a.dialTLS(ctx, u, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) // the chain is the answer
	if err != nil {
		return nil, err
	}
	defer hangUp(conn)
	sent := conn.ConnectionState().PeerCertificates
	sum := sha1.Sum(sent[len(sent)-1].Raw)
	return sum[:], nil
}

// fetch gets one document. The connection is used for nothing else, and no goroutine is left
// when fetch returns.
func (a *Account) fetch(ctx context.Context, rawURL string, thumbprints []string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return nil, err
	}
	if req.URL.Scheme != "https" {
		return nil, errors.New("it is not https")
	}
	req.Close = true
	req.Header.Set("User-Agent", "trusttest")
	conn, err := a.connect(ctx, req.URL, thumbprints)
	if err != nil {
		return nil, err
	}
	defer hangUp(conn)
	defer context.AfterFunc(ctx, func() { hangUp(conn) })() // a read has no context
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: conn, N: maxDocument}
	resp, err := http.ReadResponse(bufio.NewReader(limited), req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(resp.Body)
	if err == nil && limited.N <= 0 {
		err = errors.New("the answer is too long")
	}
	return body, err
}

// connect makes the TLS connection that AWS would. An endpoint that wants TLS 1.3 is judged
// by its thumbprint even when an authority vouches for it, so 1.2 is tried first.
func (a *Account) connect(ctx context.Context, u *url.URL, thumbprints []string) (*tls.Conn, error) {
	judge := judgement{host: u.Hostname(), now: a.now(), roots: a.cfg.RootCAs, thumbprints: thumbprints}
	conn, err := a.dialTLS(ctx, u, judge.config(tls.VersionTLS12, tls.VersionTLS12))
	if refused := (*net.OpError)(nil); errors.As(err, &refused) && refused.Op == "remote error" { // a TLS alert
		judge.roots = nil
		conn, err = a.dialTLS(ctx, u, judge.config(tls.VersionTLS13, tls.VersionTLS13))
	}
	return conn, err
}

func (a *Account) dialTLS(ctx context.Context, u *url.URL, cfg *tls.Config) (*tls.Conn, error) {
	dial := a.cfg.DialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	raw, err := dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, err
	}
	cfg.ServerName = u.Hostname()
	conn := tls.Client(raw, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

// hangUp closes without the farewell of TLS, for which both ends of a connection in memory
// would wait for each other.
func hangUp(conn *tls.Conn) { conn.NetConn().Close() }

// judgement decides whether a server's certificates are the issuer's.
type judgement struct {
	host        string
	now         time.Time
	roots       *x509.CertPool // nil: no authority counts
	thumbprints []string
}

func (j judgement) config(lowest, highest uint16) *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, // VerifyConnection does it, thumbprints being the reason
		VerifyConnection: func(state tls.ConnectionState) error {
			return j.verify(state.PeerCertificates)
		},
		MinVersion: lowest,
		MaxVersion: highest,
	}
}

func (j judgement) verify(sent []*x509.Certificate) error {
	if j.roots != nil && len(sent) > 0 {
		intermediates := x509.NewCertPool()
		for _, cert := range sent[1:] {
			intermediates.AddCert(cert)
		}
		_, err := sent[0].Verify(x509.VerifyOptions{DNSName: j.host, Roots: j.roots, Intermediates: intermediates, CurrentTime: j.now})
		if err == nil {
			return nil
		}
	}
	if !j.matchesThumbprint(sent) {
		return errThumbprint
	}
	return nil
}

// matchesThumbprint wants the last certificate to be a known one and every other to be signed
// by the next: certificates out of order, twice or in excess are observed to make STS fail.
func (j judgement) matchesThumbprint(sent []*x509.Certificate) bool {
	if len(sent) == 0 || sent[0].VerifyHostname(j.host) != nil {
		return false
	}
	for i, cert := range sent {
		if j.now.Before(cert.NotBefore) || j.now.After(cert.NotAfter) {
			return false
		}
		if i+1 < len(sent) && cert.CheckSignatureFrom(sent[i+1]) != nil {
			return false
		}
	}
	last := fmt.Sprintf("%x", sha1.Sum(sent[len(sent)-1].Raw))
	return slices.Contains(j.thumbprints, last)
}
