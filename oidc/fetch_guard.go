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

// guard vets the addresses of one call.
type guard struct {
	allow  func(netip.Addr) error // the caller's, or nil
	issuer string                 // host:port

	mu    sync.Mutex
	class class // of the issuer's host, once connected
}

// Check refuses what AllowAddress or the default rule refuses.
func (g *guard) Check(addr string, ip netip.Addr) error {
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

// Connected fixes the class by the first connection, which is always the issuer's: a second
// resolution of the same name cannot lead elsewhere. Where the address is not known the class is
// the spelled one: an issuer behind a proxy could otherwise lead to a loopback or private
// address, which proxies are commonly configured to be bypassed for.
func (g *guard) Connected(ip netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.class != classUnknown:
	case ip.IsValid():
		g.class = classOf(ip.Unmap())
	default:
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
