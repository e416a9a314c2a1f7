package token_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"

	"github.com/irsa-go/irsa/token"
)

// An operator that reconciles service accounts holds one pool, and evicts what changes.
func ExamplePool() {
	var client stscreds.AssumeRoleWithWebIdentityAPIClient = &poolSTS{} // sts.NewFromConfig(cfg)
	pool, err := token.NewPool(func(token.Key) (stscreds.AssumeRoleWithWebIdentityAPIClient, error) {
		return client, nil
	}, token.PoolConfig{
		OnEvict: func(k token.Key) { fmt.Println("evicted", k.Namespace+"/"+k.ServiceAccount) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	key := token.Key{
		Namespace:      "payments",
		ServiceAccount: "api",
		UID:            "a4e1b5c2-0000-4000-8000-000000000003", // metadata.uid of the account
		RoleARN:        "arn:aws:iam::111122223333:role/payments-api",
	}
	source := tokensOf(key) // tokenrequest.New(clientset.CoreV1().ServiceAccounts("payments"), "api", …)
	provider, err := pool.Provider(key, source)
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := aws.Config{Region: "eu-central-1", Credentials: provider}
	creds, err := cfg.Credentials.Retrieve(context.Background())
	fmt.Println(creds.AccessKeyID, err)

	// The account was deleted, or names another role now.
	pool.Evict(func(k token.Key) bool { return k.UID == key.UID })
	// Output:
	// ASIA0000000000000001 <nil>
	// evicted payments/api
}
