package oidc

import (
	"crypto/sha1" //nolint:gosec // what IAM calls a thumbprint
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/irsa-go/irsa/internal/fetch"
	"github.com/irsa-go/irsa/internal/printable"
)

const roleRedirect = "redirect"

// Codes of the problems of a chain.
const (
	// CodeTooLong: more than 32 certificates are sent; they are not looked at.
	CodeTooLong Code = "chain-too-long"
	// CodeMisordered: a certificate does not follow the one that it issued. AWS takes the last
	// one, which is not the top of the chain, and STS fails.
	CodeMisordered Code = "chain-misordered"
	// CodeDuplicate: a certificate is sent twice.
	CodeDuplicate Code = "chain-duplicate"
	// CodeSuperfluous: a certificate is sent that is not on the path from the server's to the root.
	CodeSuperfluous Code = "chain-superfluous"
	// CodeCrossSigned: a certificate is sent twice in effect, signed by two authorities. AWS takes
	// the last one sent.
	CodeCrossSigned Code = "chain-cross-signed"
	// CodeIncomplete: a certificate between the server's and the root is missing.
	CodeIncomplete Code = "chain-incomplete"
	// CodeLeafAlone: the server's certificate is sent without the one that issued it.
	CodeLeafAlone Code = "leaf-alone"
	// CodeExpired: a certificate is not valid any more.
	CodeExpired Code = "certificate-expired"
	// CodeNotYetValid: a certificate is not valid yet.
	CodeNotYetValid Code = "certificate-not-yet-valid"
	// CodeExpiresSoon: a certificate's last month has begun.
	CodeExpiresSoon Code = "certificate-expires-soon"
	// CodeNameMismatch: the server's certificate is for other names.
	CodeNameMismatch Code = "name-mismatch"
	// CodeUnverified: the chain does not lead to the roots.
	CodeUnverified Code = "chain-unverified"
	// CodeTLS12Refused: the server refuses TLS 1.2 for another reason than its version.
	CodeTLS12Refused Code = "tls12-refused"
	// CodeRedirected: the issuer sends its callers to another host.
	CodeRedirected Code = "redirected"
)

// soon is how long before its end a certificate is reported: a month, in which the owners of
// most certificates have already replaced them.
const soon = 30 * 24 * time.Hour

// ErrNoCertificates is in the error of ChainThumbprint without certificates.
var ErrNoCertificates = errors.New("no certificates are given")

// ChainThumbprint is [Client.Thumbprints] for an issuer that cannot be reached yet: sent is
// what it will send, in that order, its own certificate first. Nothing is verified but what
// the list itself shows; Need tells whether the chain leads to this machine's roots now. More than
// 32 certificates are an error.
func ChainThumbprint(sent []*x509.Certificate) (*ThumbprintReport, error) {
	return chainThumbprint(sent, time.Now())
}

func chainThumbprint(sent []*x509.Certificate, now time.Time) (*ThumbprintReport, error) {
	fail := func(err error) (*ThumbprintReport, error) {
		return nil, &ThumbprintError{Report: &ThumbprintReport{}, Err: err}
	}
	if len(sent) == 0 {
		return fail(ErrNoCertificates)
	}
	if len(sent) > fetch.MaxChain {
		return fail(fmt.Errorf("%d certificates are given, more than %d", len(sent), fetch.MaxChain))
	}
	for i, cert := range sent {
		if cert == nil || len(cert.Raw) == 0 {
			return fail(fmt.Errorf("certificate %d is empty", i+1))
		}
	}
	v := chainView{sent: sent, now: now}
	err := fetch.VerifyChain(sent, x509.VerifyOptions{CurrentTime: now})
	e := Endpoint{Roles: []string{roleDiscovery, roleKeys}, Roots: rootsName(nil), Need: v.need(err)}
	e.describe(sent, err, true)
	// Such a list is usually of a private CA, which is not a problem by itself.
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		err = nil
	}
	e.Problems = v.problems(err)
	r := &ThumbprintReport{}
	r.add(e)
	return r, nil
}

func describe(cert *x509.Certificate) Certificate {
	one, two := sha1.Sum(cert.Raw), sha256.Sum256(cert.Raw)
	return Certificate{
		Subject: printable.Text(cert.Subject.String()), Issuer: printable.Text(cert.Issuer.String()),
		NotBefore: cert.NotBefore, NotAfter: cert.NotAfter,
		SHA1: hex.EncodeToString(one[:]), SHA256: hex.EncodeToString(two[:]),
	}
}

// chainView is a chain as it was sent, with what it is judged by.
type chainView struct {
	sent  []*x509.Certificate
	host  string         // "": not known
	roots *x509.CertPool // nil: the system's
	now   time.Time
}

// need verifies against this machine's roots; verifyErr is the result for the given ones.
func (v chainView) need(verifyErr error) Need {
	if v.roots != nil {
		verifyErr = fetch.VerifyChain(v.sent, x509.VerifyOptions{DNSName: v.host, CurrentTime: v.now})
	}
	if verifyErr != nil {
		return NeedPrivateCA
	}
	return NeedNone
}

