// Package cluster starts a real Kubernetes API server for the end-to-end tests: kube-apiserver and
// etcd in one process on loopback, as the apiserver module beside this package builds it.
//
// There is no controller manager and no kubelet. Service accounts are created by hand, deleted
// namespaces stay, and pods never run: what a kubelet would do, a test does itself.
package cluster

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"debug/buildinfo"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Cluster is a running API server. It is safe for concurrent use.
type Cluster struct {
	// URL is the server's address and the issuer of its service account tokens.
	URL string
	// CAFile holds the PEM certificate that clients trust, CertPool the same, parsed.
	CAFile   string
	CertPool *x509.CertPool
	// SigningKeyFile holds the PEM private key that signs service account tokens.
	SigningKeyFile string
	// Version is what the server says at /version, EtcdVersion what its binary was built with.
	Version, EtcdVersion string
	// ReadyAfter is the time from the start of the process until /readyz answered.
	ReadyAfter time.Duration

	process *exec.Cmd
	stdin   io.Closer
	exited  chan struct{}
	output  *tail
	stop    sync.Once
}

// Config says how the API server starts. The zero value is a plain one.
type Config struct {
	// ExtraFlags are kube-apiserver's own, after the cluster's.
	ExtraFlags []string
	// Issuer is the first --service-account-issuer, with JWKSURI as its jwks_uri; the server's own
	// URL stays accepted. Empty: the server's URL.
	Issuer, JWKSURI string
	// VerificationKeyFiles are further keys, PEM, whose tokens the server accepts.
	VerificationKeyFiles []string
	// EtcdDir keeps what is in the cluster for a later start with the same. "": it goes with dir.
	EtcdDir string
}

const adminToken = "end-to-end-administrator" // of a server on loopback that lives for one test

// Start runs the binary with its files in dir and waits until it is ready. Call Stop at the end.
func Start(ctx context.Context, binary, dir string, cfg Config) (*Cluster, error) {
	if err := writeFiles(dir); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	// kube-apiserver refuses --secure-port=0, so a port is picked that was free a moment ago.
	// Somebody else may take it in between: then the process ends, and another port is tried.
	var errs []error
	for range 3 {
		c, err := start(ctx, binary, dir, cfg)
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("cluster: %w", errors.Join(errs...))
}

func start(ctx context.Context, binary, dir string, cfg Config) (*Cluster, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		URL:            "https://127.0.0.1:" + strconv.Itoa(port),
		CAFile:         filepath.Join(dir, "apiserver.crt"),
		SigningKeyFile: filepath.Join(dir, "sa.key"),
		exited:         make(chan struct{}),
		output:         &tail{},
	}
	etcdDir := cfg.EtcdDir
	if etcdDir == "" {
		etcdDir = filepath.Join(dir, "etcd-"+strconv.Itoa(port))
	}
	c.process = exec.Command(binary, c.flags(dir, port, cfg)...)
	c.process.Env = append(os.Environ(), "APISERVER_DIE_WITH_STDIN=1", "APISERVER_ETCD_DIR="+etcdDir)
	c.process.Stdout, c.process.Stderr = c.output, c.output
	if c.stdin, err = c.process.StdinPipe(); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := c.process.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = c.process.Wait()
		close(c.exited)
	}()
	if err := c.waitReady(ctx); err != nil {
		c.Stop()
		return nil, fmt.Errorf("%w; the server said last:\n%s", err, c.output)
	}
	c.ReadyAfter = time.Since(began)
	if err := c.learnVersions(binary); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) flags(dir string, port int, cfg Config) []string {
	issuers := []string{"--service-account-issuer=" + c.URL}
	jwks := c.URL + "/openid/v1/jwks"
	if cfg.Issuer != "" {
		issuers = []string{"--service-account-issuer=" + cfg.Issuer, "--service-account-issuer=" + c.URL}
		jwks = cfg.JWKSURI
	}
	flags := append(issuers,
		"--service-account-jwks-uri="+jwks,
		"--service-account-signing-key-file="+c.SigningKeyFile,
		"--service-account-key-file="+c.SigningKeyFile,
		"--api-audiences="+c.URL,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		// A loopback address in the endpoints of the kubernetes service is invalid: keep none.
		"--endpoint-reconciler-type=none",
		"--secure-port="+strconv.Itoa(port),
		"--cert-dir="+dir,
		"--service-cluster-ip-range=10.96.0.0/24",
		"--authorization-mode=RBAC",
		"--token-auth-file="+filepath.Join(dir, "tokens.csv"),
		"--allow-privileged=true", // some real pods are
	)
	for _, file := range cfg.VerificationKeyFiles {
		flags = append(flags, "--service-account-key-file="+file)
	}
	return append(flags, cfg.ExtraFlags...)
}

func (c *Cluster) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w", ctx.Err())
		case <-c.exited:
			return fmt.Errorf("kube-apiserver ended before it was ready: %v", c.process.ProcessState)
		case <-tick.C:
		}
		// The server writes its certificate early in its start.
		client, err := kubernetes.NewForConfig(c.RESTConfig())
		if err != nil {
			continue
		}
		if body, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err == nil && bytes.Equal(body, []byte("ok")) {
			return nil
		}
	}
}

func (c *Cluster) learnVersions(binary string) error {
	client, err := kubernetes.NewForConfig(c.RESTConfig())
	if err != nil {
		return err
	}
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		return err
	}
	c.Version = version.GitVersion
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	for _, dep := range info.Deps {
		if dep.Path == "go.etcd.io/etcd/server/v3" {
			c.EtcdVersion = dep.Version
		}
	}
	certificate, err := os.ReadFile(c.CAFile)
	if err != nil {
		return err
	}
	c.CertPool = x509.NewCertPool()
	if !c.CertPool.AppendCertsFromPEM(certificate) {
		return fmt.Errorf("%s holds no certificate", c.CAFile)
	}
	return nil
}

// RESTConfig is the administrator's, without client-side throttling.
func (c *Cluster) RESTConfig() *rest.Config {
	return c.RESTConfigWithToken(adminToken)
}

// RESTConfigWithToken is the configuration of whoever holds the bearer token; "" is anonymous.
func (c *Cluster) RESTConfigWithToken(token string) *rest.Config {
	return &rest.Config{
		Host:            c.URL,
		BearerToken:     token,
		TLSClientConfig: rest.TLSClientConfig{CAFile: c.CAFile},
		QPS:             -1,
		UserAgent:       "irsa-e2e",
	}
}

// Stop ends the server and waits for its end. Further calls do nothing.
func (c *Cluster) Stop() {
	c.stop.Do(func() {
		_ = c.process.Process.Signal(syscall.SIGTERM)
		select {
		case <-c.exited:
		case <-time.After(20 * time.Second):
			_ = c.process.Process.Kill()
			<-c.exited
		}
		_ = c.stdin.Close()
	})
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func writeFiles(dir string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	encoded := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "sa.key"), encoded, 0o600),
		os.WriteFile(filepath.Join(dir, "tokens.csv"), []byte(adminToken+",admin,admin,system:masters\n"), 0o600),
	)
}
