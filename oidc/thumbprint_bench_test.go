package oidc_test

import (
	"crypto/sha1"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

// The two must be compared within one run: the first is the least that the documented
// procedure takes, one dial of the host and one GET per document.
func BenchmarkThumbprints(b *testing.B) {
	srv, err := oidctest.NewServer(oidctest.Config{})
	require.NoError(b, err)
	defer srv.Close()
	cfg := &tls.Config{RootCAs: srv.CertPool()}
	addr := strings.TrimPrefix(srv.URL(), "https://")
	b.Run("bare", func(b *testing.B) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg.Clone(), DisableKeepAlives: true}}
		for b.Loop() {
			resp, err := client.Get(srv.Issuer().DiscoveryURL())
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				b.Fatal(err)
			}
			resp.Body.Close()
			conn, err := tls.Dial("tcp", addr, cfg)
			if err != nil {
				b.Fatal(err)
			}
			sent := conn.ConnectionState().PeerCertificates
			_ = sha1.Sum(sent[len(sent)-1].Raw)
			conn.Close()
		}
	})
	b.Run("Thumbprints", func(b *testing.B) {
		client := &oidc.Client{RootCAs: srv.CertPool()}
		for b.Loop() {
			if _, err := client.Thumbprints(b.Context(), srv.Issuer()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
