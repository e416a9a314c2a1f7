package oidc_test

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
)

func thumbprint(cert *x509.Certificate) string {
	sum := sha1.Sum(cert.Raw)
	return hex.EncodeToString(sum[:])
}

func codes(problems []oidc.Problem) []oidc.Code {
	var out []oidc.Code
	for _, p := range problems {
		out = append(out, p.Code)
	}
	return out
}

func TestTheThumbprintIsOfTheLastCertificateSent(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	issuing, top := srv.Chain()[1], srv.Chain()[2]
	for name, c := range map[string]struct {
		fault   oidctest.Fault
		want    *x509.Certificate // nil: whatever was sent last
		version string
		codes   []oidc.Code
	}{
		"healthy":      {oidctest.Fault{}, top, "TLS 1.2", nil},
		"misordered":   {oidctest.Fault{MisorderedChain: true}, issuing, "TLS 1.2", []oidc.Code{oidc.CodeMisordered}},
		"duplicated":   {oidctest.Fault{DuplicatedChain: true}, top, "TLS 1.2", []oidc.Code{oidc.CodeDuplicate}},
		"superfluous":  {oidctest.Fault{SuperfluousChain: true}, nil, "TLS 1.2", []oidc.Code{oidc.CodeSuperfluous}},
		"TLS 1.3 only": {oidctest.Fault{TLS13Only: true}, top, "TLS 1.3", nil},
	} {
		srv.SetFault(c.fault)
		report, err := srv.Client().Thumbprints(t.Context(), srv.Issuer())
		require.NoError(t, err, name)
		require.Len(t, report.Endpoints, 1, name)
		e := report.Endpoints[0]
		if c.want != nil {
			assert.Equal(t, []string{thumbprint(c.want)}, report.Thumbprints, name)
		}
		assert.Equal(t, e.Chain[len(e.Chain)-1].SHA1, report.Thumbprints[0], name)
		assert.Equal(t, c.version, e.TLSVersion, name)
		assert.Equal(t, c.codes, codes(e.Problems), name)
		assert.Equal(t, []string{"discovery", "jwks"}, e.Roles)
		assert.Equal(t, "idp.example.com", e.SNI)
		assert.True(t, e.Verified)
		assert.Equal(t, "the given roots", e.Roots)
		assert.Equal(t, oidc.NeedPrivateCA, report.Need, name)
		assert.False(t, report.Insecure)
	}
}

func TestAnAddressIsNotSentAsAServerName(t *testing.T) {
	t.Parallel()
	srv, err := oidctest.NewServer(oidctest.Config{Algorithm: "ES256"})
	require.NoError(t, err)
	defer srv.Close()
	report, err := (&oidc.Client{RootCAs: srv.CertPool()}).Thumbprints(t.Context(), srv.Issuer())
	require.NoError(t, err)
	host := strings.TrimPrefix(srv.URL(), "https://")
	assert.Equal(t, []string{host, host, ""}, []string{report.Endpoints[0].Host, report.Endpoints[0].Address, report.Endpoints[0].SNI})
}

func TestBothHostsAreCollectedWhenTheyDiffer(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{JWKSURI: "https://keys.example.net:8443/k"})
	report, err := srv.Client().Thumbprints(t.Context(), srv.Issuer())
	require.NoError(t, err)
	require.Len(t, report.Thumbprints, 2)
	assert.Equal(t, thumbprint(srv.Chain()[2]), report.Thumbprints[0])
	assert.Equal(t, "keys.example.net:8443", report.Endpoints[1].Host)
	assert.Equal(t, []string{"jwks"}, report.Endpoints[1].Roles)
}

