package token_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/irsa-go/irsa/token"
)

// A role in another account trusts the pod's own role.
func ExampleChain() {
	aws1 := smithyhttp.ClientDoFunc(func(*http.Request) (*http.Response, error) { // in place of AWS
		const answer = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
			<Credentials><AccessKeyId>ASIA2</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
				<SessionToken>session</SessionToken><Expiration>%s</Expiration></Credentials>
			<AssumedRoleUser><Arn>arn:aws:sts::444455556666:assumed-role/writer/irsa</Arn></AssumedRoleUser>
			</AssumeRoleResult></AssumeRoleResponse>`
		expires := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(fmt.Sprintf(answer, expires)))}, nil
	})
	pod := credentials.NewStaticCredentialsProvider("ASIA1", "secret", "session") // a Provider, in a pod

	p, err := token.Chain(pod, func(c aws.CredentialsProvider) stscreds.AssumeRoleAPIClient {
		return sts.NewFromConfig(aws.Config{Region: "eu-central-1", HTTPClient: aws1, Credentials: c})
	}, token.Hop{RoleARN: "arn:aws:iam::444455556666:role/writer", ExternalID: "agreed"})
	if err != nil {
		fmt.Println(err)
		return
	}
	creds, err := p.Retrieve(context.Background())
	fmt.Println(creds.AccountID, err)
	// Output:
	// 444455556666 <nil>
}
