package migrate_test

import (
	"fmt"
	"log"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/podidentity/migrate"
)

// The way of an account by IRSA to Pod Identity, before anything is done.
func ExampleNew() {
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	provider, err := trust.NewProvider("aws", "111122223333", "https://oidc.cluster.example")
	check(err)
	subject, err := trust.ServiceAccount("shop", "checkout")
	check(err)
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	check(err)

	plan, err := migrate.New(mutate.PodIdentity, migrate.State{
		ClusterARN: "arn:aws:eks:eu-central-1:111122223333:cluster/blue",
		Provider:   provider,
		Account: &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "checkout",
			Annotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/reader"},
		}},
		Trust: policy,
		Pods: []corev1.Pod{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout-1"},
			Spec:       corev1.PodSpec{ServiceAccountName: "checkout", Containers: []corev1.Container{{Name: "app"}}},
		}},
	}, migrate.Config{Injection: mutate.EKS("eu-central-1")})
	check(err)
	fmt.Println(plan)
	// Output:
	// service account shop/checkout of cluster blue: to EKS Pod Identity
	//   + change the trust policy of role arn:aws:iam::111122223333:role/reader
	//       a statement is added: Allow Action sts:AssumeRole, sts:TagSession for pods.eks.amazonaws.com if StringEquals aws:SourceAccount is 111122223333 if StringEquals aws:RequestTag/kubernetes-namespace is shop if StringEquals aws:RequestTag/kubernetes-service-account is checkout if ArnEquals aws:SourceArn is arn:aws:eks:eu-central-1:111122223333:cluster/blue
	//   + create the association with role arn:aws:iam::111122223333:role/reader
	//   ~ make anew, so that they use EKS Pod Identity:
	//       pod checkout-1: container app: no identity variables are set
	//   - remove the annotation eks.amazonaws.com/role-arn
	//   - change the trust policy of role arn:aws:iam::111122223333:role/reader
	//       "system:serviceaccount:shop:checkout" of "oidc.cluster.example" is no longer admitted, for audience "sts.amazonaws.com"
}
