package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
)

// longChain is certificates of one name, each signed by the one before: who issued the first is found
// by trying all, and so on.
func longChain(t *testing.T, n int) []*x509.Certificate {
	t.Helper()
	var sent []*x509.Certificate
	var parent *x509.Certificate
	var parentKey *ecdsa.PrivateKey
	for range n {
		key := ecKey(t, elliptic.P256())
		parent, parentKey = certificate(t, "one", key, true, parent, parentKey), key
		sent = append(sent, parent)
	}
	slices.Reverse(sent[1:])
	sent[0], sent[1] = sent[1], sent[0]
	return sent
}

func TestAChainOfHundredsIsNotSearched(t *testing.T) {
	t.Parallel()
	long := longChain(t, 300)
	report, err := oidc.ChainThumbprint(long[:32])
	require.NoError(t, err)
	assert.NotContains(t, codes(report.Endpoints[0].Problems), oidc.CodeTooLong)
	_, err = oidc.ChainThumbprint(long[:33])
	require.ErrorContains(t, err, "33 certificates are given, more than 32")
	report, err = oidc.ChainThumbprint(long)
	require.ErrorContains(t, err, "300 certificates are given, more than 32")
	assert.Nil(t, report)

	h := newHostile(t, func(w io.Writer) { _, _ = io.WriteString(w, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") })
	for _, cert := range long {
		h.cert.Certificate = append(h.cert.Certificate, cert.Raw)
	}
	iss := issuer(t, "https://idp.example.com")
	for way, call := range map[string]func() (*oidc.ThumbprintReport, error){
		"Thumbprints":         func() (*oidc.ThumbprintReport, error) { return h.client().Thumbprints(t.Context(), iss) },
		"InsecureThumbprints": func() (*oidc.ThumbprintReport, error) { return h.client().InsecureThumbprints(t.Context(), iss) },
	} {
		_, err := call()
		var evidence *oidc.ThumbprintError
		require.ErrorAs(t, err, &evidence, way)
		require.Len(t, evidence.Report.Endpoints, 1, way)
		e := evidence.Report.Endpoints[0]
		assert.Equal(t, []oidc.Code{oidc.CodeTooLong}, codes(e.Problems), "%s: nothing else is looked at", way)
		assert.False(t, e.Verified, way)
		assert.Contains(t, e.VerifyError, "301 certificates, more than 32", way)
	}
	_, err = h.client().Discover(t.Context(), iss)
	require.ErrorContains(t, err, "301 certificates, more than 32")
	h.served.Wait()
}

// Entries are compared with each other, and the smallest has two bytes.
func TestAKeySetOfThousandsIsRefused(t *testing.T) {
	t.Parallel()
	of := func(entry string, n int) string {
		return `{"keys":[` + strings.TrimSuffix(strings.Repeat(entry+",", n), ",") + `]}`
	}
	for _, entry := range []string{`{}`, `null`, `{"kid":"a"}`, `7`} {
		set, err := oidc.ParseKeySet([]byte(of(entry, 1001)))
		require.ErrorContains(t, err, "1001 keys, more than 1000", entry)
		assert.Nil(t, set)
		set, err = oidc.ParseKeySet([]byte(of(entry, 1000)))
		require.NoError(t, err, entry)
		assert.Len(t, set.Faults(), 1001, "and that it has no usable key")
	}
}
