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
