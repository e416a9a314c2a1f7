package google_test

import (
	"encoding/json"
	"fmt"
	"log"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/google"
)

const exampleProvider = "projects/482910375566/locations/global/workloadIdentityPools/clusters/providers/prod-eu"

// From a service account and a pod's JSON to a patch.
func Example() {
	mutator, err := google.New(google.Config{})
	if err != nil {
		log.Fatal(err)
	}
	id, err := mutator.Identity(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Namespace: "team-a", Name: "reader",
		Annotations: map[string]string{google.AnnotationProvider: exampleProvider},
	}})
	if err != nil {
		log.Fatal(err) // deny the pod
	}
	result, err := mutator.RawPod([]byte(`{"metadata": {"name": "demo"}, "spec": {"containers": [{"name": "main"}]}}`), id)
	if err != nil {
		log.Fatal(err)
	}
	for _, op := range result.Operations() {
		fmt.Println(op.Operation, op.Path)
	}
	// Output:
	// add /spec/volumes
	// add /spec/volumes/-
	// add /metadata/annotations
	// add /metadata/annotations/cloud.google.com~1external-credentials-json
	// add /spec/containers/0/env
	// add /spec/containers/0/env/-
	// add /spec/containers/0/env/-
	// add /spec/containers/0/volumeMounts
	// add /spec/containers/0/volumeMounts/-
}

// What Google must know of the cluster and of the account.
func ExampleMutator_PoolProvider() {
	mutator, err := google.New(google.Config{})
	if err != nil {
		log.Fatal(err)
	}
	id := google.Identity{Provider: exampleProvider}
	settings, err := mutator.PoolProvider("https://oidc.example.com/cluster-1", id)
	if err != nil {
		log.Fatal(err)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	if err := out.Encode(settings); err != nil {
		log.Fatal(err)
	}
	principal, err := id.Principal(mutate.Target{Namespace: "team-a", ServiceAccount: "reader"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(principal)
	// Output:
	// {
	//   "attributeMapping": {
	//     "google.subject": "assertion.sub"
	//   },
	//   "oidc": {
	//     "issuerUri": "https://oidc.example.com/cluster-1",
	//     "allowedAudiences": [
	//       "https://iam.googleapis.com/projects/482910375566/locations/global/workloadIdentityPools/clusters/providers/prod-eu"
	//     ]
	//   }
	// }
	// principal://iam.googleapis.com/projects/482910375566/locations/global/workloadIdentityPools/clusters/subject/system:serviceaccount:team-a:reader
}