func TestAChainThatDoesNotVerifyGivesEvidenceAndNoThumbprint(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	for name, c := range map[string]struct {
		fault oidctest.Fault
		codes []oidc.Code
	}{
		"expired":    {oidctest.Fault{ExpiredChain: true}, []oidc.Code{oidc.CodeExpired, oidc.CodeUnverified}},
		"leaf alone": {oidctest.Fault{IncompleteChain: true}, []oidc.Code{oidc.CodeLeafAlone, oidc.CodeUnverified}},
	} {
		srv.SetFault(c.fault)
		report, err := srv.Client().Thumbprints(t.Context(), srv.Issuer())
		assert.Nil(t, report)
		var failed *oidc.ThumbprintError
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, srv.Issuer(), failed.Issuer)
		assert.Empty(t, failed.Report.Thumbprints)
		require.Len(t, failed.Report.Endpoints, 1, name)
		e := failed.Report.Endpoints[0]
		assert.Equal(t, c.codes, codes(e.Problems), name)
		assert.Empty(t, e.Thumbprint)
		assert.NotEmpty(t, e.Chain)
		assert.False(t, e.Verified)
		assert.Contains(t, failed.Report.String(), "UNVERIFIED")

		insecure, err := srv.Client().InsecureThumbprints(t.Context(), srv.Issuer())
		require.NoError(t, err, name)
		assert.True(t, insecure.Insecure)
		assert.Len(t, insecure.Thumbprints, 1)
		assert.Contains(t, insecure.String(), "INSECURE")
		_, err = srv.Client().Thumbprints(t.Context(), srv.Issuer())
		require.ErrorAs(t, err, &failed, "it was for once")
	}
}

func TestEvidenceSurvivesWhatFailsAfterTheHandshake(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	srv.SetFault(oidctest.Fault{Status: 500})
	_, err := srv.Client().Thumbprints(t.Context(), srv.Issuer())
	var failed *oidc.ThumbprintError
	require.ErrorAs(t, err, &failed)
	var status *oidc.StatusError
	require.ErrorAs(t, err, &status)
	assert.True(t, failed.Report.Endpoints[0].Verified)
	assert.Empty(t, failed.Report.Thumbprints)
}

func TestTimeAndNamesAreSeenInAChain(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	client := srv.Client()
	client.Now = func() time.Time { return srv.Chain()[0].NotAfter.Add(-time.Hour) }
	report, err := client.Thumbprints(t.Context(), srv.Issuer())
	require.NoError(t, err)
	assert.Contains(t, codes(report.Endpoints[0].Problems), oidc.CodeExpiresSoon)
	client.Now = func() time.Time { return srv.Chain()[0].NotAfter }
	report, err = client.Thumbprints(t.Context(), srv.Issuer())
	require.NoError(t, err, "RFC 5280 §4.1.2.5: that moment belongs to it")
	assert.Contains(t, codes(report.Endpoints[0].Problems), oidc.CodeExpiresSoon)
	client.Now = func() time.Time { return srv.Chain()[0].NotBefore.Add(-time.Hour) }
	_, err = client.Thumbprints(t.Context(), srv.Issuer())
	var failed *oidc.ThumbprintError
	require.ErrorAs(t, err, &failed)
	assert.Contains(t, codes(failed.Report.Endpoints[0].Problems), oidc.CodeNotYetValid)

	client = srv.Client()
	client.DialContext = newHostile(t, nil).dial // its certificate is for other names
	client.RootCAs = nil
	_, err = client.Thumbprints(t.Context(), issuer(t, "https://third.example.com"))
	require.ErrorAs(t, err, &failed)
	assert.Contains(t, codes(failed.Report.Endpoints[0].Problems), oidc.CodeNameMismatch)
}

func TestARedirectIsToldAndItsThumbprintNotGiven(t *testing.T) {
	t.Parallel()
	front := server(t, oidctest.Config{JWKSURI: "https://back.example.com/keys"})
	front.SetFault(oidctest.Fault{RedirectTo: "https://back.example.com/x"})
	_, err := front.Client().Thumbprints(t.Context(), front.Issuer())
	var failed *oidc.ThumbprintError
	require.ErrorAs(t, err, &failed)
	require.Len(t, failed.Report.Endpoints, 2)
	assert.Equal(t, []string{"redirect"}, failed.Report.Endpoints[1].Roles)
	assert.Contains(t, codes(failed.Report.Endpoints[1].Problems), oidc.CodeRedirected)
}

