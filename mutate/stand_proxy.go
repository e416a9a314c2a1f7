package mutate

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// proxied says whether a container's SDKs would ask a proxy for the credentials of the agent,
// which no proxy can reach
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html). What NO_PROXY
// holds that the pod does not show counts as enough.
func (j *judge) proxied(m *method, c *containerView, g gain) bool {
	if !c.env.holds(j.proxy) || c.hidden.holds(j.noProxy) {
		return false
	}
	agent, err := url.Parse(j.value(c, g, m.needs&^m.file))
	if err != nil || agent.Scheme != "http" {
		return false
	}
	addr, err := netip.ParseAddr(agent.Hostname())
	if err != nil || addr.IsLoopback() {
		return false
	}
	for _, v := range c.values {
		if j.noProxy.has(v.variable.set()) && exempts(v.value, addr) {
			return false
		}
	}
	return true
}

// exempts says whether a NO_PROXY has an address: itself, with or without a port, a network
// around it, or "*".
func exempts(noProxy string, addr netip.Addr) bool {
	for entry := range strings.FieldsFuncSeq(noProxy, func(r rune) bool { return r == ',' || r == ' ' }) {
		if entry == "*" {
			return true
		}
		if network, _ := netip.ParsePrefix(entry); network.Contains(addr) {
			return true
		}
		if host, _, err := net.SplitHostPort(entry); err == nil {
			entry = host
		}
		if a, _ := netip.ParseAddr(strings.Trim(entry, "[]")); a == addr {
			return true
		}
	}
	return false
}
