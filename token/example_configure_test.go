package token_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/irsa-go/irsa/token"
)

// The whole of an application, in a pod by IRSA.
func ExampleConfigure() {
	dir, err := os.MkdirTemp("", "irsa") // what the kubelet does
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "token")
	if err := os.WriteFile(file, []byte("header.claims.signature"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	environment := map[string]string{
		"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/reader", "AWS_WEB_IDENTITY_TOKEN_FILE": file, "AWS_REGION": "eu-central-1",
	}

	lookup := func(name string) (string, bool) { // os.LookupEnv, in a program
		value, ok := environment[name]
		return value, ok
	}
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithRegion(environment["AWS_REGION"]))
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
	cfg, err = token.Configure(cfg, lookup, token.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	creds, err := cfg.Credentials.Retrieve(context.Background()) // s3.NewFromConfig(cfg), …
	fmt.Println(creds.AccessKeyID, err)
	// Output:
	// ASIA1 <nil>
}
