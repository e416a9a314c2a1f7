// Command controller-runtime is a pod identity webhook on a manager of controller-runtime, for those
// who run one already. A cache that is behind hides no role from it: see webhook.CachedAccounts.
//
// The manager's webhook server serves TLS from -cert-dir (tls.crt and tls.key, as cert-manager writes
// them), reloads them, and stops after the reviews under way. With -print it writes what to apply
// beside its Deployment, and ends.
package main

import (
	"context"
	"flag"
	"io"
	"log"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
)

type options struct {
	region, certDir, health string
	port                    int
	service                 types.NamespacedName
}

func main() {
	var o options
	flag.StringVar(&o.region, "region", "", "region of the cluster, for AWS_REGION in the pods; empty: none")
	flag.StringVar(&o.certDir, "cert-dir", "/etc/webhook/certs", "folder of tls.crt and tls.key")
	flag.StringVar(&o.health, "health", ":8081", "address of /readyz")
	flag.IntVar(&o.port, "port", 9443, "port of the webhook")
	flag.StringVar(&o.service.Namespace, "namespace", "kube-system", "namespace of the Service in front of it")
	flag.StringVar(&o.service.Name, "service", "pod-identity-webhook", "name of the Service in front of it")
	printOnly := flag.Bool("print", false, "print the manifests and end")
	flag.Parse()

	var err error
	if *printOnly {
		err = printManifests(os.Stdout, o)
	} else {
		err = run(ctrl.SetupSignalHandler(), ctrl.GetConfigOrDie(), o)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, cfg *rest.Config, o options) error {
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Cache:                  cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
		WebhookServer:          ctrlwebhook.NewServer(ctrlwebhook.Options{Port: o.port, CertDir: o.certDir}),
		HealthProbeBindAddress: o.health,
	})
	if err != nil {
		return err
	}
	// Asked for here, the informer is running when the first pod comes, not because of it.
	if _, err := mgr.GetCache().GetInformer(ctx, &corev1.ServiceAccount{}); err != nil {
		return err
	}
	mutation := mutate.Config{Region: o.region, RegionalSTS: o.region != ""}
	mutator, err := mutate.New(mutation)
	if err != nil {
		return err
	}
	found := webhook.CachedAccounts{Cache: get(mgr.GetCache()), Live: get(mgr.GetAPIReader())}
	for path, require := range map[string]bool{"/mutate": false, "/require": true} {
		handler, err := webhook.New(mutator, found, webhook.Config{RequireIdentity: require, OnReview: report})
		if err != nil {
			return err
		}
		mgr.GetWebhookServer().Register(path, handler)
	}
	if err := mgr.AddReadyzCheck("webhook", healthz.Checker(mgr.GetWebhookServer().StartedChecker())); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// get reads service accounts through a client of controller-runtime, cached or not.
func get(from client.Reader) webhook.AccountsFunc {
	return func(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
		account := &corev1.ServiceAccount{}
		if err := from.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, account); err != nil {
			return nil, err
		}
		return account, nil
	}
}

// report logs what did not go as the pod's author may expect. It never logs a pod.
func report(_ context.Context, e webhook.Event) {
	if e.Err != nil {
		log.Printf("%v: %v: %v", e.Target, e.Verdict, e.Err)
	}
}

func printManifests(w io.Writer, o options) error {
	cfg := webhook.ManifestConfig{Service: o.service, TargetPort: int32(o.port), CertManager: true}
	companions, err := cfg.Companions()
	if err != nil {
		return err
	}
	byDefault, err := webhook.Default(cfg)
	if err != nil {
		return err
	}
	required, err := webhook.Required(cfg)
	if err != nil {
		return err
	}
	document, err := webhook.YAML(append(companions.Objects(), byDefault, required)...)
	if err != nil {
		return err
	}
	_, err = w.Write(document)
	return err
}