// problems finds everything that the chain shows; verifyErr says it does not verify.
func (v chainView) problems(verifyErr error) []Problem {
	var found []Problem
	add := func(code Code, format string, args ...any) {
		found = append(found, Problem{code, printable.Text(fmt.Sprintf(format, args...))})
	}
	if len(v.sent) > fetch.MaxChain {
		add(CodeTooLong, "%d certificates are sent, more than %d", len(v.sent), fetch.MaxChain)
		return found
	}
	v.order(add)
	v.missing(verifyErr, add)
	v.validity(add)
	v.name(add)
	if verifyErr != nil {
		add(CodeUnverified, "the chain does not lead to %s: %v", rootsName(v.roots), verifyErr)
	}
	return found
}

// path returns indices from the server's certificate upwards: of the chain that verification finds,
// or, where it finds none, of the certificates that issued each other.
func (v chainView) path() []int {
	if chains, err := fetch.Chains(v.sent, x509.VerifyOptions{DNSName: v.host, Roots: v.roots, CurrentTime: v.now}); err == nil {
		var path []int
		for _, cert := range chains[0] {
			if at := slices.IndexFunc(v.sent, cert.Equal); at >= 0 { // the root need not be sent
				path = append(path, at)
			}
		}
		return path
	}
	path := []int{0}
	for at := 0; !isSelfSigned(v.sent[at]); {
		at = slices.IndexFunc(v.sent, func(c *x509.Certificate) bool { return issued(c, v.sent[at]) })
		if at < 0 || slices.Contains(path, at) {
			break
		}
		path = append(path, at)
	}
	return path
}

// order reports certificates that are not on the path, and a path out of order: each certificate
// must directly follow the one that it issued (RFC 5246 §7.4.2).
func (v chainView) order(add func(Code, string, ...any)) {
	path := v.path()
	for i, cert := range v.sent {
		first := slices.IndexFunc(v.sent, cert.Equal)
		twin := slices.IndexFunc(path, func(at int) bool { return samePublicKey(v.sent[at].PublicKey, cert.PublicKey) })
		switch {
		case first < i:
			add(CodeDuplicate, "certificate %d is the same as certificate %d: %s", i+1, first+1, cert.Subject)
		case slices.Contains(path, i):
		case twin >= 0:
			add(CodeCrossSigned, "certificate %d has the same key as certificate %d, signed by another authority, %s", i+1, path[twin]+1, cert.Issuer)
		case slices.ContainsFunc(v.sent, func(c *x509.Certificate) bool { return !c.Equal(cert) && issued(cert, c) }):
			add(CodeSuperfluous, "certificate %d is not on the way to the root: %s", i+1, cert.Subject)
		default:
			add(CodeSuperfluous, "certificate %d issued none of the others: %s", i+1, cert.Subject)
		}
	}
	if !slices.IsSorted(path) {
		add(CodeMisordered, "in the order of issuance the certificates are %s; each must follow the one that it issued", positions(path))
	}
}

func positions(path []int) string {
	var out string
	for i, at := range path {
		if i > 0 {
			out += ", "
		}
		out += fmt.Sprint(at + 1)
	}
	return out
}

// missing reports a certificate that should have been sent. A chain need not have its root, so
// only a failed verification tells.
func (v chainView) missing(verifyErr error, add func(Code, string, ...any)) {
	leaf := v.sent[0]
	alone := len(v.sent) == 1 && !isSelfSigned(leaf)
	if alone {
		add(CodeLeafAlone, "only the server's certificate is sent, without %s, which issued it", leaf.Issuer)
	}
	var unknown x509.UnknownAuthorityError
	if alone || !errors.As(verifyErr, &unknown) {
		return
	}
	switch top := v.path()[len(v.path())-1]; {
	case isSelfSigned(v.sent[top]): // the root is there; whoever verifies does not trust it
	case top == 0:
		add(CodeIncomplete, "none of the certificates issued the first one, whose issuer is %s", leaf.Issuer)
	default:
		add(CodeIncomplete, "the chain ends at certificate %d, whose issuer %s is neither sent nor among %s",
			top+1, v.sent[top].Issuer, rootsName(v.roots))
	}
}

func (v chainView) validity(add func(Code, string, ...any)) {
	for i, cert := range v.sent {
		end := cert.NotAfter.UTC().Format(time.RFC3339)
		switch left := cert.NotAfter.Sub(v.now); {
		case v.now.Before(cert.NotBefore):
			add(CodeNotYetValid, "certificate %d is valid only from %s: %s", i+1, cert.NotBefore.UTC().Format(time.RFC3339), cert.Subject)
		case left < 0:
			add(CodeExpired, "certificate %d was valid until %s: %s", i+1, end, cert.Subject)
		case left < soon:
			add(CodeExpiresSoon, "certificate %d is valid until %s, less than 30 days: %s", i+1, end, cert.Subject)
		}
	}
}

func (v chainView) name(add func(Code, string, ...any)) {
	if v.host == "" {
		return
	}
	if err := v.sent[0].VerifyHostname(v.host); err != nil {
		add(CodeNameMismatch, "the server's certificate is not for %q: %v", v.host, err)
	}
}

// isSelfSigned does not ask for a CA: a server's certificate may be its own issuer.
func isSelfSigned(c *x509.Certificate) bool {
	return string(c.RawSubject) == string(c.RawIssuer) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// issued goes by the signature, because names alone are not proof.
func issued(by, cert *x509.Certificate) bool {
	return string(by.RawSubject) == string(cert.RawIssuer) && cert.CheckSignatureFrom(by) == nil
}