func TestTheReportIsJSON(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	report, err := srv.Client().Thumbprints(t.Context(), srv.Issuer())
	require.NoError(t, err)
	raw, err := json.Marshal(report)
	require.NoError(t, err)
	var back oidc.ThumbprintReport
	require.NoError(t, json.Unmarshal(raw, &back))
	assert.Equal(t, *report, back)
	assert.Equal(t, "no report", (*oidc.ThumbprintReport)(nil).String())
}

func TestChainThumbprintNeedsNoNetwork(t *testing.T) {
	t.Parallel()
	srv := server(t, oidctest.Config{})
	chain := srv.Chain()
	report, err := oidc.ChainThumbprint(chain)
	require.NoError(t, err)
	assert.Equal(t, []string{thumbprint(chain[2])}, report.Thumbprints)
	assert.Equal(t, oidc.NeedPrivateCA, report.Need)
	assert.Empty(t, report.Endpoints[0].Problems)
	assert.Equal(t, "this machine's roots", report.Endpoints[0].Roots)
	report, err = oidc.ChainThumbprint([]*x509.Certificate{chain[0], chain[2], chain[1]})
	require.NoError(t, err)
	assert.Equal(t, []oidc.Code{oidc.CodeMisordered}, codes(report.Endpoints[0].Problems))
	assert.Contains(t, report.Endpoints[0].Problems[0].Message, "in the order of issuance the certificates are 1, 3, 2;")
	for want, bad := range map[string][]*x509.Certificate{oidc.ErrNoCertificates.Error(): {}, "certificate 1 is empty": {nil}, "certificate 2 is empty": {chain[0], {}}} {
		report, err = oidc.ChainThumbprint(bad)
		assert.ErrorContains(t, err, want)
		assert.Nil(t, report)
	}
}

func TestTheReportIsPrintedInFull(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	problem := oidc.Problem{Code: oidc.CodeMisordered, Message: "out of order"}
	report := &oidc.ThumbprintReport{
		Issuer: issuer(t, "https://idp.example.com"), Thumbprints: []string{"aa", "bb"}, Need: oidc.NeedPrivateCA, Insecure: true, Problems: []oidc.Problem{problem},
		Endpoints: []oidc.Endpoint{
			{Roles: []string{"discovery", "jwks"}, Host: "idp.example.com:443", Address: "192.0.2.1:443", Proxy: "proxy:3128", SNI: "idp.example.com", TLSVersion: "TLS 1.2",
				Chain:      []oidc.Certificate{{Subject: "CN=a", Issuer: "CN=b", NotBefore: at, NotAfter: at.AddDate(1, 0, 0), SHA1: "aa", SHA256: "cc"}},
				Thumbprint: "aa", Verified: true, Roots: "the given roots", Need: oidc.NeedTLS13Only, Problems: []oidc.Problem{problem}},
			{Roles: []string{"redirect"}, Roots: "this machine's roots", VerifyError: "expired"},
		},
	}
	assert.Equal(t, `issuer       https://idp.example.com
INSECURE     nothing was verified: compare before you give this to IAM
thumbprints  aa bb
for AWS      needed: private CA (does not verify against this machine's roots)

idp.example.com:443  discovery, jwks
  address    192.0.2.1:443
  proxy      proxy:3128
  SNI        idp.example.com
  TLS        TLS 1.2
  thumbprint aa
  for AWS    needed: TLS 1.3 only
  verifies   against the given roots
  sent 1     CN=a
    issuer   CN=b
    validity 2026-01-02T03:04:05Z to 2027-01-02T03:04:05Z
    SHA-1    aa
    SHA-256  cc
  problem    chain-misordered: out of order

none  redirect
  for AWS    unknown
  UNVERIFIED against this machine's roots: expired
problem    chain-misordered: out of order`, report.String())
	assert.Equal(t, "thumbprints  none\nfor AWS      unknown", (&oidc.ThumbprintReport{}).String())
	assert.Equal(t, "not needed: verifies against this machine's roots", oidc.NeedNone.String())
	assert.Contains(t, oidc.NeedPerhaps.String(), "perhaps needed: refuses TLS 1.2")
}

