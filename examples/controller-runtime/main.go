// Command controller-runtime is a pod identity webhook on a manager of controller-runtime, for those
// who run one already. It never misses a pod because its cache was cold: see accounts.go.
//
// The manager's webhook server serves TLS from -cert-dir (tls.crt and tls.key, as cert-manager writes
// them), reloads them, and stops after the reviews under way. With -print it writes the
// MutatingWebhookConfigurations to apply, and ends.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/yaml"

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
	printOnly := flag.Bool("print", false, "print the MutatingWebhookConfigurations and end")
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
	found := accounts{cached: mgr.GetCache(), live: mgr.GetAPIReader(), role: mutation.AnnotationKey(mutate.AnnotationRoleARN)}
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

// report logs what did not go as the pod's author may expect. It never logs a pod.
func report(_ context.Context, e webhook.Event) {
	if e.Err != nil {
		log.Printf("%v: %v: %v", e.Target, e.Verdict, e.Err)
	}
}

func printManifests(w io.Writer, o options) error {
	cfg := webhook.ManifestConfig{Service: o.service}
	for _, generate := range []func(webhook.ManifestConfig) (any, error){
		func(c webhook.ManifestConfig) (any, error) { return webhook.Default(c) },
		func(c webhook.ManifestConfig) (any, error) { return webhook.Required(c) },
	} {
		manifest, err := generate(cfg)
		if err != nil {
			return err
		}
		document, err := yaml.Marshal(manifest)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "---\n%s", document); err != nil {
			return err
		}
	}
	return nil
}
