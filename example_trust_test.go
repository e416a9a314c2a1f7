package irsa_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/irsa-go/irsa/trust"
)

// A policy that admits one service account, and why another is refused.
func Example_trust() {
	decision, err := judge()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(decision)
	// Output:
	// denied: sub is system:serviceaccount:checkout:shop, the policy wants system:serviceaccount:shop:checkout (namespace and name swapped?)
	//   /Statement/0: Allow sts:AssumeRoleWithWebIdentity: does not match
	//     StringEquals: met: aud is sts.amazonaws.com, the policy wants sts.amazonaws.com
	//     StringEquals: not met: sub is system:serviceaccount:checkout:shop, the policy wants system:serviceaccount:shop:checkout (namespace and name swapped?)
}

func judge() (trust.Decision, error) {
	provider, err1 := trust.NewProvider("aws", "111122223333", "https://oidc.cluster.example")
	subject, err2 := trust.ServiceAccount("shop", "checkout")
	policy, err3 := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	if err := errors.Join(err1, err2, err3); err != nil {
		return trust.Decision{}, err
	}
	return policy.Evaluate(trust.WebIdentity(provider, trust.Claims{
		"sub": "system:serviceaccount:checkout:shop", "aud": "sts.amazonaws.com",
	})), nil
}
