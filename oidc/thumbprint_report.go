package oidc

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/irsa-go/irsa/internal/fetch"
	"github.com/irsa-go/irsa/internal/printable"
)

// ThumbprintReport is everything about an issuer's certificates that matters to IAM and to a
// person who looks for a fault. It is a plain value: print it with String, or marshal
// it to JSON. It is safe for concurrent use as long as nobody changes it.
type ThumbprintReport struct {
	// Issuer is the issuer that was asked; zero when the report is about a list of certificates.
	Issuer Issuer `json:"issuer,omitzero"`
	// Thumbprints is what to give IAM: 40 lower-case hexadecimal digits each, those of the
	// discovery host first, no duplicates. They are one or two, and more where a host shows another
	// chain at each connection; IAM takes five.
	Thumbprints []string `json:"thumbprints"`
	// Need says whether AWS will look at them at all: the strongest of the endpoints'.
	Need Need `json:"need"`
	// Insecure is true in a report of InsecureThumbprints: the certificates were not verified, so
	// they may be anybody's.
	Insecure bool `json:"insecure,omitempty"`
	// Endpoints are the TLS servers met, in order.
	Endpoints []Endpoint `json:"endpoints"`
	// Problems are those that concern all endpoints; each endpoint has its own.
	Problems []Problem `json:"problems,omitempty"`
}

// Endpoint is one TLS server, as this machine met it. Another client, or another place, may
// be shown another chain.
type Endpoint struct {
	// Roles say what the server is for: "discovery", "jwks", or "redirect" for a host to which one
	// of these redirected.
	Roles []string `json:"roles"`
	// Host is the host and port of the URL; empty for a list of certificates.
	Host string `json:"host,omitempty"`
	// Address is the IP address and port that answered; empty behind a proxy and in memory.
	Address string `json:"address,omitempty"`
	// Proxy is the host of the proxy through which it was reached, if any.
	Proxy string `json:"proxy,omitempty"`
	// SNI is the server name that was sent; empty when the host is an address (RFC 6066 §3).
	SNI string `json:"sni,omitempty"`
	// TLSVersion is what was agreed on, such as "TLS 1.2".
	TLSVersion string `json:"tlsVersion,omitempty"`
	// Chain has the certificates in the order in which the server sent them.
	Chain []Certificate `json:"chain"`
	// Thumbprint is the SHA-1 of the last one; empty when the chain does not verify, unless that
	// was allowed.
	Thumbprint string `json:"thumbprint,omitempty"`
	// Verified says whether the chain leads to Roots now and is for this host.
	Verified bool `json:"verified"`
	// Roots says what it was verified against: "this machine's roots" or "the given roots".
	Roots string `json:"roots"`
	// VerifyError says why it does not verify.
	VerifyError string `json:"verifyError,omitempty"`
	// Need says whether AWS would look at the thumbprint of this endpoint.
	Need Need `json:"need"`
	// Problems are what is wrong with the chain or will be soon.
	Problems []Problem `json:"problems,omitempty"`
}

// Certificate holds what matters about one certificate.
type Certificate struct {
	Subject   string    `json:"subject"` // what is not printable is spelt out, \x1b for example
	Issuer    string    `json:"issuer"`  // likewise
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
	SHA1      string    `json:"sha1"`   // of the DER, lower-case hexadecimal
	SHA256    string    `json:"sha256"` // of the DER, lower-case hexadecimal
}

// Need says whether AWS looks at a provider's thumbprints: it does when its own library of
// trusted CAs does not lead it to the endpoint's certificate, and when the endpoint takes only
// TLS 1.3. AWS's library is not public; this machine's roots stand for it, so behind a proxy
// that inspects TLS the answer is wrong.
type Need string

// The values of [Need].
const (
	// NeedUnknown: the endpoint was not reached.
	NeedUnknown Need = ""
	// NeedNone: not needed, the chain verifies against this machine's roots.
	NeedNone Need = "not-needed"
	// NeedPrivateCA: needed, the chain does not verify against this machine's roots.
	NeedPrivateCA Need = "private-ca"
	// NeedTLS13Only: needed, the endpoint refuses TLS 1.2.
	NeedTLS13Only Need = "tls13-only"
	// NeedPerhaps: the endpoint refuses TLS 1.2 with every cipher suite that this program has, and
	// whether AWS has one that it takes is not known.
	NeedPerhaps Need = "perhaps"
)

// String says it in words.
func (n Need) String() string {
	switch n {
	case NeedNone:
		return "not needed: verifies against this machine's roots"
	case NeedPrivateCA:
		return "needed: private CA (does not verify against this machine's roots)"
	case NeedTLS13Only:
		return "needed: TLS 1.3 only"
	case NeedPerhaps:
		return "perhaps needed: refuses TLS 1.2 with every cipher suite that this program has"
	case NeedUnknown:
		return "unknown"
	}
	return string(n)
}

// stronger orders the reasons for the whole report.
func (n Need) stronger(than Need) bool {
	order := map[Need]int{NeedUnknown: 0, NeedNone: 1, NeedPerhaps: 2, NeedTLS13Only: 3, NeedPrivateCA: 4}
	return order[n] > order[than]
}

