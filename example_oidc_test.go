package irsa_test

import (
	"context"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// The IAM OIDC provider for a cluster's issuer: cluster and account are those of the test benches,
// in memory. For a public issuer, the client is &oidc.Client{} and the issuer from oidc.ParseIssuer.
func Example_oidc() {
	cluster, err := oidctest.NewServer(oidctest.Config{Issuer: "https://oidc.cluster.example"})
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()
	account, err := trusttest.NewAccount(trusttest.Config{DialContext: cluster.DialContext})
	if err != nil {
		log.Fatal(err)
	}
	defer account.Close()

	created, err := ensureProvider(context.Background(), cluster.Client(), account.AWSConfig(), cluster.Issuer())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(created.ARN)
	// Output: arn:aws:iam::111122223333:oidc-provider/oidc.cluster.example
}

func ensureProvider(ctx context.Context, client *oidc.Client, cfg aws.Config, issuer oidc.Issuer) (iamprovider.Result, error) {
	report, err := client.Thumbprints(ctx, issuer)
	if err != nil {
		return iamprovider.Result{}, err
	}
	spec := iamprovider.Spec{AccountID: "111122223333", Issuer: issuer, Thumbprints: report.Thumbprints}
	return iamprovider.Ensure(ctx, iam.NewFromConfig(cfg), spec, iamprovider.Config{})
}
