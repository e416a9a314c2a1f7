package podidentity_test

import (
	"context"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/podidentity"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// The plan says that the session policy and the role's trust policy do not go together.
func ExamplePlan() {
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	// In place of AWS, with a cluster "blue":
	issuer, err := oidctest.NewServer(oidctest.Config{Issuer: "https://oidc.cluster.example"})
	check(err)
	defer issuer.Close()
	account, err := trusttest.NewAccount(trusttest.Config{})
	check(err)
	defer account.Close()
	tokens, err := oidc.NewVerifier(issuer.Issuer(), "pods.eks.amazonaws.com", oidc.VerifierConfig{Client: issuer.Client()})
	check(err)
	cluster, err := account.AddCluster(trusttest.Cluster{Name: "blue", Tokens: tokens})
	check(err)
	cfg := account.AWSConfig()

	policy, err := trust.NewPodIdentity(trust.PodIdentityGrant{AccountID: "111122223333", Namespaces: []string{"shop"}})
	check(err)
	role, err := iamrole.Ensure(ctx, iam.NewFromConfig(cfg), iamrole.Spec{Name: "reader", Trust: policy}, iamrole.Config{})
	check(err)
	changes, err := podidentity.Plan(ctx, eks.NewFromConfig(cfg), podidentity.Spec{
		Target:  podidentity.Target{ClusterARN: cluster, Namespace: "shop", ServiceAccount: "checkout"},
		RoleARN: role.ARN, Policy: `{"Version":"2012-10-17","Statement":[]}`, DisableSessionTags: true, Trust: policy,
	})
	check(err)
	fmt.Println(changes)
	// Output:
	// service account shop/checkout of cluster blue
	//   + create association with role arn:aws:iam::111122223333:role/reader, a session policy, without session tags
	//   ! role arn:aws:iam::111122223333:role/reader asks for session tags, which the association disables: no pod gets it (tags-missing)
}
