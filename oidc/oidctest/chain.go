package oidctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"time"
)

// authority is a CA and its key.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// site is a host's certificates: root, top and issuing CA, leaf.
type site struct {
	key                                   *ecdsa.PrivateKey
	leaf, expired, issuing, top, stranger *x509.Certificate
}

// Certificates must be valid by the clocks of all tests: testing/synctest starts in 2000.
func notBefore(now time.Time) time.Time {
	if begin := time.Date(1999, 12, 1, 0, 0, 0, 0, time.UTC); begin.Before(now.AddDate(0, -1, 0)) {
		return begin
	}
	return now.AddDate(0, -1, 0)
}

func notAfter(now time.Time) time.Time {
	if end := time.Date(2199, 12, 31, 23, 59, 59, 0, time.UTC); end.After(now) {
		return end
	}
	return now.AddDate(10, 0, 0)
}

func newSite(root *authority, host string, loopback bool, now time.Time) (*site, error) {
	top, err := newAuthority("oidctest top CA of "+host, root, now)
	if err != nil {
		return nil, err
	}
	issuing, err := newAuthority("oidctest issuing CA of "+host, top, now)
	if err != nil {
		return nil, err
	}
	stranger, err := newAuthority("oidctest CA of nothing", nil, now)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	leaf := &x509.Certificate{
		Subject:     pkix.Name{CommonName: host},
		NotBefore:   notBefore(now),
		NotAfter:    notAfter(now),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	name(leaf, host)
	if loopback {
		name(leaf, "127.0.0.1")
		name(leaf, "::1")
		name(leaf, "localhost")
	}
	expired := *leaf
	expired.NotBefore = notBefore(now).AddDate(-1, 0, 0)
	expired.NotAfter = notBefore(now).AddDate(0, 0, -1)
	s := &site{key: key, issuing: issuing.cert, top: top.cert, stranger: stranger.cert}
	if s.leaf, err = issuing.issue(leaf, key); err != nil {
		return nil, err
	}
	if s.expired, err = issuing.issue(&expired, key); err != nil {
		return nil, err
	}
	return s, nil
}

func name(cert *x509.Certificate, host string) {
	if ip := net.ParseIP(host); ip != nil {
		cert.IPAddresses = append(cert.IPAddresses, ip)
	} else {
		cert.DNSNames = append(cert.DNSNames, host)
	}
}

// newAuthority makes a CA below parent, or a root.
func newAuthority(name string, parent *authority, now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             notBefore(now).AddDate(-2, 0, 0),
		NotAfter:              notAfter(now),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	a := &authority{key: key}
	if parent == nil {
		parent = &authority{cert: template, key: key}
	}
	if a.cert, err = parent.issue(template, key); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *authority) issue(template *x509.Certificate, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// chain is what the host sends with that fault.
func (s *site) chain(f Fault) tls.Certificate {
	leaf := s.leaf
	if f.ExpiredChain {
		leaf = s.expired
	}
	above := []*x509.Certificate{s.issuing, s.top}
	if f.MisorderedChain {
		above = []*x509.Certificate{s.top, s.issuing}
	}
	if f.IncompleteChain {
		above = nil
	}
	if f.DuplicatedChain {
		above = append([]*x509.Certificate{leaf}, above...)
	}
	if f.SuperfluousChain {
		above = append(above, s.stranger)
	}
	out := tls.Certificate{PrivateKey: s.key, Leaf: leaf, Certificate: [][]byte{leaf.Raw}}
	for _, cert := range above {
		out.Certificate = append(out.Certificate, cert.Raw)
	}
	return out
}
