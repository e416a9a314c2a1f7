// Command eks-webhook stands in for amazon-eks-pod-identity-webhook: the same flags, annotations,
// ConfigMap and file of Pod Identity accounts, on package mutate. It loses no field of a pod, and
// says in a warning what the original only logs.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
)

// flags are those of the original that say what is done to a pod.
type flags struct {
	prefix, audience, mountPath, region, account string
	expiration                                   int64
	regionalSTS                                  bool
	configMap, podIdentity                       string // files
	cert, key, port                              string
}

func main() {
	var f flags
	flag.StringVar(&f.prefix, "annotation-prefix", "eks.amazonaws.com", "")
	flag.StringVar(&f.audience, "token-audience", "sts.amazonaws.com", "")
	flag.Int64Var(&f.expiration, "token-expiration", 86400, "seconds")
	flag.StringVar(&f.mountPath, "token-mount-path", mutate.DefaultMountPath, "")
	flag.StringVar(&f.region, "aws-default-region", "", "")
	flag.BoolVar(&f.regionalSTS, "sts-regional-endpoint", false, "")
	flag.StringVar(&f.account, "aws-account-id", "", "of roles that annotations give by name")
	flag.StringVar(&f.configMap, "config", "", "the ConfigMap's key config, mounted as a file")
	flag.StringVar(&f.podIdentity, "watch-container-credentials-config", "", "file of the accounts with EKS Pod Identity")
	flag.StringVar(&f.cert, "tls-cert", "/etc/webhook/certs/tls.crt", "")
	flag.StringVar(&f.key, "tls-key", "/etc/webhook/certs/tls.key", "")
	flag.StringVar(&f.port, "port", "443", "")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, f); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, f flags) error {
	cfg, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	lister := factory.Core().V1().ServiceAccounts().Lister()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	handler, err := f.handler(webhook.CachedAccounts{
		AnnotationDomain: f.prefix,
		Cache: func(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
			return lister.ServiceAccounts(namespace).Get(name)
		},
		Live: webhook.Live(client.CoreV1().ServiceAccounts),
	})
	if err != nil {
		return err
	}
	certificate, err := webhook.NewCertificate(f.cert, f.key, webhook.CertificateConfig{})
	if err != nil {
		return err
	}
	tlsConfig := &tls.Config{GetCertificate: certificate.GetCertificate}
	server := &http.Server{Handler: handler, TLSConfig: tlsConfig, ReadHeaderTimeout: 10 * time.Second}
	listener, err := net.Listen("tcp", ":"+f.port)
	if err != nil {
		return err
	}
	return serve(ctx, server, listener)
}

// serve returns when ctx is done and the reviews under way are answered.
func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.ServeTLS(listener, "", "") }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return server.Shutdown(context.Background())
	}
}

// config is what the flags mean to mutate. Bad values count as absent, as in the original, which logs
// them; here the user is warned.
func (f flags) config() (mutate.Config, error) {
	c := mutate.Config{
		AnnotationDomain: f.prefix, Audience: f.audience, MountPath: f.mountPath, Region: f.region, RegionalSTS: f.regionalSTS,
		TokenExpiration: time.Duration(f.expiration) * time.Second, RoleAccountID: f.account,
		BadAnnotations: mutate.WarnAllBad, WholeDefaults: true, AllowNamespaceGlobs: true,
	}
	if f.configMap != "" {
		text, err := os.ReadFile(f.configMap)
		if err != nil {
			return c, err
		}
		if c.Defaults, err = mutate.ParseDefaults(text); err != nil {
			return c, err
		}
	}
	if f.podIdentity != "" {
		text, err := os.ReadFile(f.podIdentity)
		if err != nil {
			return c, err
		}
		if c.PodIdentityAccounts, err = mutate.ParsePodIdentityAccounts(text); err != nil {
			return c, err
		}
	}
	return c, nil
}

// handler serves the original's paths: /mutate, /healthz and /metrics.
func (f flags) handler(accounts webhook.Accounts) (http.Handler, error) {
	c, err := f.config()
	if err != nil {
		return nil, err
	}
	mutator, err := mutate.New(c)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	counts := map[webhook.Verdict]int{}
	handler, err := webhook.New(mutator, accounts, webhook.Config{InsecureFailOpen: true, OnReview: func(_ context.Context, e webhook.Event) {
		mu.Lock()
		defer mu.Unlock()
		counts[e.Verdict]++
	}})
	mux := http.NewServeMux()
	mux.Handle("/mutate", handler)
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		for _, verdict := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(w, "pod_identity_webhook_pods_total{verdict=%q} %d\n", verdict, counts[verdict])
		}
	})
	return mux, err
}
