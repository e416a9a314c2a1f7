package trusttest_test

import (
	"context"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/trust/trusttest"
)

func ExampleNewAccount() {
	account, err := trusttest.NewAccount(trusttest.Config{AccountID: "444455556666"})
	if err != nil {
		log.Fatal(err)
	}
	defer account.Close()
	client := iam.NewFromConfig(account.AWSConfig())

	provider, err := client.CreateOpenIDConnectProvider(context.Background(), &iam.CreateOpenIDConnectProviderInput{
		Url:            aws.String("https://oidc.example.com/cluster"),
		ClientIDList:   []string{"sts.amazonaws.com"},
		ThumbprintList: []string{"0123456789abcdef0123456789abcdef01234567"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*provider.OpenIDConnectProviderArn)
	// Output: arn:aws:iam::444455556666:oidc-provider/oidc.example.com/cluster
}

func ExampleAccount_SetFault() {
	account, err := trusttest.NewAccount(trusttest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer account.Close()
	client := iam.NewFromConfig(account.AWSConfig())
	account.SetFault(trusttest.Fault{Failure: trusttest.Throttling, Times: 1})

	_, first := client.ListRoles(context.Background(), nil)
	_, second := client.ListRoles(context.Background(), nil)
	fmt.Println(first != nil, second != nil, account.Calls("ListRoles"))
	// Output: true false 2
}
