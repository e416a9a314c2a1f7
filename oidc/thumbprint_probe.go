package oidc

import (
	"context"
	"fmt"

	"github.com/irsa-go/irsa/internal/fetch"
	"github.com/irsa-go/irsa/internal/printable"
)

// Thumbprints finds what IAM may need to know of the issuer's certificates, by the procedure
// that AWS documents
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html):
// the SHA-1 of the last certificate that the host of the keys sends, and, as IAM's API asks
// for when they differ, of the one that the host of the discovery document sends.
//
// Servers are offered TLS 1.2 first, and 1.3 when they refuse it: AWS decides by the thumbprint
// when an endpoint takes only 1.3.
//
// A chain that does not verify gives no thumbprint. Every error is a *[ThumbprintError], which has
// the report up to the failure, and wraps the cause.
func (c *Client) Thumbprints(ctx context.Context, iss Issuer) (*ThumbprintReport, error) {
	return c.thumbprints(ctx, iss, false)
}

// InsecureThumbprints is [Client.Thumbprints] without verifying certificates. It returns whatever
// the network showed, which may be an interceptor's certificate: compare it with what you know by
// other means before you give it to IAM. The report says so. It is not a setting of the Client, so
// that nothing can leave it on.
func (c *Client) InsecureThumbprints(ctx context.Context, iss Issuer) (*ThumbprintReport, error) {
	return c.thumbprints(ctx, iss, true)
}

// ThumbprintError says why no thumbprints could be computed, with the evidence. It is a plain value.
type ThumbprintError struct {
	Issuer Issuer
	// Report has every endpoint that was met, with the chain that it sent, and what is wrong
	// with it. Its Thumbprints are empty.
	Report *ThumbprintReport
	Err    error // the cause
}

// Error names the issuer and the cause; the evidence is printed by Report.String.
func (e *ThumbprintError) Error() string {
	return printable.Text(fmt.Sprintf("oidc: thumbprints of issuer %q: %v", e.Issuer, e.Err))
}

// Unwrap returns the cause.
func (e *ThumbprintError) Unwrap() error { return e.Err }

func (c *Client) thumbprints(ctx context.Context, iss Issuer, insecure bool) (*ThumbprintReport, error) {
	if iss.IsZero() {
		return nil, &ThumbprintError{Report: &ThumbprintReport{Insecure: insecure}, Err: ErrIssuerZero}
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	s := newSession(c, iss, insecure)
	defer s.Close()
	p := probe{session: s, insecure: insecure, roles: map[string][]string{}, refused12: map[string]bool{}}
	err := p.run(ctx)
	report := p.report()
	if err != nil {
		report.Thumbprints = nil
		return nil, &ThumbprintError{Issuer: iss, Report: report, Err: err}
	}
	return report, nil
}

// Roles of an endpoint.
const (
	roleDiscovery = "discovery"
	roleKeys      = "jwks"
)

// probe is one search for thumbprints.
type probe struct {
	*session
	insecure bool
	roles    map[string][]string // of host:port
	// refused12 has the servers that refused TLS 1.2, and whether they gave the version as the reason.
	refused12 map[string]bool
}

func (p *probe) run(ctx context.Context) error {
	discovery := hostPort(p.issuer.url)
	p.roles[discovery] = []string{roleDiscovery}
	doc, err := p.document(ctx)
	if err != nil {
		return err
	}
	u, err := parseJWKSURI(doc.JWKSURI)
	if err != nil {
		return err
	}
	keys := hostPort(u)
	p.roles[keys] = append(p.roles[keys], roleKeys)
	if keys == discovery {
		return nil
	}
	if err := p.meet(ctx, doc.JWKSURI); err != nil {
		return fmt.Errorf("jwks_uri %q: %w", doc.JWKSURI, err)
	}
	return nil
}

func (p *probe) document(ctx context.Context) (*Document, error) {
	var doc *Document
	err := p.either(func(offer fetch.Versions) (err error) {
		doc, err = p.discover(ctx, offer)
		return err
	})
	return doc, err
}

// meet accepts any HTTP answer: the thumbprint comes from the handshake.
func (p *probe) meet(ctx context.Context, rawURL string) error {
	return p.either(func(offer fetch.Versions) error {
		return p.Meet(ctx, rawURL, offer)
	})
}

// either does it with TLS 1.2 and, when the last server met refused that in its handshake,
// with 1.3 alone.
func (p *probe) either(do func(fetch.Versions) error) error {
	err := do(fetch.Max12)
	refused, byVersion := p.Refused12(err)
	if !refused {
		return err
	}
	met := p.Contacts()
	p.refused12[met[len(met)-1].Addr] = byVersion
	if retried := do(fetch.Min13); retried != nil {
		return fmt.Errorf("with TLS 1.3: %w (with TLS 1.2: %w)", retried, err)
	}
	return nil
}
