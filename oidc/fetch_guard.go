package oidc

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// AddressError is a refusal to connect to an address, before anything is sent there.
// It is a plain value.
type AddressError struct {
	Host string     // whose address it is, host:port
	Addr netip.Addr // the address, as resolved
	Err  error      // why: AllowAddress's own error, or the default rule's
}

// Error names the host, the address and the reason.
func (e *AddressError) Error() string {
	return fmt.Sprintf("%s is at %s: %v", e.Host, e.Addr, e.Err)
}

// Unwrap returns the reason.
func (e *AddressError) Unwrap() error { return e.Err }

// guard vets the addresses of one call. The dialer may ask it from several goroutines.
type guard struct {
	allow  func(netip.Addr) error // the caller's, or nil
	issuer string                 // host:port

	mu    sync.Mutex
	class class // of the issuer's host, once connected
}

func newGuard(allow func(netip.Addr) error, iss Issuer) *guard {
	g := &guard{allow: allow, issuer: hostPort(iss.url)}
	return g
}

// checkHost vets a host that is spelled as an address, which no resolver will see.
func (g *guard) checkHost(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q has no port", addr)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return g.check(addr, ip)
	}
	return nil
}

// checkResolved vets where a connection goes or went: resolved is an IP address and a port.
func (g *guard) checkResolved(addr, resolved string) error {
	ap, err := netip.ParseAddrPort(resolved)
	if err != nil {
		return fmt.Errorf("%s: cannot tell the address it resolves to", addr)
	}
	return g.check(addr, ap.Addr())
}

func (g *guard) check(addr string, ip netip.Addr) error {
	ip = ip.Unmap().WithZone("")
	if g.allow != nil {
		if err := g.allow(ip); err != nil {
			return &AddressError{Host: addr, Addr: ip, Err: err}
		}
		return nil
	}
	g.mu.Lock()
	home := g.class
	g.mu.Unlock()
	if err := classOf(ip).reachableFrom(home); err != nil {
		return &AddressError{Host: addr, Addr: ip, Err: err}
	}
	return nil
}

// connected fixes the class by the first connection, which is always the issuer's: a second
// resolution of the same name cannot lead elsewhere.
func (g *guard) connected(conn net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.class != classUnknown {
		return
	}
	g.class = g.spelled()
	if ap, ok := remoteIP(conn); ok {
		g.class = classOf(ap.Addr().Unmap())
	}
}

// proxied fixes the class of an issuer that a proxy leads to, whose address is not known here.
// Without it an issuer behind a proxy could lead to a loopback or private address, which
// proxies are commonly configured to be bypassed for.
func (g *guard) proxied() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.class == classUnknown {
		g.class = g.spelled()
	}
}

// spelled is the class of the issuer's host by its text alone: a name counts as public.
func (g *guard) spelled() class {
	if host, _, err := net.SplitHostPort(g.issuer); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil {
			return classOf(ip.Unmap())
		}
	}
	return classPublic
}
