package token_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/irsa-go/irsa/token"
)

// projected writes a token where the kubelet would, and returns the path.
func projected() (path string, remove func()) {
	dir, err := os.MkdirTemp("", "irsa")
	if err != nil {
		panic(err)
	}
	path = filepath.Join(dir, "token")
	if err := os.WriteFile(path, []byte(podToken(1, time.Hour)), 0o600); err != nil {
		panic(err)
	}
	return path, func() { _ = os.RemoveAll(dir) }
}

// A Provider takes the place of the SDK's own web identity credentials.
func ExampleNewProvider() {
	path, remove := projected()
	defer remove()
	aws0 := &fakeSTS{} // in place of AWS
	ctx := context.Background()

	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion("eu-central-1"))
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg.HTTPClient = aws0
	p, err := token.NewProvider(sts.NewFromConfig(cfg), "arn:aws:iam::111122223333:role/reader", token.File(path), token.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg.Credentials = p
	cfg.APIOptions = append(cfg.APIOptions, token.InvalidateRejected(p))

	creds, err := cfg.Credentials.Retrieve(ctx)
	fmt.Println(creds.AccessKeyID, creds.AccountID, err)
	fmt.Println("ask again in", time.Until(creds.Expires).Round(time.Minute))
	fmt.Println("session", aws0.last().Get("RoleSessionName"))
	// Output:
	// ASIA1 111122223333 <nil>
	// ask again in 45m0s
	// session payments.api@api-7d4b9-x2x
}

// A role in another account trusts the pod's own role.
func ExampleChain() {
	path, remove := projected()
	defer remove()
	cfg := aws.Config{Region: "eu-central-1", HTTPClient: &fakeSTS{}} // in place of AWS
	pod, err := token.NewProvider(sts.NewFromConfig(cfg), "arn:aws:iam::111122223333:role/reader", token.File(path), token.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := token.Chain(pod, func(c aws.CredentialsProvider) stscreds.AssumeRoleAPIClient {
		signed := cfg.Copy()
		signed.Credentials = c
		return sts.NewFromConfig(signed)
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

// A pod's environment says where its credentials come from, or what is missing.
func ExampleResolve() {
	environment := map[string]string{
		"AWS_ROLE_ARN":                "arn:aws:iam::111122223333:role/reader",
		"AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
		"AWS_REGION":                  "eu-central-1",
		"AWS_PROFILE":                 "dev",
	}
	lookup := func(name string) (string, bool) { // os.LookupEnv, in a program
		value, ok := environment[name]
		return value, ok
	}
	r, err := token.Resolve(lookup)
	fmt.Println(r, err)

	delete(environment, "AWS_WEB_IDENTITY_TOKEN_FILE")
	_, err = token.Resolve(lookup)
	fmt.Println(err)
	fmt.Println(errors.Is(err, token.ErrNoIdentity))
	// Output:
	// web-identity: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN are set, and there are no static keys
	//   warning: AWS_PROFILE is set: profiles are not read here; the SDK prefers one that has credentials to a container's endpoint (profile-not-read) <nil>
	// token: resolve: AWS_ROLE_ARN is set but AWS_WEB_IDENTITY_TOKEN_FILE is not: the pod has half a web identity: no source of credentials of the pod's own: only the node's role is left, and it is not used unless asked for
	// true
}

// Keep gives any provider the same refresh, here with a hook that counts.
func ExampleKeep() {
	var failed int
	p, err := token.Keep(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{
			AccessKeyID: "ASIA1", SecretAccessKey: "secret", CanExpire: true, Expires: time.Now().Add(6 * time.Hour),
		}, nil
	}), token.Refresh{OnAttempt: func(a token.Attempt) {
		if a.Err != nil {
			failed++
		}
		fmt.Println("new credentials of", a.AccessKeyID, "to be renewed", a.AdvisoryWindow, "before they expire")
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		_, err = p.Retrieve(context.Background())
	}
	fmt.Println(failed, err)
	// Output:
	// new credentials of ASIA1 to be renewed 1h0m0s before they expire
	// 0 <nil>
}

// A Source of one's own says which of its errors asking again cannot heal.
func ExampleFinal() {
	refused := errors.New("the API server answered 403")
	src := token.SourceFunc(func(context.Context) (string, error) { return "", token.Final(refused) })
	p, err := token.NewProvider((&fakeSTS{}).client(), "arn:aws:iam::111122223333:role/reader", src, token.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = p.Retrieve(context.Background())
	fmt.Println(err)
	fmt.Println(token.IsFinal(err), errors.Is(err, refused))
	// Output:
	// token: role arn:aws:iam::111122223333:role/reader: read the token: the API server answered 403
	// true true
}

// A File is a source, and says what to check when there is no token.
func ExampleFile() {
	path, remove := projected()
	t, err := token.File(path).Token(context.Background())
	fmt.Println(len(t) > 0, err)
	remove()
	_, err = token.File(path).Token(context.Background())
	fmt.Println(errors.Is(err, os.ErrNotExist))
	// Output:
	// true <nil>
	// true
}

// A service that rejects credentials has them renewed at the next request.
func ExampleInvalidateRejected() {
	p, err := token.Keep(aws.CredentialsProviderFunc(lasting), token.Refresh{})
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithCredentialsProvider(p), config.WithRegion("eu-central-1"))
	if err != nil {
		fmt.Println(err)
		return
	}
	// LoadDefaultConfig has put a cache around p, which must let go too.
	cache, wrapped := cfg.Credentials.(*aws.CredentialsCache)
	cfg.APIOptions = append(cfg.APIOptions, token.InvalidateRejected(p, cache))
	fmt.Println(wrapped, len(cfg.APIOptions) > 0)
	// Output:
	// true true
}
