// Command operator gives a ServiceAccount that asks by annotation an IAM role of its own, with the
// policy that it names of those under /pods/NAMESPACE/, and takes it away with the account.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/irsa-go/irsa/token/tokenrequest"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
)

const asks, tells, finalizer = "roles.example.com/policy", "roles.example.com/condition", "roles.example.com/role"

type operator struct {
	client.Client
	iam      *iam.Client
	provider trust.Provider // of the cluster's issuer
}

func (o operator) Reconcile(ctx context.Context, account *corev1.ServiceAccount) (ctrl.Result, error) {
	policy, patch := account.Annotations[asks], client.MergeFromWithOptions(account.DeepCopy(), client.MergeFromWithOptimisticLock{})
	wanted := policy != "" && account.DeletionTimestamp.IsZero()
	if wanted && controllerutil.AddFinalizer(account, finalizer) { // before there is a role to leave behind
		return ctrl.Result{}, o.Patch(ctx, account, patch)
	} else if !controllerutil.ContainsFinalizer(account, finalizer) {
		return ctrl.Result{}, nil
	}
	rule := iamrole.RoleRule{AccountID: o.provider.AccountID(), Partition: o.provider.Partition()}
	role, err := iamrole.SpecByRule(rule, o.provider, account.Namespace, account.Name)
	role.ManagedPolicies = []string{"arn:" + rule.Partition + ":iam::" + rule.AccountID + ":policy/pods/" + account.Namespace + "/" + policy}
	role.ForeignManagedPolicies, role.Tags = iamrole.Remove, map[string]string{"operator": o.provider.ARN()}
	var made iamrole.Result
	if err == nil && wanted {
		made, err = iamrole.Ensure(ctx, o.iam, role, iamrole.Config{})
	} else if err == nil {
		_, err = iamrole.Delete(ctx, o.iam, role.Name, iamrole.DeleteConfig{Owner: role.Tags})
	}
	condition, _ := json.Marshal(tokenrequest.Condition("Synced", err, 0)) // an account has no status
	metav1.SetMetaDataAnnotation(&account.ObjectMeta, tells, string(condition))
	if err == nil && wanted {
		metav1.SetMetaDataAnnotation(&account.ObjectMeta, "eks.amazonaws.com/role-arn", made.ARN)
	} else if !wanted && (err == nil || errors.Is(err, iamrole.ErrNotOwned)) { // a stranger's stays
		delete(account.Annotations, "eks.amazonaws.com/role-arn")
		controllerutil.RemoveFinalizer(account, finalizer)
	}
	return ctrl.Result{}, errors.Join(err, o.Patch(ctx, account, patch))
}

func main() {
	ctrl.SetLogger(klog.Background())
	ctx := ctrl.SetupSignalHandler()
	provider, err1 := trust.ParseProviderARN(os.Getenv("PROVIDER_ARN")) // of the cluster's issuer
	cfg, err2 := config.LoadDefaultConfig(ctx)
	mgr, err3 := ctrl.NewManager(ctrl.GetConfigOrDie(), ctrl.Options{})
	check(err1, err2, err3)
	o := reconcile.AsReconciler(mgr.GetClient(), operator{mgr.GetClient(), iam.NewFromConfig(cfg), provider})
	check(ctrl.NewControllerManagedBy(mgr).For(&corev1.ServiceAccount{}).Complete(o))
	check(mgr.Start(ctx))
}

func check(errs ...error) {
	if err := errors.Join(errs...); err != nil {
		log.Fatal(err)
	}
}
