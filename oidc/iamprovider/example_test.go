package iamprovider_test

import (
	"context"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// open returns an account in a box and a client for it. For a real one, load the client's
// configuration with config.LoadDefaultConfig.
func open() (*iam.Client, func()) {
	account, err := trusttest.NewAccount(trusttest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	return iam.NewFromConfig(account.AWSConfig()), account.Close
}

func exampleSpec() iamprovider.Spec {
	iss, err := oidc.ParseIssuer("https://issuer.example/clusters/a")
	if err != nil {
		log.Fatal(err)
	}
	return iamprovider.Spec{
		AccountID:   "111122223333",
		Issuer:      iss,
		Thumbprints: []string{"06b25927c42a721631c1efd9431e648fa62e1e39"}, // as oidc.Client.Thumbprints finds them
	}
}

func ExampleEnsure() {
	client, done := open()
	defer done()
	for range 2 {
		result, err := iamprovider.Ensure(context.Background(), client, exampleSpec(), iamprovider.Config{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(result.ARN)
		fmt.Println("created:", result.Created, "writes:", len(result.Steps))
	}
	// Output:
	// arn:aws:iam::111122223333:oidc-provider/issuer.example/clusters/a
	// created: true writes: 1
	// arn:aws:iam::111122223333:oidc-provider/issuer.example/clusters/a
	// created: false writes: 0
}

func ExamplePlan() {
	client, done := open()
	defer done()
	spec := exampleSpec()
	if _, err := iamprovider.Ensure(context.Background(), client, spec, iamprovider.Config{}); err != nil {
		log.Fatal(err)
	}
	spec.Thumbprints = []string{"9e99a48a9960b14926bb7f3b02e22da2b0ab7280"}
	changes, err := iamprovider.Plan(context.Background(), client, spec)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(changes)
	// Output:
	// OIDC provider arn:aws:iam::111122223333:oidc-provider/issuer.example/clusters/a
	//   + add thumbprint "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"
	//   ! foreign-thumbprint: the provider has the thumbprint "06b25927c42a721631c1efd9431e648fa62e1e39", which is not asked for; it stays
}

func ExampleDelete() {
	client, done := open()
	defer done()
	ctx := context.Background()
	result, err := iamprovider.Ensure(ctx, client, exampleSpec(), iamprovider.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 { // fine when gone
		fmt.Println(iamprovider.Delete(ctx, client, result.ARN))
	}
	// Output:
	// <nil>
	// <nil>
}

func ExampleARN() {
	arn, err := iamprovider.ARN("aws-cn", "111122223333", exampleSpec().Issuer)
	fmt.Println(arn, err)
	// Output:
	// arn:aws-cn:iam::111122223333:oidc-provider/issuer.example/clusters/a <nil>
}

func ExampleStale() {
	client, done := open()
	defer done()
	ctx := context.Background()
	spec := exampleSpec()
	iss, err := oidc.ParseIssuer("https://my-cluster-issuer.s3.eu-west-1.amazonaws.com")
	if err != nil {
		log.Fatal(err)
	}
	spec.Issuer = iss
	if _, err := iamprovider.Ensure(ctx, client, spec, iamprovider.Config{}); err != nil {
		log.Fatal(err)
	}
	// Leave Discoverer out to ask the issuers themselves; here the bucket has been deleted.
	gone := answers{iss.String(): &oidc.StatusError{Status: 404}}
	reports, err := iamprovider.Stale(ctx, client, iamprovider.StaleConfig{Discoverer: gone})
	if err != nil {
		log.Fatal(err)
	}
	for _, report := range reports {
		fmt.Println(report.Issuer)
		for _, p := range report.Problems {
			fmt.Println(p.Code)
		}
	}
	// Output:
	// https://my-cluster-issuer.s3.eu-west-1.amazonaws.com
	// no-answer
	// claimable-host
}
