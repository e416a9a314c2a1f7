package oidc_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

// hosts serves every host by its own TLS server on loopback.
type hosts map[string]*httptest.Server

func (h hosts) add(t *testing.T, host string, cfg *tls.Config, handler http.HandlerFunc) {
	t.Helper()
	srv := httptest.NewUnstartedServer(handler)
	srv.Config.ErrorLog = nil
	if cfg.Certificates == nil {
		cfg.Certificates = []tls.Certificate{newHostile(t, nil).cert}
	}
	srv.TLS = cfg
	srv.StartTLS()
	t.Cleanup(srv.Close)
	h[host] = srv
}

func (h hosts) client() *oidc.Client {
	pool := x509.NewCertPool()
	for _, srv := range h {
		pool.AddCert(srv.Certificate())
	}
	return &oidc.Client{RootCAs: pool, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		srv, ok := h[addr]
		if !ok {
			host, _, _ := strings.Cut(addr, ":")
			srv, ok = h[host]
		}
		if !ok {
			return nil, fmt.Errorf("no such host %s", addr)
		}
		return (&net.Dialer{}).DialContext(ctx, network, srv.Listener.Addr().String())
	}}
}

// documentOf is a discovery document with what STS needs.
func documentOf(issuer, jwksURI string) string {
	return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q,"response_types_supported":["id_token"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256"]}`, issuer, jwksURI)
}

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
}

func TestAHostThatWantsAClientCertificateGivesNoThumbprint(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		h := hosts{}
		h.add(t, "idp.example.com", &tls.Config{}, says(documentOf("https://idp.example.com", "https://other.example.com/keys")))
		h.add(t, "other.example.com", &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: version, MaxVersion: version}, says(`{"keys":[]}`))
		iss := issuer(t, "https://idp.example.com")
		report, err := h.client().Thumbprints(t.Context(), iss)
		require.ErrorIs(t, err, oidc.ErrClientCertificate, name)
		assert.ErrorContains(t, err, "other.example.com:443", name)
		assert.Nil(t, report)
		_, err = h.client().Keys(t.Context(), iss)
		assert.ErrorIs(t, err, oidc.ErrClientCertificate, name)
		assert.ErrorIs(t, h.client().Preflight(t.Context(), iss, oidc.PreflightConfig{}).Err(), oidc.ErrClientCertificate, name)
	}
	h := hosts{}
	h.add(t, "idp.example.com", &tls.Config{MaxVersion: tls.VersionTLS13, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		cfg := &tls.Config{Certificates: []tls.Certificate{h["idp.example.com"].TLS.Certificates[0]}}
		if !slices.Contains(hello.SupportedVersions, tls.VersionTLS13) {
			cfg.ClientAuth = tls.RequireAnyClientCert
		}
		return cfg, nil
	}}, says(documentOf("https://idp.example.com", "https://idp.example.com/keys")))
	_, err := h.client().Thumbprints(t.Context(), issuer(t, "https://idp.example.com"))
	require.ErrorIs(t, err, oidc.ErrClientCertificate, "that TLS 1.3 would do without it is not asked")
	h = hosts{}
	h.add(t, "idp.example.com", &tls.Config{ClientAuth: tls.RequestClientCert}, says(documentOf("https://idp.example.com", "https://idp.example.com/keys")))
	_, err = h.client().Thumbprints(t.Context(), issuer(t, "https://idp.example.com"))
	assert.NoError(t, err, "one that may be left out")
}

// The thumbprint of a host to which the issuer merely redirects must not be given to IAM, also
// when the redirect leads to the right document.
func TestAHostOfARedirectNeverGivesAThumbprint(t *testing.T) {
	t.Parallel()
	h := hosts{}
	h.add(t, "idp.example.com", &tls.Config{}, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://other.example.com"+r.URL.Path, http.StatusFound)
	})
	h.add(t, "other.example.com", &tls.Config{}, says(documentOf("https://idp.example.com", "https://idp.example.com/keys")))
	report, err := h.client().Thumbprints(t.Context(), issuer(t, "https://idp.example.com"))
	require.NoError(t, err)
	assert.Equal(t, []string{thumbprint(h["idp.example.com"].Certificate())}, report.Thumbprints)
	require.Len(t, report.Endpoints, 2)
	assert.Equal(t, []string{"redirect"}, report.Endpoints[1].Roles)
	assert.NotEqual(t, report.Thumbprints[0], report.Endpoints[1].Thumbprint)
}

