// Package cloudnet stands for the network between a pod and its cloud: an HTTPS proxy that takes
// connections to some of the cloud's hosts and answers them itself, with a certificate of its own
// authority. A client then meets a bench under the host name that it knows or worked out.
package cloudnet

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Network is a running proxy. It is safe for concurrent use.
type Network struct {
	URL    string // of the proxy, for HTTPS_PROXY
	CAFile string // PEM, for AWS_CA_BUNDLE or SSL_CERT_FILE

	leads func(host string) bool
	ca    *x509.Certificate
	caKey *ecdsa.PrivateKey
	outer *http.Server // takes CONNECT
	inner *http.Server // answers as the cloud
	conns *handover

	mu    sync.Mutex
	hosts []string
}

// IsSTS says that a host is one of AWS STS.
func IsSTS(host string) bool { return stsHost.MatchString(host) }

var stsHost = regexp.MustCompile(`^sts(?:\.[a-z0-9-]+)?\.amazonaws\.com$`)

// Start runs a proxy that hands the requests for the hosts that it leads to to the cloud, with its
// files in dir.
func Start(dir string, leads func(host string) bool, cloud http.Handler) (*Network, error) {
	n := &Network{CAFile: filepath.Join(dir, "ca.crt"), leads: leads, conns: newHandover()}
	if err := n.makeAuthority(); err != nil {
		return nil, fmt.Errorf("cloudnet: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cloudnet: %w", err)
	}
	n.URL = "http://" + listener.Addr().String()
	n.outer = &http.Server{Handler: http.HandlerFunc(n.connect), ReadHeaderTimeout: 10 * time.Second}
	n.inner = &http.Server{Handler: cloud, ReadHeaderTimeout: 10 * time.Second}
	go n.outer.Serve(listener)
	go n.inner.Serve(tls.NewListener(n.conns, &tls.Config{GetCertificate: n.certificate}))
	return n, nil
}

// Stop closes the proxy and all its connections.
func (n *Network) Stop() {
	_ = n.outer.Close()
	_ = n.inner.Close()
}

// Hosts lists the hosts that clients asked for, sorted and each once.
func (n *Network) Hosts() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	hosts := slices.Clone(n.hosts)
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

func (n *Network) connect(w http.ResponseWriter, r *http.Request) {
	host, ok := strings.CutSuffix(r.Host, ":443")
	if r.Method != http.MethodConnect || !ok || !n.leads(host) {
		http.Error(w, "this proxy does not lead there", http.StatusForbidden)
		return
	}
	n.mu.Lock()
	n.hosts = append(n.hosts, host)
	n.mu.Unlock()
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "no connection to take over", http.StatusInternalServerError)
		return
	}
	if _, err := conn.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		conn.Close()
		return
	}
	n.conns.give(&bufferedConn{Conn: conn, r: buffered.Reader})
}

func (n *Network) makeAuthority() error {
	var err error
	if n.caKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "irsa end-to-end network"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, n.caKey.Public(), n.caKey)
	if err != nil {
		return err
	}
	if n.ca, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	return os.WriteFile(n.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
}

// certificate makes one for the host that the client names.
func (n *Network) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if !n.leads(hello.ServerName) {
		return nil, errors.New("no certificate for that host")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: hello.ServerName},
		DNSNames:  []string{hello.ServerName},
		NotBefore: n.ca.NotBefore, NotAfter: n.ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, n.ca, key.Public(), n.caKey)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, n.ca.Raw}, PrivateKey: key}, nil
}

// bufferedConn first gives what the HTTP server had read ahead.
type bufferedConn struct {
	net.Conn
	r *bufio.Reader
}

func (c *bufferedConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// handover is a listener whose connections come from elsewhere.
type handover struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newHandover() *handover {
	return &handover{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (h *handover) give(conn net.Conn) {
	select {
	case h.conns <- conn:
	case <-h.closed:
		conn.Close()
	}
}

func (h *handover) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

func (h *handover) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
