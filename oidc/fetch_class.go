package oidc

import (
	"errors"
	"net/netip"
)

// class is what an address is for (the IANA special-purpose registries,
// https://www.iana.org/assignments/iana-ipv4-special-registry and …-ipv6-special-registry).
type class int

const (
	classUnknown  class = iota // nothing is connected yet
	classPublic                // globally reachable
	classPrivate               // one organisation's: RFC 1918, RFC 6598, RFC 4193
	classLoopback              // this machine's
	classForbidden
	classBenchmark // RFC 2544, and what fake-IP resolvers answer with
)

var (
	errForbidden = errors.New("link-local, instance metadata and other special addresses are never an issuer's")
	errFake      = errors.New("an address that resolvers of proxy programs make up (198.18.0.0/15): let this program resolve the name elsewhere, or set AllowAddress")
	errPrivate   = errors.New("a private address, to which only an issuer at a private address may lead")
	errLoopback  = errors.New("a loopback address, to which only an issuer at a loopback address may lead")
)

// reachableFrom says whether an issuer of class home may lead to c; before the issuer's own
// class is known, to all that an issuer can be.
func (c class) reachableFrom(home class) error {
	switch {
	case c == classPublic:
		return nil
	case c == classForbidden:
		return errForbidden
	case c == classBenchmark:
		return errFake
	case home == classUnknown || home == c:
		return nil
	case c == classPrivate:
		return errPrivate
	}
	return errLoopback
}

// special lists the ranges that netip has no predicate for.
func special() map[class][]netip.Prefix {
	p := netip.MustParsePrefix
	return map[class][]netip.Prefix{
		classForbidden: {
			p("0.0.0.0/8"),                                               // this network
			p("192.0.0.0/24"),                                            // protocol assignments
			p("192.0.2.0/24"), p("198.51.100.0/24"), p("203.0.113.0/24"), // documentation
			p("192.88.99.0/24"),                // 6to4 relays
			p("240.0.0.0/4"),                   // reserved, broadcast
			p("fd00:ec2::/32"),                 // EC2 instance metadata and EKS Pod Identity
			p("2001::/23"),                     // protocol assignments, Teredo
			p("2001:db8::/32"), p("3fff::/20"), // documentation
			p("2002::/16"), // 6to4: any IPv4 address behind it
		},
		classBenchmark: {p("198.18.0.0/15")},
		classPrivate:   {p("100.64.0.0/10")}, // carrier-grade NAT, RFC 6598; also used inside VPCs
	}
}

func classOf(ip netip.Addr) class {
	if nat64 := netip.MustParsePrefix("64:ff9b::/96"); nat64.Contains(ip) { // RFC 6052: IPv4 behind it
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	switch {
	case !ip.IsValid(), ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast():
		return classForbidden
	case ip.IsLoopback():
		return classLoopback
	}
	for c, prefixes := range special() {
		for _, prefix := range prefixes {
			if prefix.Contains(ip) {
				return c
			}
		}
	}
	switch global := netip.MustParsePrefix("2000::/3"); { // RFC 4291 §2.4, as IANA assigns it
	case ip.IsPrivate():
		return classPrivate
	case ip.Is6() && !global.Contains(ip): // forms of IPv4 among them, of which more are made up
		return classForbidden
	}
	return classPublic
}
