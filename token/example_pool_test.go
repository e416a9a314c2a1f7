package token_test

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/irsa-go/irsa/token"
)

// An operator that reconciles service accounts holds one pool, and evicts what changes.
func ExamplePool() {
	cfg := aws.Config{Region: "eu-central-1"} // config.LoadDefaultConfig
	evicted := make(chan token.Key, 1)
	pool, err := token.NewPool(token.RegionalClients(cfg), token.PoolConfig{
		OnEvict: func(k token.Key) { evicted <- k }, // for a metric, say
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
	source := token.SourceFunc(func(context.Context) (string, error) {
		// tokenrequest.New(clientset.CoreV1().ServiceAccounts("payments"), "api", …), in an operator
		return "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6cGF5bWVudHM6d29ya2VyIn0.c2lnbmF0dXJl", nil
	})
	provider, err := pool.Provider(key, source)
	if err != nil {
		fmt.Println(err)
		return
	}
	its := token.WithCredentials(cfg, provider) // one for each account
	_, err = its.Credentials.Retrieve(context.Background())
	if x, ok := token.Explain(err); ok { // the token is of another account, and is not used
		fmt.Println(x.Reason())
	}

	// The account was deleted, or names another role now.
	pool.Evict(func(k token.Key) bool { return k.UID == key.UID })
	gone := <-evicted
	fmt.Println("evicted", gone.Namespace+"/"+gone.ServiceAccount)
	// Output:
	// IdentityMismatch
	// evicted payments/api
}
