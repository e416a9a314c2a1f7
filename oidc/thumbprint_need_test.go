package oidc_test

import (
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
)

func TestWhatRefusesTLS12ForItsSuitesIsNotCalledTLS13Only(t *testing.T) {
	t.Parallel()
	iss := issuer(t, "https://idp.example.com")
	for name, c := range map[string]struct {
		cfg   *tls.Config
		codes []oidc.Code
	}{
		"TLS 1.3 only":    {&tls.Config{MinVersion: tls.VersionTLS13}, nil},
		"3DES in TLS 1.2": {&tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}}, []oidc.Code{oidc.CodeTLS12Refused}},
	} {
		h := hosts{}
		h.add(t, "idp.example.com", c.cfg, says(documentOf(iss.String(), iss.JWKSURL())))
		report, err := h.client().Thumbprints(t.Context(), iss)
		require.NoError(t, err, name)
		require.Len(t, report.Endpoints, 1, name)
		assert.Equal(t, "TLS 1.3", report.Endpoints[0].TLSVersion, name)
		assert.Equal(t, c.codes, codes(report.Endpoints[0].Problems), name)
		assert.Len(t, report.Thumbprints, 1, name)
	}
	h := hosts{}
	h.add(t, "idp.example.com", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256}}, says(documentOf(iss.String(), iss.JWKSURL())))
	report, err := h.client().Thumbprints(t.Context(), iss)
	require.NoError(t, err, "an old suite is still TLS 1.2")
	assert.Equal(t, "TLS 1.2", report.Endpoints[0].TLSVersion)
}

// A host is met a second time, and with TLS 1.3 alone, when it redirects to one that refuses 1.2.
func TestAHostOnTheWayToOneThatRefusesTLS12IsNotSaidToRefuseIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		front func(first, second tls.Certificate) *tls.Config
		hosts []string // of the endpoints
		fails bool
	}{
		"it shows the same": {func(first, _ tls.Certificate) *tls.Config {
			return &tls.Config{Certificates: []tls.Certificate{first}}
		}, []string{"idp.example.com:443", "other.example.com:443"}, false},
		"it shows another certificate with TLS 1.3": {func(first, second tls.Certificate) *tls.Config {
			return &tls.Config{Certificates: []tls.Certificate{first}, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				if slices.Contains(hello.SupportedVersions, tls.VersionTLS13) {
					return &tls.Config{Certificates: []tls.Certificate{second}}, nil
				}
				return nil, nil
			}}
		}, []string{"idp.example.com:443", "idp.example.com:443", "other.example.com:443"}, false},
		"it has no TLS 1.3": {func(first, _ tls.Certificate) *tls.Config {
			return &tls.Config{Certificates: []tls.Certificate{first}, MaxVersion: tls.VersionTLS12}
		}, []string{"idp.example.com:443", "other.example.com:443", "idp.example.com:443"}, true},
	} {
		h := hosts{}
		first, second := newHostile(t, nil).cert, newHostile(t, nil).cert
		h.add(t, "idp.example.com", c.front(first, second), func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://other.example.com"+r.URL.Path, http.StatusFound)
		})
		h.add(t, "other.example.com", &tls.Config{MinVersion: tls.VersionTLS13}, says(documentOf("https://idp.example.com", "https://idp.example.com/keys")))
		client := h.client()
		trusted, err := x509.ParseCertificate(second.Certificate[0])
		require.NoError(t, err)
		client.RootCAs.AddCert(trusted)
		report, err := client.Thumbprints(t.Context(), issuer(t, "https://idp.example.com"))
		var failed *oidc.ThumbprintError
		require.Equal(t, c.fails, errors.As(err, &failed), "%s: %v", name, err)
		if c.fails {
			report = failed.Report
		}
		var met []string
		for _, e := range report.Endpoints {
			met = append(met, e.Host)
			assert.NotContains(t, codes(e.Problems), oidc.CodeTLS12Refused, name)
		}
		assert.Equal(t, c.hosts, met, name)
	}
}

