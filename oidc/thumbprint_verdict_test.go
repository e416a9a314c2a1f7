package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
)

// certificate makes one of the name, signed by the parent, itself when there is none.
func certificate(t *testing.T, name string, key *ecdsa.PrivateKey, isCA bool, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"idp.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), IsCA: isCA, BasicConstraintsValid: true,
	}
	if isCA {
		template.KeyUsage = x509.KeyUsageCertSign
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

func TestChainsAreJudgedByWhoSignedWhom(t *testing.T) {
	t.Parallel()
	keys := map[string]*ecdsa.PrivateKey{}
	for _, name := range []string{"old", "new", "leaf", "impostor"} {
		keys[name] = ecKey(t, elliptic.P256())
	}
	old := certificate(t, "old", keys["old"], true, nil, nil)
	root := certificate(t, "new", keys["new"], true, nil, nil)
	cross := certificate(t, "new", keys["new"], true, old, keys["old"])
	impostor := certificate(t, "new", keys["impostor"], true, nil, nil)
	leaf := certificate(t, "leaf", keys["leaf"], false, root, keys["new"])
	alone := certificate(t, "leaf", keys["leaf"], false, nil, nil)
	twin := certificate(t, "leaf", keys["leaf"], false, old, keys["old"])
	aside := certificate(t, "aside", keys["impostor"], false, old, keys["old"])
	a, b := certificate(t, "a", keys["old"], true, nil, nil), certificate(t, "b", keys["new"], true, nil, nil)
	a, b = certificate(t, "a", keys["old"], true, b, keys["new"]), certificate(t, "b", keys["new"], true, a, keys["old"])
	below := certificate(t, "leaf", keys["leaf"], false, a, keys["old"])
	rolled := certificate(t, "new", keys["impostor"], true, root, keys["new"])
	under := certificate(t, "leaf", keys["leaf"], false, rolled, keys["impostor"])
	renamed := certificate(t, "renamed", keys["new"], true, nil, nil)
	keyOfCA := certificate(t, "leaf", keys["new"], false, root, keys["new"])
	for name, c := range map[string]struct {
		sent  []*x509.Certificate
		codes []oidc.Code
	}{
		"two above that signed each other":  {[]*x509.Certificate{below, a, b}, nil},
		"a CA's new key, signed by its old": {[]*x509.Certificate{under, rolled, root}, nil},
		"a CA's key under another name":     {[]*x509.Certificate{leaf, renamed, root}, []oidc.Code{oidc.CodeCrossSigned}},
		"a leaf with its CA's key":          {[]*x509.Certificate{keyOfCA, root}, nil},
		"a leaf and its root":               {[]*x509.Certificate{leaf, root}, nil},
		"a cross-signed twin behind":        {[]*x509.Certificate{leaf, root, cross}, []oidc.Code{oidc.CodeCrossSigned}},
		"a cross-signed twin before":        {[]*x509.Certificate{leaf, cross, root}, []oidc.Code{oidc.CodeCrossSigned}},
		"the whole of the other way":        {[]*x509.Certificate{leaf, cross, old}, nil},
		"a CA of the same name":             {[]*x509.Certificate{leaf, root, impostor}, []oidc.Code{oidc.CodeSuperfluous}},
		"a CA of the same name, alone":      {[]*x509.Certificate{leaf, impostor}, []oidc.Code{oidc.CodeSuperfluous}},
		"a CA of the same name in between":  {[]*x509.Certificate{leaf, impostor, root}, []oidc.Code{oidc.CodeSuperfluous}},
		"the server's key in two":           {[]*x509.Certificate{leaf, root, twin}, []oidc.Code{oidc.CodeCrossSigned}},
		"another chain behind":              {[]*x509.Certificate{leaf, root, old, aside}, []oidc.Code{oidc.CodeSuperfluous, oidc.CodeSuperfluous}},
		"two that signed each other":        {[]*x509.Certificate{a, b}, nil},
		"a self-signed leaf":                {[]*x509.Certificate{alone}, nil},
		"a leaf alone":                      {[]*x509.Certificate{leaf}, []oidc.Code{oidc.CodeLeafAlone}},
	} {
		report, err := oidc.ChainThumbprint(c.sent)
		require.NoError(t, err, name)
		assert.Equal(t, c.codes, codes(report.Endpoints[0].Problems), name)
		for i, message := range map[string][]string{
			"another chain behind":          {"certificate 3 is not on the way to the root", "certificate 4 issued none of the others"},
			"a CA of the same name":         {"certificate 3 issued none of the others"},
			"a CA's key under another name": {"certificate 2 has the same key as certificate 3"},
		}[name] {
			assert.Contains(t, report.Endpoints[0].Problems[i].Message, message, name)
		}
	}
}

func TestTheChainThatVerifiesIsTheWayToTheRoot(t *testing.T) {
	t.Parallel()
	oldKey, newKey, leafKey := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256())
	old := certificate(t, "old", oldKey, true, nil, nil)
	root := certificate(t, "new", newKey, true, nil, nil)
	cross := certificate(t, "new", newKey, true, old, oldKey)
	leaf := certificate(t, "leaf", leafKey, false, root, newKey)
	h := hosts{}
	h.add(t, "idp.example.com", &tls.Config{Certificates: []tls.Certificate{{PrivateKey: leafKey, Certificate: [][]byte{leaf.Raw, root.Raw, cross.Raw}}}}, says(documentOf("https://idp.example.com", "https://idp.example.com/keys")))
	for message, trusted := range map[string]*x509.Certificate{
		"certificate 2 has the same key as certificate 3": old,
		"certificate 3 has the same key as certificate 2": root,
	} {
		client := h.client()
		client.RootCAs = x509.NewCertPool()
		client.RootCAs.AddCert(trusted)
		report, err := client.Thumbprints(t.Context(), issuer(t, "https://idp.example.com"))
		require.NoError(t, err)
		assert.Equal(t, []oidc.Code{oidc.CodeCrossSigned}, codes(report.Endpoints[0].Problems))
		assert.Contains(t, report.Endpoints[0].Problems[0].Message, message)
	}
}

