package admissionpolicy_test

import (
	"fmt"
	"log"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/admissionpolicy"
	"github.com/irsa-go/irsa/mutate/azure"
	"github.com/irsa-go/irsa/mutate/google"
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

// Roles by rule need no account to be looked up, so that the policy can lie on the API server's disk,
// beside one that holds the others against change.
func ExamplePolicies_InjectionByRule() {
	cfg := mutate.EKS("eu-central-1")
	cfg.RoleRule = mutate.RoleRule{AccountID: "111122223333"}
	policies, err := admissionpolicy.New(cfg, admissionpolicy.Config{})
	if err != nil {
		log.Fatal(err)
	}
	injection, err := policies.InjectionByRule()
	if err != nil {
		log.Fatal(err)
	}
	static, err := injection.Static()
	if err != nil {
		log.Fatal(err)
	}
	guard, err := policies.Guard()
	if err != nil {
		log.Fatal(err)
	}
	if guard, err = guard.Static(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(static.Policy.Kind, static.Policy.Name) // write as YAML to staticManifestsDir
	fmt.Println(guard.Policy.Kind, guard.Policy.Name)
	// Output:
	// MutatingAdmissionPolicy irsa-rule.static.k8s.io
	// ValidatingAdmissionPolicy irsa-guard.static.k8s.io
}

func ExampleFeatures() {
	for _, feature := range admissionpolicy.Features() {
		if !feature.Policy {
			fmt.Println("not done:", feature.Name)
		}
	}
	// Output:
	// not done: role-by-rule
	// not done: fresh-accounts
	// not done: on-disk
	// not done: warnings
	// not done: defaults
	// not done: pod-identity
	// not done: broken-skip-containers
	// not done: mount-path-with-dots
	// not done: required-audience
	// not done: proxy
}

// The policies of other clouds stand beside that of AWS.
func ExampleAzure() {
	injection, err := admissionpolicy.Azure(azure.Config{TenantID: "contoso.example"}, admissionpolicy.Config{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(injection.Policy.Kind, injection.Policy.Name, injection.Policy.Spec.MatchConstraints.ObjectSelector.MatchLabels)
	// Output:
	// MutatingAdmissionPolicy irsa-azure map[azure.workload.identity/use:true]
}

func ExampleGoogle() {
	injection, err := admissionpolicy.Google(google.Config{}, admissionpolicy.Config{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(injection.Policy.Kind, injection.Policy.Name)
	// Output:
	// MutatingAdmissionPolicy irsa-google
}

func ExampleCloudFeatures() {
	for _, feature := range admissionpolicy.CloudFeatures() {
		if !feature.Policy {
			fmt.Println("not done:", feature.Name)
		}
	}
	// Output:
	// not done: volume-name
	// not done: fresh-accounts
	// not done: warnings
	// not done: mount-path-with-dots
}
