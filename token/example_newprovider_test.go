package token_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/irsa-go/irsa/token"
)

// A Provider takes the place of the SDK's own web identity credentials.
func ExampleNewProvider() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion("eu-central-1"))
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg.HTTPClient = smithyhttp.ClientDoFunc(func(r *http.Request) (*http.Response, error) { // in place of AWS
		const answer = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
			<AssumeRoleWithWebIdentityResult>
				<Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
					<SessionToken>session</SessionToken><Expiration>%s</Expiration></Credentials>
				<AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/reader/api</Arn></AssumedRoleUser>
			</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`
		expires := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(fmt.Sprintf(answer, expires)))}, nil
	})
	source := token.SourceFunc(func(context.Context) (string, error) {
		return "header.claims.signature", nil // token.File(path), in a pod
	})
	p, err := token.NewProvider(sts.NewFromConfig(cfg), "arn:aws:iam::111122223333:role/reader", source, token.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg = token.WithCredentials(cfg, p)

	creds, err := cfg.Credentials.Retrieve(ctx)
	fmt.Println(creds.AccessKeyID, creds.AccountID, err)
	fmt.Println("ask again in", time.Until(creds.Expires).Round(time.Minute))
	creds, err = p.Current(ctx)
	fmt.Println("they live for", time.Until(creds.Expires).Round(time.Minute), err)
	// Output:
	// ASIA1 111122223333 <nil>
	// ask again in 45m0s
	// they live for 1h0m0s <nil>
}
