package webhook

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// CertificateConfig is how a [Certificate] is kept fresh. The zero value works.
type CertificateConfig struct {
	// Every is how often the files are looked at, by handshakes and not otherwise. 0: 10 s.
	Every time.Duration
	// OnReload is called when the files changed: with nil when the new certificate is in use, and
	// with an error when they cannot be used and the earlier certificate stays in use. It must
	// be safe for concurrent use. nil: nothing is called.
	OnReload func(error)
	// Now is the clock. nil: time.Now.
	Now func() time.Time
}

// Certificate is a server's certificate that is read again while serving, as cert-manager or
// the kubelet replaces its files. It needs no background work: a handshake looks at the
// files when the last look was long enough ago. It compares their content, since the kubelet
// swaps a symbolic link two levels up (https://pkg.go.dev/k8s.io/kubernetes/pkg/volume/util#AtomicWriter).
// It is safe for concurrent use.
type Certificate struct {
	certFile, keyFile string
	cfg               CertificateConfig

	mu      sync.Mutex
	looked  time.Time
	cert    *tls.Certificate
	content [2][]byte // what was read last, good or not
}

// NewCertificate reads a PEM certificate chain and its private key.
func NewCertificate(certFile, keyFile string, cfg CertificateConfig) (*Certificate, error) {
	if cfg.Every < 0 {
		return nil, errors.New("webhook: certificate: Every is negative")
	}
	c := &Certificate{certFile: certFile, keyFile: keyFile, cfg: cfg}
	if _, err := c.reload(); err != nil {
		return nil, fmt.Errorf("webhook: certificate: %w", err)
	}
	c.looked = c.now()
	return c, nil
}

// GetCertificate is for [tls.Config.GetCertificate]. It does not fail.
func (c *Certificate) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	var changed bool
	var err error
	if now := c.now(); now.Sub(c.looked) >= c.every() {
		c.looked = now
		changed, err = c.reload()
	}
	cert := c.cert
	c.mu.Unlock()
	if changed && c.cfg.OnReload != nil {
		if err != nil {
			err = fmt.Errorf("webhook: certificate: %w", err)
		}
		c.cfg.OnReload(err)
	}
	return cert, nil
}

// reload reads the files and says whether they are others than before. Between two halves of
// an exchange they may not fit each other: the certificate stays then, until they do.
func (c *Certificate) reload() (changed bool, err error) {
	var content [2][]byte
	for i, file := range []string{c.certFile, c.keyFile} {
		if content[i], err = os.ReadFile(file); err != nil {
			changed = c.content[i] != nil
			c.content[i] = nil
			return changed, err
		}
	}
	if bytes.Equal(content[0], c.content[0]) && bytes.Equal(content[1], c.content[1]) {
		return false, nil
	}
	c.content = content
	cert, err := tls.X509KeyPair(content[0], content[1])
	if err != nil {
		return true, fmt.Errorf("%q and %q: %w", c.certFile, c.keyFile, err)
	}
	c.cert = &cert
	return true, nil
}

func (c *Certificate) every() time.Duration {
	if c.cfg.Every == 0 {
		return 10 * time.Second
	}
	return c.cfg.Every
}

func (c *Certificate) now() time.Time {
	if c.cfg.Now == nil {
		return time.Now()
	}
	return c.cfg.Now()
}
