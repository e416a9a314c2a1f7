package oidc_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
)

// A server's certificates are whatever it sends: their contents must neither harm the report's
// reader nor change what the thumbprint is.
func TestOddCertificatesAreReportedSafely(t *testing.T) {
	t.Parallel()
	names := make([]string, 2000)
	for i := range names {
		names[i] = fmt.Sprintf("host-%d.example", i)
	}
	for name, edit := range map[string]func(*x509.Certificate){
		"a terminal's escape sequence in the name": func(c *x509.Certificate) { c.Subject.CommonName = "\x1b]0;owned\x07\x1b[31mred" },
		"line breaks in the name":                  func(c *x509.Certificate) { c.Subject.CommonName = "good\nverified: yes" },
		"a NUL in the name":                        func(c *x509.Certificate) { c.Subject.CommonName = "good.example\x00.evil.example" },
		"a name that reads backwards":              func(c *x509.Certificate) { c.Subject.CommonName = "\u202egro.elpmaxe" },
		"no name at all":                           func(c *x509.Certificate) { c.Subject = pkix.Name{} },
		"a name of 64 KB":                          func(c *x509.Certificate) { c.Subject.CommonName = strings.Repeat("a", 64<<10) },
		"two thousand hosts":                       func(c *x509.Certificate) { c.DNSNames = names },
		"an unknown critical extension": func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4, 5}, Critical: true, Value: []byte{5, 0}}}
		},
		"a validity that ends before it begins": func(c *x509.Certificate) { c.NotAfter = c.NotBefore.Add(-time.Hour) },
		"a validity until the last year":        func(c *x509.Certificate) { c.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cert := oddCertificate(t, edit)
			report, err := oidc.ChainThumbprint([]*x509.Certificate{cert})
			if err != nil {
				assert.Nil(t, report)
				assertPrintable(t, err.Error())
				return
			}
			sum := sha1.Sum(cert.Raw)
			assert.Equal(t, []string{hex.EncodeToString(sum[:])}, report.Thumbprints)
			assertPrintable(t, report.String())
			encoded, err := json.Marshal(report)
			require.NoError(t, err)
			assert.True(t, json.Valid(encoded))
		})
	}
}

// oddCertificate signs with one key and is for another, of a kind that TLS servers rarely have.
func oddCertificate(t *testing.T, edit func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	pub, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "odd.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	edit(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, pub, signer)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

func assertPrintable(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			assert.Failf(t, "a reader's terminal would obey it", "%U in %.200q", r, text)
			return
		}
	}
	assert.NotContains(t, text, "\nverified: yes", "a name that makes a line of its own")
}
