package token_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/irsa-go/irsa/token"
)

// A controller that runs by EKS Pod Identity acts for the service account of an object. The role
// trusts it by trust.ChainGrant.Subject.
func ExampleNewTenantPool() {
	cfg := aws.Config{Region: "eu-central-1"} // of token.Resolve and Configure
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, fmt.Errorf("not in a pod")
	})
	pool, err := token.NewTenantPool(cfg.Credentials, func(_ token.Key, controller aws.CredentialsProvider) (stscreds.AssumeRoleAPIClient, error) {
		return sts.NewFromConfig(cfg, func(o *sts.Options) { o.Credentials = controller }), nil
	}, token.PoolConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	provider, err := pool.Tenant(token.Key{
		Namespace:      "payments",
		ServiceAccount: "api",
		UID:            "a4e1b5c2-0000-4000-8000-000000000003", // metadata.uid of the account
		RoleARN:        "arn:aws:iam::111122223333:role/payments-api",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pool.Len(), "tenant")
	_ = provider // for the Credentials of the tenant's aws.Config
	// Output:
	// 1 tenant
}
