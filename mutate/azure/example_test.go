package azure_test

import (
	"encoding/json"
	"fmt"
	"log"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/azure"
)

// From a service account and a pod's JSON to a patch.
func Example() {
	mutator, err := azure.New(azure.Config{TenantID: "6d7e8f90-1111-4222-8333-944445555666"})
	if err != nil {
		log.Fatal(err)
	}
	id, err := mutator.Identity(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Namespace: "team-a", Name: "reader",
		Annotations: map[string]string{azure.AnnotationClientID: "3f2b8c1a-5d0e-4b7a-9c11-0a1b2c3d4e5f"},
	}})
	if err != nil {
		log.Fatal(err) // deny the pod
	}
	pod := []byte(`{"metadata": {"name": "demo", "labels": {"azure.workload.identity/use": "true"}}, "spec": {"containers": [{"name": "main"}]}}`)
	result, err := mutator.RawPod(pod, id)
	if err != nil {
		log.Fatal(err)
	}
	for _, op := range result.Operations() {
		fmt.Println(op.Operation, op.Path)
	}
	// Output:
	// add /spec/volumes
	// add /spec/volumes/-
	// add /spec/containers/0/env
	// add /spec/containers/0/env/-
	// add /spec/containers/0/env/-
	// add /spec/containers/0/env/-
	// add /spec/containers/0/env/-
	// add /spec/containers/0/volumeMounts
	// add /spec/containers/0/volumeMounts/-
}

// What Entra must know of the account, for the Azure CLI:
//
//	az identity federated-credential create --issuer … --subject … --audiences …
func ExampleMutator_FederatedCredential() {
	mutator, err := azure.New(azure.Config{TenantID: "6d7e8f90-1111-4222-8333-944445555666"})
	if err != nil {
		log.Fatal(err)
	}
	credential, err := mutator.FederatedCredential("https://oidc.example.com/cluster-1/",
		mutate.Target{Namespace: "team-a", ServiceAccount: "reader"})
	if err != nil {
		log.Fatal(err)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	if err := out.Encode(credential); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {
	//   "issuer": "https://oidc.example.com/cluster-1/",
	//   "subject": "system:serviceaccount:team-a:reader",
	//   "audiences": [
	//     "api://AzureADTokenExchange"
	//   ]
	// }
}
