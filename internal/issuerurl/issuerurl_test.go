package issuerurl_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/issuerurl"
)

func TestParseKeepsTheURLAndTakesItApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ raw, hostPath, host, port string }{
		{"https://example.com", "example.com", "example.com", ""},
		{"https://example.com/", "example.com/", "example.com", ""},
		{"https://Example.com/a/b", "Example.com/a/b", "Example.com", ""},
		{"https://example.com:443/a", "example.com/a", "example.com", "443"},
		{"https://1.example/a%2fb%C3", "1.example/a%2fb%C3", "1.example", ""},
		{"https://127.0.0.1:6443", "127.0.0.1:6443", "127.0.0.1", "6443"},
		{"https://[::1]:6443/x", "[::1]:6443/x", "::1", "6443"},
		{"https://[::1]", "[::1]", "::1", ""},
		{"https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE", "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE", "oidc.eks.eu-west-1.amazonaws.com", ""},
	} {
		u, err := issuerurl.Parse(c.raw)
		require.NoError(t, err, c.raw)
		assert.Equal(t, c.raw, u.String())
		assert.Equal(t, c.hostPath, u.HostPath())
		assert.Equal(t, c.host, u.Host())
		assert.Equal(t, c.port, u.Port())
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for raw, reason := range map[string]string{
		"":                        "https://",
		"http://example.com":      "https://",
		"HTTPS://example.com":     "https://",
		"example.com":             "https://",
		"https://":                "no host",
		"https:///path":           "no host",
		"https://:443/":           "no host",
		"https://a@example.com":   "user",
		"https://example.com?a":   "query",
		"https://example.com#a":   "fragment",
		"https://example.com/ a":  "white space",
		"https://example.com/\n":  "white space",
		"https://exämple.com":     "non-ASCII",
		"https://example.com:":    "port is empty",
		"https://example.com:x":   "is not a number",
		"https://example.com:0":   "is not a number",
		"https://example.com:080": "is not a number",
		"https://a..b":            "is not a DNS name",
		"https://-a.b":            "is not a DNS name",
		"https://*.b":             "an issuer's URL may not hold",
		"https://[:::1":           "is not an IPv6",
		"https://[::1":            "is not an IPv6",
		"https://[::1]]":          "is not an IPv6",
		"https://[127.0.0.1]":     "is not an IPv6",
		"https://[::g]":           "is not an IPv6",
		"https://[fe80::1%25e]":   "is not an IPv6",
		"https://a.example/%zz":   "'%'",
		"https://a.example/.%2E/": "segments",
		"https://a.example/%a":    "'%'",
		"https://a.example/%":     "'%'",
		"https://2130706433":      "neither a DNS name nor an address",
		"https://0x7f.1":          "neither a DNS name nor an address",
		"https://127.1":           "neither a DNS name nor an address",
		"https://a.0X7f":          "neither a DNS name nor an address",
		"https://a/../b":          "segments",
		"https://a/b/.":           "segments",
		"https://" + strings.Repeat("a.", 127) + "a": "more than 253",
	} {
		u, err := issuerurl.Parse(raw)
		require.ErrorContains(t, err, reason, "%q", raw)
		assert.Zero(t, u)
	}
}

func TestPortsAreForLoopbackOnly(t *testing.T) {
	t.Parallel()
	for raw, ok := range map[string]bool{
		"https://example.com":      true,
		"https://example.com:443":  true,
		"https://example.com:8443": false,
		"https://localhost:8443":   true,
		"https://127.0.0.1:8443":   true,
		"https://[::1]:8443":       true,
		"https://10.0.0.1:8443":    false,
	} {
		u, err := issuerurl.Parse(raw)
		require.NoError(t, err)
		assert.Equal(t, ok, u.CheckPort() == nil, raw)
	}
}

func FuzzWhatParsesIsTheSameForNetURL(f *testing.F) {
	f.Add("https://example.com:443/a/b/")
	f.Add("https://[::1]:1/")
	f.Add("https://[:::1")
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := issuerurl.Parse(raw)
		if err != nil {
			assert.Zero(t, u)
			return
		}
		std, err := url.Parse(raw)
		require.NoError(t, err)
		assert.Equal(t, std.Hostname(), u.Host())
		assert.Equal(t, std.Port(), u.Port())
		assert.Empty(t, std.RawQuery+std.Fragment)
		assert.Nil(t, std.User)
	})
}