// inAProcessThatTrusts runs a test's body in another process, because the system's roots are read
// once in each: before its first look at them, the body writes its own to the file.
func inAProcessThatTrusts(t *testing.T, body func(t *testing.T, file string)) {
	t.Helper()
	const variable = "TEST_FILE_OF_TRUSTED_ROOTS"
	if file := os.Getenv(variable); file != "" {
		body(t, file)
		return
	}
	t.Parallel()
	file := filepath.Join(t.TempDir(), "root.pem")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), variable+"="+file, "SSL_CERT_FILE="+file, "SSL_CERT_DIR="+t.TempDir())
	output, err := child.CombinedOutput()
	require.NoError(t, err, "%s", output)
}

func TestTheNeedOfHostsThatThisMachineTrusts(t *testing.T) {
	inAProcessThatTrusts(t, func(t *testing.T, file string) {
		key := ecKey(t, elliptic.P256())
		root := certificate(t, "root", key, true, nil, nil)
		leaf := certificate(t, "leaf", key, false, root, key)
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}), 0o600))
		only12, only13 := &tls.Config{MaxVersion: tls.VersionTLS12}, &tls.Config{MinVersion: tls.VersionTLS13}
		old := &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}}
		for name, c := range map[string]struct {
			discovery, keys *tls.Config // the same host when keys is nil
			needs           []oidc.Need
			need            oidc.Need
		}{
			"TLS 1.2":               {only12, nil, []oidc.Need{oidc.NeedNone}, oidc.NeedNone},
			"TLS 1.3 only":          {only13, nil, []oidc.Need{oidc.NeedTLS13Only}, oidc.NeedTLS13Only},
			"old suites in TLS 1.2": {old, nil, []oidc.Need{oidc.NeedPerhaps}, oidc.NeedPerhaps},
			"the first needs it":    {only13, only12, []oidc.Need{oidc.NeedTLS13Only, oidc.NeedNone}, oidc.NeedTLS13Only},
			"the second needs it":   {only12, only13, []oidc.Need{oidc.NeedNone, oidc.NeedTLS13Only}, oidc.NeedTLS13Only},
		} {
			h, keys := hosts{}, "https://idp.example.com/keys"
			with := func(cfg *tls.Config) *tls.Config {
				cfg = cfg.Clone()
				cfg.Certificates = []tls.Certificate{{PrivateKey: key, Certificate: [][]byte{leaf.Raw, root.Raw}}}
				return cfg
			}
			if c.keys != nil {
				keys = "https://idp.example.com:8443/keys"
				h.add(t, "idp.example.com:8443", with(c.keys), says(`{"keys":[]}`))
			}
			h.add(t, "idp.example.com", with(c.discovery), says(documentOf("https://idp.example.com", keys)))
			client := h.client()
			client.RootCAs = nil
			report, err := client.Thumbprints(t.Context(), issuer(t, "https://idp.example.com"))
			require.NoError(t, err, name)
			var needs []oidc.Need
			for _, e := range report.Endpoints {
				needs = append(needs, e.Need)
			}
			assert.Equal(t, c.needs, needs, name)
			assert.Equal(t, c.need, report.Need, name)
			assert.Equal(t, []string{thumbprint(root)}, report.Thumbprints, "%s: one certificate, one thumbprint", name)
		}
	})
}

func TestAChainThatThisMachineTrustsNeedsNoThumbprint(t *testing.T) {
	inAProcessThatTrusts(t, func(t *testing.T, file string) {
		key := ecKey(t, elliptic.P256())
		root := certificate(t, "root", key, true, nil, nil)
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}), 0o600))
		report, err := oidc.ChainThumbprint([]*x509.Certificate{certificate(t, "leaf", ecKey(t, elliptic.P256()), false, root, key), root})
		require.NoError(t, err)
		assert.Equal(t, oidc.NeedNone, report.Need)
		assert.True(t, report.Endpoints[0].Verified)
		assert.Empty(t, report.Endpoints[0].Problems)
	})
}
