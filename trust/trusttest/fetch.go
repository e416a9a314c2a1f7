package trusttest

import (
	"context"
	"crypto/sha1"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/irsa-go/irsa/internal/fetch"
	"github.com/irsa-go/irsa/oidc"
)

const (
	// fetchTimeout is how long STS is observed to wait for an issuer.
	fetchTimeout = 5 * time.Second
	// maxDocument bounds what is read of an issuer's answer.
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
	f := fetch.New(fetch.Config{DialContext: a.cfg.DialContext, Verify: a.judge(thumbprints)})
	defer f.Close()
	body, err := get(ctx, f, iss.DiscoveryURL())
	if err != nil {
		return nil, err
	}
	doc, err := oidc.ParseDocument(body)
	if err != nil {
		return nil, err
	}
	if doc.Issuer != iss {
		return nil, errors.New("the discovery document names another issuer")
	}
	if err := doc.CheckSTS(); err != nil {
		return nil, err
	}
	if body, err = get(ctx, f, doc.JWKSURI); err != nil {
		return nil, err
	}
	keys, err := oidc.ParseKeySet(body)
	if err != nil {
		return nil, err
	}
	return keys, keys.CheckSTS()
}

// get tries TLS 1.2 first: an endpoint that wants 1.3 is judged by its thumbprint even when an
// authority vouches for it.
func get(ctx context.Context, f *fetch.Fetcher, rawURL string) ([]byte, error) {
	body, err := f.Get(ctx, rawURL, fetch.Request{Accept: "*/*", Limit: maxDocument, TLS: fetch.Max12})
	if refused, _ := f.Refused12(err); refused {
		return f.Get(ctx, rawURL, fetch.Request{Accept: "*/*", Limit: maxDocument, TLS: fetch.Min13})
	}
	return body, err
}

// issuerThumbprint is what IAM keeps of an issuer when it is given none: that of the last
// certificate that its host sends.
func (a *Account) issuerThumbprint(ctx context.Context, iss oidc.Issuer) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	f := fetch.New(fetch.Config{DialContext: a.cfg.DialContext, Verify: a.judge(nil), Insecure: true}) // the chain is the answer
	defer f.Close()
	if err := f.Meet(ctx, iss.String(), fetch.Any); err != nil {
		return "", err
	}
	return thumbprint(f.Contacts()[0].State.PeerCertificates), nil
}

// thumbprint is the SHA-1 of the last certificate.
func thumbprint(sent []*x509.Certificate) string {
	return fmt.Sprintf("%x", sha1.Sum(sent[len(sent)-1].Raw))
}

// judge decides whether a server's certificates are the issuer's: an authority vouches for them, or
// the last one is known by its thumbprint.
func (a *Account) judge(thumbprints []string) func(string, fetch.Versions, []*x509.Certificate) error {
	return func(host string, offered fetch.Versions, sent []*x509.Certificate) error {
		opts := x509.VerifyOptions{DNSName: host, Roots: a.cfg.RootCAs, CurrentTime: a.now()}
		if opts.Roots != nil && offered != fetch.Min13 && fetch.VerifyChain(sent, opts) == nil {
			return nil
		}
		if !isOrdered(sent, host, opts.CurrentTime) || !slices.Contains(thumbprints, thumbprint(sent)) {
			return errThumbprint
		}
		return nil
	}
}

// isOrdered wants the first certificate to be the host's, and every one to be valid and signed by
// the next: certificates out of order, twice or in excess are observed to make STS fail.
func isOrdered(sent []*x509.Certificate, host string, now time.Time) bool {
	if len(sent) == 0 || sent[0].VerifyHostname(host) != nil {
		return false
	}
	for i, cert := range sent {
		if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
			return false
		}
		if i+1 < len(sent) && cert.CheckSignatureFrom(sent[i+1]) != nil {
			return false
		}
	}
	return true
}