func TestACertificateThatIsNotSentIsNamed(t *testing.T) {
	t.Parallel()
	keys := map[string]*ecdsa.PrivateKey{}
	for _, name := range []string{"root", "mid", "leaf", "impostor"} {
		keys[name] = ecKey(t, elliptic.P256())
	}
	root := certificate(t, "root", keys["root"], true, nil, nil)
	mid := certificate(t, "mid", keys["mid"], true, root, keys["root"])
	leaf := certificate(t, "leaf", keys["leaf"], false, mid, keys["mid"])
	impostor := certificate(t, "mid", keys["impostor"], true, nil, nil)
	for name, c := range map[string]struct {
		sent    []*x509.Certificate
		message string
	}{
		"the root's successor is not trusted": {[]*x509.Certificate{leaf, mid, root}, ""},
		"an issuer further up":                {[]*x509.Certificate{leaf, mid}, "the chain ends at certificate 2, whose issuer CN=root is neither sent nor among the given roots"},
		"the leaf's own issuer":               {[]*x509.Certificate{leaf, impostor}, "none of the certificates issued the first one, whose issuer is CN=mid"},
	} {
		h := hosts{}
		sent := tls.Certificate{PrivateKey: keys["leaf"]}
		for _, cert := range c.sent {
			sent.Certificate = append(sent.Certificate, cert.Raw)
		}
		h.add(t, "idp.example.com", &tls.Config{Certificates: []tls.Certificate{sent}}, says(documentOf("https://idp.example.com", "https://idp.example.com/keys")))
		client := h.client()
		client.RootCAs = x509.NewCertPool()
		_, err := client.Thumbprints(t.Context(), issuer(t, "https://idp.example.com"))
		var failed *oidc.ThumbprintError
		require.ErrorAs(t, err, &failed, name)
		var incomplete []string
		for _, p := range failed.Report.Endpoints[0].Problems {
			if p.Code == oidc.CodeIncomplete {
				incomplete = append(incomplete, p.Message)
			}
		}
		if c.message == "" {
			assert.Empty(t, incomplete, name)
			continue
		}
		assert.Equal(t, []string{c.message}, incomplete, name)
	}
}

func TestAnExpiredChainIsAProblemEvenOfAPrivateCA(t *testing.T) {
	t.Parallel()
	expired := oddCertificate(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	report, err := oidc.ChainThumbprint([]*x509.Certificate{expired})
	require.NoError(t, err)
	assert.Contains(t, codes(report.Endpoints[0].Problems), oidc.CodeExpired)
	assert.Contains(t, codes(report.Endpoints[0].Problems), oidc.CodeUnverified)
}
