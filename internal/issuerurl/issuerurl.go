// Package issuerurl is the library's one reading of an OIDC issuer's URL.
//
// An issuer is compared character for character (OpenID Connect Discovery 1.0 §4.3, RFC 8414
// §3.3), so a URL is checked and taken apart but never rewritten.
package issuerurl

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

const scheme = "https://"

// URL is an issuer's URL. It is comparable; the zero value is not an issuer's.
type URL struct{ raw string }

// Parse accepts "https://HOST[:PORT][/PATH]" as written: no user, query or fragment
// (OpenID Connect Discovery 1.0 §3), no white space, control or non-ASCII character.
// A trailing slash is kept: it makes another issuer.
func Parse(raw string) (URL, error) {
	rest, ok := strings.CutPrefix(raw, scheme)
	if !ok {
		return URL{}, errors.New(`it must begin with "https://"`)
	}
	if err := checkCharacters(rest); err != nil {
		return URL{}, err
	}
	authority, path, _ := strings.Cut(rest, "/")
	if strings.Contains(authority, "@") {
		return URL{}, errors.New("it must not name a user")
	}
	if err := checkAuthority(authority); err != nil {
		return URL{}, err
	}
	for segment := range strings.SplitSeq(path, "/") {
		// Every HTTP client resolves dot segments (RFC 3986 §5.2.4), and some an encoded dot too
		// (https://url.spec.whatwg.org/#double-dot-path-segment): what is fetched would be another
		// issuer's document.
		if dots := strings.ReplaceAll(strings.ToLower(segment), "%2e", "."); dots == "." || dots == ".." {
			return URL{}, errors.New(`its path must not have "." or ".." segments`)
		}
	}
	return URL{raw: raw}, nil
}

// checkCharacters looks at what follows the scheme, by RFC 3986 §2. A '*' is refused as well: it
// is a wildcard in policies.
func checkCharacters(rest string) error {
	for i := 0; i < len(rest); i++ {
		switch b := rest[i]; {
		case b <= ' ' || b >= 0x7f:
			return fmt.Errorf("it has white space, a control or a non-ASCII character at offset %d", len(scheme)+i)
		case b == '?':
			return errors.New("it must not have a query")
		case b == '#':
			return errors.New("it must not have a fragment")
		case b == '%' && (i+2 >= len(rest) || !isHex(rest[i+1]) || !isHex(rest[i+2])):
			return fmt.Errorf("it has a '%%' without two hexadecimal digits at offset %d", len(scheme)+i)
		case strings.IndexByte("\\\"<>^`{|}*", b) >= 0:
			return fmt.Errorf("it has a character %q that an issuer's URL may not hold", b)
		}
	}
	return nil
}

func isHex(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F'
}

func checkAuthority(authority string) error {
	host, port, err := splitPort(authority)
	if err != nil {
		return err
	}
	if ip, ok := strings.CutPrefix(host, "["); ok {
		ip, closed := strings.CutSuffix(ip, "]")
		if addr, err := netip.ParseAddr(ip); err != nil || !closed || !addr.Is6() || addr.Zone() != "" {
			return fmt.Errorf("its host %q is not an IPv6 address", host)
		}
	} else if err := checkName(host); err != nil {
		return err
	}
	if port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
			return fmt.Errorf("its port %q is not a number from 1 to 65535", port)
		}
	}
	return nil
}

// splitPort keeps the brackets of an IPv6 host.
func splitPort(authority string) (host, port string, err error) {
	i := strings.LastIndexByte(authority, ':')
	if i < 0 || strings.HasSuffix(authority, "]") {
		return authority, "", nil
	}
	host, port = authority[:i], authority[i+1:]
	if port == "" {
		return "", "", errors.New("its port is empty")
	}
	return host, port, nil
}

// checkName accepts host names of RFC 1123 with underscores, which some clusters' domains have.
func checkName(host string) error {
	if host == "" {
		return errors.New("it has no host")
	}
	if len(host) > 253 {
		return fmt.Errorf("its host has %d characters, more than 253", len(host))
	}
	if last := host[strings.LastIndexByte(host, '.')+1:]; strings.Trim(last, "0123456789") == "" || strings.HasPrefix(strings.ToLower(last), "0x") {
		// Resolvers take such a host for an address, in forms that nobody here would vet
		// (https://url.spec.whatwg.org/#ends-in-a-number-checker).
		if _, err := netip.ParseAddr(host); err != nil {
			return fmt.Errorf("its host %q is neither a DNS name nor an address", host)
		}
	}
	for label := range strings.SplitSeq(host, ".") {
		if !isLabel(label) {
			return fmt.Errorf("its host %q is not a DNS name", host)
		}
	}
	return nil
}

func isLabel(s string) bool {
	const allowed = "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return s != "" && len(s) <= 63 && strings.Trim(s, allowed) == "" && s[0] != '-' && s[len(s)-1] != '-'
}

// String returns the URL exactly as it was given; the zero value gives "".
func (u URL) String() string { return u.raw }

// HostPath returns the URL as IAM keeps it: without the scheme and without ":443"
// (observed of IAM; any other port stays).
func (u URL) HostPath() string {
	rest := strings.TrimPrefix(u.raw, scheme)
	authority, path, slash := strings.Cut(rest, "/")
	authority = strings.TrimSuffix(authority, ":443")
	if slash {
		return authority + "/" + path
	}
	return authority
}

// Host returns the host without port; an IPv6 address without brackets.
func (u URL) Host() string {
	host, _ := u.hostPort()
	return strings.Trim(host, "[]")
}

// Port returns the port as written, "" when there is none.
func (u URL) Port() string {
	_, port := u.hostPort()
	return port
}

func (u URL) hostPort() (host, port string) {
	authority, _, _ := strings.Cut(strings.TrimPrefix(u.raw, scheme), "/")
	host, port, _ = splitPort(authority) // Parse has refused what does not split
	return host, port
}

// IsLoopback says whether the host is "localhost" or a loopback address by its name alone;
// nothing is resolved.
func (u URL) IsLoopback() bool {
	host := u.Host()
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// CheckPort reports a port that IAM does not accept. IAM's documentation allows none
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html)
// and IAM drops ":443"; a loopback issuer, which only a test bench can ever reach, may have one.
func (u URL) CheckPort() error {
	if port := u.Port(); port != "" && port != "443" && !u.IsLoopback() {
		return fmt.Errorf("it has port %q, but IAM accepts no port other than 443 in an issuer", port)
	}
	return nil
}
