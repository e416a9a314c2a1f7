// Command controller-runtime is a pod identity webhook on a manager of controller-runtime, for those
// who run one already. A cache that is behind hides no role from it: see webhook.CachedAccounts.
//
// The manager's webhook server serves TLS from -cert-dir (tls.crt and tls.key, as cert-manager writes
// them), reloads them, and stops after the reviews under way.
package main

import (
	"context"
	"errors"
	"flag"
	"log"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
)

func main() {
	region := flag.String("region", "", "region of the cluster, for AWS_REGION in the pods; empty: none")
	certDir := flag.String("cert-dir", "/etc/webhook/certs", "folder of tls.crt and tls.key")
	flag.Parse()
	ctrl.SetLogger(klog.Background())
	ctx := ctrl.SetupSignalHandler()
	mgr, err := ctrl.NewManager(ctrl.GetConfigOrDie(), ctrl.Options{
		Cache:                  cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
		WebhookServer:          ctrlwebhook.NewServer(ctrlwebhook.Options{Port: 9443, CertDir: *certDir}),
		HealthProbeBindAddress: ":8081",
	})
	check(err)
	// Asked for here, the informer is running when the first pod comes, not because of it.
	_, err1 := mgr.GetCache().GetInformer(ctx, &corev1.ServiceAccount{})
	err2 := register(mgr.GetWebhookServer(), *region, mgr.GetCache(), mgr.GetAPIReader())
	err3 := mgr.AddReadyzCheck("webhook", mgr.GetWebhookServer().StartedChecker())
	check(errors.Join(err1, err2, err3))
	check(mgr.Start(ctx))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// register mounts the webhook at /mutate, and at /require for pods that must have an identity.
func register(server ctrlwebhook.Server, region string, cached, live client.Reader) error {
	mutator, err := mutate.New(mutate.Config{Region: region, RegionalSTS: region != ""})
	if err != nil {
		return err
	}
	accounts := webhook.CachedAccounts{Cache: get(cached), Live: get(live)}
	for path, require := range map[string]bool{"/mutate": false, "/require": true} {
		handler, err := webhook.New(mutator, accounts, webhook.Config{RequireIdentity: require, OnReview: report})
		if err != nil {
			return err
		}
		server.Register(path, handler)
	}
	return nil
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
