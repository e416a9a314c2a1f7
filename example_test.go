package irsa_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
)

func Example_trust() {
	provider, err := trust.NewProvider("aws", "111122223333", "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF")
	check(err)
	subject, err := trust.ServiceAccount("shop", "checkout")
	check(err)
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	check(err)

	decision := policy.Evaluate(trust.WebIdentity(provider, trust.Claims{
		"sub": "system:serviceaccount:checkout:shop",
		"aud": []string{"sts.amazonaws.com"},
	}))
	fmt.Println(decision)
	// Output:
	// denied: sub is system:serviceaccount:checkout:shop, the policy wants system:serviceaccount:shop:checkout (namespace and name swapped?)
	//   /Statement/0: Allow sts:AssumeRoleWithWebIdentity: does not match
	//     StringEquals: met: aud is sts.amazonaws.com, the policy wants sts.amazonaws.com
	//     StringEquals: not met: sub is system:serviceaccount:checkout:shop, the policy wants system:serviceaccount:shop:checkout (namespace and name swapped?)
}

func Example_oidc() {
	ctx, cluster, awsConfig := context.Background(), bench().cluster, bench().aws
	issuer, client := cluster.Issuer(), cluster.Client() // for a public issuer: &oidc.Client{}

	report, err := client.Thumbprints(ctx, issuer)
	check(err)
	provider, err := iamprovider.Ensure(ctx, iam.NewFromConfig(awsConfig), iamprovider.Spec{
		AccountID: "111122223333", Issuer: issuer, Thumbprints: report.Thumbprints,
	}, iamprovider.Config{})
	check(err)
	fmt.Println(provider.ARN)
	// Output: arn:aws:iam::111122223333:oidc-provider/oidc.cluster.example
}

func Example_mutate() {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "checkout",
		Annotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/checkout"},
	}}
	podJSON := []byte(`{"spec":{"serviceAccountName":"checkout","containers":[{"name":"app"}]}}`)

	mutator, err := mutate.New(mutate.EKS("eu-central-1"))
	check(err)
	identity, err := mutator.Identity(account)
	check(err)
	result, err := mutator.RawPod(podJSON, identity)
	check(err)
	for _, op := range result.Operations() {
		fmt.Println(op.Operation, op.Path)
	}
	// Output:
	// add /spec/volumes
	// add /spec/volumes/0
	// add /spec/containers/0/env
	// add /spec/containers/0/env/-
	// add /spec/containers/0/env/-
	// add /spec/containers/0/env/-
	// add /spec/containers/0/env/-
	// add /spec/containers/0/env/-
	// add /spec/containers/0/volumeMounts
	// add /spec/containers/0/volumeMounts/-
}

func Example_token() {
	ctx, awsConfig := context.Background(), bench().aws
	lookup := bench().Getenv // in a pod: os.LookupEnv

	resolution, err := token.Resolve(lookup)
	check(err)
	provider, err := token.NewProvider(sts.NewFromConfig(awsConfig), resolution.RoleARN, resolution.TokenFile, token.Config{})
	check(err)
	awsConfig.Credentials = provider

	who, err := sts.NewFromConfig(awsConfig).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	check(err)
	fmt.Println(*who.Arn)
	// Output: arn:aws:sts::111122223333:assumed-role/checkout/shop.checkout
}
