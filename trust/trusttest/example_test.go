package trusttest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// A bench for a whole chain: a cluster's issuer, an account that trusts one of its service accounts,
// and the credentials that STS gives for a token.
func Example() {
	ctx := context.Background()
	issuer, err := oidctest.NewServer(oidctest.Config{})
	check(err)
	defer issuer.Close()
	account, err := trusttest.NewAccount(trusttest.Config{})
	check(err)
	defer account.Close()
	cfg := account.AWSConfig()

	report, err := issuer.Client().Thumbprints(ctx, issuer.Issuer())
	check(err)
	made, err := iamprovider.Ensure(ctx, iam.NewFromConfig(cfg), iamprovider.Spec{
		AccountID: account.AccountID(), Issuer: issuer.Issuer(), Thumbprints: report.Thumbprints,
	}, iamprovider.Config{})
	check(err)
	provider, err := trust.ParseProviderARN(made.ARN)
	check(err)
	subject, err := trust.ServiceAccount("shop", "checkout")
	check(err)
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	check(err)
	role, err := iamrole.Ensure(ctx, iam.NewFromConfig(cfg), iamrole.Spec{Name: "checkout", Trust: policy}, iamrole.Config{})
	check(err)

	jwt, err := issuer.Token(oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "checkout"})
	check(err)
	session, err := sts.NewFromConfig(cfg).AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &role.ARN, RoleSessionName: aws.String("test"), WebIdentityToken: &jwt,
	})
	check(err)
	fmt.Println(*session.AssumedRoleUser.Arn)
	// Output: arn:aws:sts::111122223333:assumed-role/checkout/test
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

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

// A handler of one's own stands for a service, so that a client's credentials, and what it does
// when they expire, are tested without it.
func ExampleAccount_Verify() {
	account, err := trusttest.NewAccount(trusttest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer account.Close()
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, err := account.Verify(r)
		var refused *trusttest.SignatureError
		if errors.As(err, &refused) {
			http.Error(w, refused.Code, refused.Status)
			return
		}
		fmt.Fprintf(w, "%s in %s: %s", caller.Service, caller.Region, caller.ARN)
	}))
	defer bucket.Close()

	ctx := context.Background()
	keys, err := account.Credentials().Retrieve(ctx)
	if err != nil {
		log.Fatal(err)
	}
	get := func(keys aws.Credentials) {
		req, err := http.NewRequest(http.MethodGet, bucket.URL+"/a%20key", nil)
		if err != nil {
			log.Fatal(err)
		}
		const emptyBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }) // as S3's client does
		if err := signer.SignHTTP(ctx, keys, req, emptyBody, "s3", "eu-west-1", time.Now()); err != nil {
			log.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			log.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(res.StatusCode, strings.TrimSpace(string(body)))
	}
	get(keys)
	keys.SecretAccessKey = "another"
	get(keys)
	// Output:
	// 200 s3 in eu-west-1: arn:aws:iam::111122223333:user/administrator
	// 403 SignatureDoesNotMatch
}
