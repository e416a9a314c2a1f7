package iamrole_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
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

func mustGrant(namespace, name string) trust.Grant {
	p, err := trust.NewProvider("aws", "111122223333", "https://issuer.example/clusters/a")
	if err != nil {
		log.Fatal(err)
	}
	s, err := trust.ServiceAccount(namespace, name)
	if err != nil {
		log.Fatal(err)
	}
	return trust.Grant{Provider: p, Subjects: []trust.Subject{s}}
}

func mustPolicy(namespace, name string) *trust.Policy {
	p, err := trust.New(mustGrant(namespace, name))
	if err != nil {
		log.Fatal(err)
	}
	return p
}

func ExampleEnsure() {
	client, done := open()
	defer done()
	spec := iamrole.Spec{
		Name:  "cart",
		Trust: mustPolicy("shop", "cart"),
		InlinePolicies: map[string]string{
			"read-orders": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::orders/*"}]}`,
		},
		Tags: map[string]string{"team": "shop"},
	}
	for range 2 {
		result, err := iamrole.Ensure(context.Background(), client, spec, iamrole.Config{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(result.ARN, "created:", result.Created, "writes:", len(result.Steps))
	}
	// Output:
	// arn:aws:iam::111122223333:role/cart created: true writes: 2
	// arn:aws:iam::111122223333:role/cart created: false writes: 0
}

func ExamplePlan() {
	client, done := open()
	defer done()
	spec := iamrole.Spec{Name: "cart", Trust: mustPolicy("shop", "cart")}
	if _, err := iamrole.Ensure(context.Background(), client, spec, iamrole.Config{}); err != nil {
		log.Fatal(err)
	}
	spec.MaxSessionDuration = 2 * time.Hour
	spec.Tags = map[string]string{"team": "shop"}
	changes, err := iamrole.Plan(context.Background(), client, spec)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(changes)
	// Output:
	// role cart (arn:aws:iam::111122223333:role/cart)
	//   + set description "" and maximum session duration 2h0m0s
	//   + set tags "team"="shop"
}

func ExampleGrant() {
	client, done := open()
	defer done()
	ctx := context.Background()
	spec := iamrole.Spec{Name: "cart", Trust: mustPolicy("shop", "cart")}
	if _, err := iamrole.Ensure(ctx, client, spec, iamrole.Config{}); err != nil {
		log.Fatal(err)
	}
	edit, err := iamrole.Grant(ctx, client, "cart", mustGrant("shop", "checkout"), iamrole.Config{Settle: time.Millisecond})
	if err != nil {
		log.Fatal(err)
	}
	for _, change := range edit.Before.Diff(edit.After) {
		fmt.Println(change.Kind, change.Subject)
	}
	// Output:
	// subject-admitted system:serviceaccount:shop:checkout
}

func ExampleRevoke() {
	client, done := open()
	defer done()
	ctx := context.Background()
	spec := iamrole.Spec{Name: "cart", Trust: mustPolicy("shop", "cart")}
	if _, err := iamrole.Ensure(ctx, client, spec, iamrole.Config{}); err != nil {
		log.Fatal(err)
	}
	edit, err := iamrole.Revoke(ctx, client, "cart", mustGrant("shop", "cart"), iamrole.Config{Settle: time.Millisecond})
	if err != nil {
		log.Fatal(err)
	}
	q := trust.WebIdentity(mustGrant("shop", "cart").Provider, trust.Claims{
		"sub": "system:serviceaccount:shop:cart", "aud": "sts.amazonaws.com",
	})
	fmt.Println("before:", edit.Before.Allows(q), "after:", edit.After.Allows(q))
	// Output:
	// before: true after: false
}

func ExampleRead() {
	client, done := open()
	defer done()
	ctx := context.Background()
	spec := iamrole.Spec{Name: "cart", Trust: mustPolicy("shop", "cart"), Tags: map[string]string{"team": "shop"}}
	if _, err := iamrole.Ensure(ctx, client, spec, iamrole.Config{}); err != nil {
		log.Fatal(err)
	}
	role, err := iamrole.Read(ctx, client, "cart")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(role.ARN, role.MaxSessionDuration, role.Tags)
	fmt.Println("trusts:", role.Trust.Providers())
	// Output:
	// arn:aws:iam::111122223333:role/cart 1h0m0s map[team:shop]
	// trusts: [arn:aws:iam::111122223333:oidc-provider/issuer.example/clusters/a]
}

func ExampleDelete() {
	client, done := open()
	defer done()
	ctx := context.Background()
	owner := map[string]string{"managed-by": "our-operator"}
	spec := iamrole.Spec{
		Name: "cart", Trust: mustPolicy("shop", "cart"), Tags: owner,
		ManagedPolicies: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"},
	}
	if _, err := iamrole.Ensure(ctx, client, spec, iamrole.Config{}); err != nil {
		log.Fatal(err)
	}
	_, err := iamrole.Delete(ctx, client, "cart", iamrole.DeleteConfig{Owner: map[string]string{"managed-by": "somebody-else"}})
	fmt.Println(errors.Is(err, iamrole.ErrNotOwned))
	deletion, err := iamrole.Delete(ctx, client, "cart", iamrole.DeleteConfig{Owner: owner})
	if err != nil {
		log.Fatal(err)
	}
	for _, step := range deletion.Steps {
		fmt.Println(step.Text)
	}
	// Output:
	// true
	// detach policy "arn:aws:iam::aws:policy/ReadOnlyAccess"
	// delete the role
}

func ExampleNameFor() {
	for _, serviceAccount := range []string{"cart", "a-service-account-with-a-name-that-is-much-too-long"} {
		name, err := iamrole.NameFor("irsa-", "blue", "shop", serviceAccount)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(name)
	}
	// Output:
	// irsa-blue-shop-cart-464635f6eaba74e5
	// irsa-blue-shop-a-service-account-with-a-name-th-8a7e6553524cb280
}

func ExamplePlan_clear() {
	client, done := open()
	defer done()
	ctx := context.Background()
	spec := iamrole.Spec{
		Name: "cart", Trust: mustPolicy("shop", "cart"), Description: "of last year",
		PermissionsBoundary: "arn:aws:iam::111122223333:policy/bounds",
	}
	if _, err := iamrole.Ensure(ctx, client, spec, iamrole.Config{}); err != nil {
		log.Fatal(err)
	}
	changes, err := iamrole.Plan(ctx, client, iamrole.Spec{Name: "cart", ClearDescription: true, ClearPermissionsBoundary: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(changes)
	// Output:
	// role cart (arn:aws:iam::111122223333:role/cart)
	//   + set description "" and maximum session duration 1h0m0s
	//   - remove permissions boundary "arn:aws:iam::111122223333:policy/bounds"
}

func ExampleQuota() {
	client, done := open()
	defer done()
	n, err := iamrole.Quota(context.Background(), client)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(n, mustPolicy("shop", "cart").CheckSize(n))
	// Output:
	// 2048 <nil>
}

func ExampleWaitAssumable() {
	account, err := trusttest.NewAccount(trusttest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer account.Close()
	ctx := context.Background()
	document, err := trust.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",` +
		`"Principal":{"AWS":"arn:aws:iam::111122223333:root"}}]}`))
	if err != nil {
		log.Fatal(err)
	}
	role, err := iamrole.Ensure(ctx, iam.NewFromConfig(account.AWSConfig()), iamrole.Spec{Name: "cart", Trust: document}, iamrole.Config{})
	if err != nil {
		log.Fatal(err)
	}
	client := sts.NewFromConfig(account.AWSConfig())
	err = iamrole.WaitAssumable(ctx, func(ctx context.Context) error {
		_, err := client.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String(role.ARN), RoleSessionName: aws.String("probe")})
		return err
	}, 0)
	fmt.Println("assumable:", err == nil)
	// Output:
	// assumable: true
}