func TestAddressesThatOnlyLookPublicDoNotReachTheCaller(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	for target, want := range map[string]string{
		"[::ffff:100.64.0.1]": "100.64.0.1", "[::ffff:10.0.0.1]": "10.0.0.1", "[::ffff:169.254.169.254]": "169.254.169.254", "[::FFFF:a9fe:a9fe]": "169.254.169.254",
	} {
		var asked []string
		client := srv.Client()
		srv.SetFault(oidctest.Fault{JWKSURI: "https://" + target + "/keys"})
		_, err := client.Keys(t.Context(), srv.Issuer())
		var refused *oidc.AddressError
		require.ErrorAs(t, err, &refused, target)
		assert.Equal(t, want, refused.Addr.String(), target)
		client.AllowAddress = func(a netip.Addr) error { asked = append(asked, a.String()); return fmt.Errorf("no") }
		_, err = client.Keys(t.Context(), srv.Issuer())
		require.ErrorAs(t, err, &refused, target)
		assert.Equal(t, []string{want}, asked, "the form in which a list of ranges has it")
	}
	srv.SetFault(oidctest.Fault{JWKSURI: "https://198.18.0.7/keys"})
	_, err := srv.Client().Keys(t.Context(), srv.Issuer())
	assert.ErrorContains(t, err, "AllowAddress", "what fake-IP resolvers answer, with the way out")
}

// at is a connection whose other end says that it is at an address.
type at struct {
	net.Conn
	addr string
}

func (c at) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.addr)) }

func TestTheFirstConnectionSaysWhatAnIssuerMayLeadTo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		issuer, keys string // addresses
		refused      bool
	}{
		"public to public":       {"8.8.8.8:443", "9.9.9.9:443", false},
		"public to private":      {"8.8.8.8:443", "10.0.0.1:443", true},
		"public to shared":       {"8.8.8.8:443", "[::ffff:100.64.0.1]:443", true},
		"public to loopback":     {"8.8.8.8:443", "127.0.0.1:443", true},
		"public to metadata":     {"8.8.8.8:443", "169.254.169.254:443", true},
		"private to private":     {"10.0.0.1:443", "192.168.0.1:443", false},
		"private to public":      {"10.0.0.1:443", "8.8.8.8:443", false},
		"private to loopback":    {"10.0.0.1:443", "127.0.0.1:443", true},
		"loopback to private":    {"127.0.0.1:443", "10.0.0.1:443", true},
		"loopback to metadata":   {"127.0.0.1:443", "[fd00:ec2::254]:443", true},
		"metadata to begin with": {"169.254.169.254:443", "8.8.8.8:443", true},
	} {
		h := hosts{}
		h.add(t, "idp.example.com", &tls.Config{}, says(documentOf("https://idp.example.com", "https://other.example.com/keys")))
		h.add(t, "other.example.com", &tls.Config{}, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://proxy.example.com/keys", http.StatusFound)
		})
		h.add(t, "proxy.example.com", &tls.Config{}, says(`{"keys":[]}`)) // at the issuer's address again
		client := h.client()
		dial := client.DialContext
		client.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			if strings.HasPrefix(addr, "other.") {
				return at{conn, c.keys}, err
			}
			return at{conn, c.issuer}, err
		}
		_, err := client.Keys(t.Context(), issuer(t, "https://idp.example.com"))
		var refused *oidc.AddressError
		assert.Equal(t, c.refused, errors.As(err, &refused), "%s: %v", name, err)
		if !c.refused {
			assert.NoError(t, err, name)
		}
	}
}
