package irsa_test

import (
	"fmt"
	"log"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
)

// The patch that gives a pod the role of its service account.
func Example_mutate() {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "checkout",
		Annotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/checkout"},
	}}
	pod := []byte(`{"spec":{"serviceAccountName":"checkout","containers":[{"name":"app"}]}}`)

	mutator, err := mutate.New(mutate.EKS("eu-central-1")) // once, at start-up
	if err != nil {
		log.Fatal(err)
	}
	patch, err := patchFor(mutator, account, pod)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(patch), "bytes of JSON patch")
	// Output: 1142 bytes of JSON patch
}

func patchFor(mutator *mutate.Mutator, account *corev1.ServiceAccount, pod []byte) ([]byte, error) {
	identity, err := mutator.Identity(account)
	if err != nil {
		return nil, err
	}
	result, err := mutator.RawPod(pod, identity)
	return result.PatchJSON(), err
}
