package irsa_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
)

// The webhook that gives pods the roles of their service accounts.
func Example_mutate() {
	// In a cluster: client.CoreV1().ServiceAccounts(namespace).Get(ctx, name, metav1.GetOptions{})
	accounts := func(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
		return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name,
			Annotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/checkout"},
		}}, nil
	}
	handler, err := newWebhook(webhook.AccountsFunc(accounts))
	if err != nil {
		log.Fatal(err)
	}

	r := httptest.NewRequest(http.MethodPost, "/mutate", strings.NewReader(`{
		"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
		"request": {"uid": "1", "operation": "CREATE", "namespace": "shop",
			"kind": {"version": "v1", "kind": "Pod"}, "resource": {"version": "v1", "resource": "pods"},
			"object": {"spec": {"serviceAccountName": "checkout", "containers": [{"name": "app"}]}}}}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.Contains(w.Body.String(), `"patchType":"JSONPatch"`))
	// Output: 200 true
}

func newWebhook(accounts webhook.Accounts) (http.Handler, error) {
	mutator, err := mutate.New(mutate.EKS("eu-central-1"))
	if err != nil {
		return nil, err
	}
	return webhook.New(mutator, accounts, webhook.Config{})
}
