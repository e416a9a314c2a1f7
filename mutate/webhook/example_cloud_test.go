package webhook_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/azure"
	"github.com/irsa-go/irsa/mutate/google"
	"github.com/irsa-go/irsa/mutate/webhook"
)

// One webhook for AWS and Google Cloud: an account that is annotated for both gives both.
func ExampleCloud() {
	aws, err := mutate.New(mutate.Config{})
	if err != nil {
		log.Fatal(err)
	}
	gcp, err := google.New(google.Config{})
	if err != nil {
		log.Fatal(err)
	}
	accounts := webhook.AccountsFunc(func(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
		return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name,
			Annotations: map[string]string{
				"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/reader",
				google.AnnotationProvider:    "projects/482910375566/locations/global/workloadIdentityPools/clusters/providers/prod-eu",
			},
		}}, nil
	})
	handler, err := webhook.New(aws, accounts, webhook.Config{
		Clouds: []webhook.Cloud{gcp},
		OnReview: func(_ context.Context, e webhook.Event) {
			for _, op := range e.Reviewed.Result.Operations() {
				fmt.Println(op.Path)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/mutate", strings.NewReader(`{
		"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
		"request": {"uid": "1", "operation": "CREATE", "namespace": "team-a",
			"kind": {"version": "v1", "kind": "Pod"}, "resource": {"version": "v1", "resource": "pods"},
			"object": {"metadata": {"annotations": {}}, "spec": {"serviceAccountName": "reader", "volumes": [],
				"containers": [{"name": "main", "env": [], "volumeMounts": []}]}}}}`))
	r.Header.Set("Content-Type", "application/json")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// /spec/volumes/0
	// /spec/containers/0/env/-
	// /spec/containers/0/env/-
	// /spec/containers/0/volumeMounts/-
	// /spec/volumes/-
	// /metadata/annotations/cloud.google.com~1external-credentials-json
	// /spec/containers/0/env/-
	// /spec/containers/0/env/-
	// /spec/containers/0/volumeMounts/-
}

// The configuration of Azure's pods alone, which never calls the webhook for others.
func ExampleOptIn() {
	manifest, err := webhook.OptIn(webhook.ManifestConfig{
		Service: types.NamespacedName{Namespace: "kube-system", Name: "pod-identity-webhook"},
	}, azure.LabelUse, azure.LabelUseValue)
	if err != nil {
		log.Fatal(err)
	}
	hook := manifest.Webhooks[0]
	fmt.Println(manifest.Name, *hook.FailurePolicy, hook.ObjectSelector.MatchExpressions[0].Key)
	// Output: pod-identity-webhook-opt-in Fail azure.workload.identity/use
}
