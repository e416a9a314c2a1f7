package oidc_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

// Proxies are commonly bypassed for loopback and private addresses, so an issuer behind one could
// point at what only this machine reaches.
func TestAPublicIssuerBehindAProxyLeadsToPublicAddressesOnly(t *testing.T) {
	t.Parallel()
	local, err := oidctest.NewServer(oidctest.Config{Algorithm: "ES256"})
	require.NoError(t, err)
	t.Cleanup(local.Close)
	srv := server(t, oidctest.Config{})
	addr, _, _ := proxyServer(t, srv, "http")
	proxy := &url.URL{Scheme: "http", Host: addr}
	client := &oidc.Client{RootCAs: srv.CertPool(), Proxy: func(r *http.Request) (*url.URL, error) {
		if r.URL.Hostname() == srv.Issuer().HostPath() {
			return proxy, nil
		}
		return nil, nil // as http.ProxyFromEnvironment does for loopback
	}}
	for _, target := range []string{local.URL() + "/keys", "https://localhost:1/keys", "https://10.0.0.1/keys"} {
		var refused *oidc.AddressError
		srv.SetFault(oidctest.Fault{JWKSURI: target})
		_, err = client.Keys(t.Context(), srv.Issuer())
		require.ErrorAs(t, err, &refused, target)
		srv.SetFault(oidctest.Fault{RedirectTo: target})
		_, err = client.Discover(t.Context(), srv.Issuer())
		require.ErrorAs(t, err, &refused, target)
	}
}
