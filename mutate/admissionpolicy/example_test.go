package admissionpolicy_test

import (
	"fmt"
	"log"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/admissionpolicy"
)

// What a cluster applies instead of running a webhook.
func Example() {
	policies, err := admissionpolicy.New(mutate.EKS("eu-central-1"), admissionpolicy.Config{})
	if err != nil {
		log.Fatal(err)
	}
	injection, required := policies.Injection(), policies.Required()
	roles, err := policies.Roles(map[string]admissionpolicy.AllowedRoles{
		"payments": {ARNs: []string{"arn:aws:iam::111122223333:role/payments-api"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(injection.Policy.Kind, injection.Policy.Name) // apply with client-go, or as YAML
	fmt.Println(required.Policy.Kind, required.Policy.Name)
	fmt.Println(roles.Policy.Kind, roles.Policy.Name)
	// Output:
	// MutatingAdmissionPolicy irsa
	// ValidatingAdmissionPolicy irsa-required
	// ValidatingAdmissionPolicy irsa-roles
}

func ExampleFeatures() {
	for _, feature := range admissionpolicy.Features() {
		if !feature.Claimed {
			fmt.Println("not done:", feature.Name)
		}
	}
	// Output:
	// not done: warnings
	// not done: fresh-accounts
	// not done: defaults
	// not done: pod-identity
	// not done: broken-skip-containers
	// not done: mount-path-with-dots
}