func TestDriftIsWhatDiffersFromIAM(t *testing.T) {
	t.Parallel()
	report := &oidc.ThumbprintReport{Thumbprints: []string{"aa", "bb"}, Need: oidc.NeedPrivateCA}
	d := report.Drift([]string{"BB", "cc", "bb"})
	assert.Equal(t, oidc.Drift{Missing: []string{"aa"}, Stale: []string{"cc"}, Kept: []string{"bb"}, Need: oidc.NeedPrivateCA}, d)
	assert.False(t, d.None())
	assert.Equal(t, "missing in IAM: aa; in IAM only: cc; in both: bb (needed: private CA (does not verify against this machine's roots))", d.String())
	assert.True(t, report.Drift([]string{"AA", "BB"}).None())
	assert.Equal(t, "no drift (unknown)", oidc.Drift{Kept: []string{"aa"}}.String())
	assert.False(t, report.Drift([]string{"aa"}).None(), "one is missing")
	assert.False(t, report.Drift([]string{"aa", "bb", "cc"}).None(), "one is stale")
	assert.True(t, (*oidc.ThumbprintReport)(nil).Drift(nil).None())
}

// The documented procedure is openssl's: the last certificate of s_client -showcerts.
func TestTheThumbprintIsThatOfOpenSSL(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	srv, err := oidctest.NewServer(oidctest.Config{Algorithm: "ES256"})
	require.NoError(t, err)
	defer srv.Close()
	client := &oidc.Client{RootCAs: srv.CertPool()}
	for name, fault := range map[string]oidctest.Fault{
		"healthy": {}, "misordered": {MisorderedChain: true}, "duplicated": {DuplicatedChain: true},
		"superfluous": {SuperfluousChain: true}, "leaf alone": {IncompleteChain: true}, "expired": {ExpiredChain: true},
		"TLS 1.3 only": {TLS13Only: true}, "all": {MisorderedChain: true, DuplicatedChain: true, SuperfluousChain: true},
	} {
		srv.SetFault(fault)
		addr := strings.TrimPrefix(srv.URL(), "https://")
		cmd := exec.CommandContext(t.Context(), openssl, "s_client", "-connect", addr, "-showcerts")
		out, _ := cmd.Output() // it ends with 1 when standard input ends first
		var last *pem.Block
		for rest := out; ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			last = block
		}
		require.NotNil(t, last, name)
		file := filepath.Join(t.TempDir(), "last.pem")
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(last), 0o600))
		out, err = exec.CommandContext(t.Context(), openssl, "x509", "-in", file, "-fingerprint", "-sha1", "-noout").Output()
		require.NoError(t, err)
		_, colons, _ := strings.Cut(strings.TrimSpace(string(out)), "=")
		want := strings.ToLower(strings.ReplaceAll(colons, ":", ""))
		report, err := client.InsecureThumbprints(t.Context(), srv.Issuer())
		require.NoError(t, err, name)
		assert.Equal(t, []string{want}, report.Thumbprints, name)
		if verified, err := client.Thumbprints(t.Context(), srv.Issuer()); err == nil {
			assert.Equal(t, report.Thumbprints, verified.Thumbprints, name)
		} else {
			assert.True(t, fault.IncompleteChain || fault.ExpiredChain, name)
		}
	}
}
