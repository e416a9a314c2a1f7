package oidc

import (
	"fmt"
	"net"
	"strings"

	"github.com/irsa-go/irsa/internal/issuerurl"
)

// discoveryPath follows the issuer (OpenID Connect Discovery 1.0 §4).
const discoveryPath = "/.well-known/openid-configuration"

// Issuer is the URL that an OpenID Connect issuer calls itself. It is opaque and comparable:
// two issuers are the same exactly when == says so, character for character (OpenID Connect
// Discovery 1.0 §4.3, RFC 8414 §3.3), so nothing in it is ever normalised. The zero value
// stands for none. An Issuer is safe for concurrent use.
type Issuer struct{ url issuerurl.URL }

// ParseIssuer accepts "https://HOST[:PORT][/PATH]" exactly as the issuer writes it in its tokens:
// no user, query or fragment. A trailing slash is kept, as it makes another issuer.
// [Issuer.CheckIAM] says what IAM refuses beyond that.
func ParseIssuer(rawURL string) (Issuer, error) {
	u, err := issuerurl.Parse(rawURL)
	if err != nil {
		return Issuer{}, fmt.Errorf("oidc: issuer %q: %w", rawURL, err)
	}
	return Issuer{url: u}, nil
}

// String returns the issuer exactly as it was parsed; the zero value gives "".
func (i Issuer) String() string { return i.url.String() }

// HostPath returns the issuer as IAM keeps it and as trust policies name it in condition
// keys: without "https://" and without ":443".
func (i Issuer) HostPath() string { return i.url.HostPath() }

// IsZero reports whether i is the zero value.
func (i Issuer) IsZero() bool { return i == Issuer{} }

// MarshalText returns what String returns; it never fails.
func (i Issuer) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText is ParseIssuer; the empty text gives the zero value. On an error i keeps its
// value.
func (i *Issuer) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*i = Issuer{}
		return nil
	}
	parsed, err := ParseIssuer(string(text))
	if err != nil {
		return err
	}
	*i = parsed
	return nil
}

// DiscoveryURL returns where the issuer's discovery document is: one slash that ends the
// issuer is dropped first (OpenID Connect Discovery 1.0 §4.1). The zero value gives "".
func (i Issuer) DiscoveryURL() string {
	if i.IsZero() {
		return ""
	}
	return i.base() + discoveryPath
}

// base is what paths are appended to.
func (i Issuer) base() string { return strings.TrimSuffix(i.String(), "/") }

// hostPort returns what to connect to for a URL.
func hostPort(u issuerurl.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Host(), port)
}