func (p *probe) report() *ThumbprintReport {
	r := &ThumbprintReport{Issuer: p.issuer, Insecure: p.insecure, Thumbprints: []string{}}
	met := p.Contacts()
	for i, c := range met {
		if !c.Shaken && slices.ContainsFunc(met[i+1:], func(later fetch.Contact) bool { return c.Addr == later.Addr }) {
			continue // refused TLS 1.2, and was met again with 1.3
		}
		if slices.ContainsFunc(met[:i], func(other fetch.Contact) bool { return showedTheSame(c, other) }) {
			continue // met again after a redirect, or on the way to a server that refused TLS 1.2
		}
		r.add(p.endpoint(c))
	}
	return r
}

func showedTheSame(c, other fetch.Contact) bool {
	return c.Addr == other.Addr && c.State != nil && other.State != nil &&
		slices.EqualFunc(c.State.PeerCertificates, other.State.PeerCertificates, (*x509.Certificate).Equal)
}

func (r *ThumbprintReport) add(e Endpoint) {
	r.Endpoints = append(r.Endpoints, e)
	if e.Need.stronger(r.Need) {
		r.Need = e.Need
	}
	if e.Thumbprint != "" && !slices.Contains(e.Roles, roleRedirect) && !slices.Contains(r.Thumbprints, e.Thumbprint) {
		r.Thumbprints = append(r.Thumbprints, e.Thumbprint)
	}
}

func (p *probe) endpoint(c fetch.Contact) Endpoint {
	host, _, _ := net.SplitHostPort(c.Addr)
	e := Endpoint{Roles: p.roles[c.Addr], Host: c.Addr, Proxy: c.Proxy, Roots: rootsName(p.client.RootCAs)}
	if c.Server.IsValid() {
		e.Address = c.Server.String()
	}
	if e.Roles == nil {
		e.Roles = []string{roleRedirect}
		e.Problems = append(e.Problems, Problem{CodeRedirected,
			"the issuer redirects to " + c.Addr + ": nothing says that AWS follows, and its thumbprint is not given"})
	}
	if net.ParseIP(host) == nil {
		e.SNI = host
	}
	if c.State == nil {
		return e
	}
	e.TLSVersion = tls.VersionName(c.State.Version)
	e.describe(c.State.PeerCertificates, c.VerifyErr, p.insecure)
	v := chainView{sent: c.State.PeerCertificates, host: host, roots: p.client.RootCAs, now: p.client.now()}
	e.Need = v.need(c.VerifyErr)
	if byVersion, refused := p.refused12[c.Addr]; refused {
		need := NeedTLS13Only
		if !byVersion {
			need = NeedPerhaps
			e.Problems = append(e.Problems, Problem{CodeTLS12Refused, c.Addr + " refuses TLS 1.2, and not for its version: AWS may find no cipher suite there either"})
		}
		if e.Need == NeedNone {
			e.Need = need
		}
	}
	e.Problems = append(e.Problems, v.problems(c.VerifyErr)...)
	return e
}

func (e *Endpoint) describe(sent []*x509.Certificate, verifyErr error, insecure bool) {
	for _, cert := range sent {
		e.Chain = append(e.Chain, describe(cert))
	}
	e.Verified = verifyErr == nil
	if verifyErr != nil {
		e.VerifyError = printable.Text(verifyErr.Error())
	}
	if len(sent) > 0 && (e.Verified || insecure) {
		e.Thumbprint = e.Chain[len(sent)-1].SHA1
	}
}

func rootsName(given *x509.CertPool) string {
	if given == nil {
		return "this machine's roots"
	}
	return "the given roots"
}

// String prints the report for people, in several lines.
func (r *ThumbprintReport) String() string {
	if r == nil {
		return "no report"
	}
	var b strings.Builder
	if !r.Issuer.IsZero() {
		fmt.Fprintf(&b, "issuer       %s\n", r.Issuer)
	}
	if r.Insecure {
		b.WriteString("INSECURE     nothing was verified: compare before you give this to IAM\n")
	}
	fmt.Fprintf(&b, "thumbprints  %s\n", orNone(strings.Join(r.Thumbprints, " ")))
	fmt.Fprintf(&b, "for AWS      %s\n", r.Need)
	for _, e := range r.Endpoints {
		e.print(&b)
	}
	printProblems(&b, "", r.Problems)
	return strings.TrimSuffix(b.String(), "\n")
}

func (e Endpoint) print(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s  %s\n", orNone(e.Host), strings.Join(e.Roles, ", "))
	for _, line := range [][2]string{
		{"address", e.Address}, {"proxy", e.Proxy}, {"SNI", e.SNI}, {"TLS", e.TLSVersion},
		{"thumbprint", e.Thumbprint}, {"for AWS", e.Need.String()},
	} {
		if line[1] != "" {
			fmt.Fprintf(b, "  %-10s %s\n", line[0], line[1])
		}
	}
	if e.Verified {
		fmt.Fprintf(b, "  %-10s against %s\n", "verifies", e.Roots)
	} else {
		fmt.Fprintf(b, "  %-10s against %s: %s\n", "UNVERIFIED", e.Roots, orNone(e.VerifyError))
	}
	for i, c := range e.Chain {
		fmt.Fprintf(b, "  sent %d     %s\n", i+1, c.Subject)
		fmt.Fprintf(b, "    issuer   %s\n", c.Issuer)
		fmt.Fprintf(b, "    validity %s to %s\n", c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339))
		fmt.Fprintf(b, "    SHA-1    %s\n    SHA-256  %s\n", c.SHA1, c.SHA256)
	}
	printProblems(b, "  ", e.Problems)
}

func printProblems(b *strings.Builder, indent string, problems []Problem) {
	for _, p := range problems {
		fmt.Fprintf(b, "%sproblem    %s\n", indent, p)
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
