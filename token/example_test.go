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
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/irsa-go/irsa/token"
)

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

	delete(environment, "AWS_ROLE_ARN")
	_, err = token.Resolve(lookup)
	fmt.Println(errors.Is(err, token.ErrNoIdentity)) // a laptop: see Configure
	// Output:
	// web-identity: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN are set, and no static keys
	//   warning: AWS_PROFILE is set: profiles are not read here; the SDK prefers one that has credentials to a container's endpoint (profile-not-read) <nil>
	// token: resolve: the environment has half an identity: AWS_ROLE_ARN is set but AWS_WEB_IDENTITY_TOKEN_FILE is not
	// true
}

// Keep gives any provider the same refresh, here with a hook that counts.
func ExampleKeep() {
	attempts := make(chan token.Attempt, 10)
	p, err := token.Keep(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{
			AccessKeyID: "ASIA1", SecretAccessKey: "secret", CanExpire: true, Expires: time.Now().Add(6 * time.Hour),
		}, nil
	}), token.Refresh{OnAttempt: func(a token.Attempt) { attempts <- a }})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		_, err = p.Retrieve(context.Background())
	}
	a := <-attempts
	fmt.Println("new credentials of", a.AccessKeyID, "to be renewed", a.AdvisoryWindow, "before they expire")
	fmt.Println(len(attempts), err)
	// Output:
	// new credentials of ASIA1 to be renewed 1h0m0s before they expire
	// 0 <nil>
}

// A Source of one's own says which of its errors asking again cannot heal.
func ExampleFinal() {
	refused := errors.New("the vault has no such role")
	src := token.SourceFunc(func(context.Context) (string, error) { return "", token.Final(refused) })
	client := sts.New(sts.Options{Region: "eu-central-1"})
	p, err := token.NewProvider(client, "arn:aws:iam::111122223333:role/reader", src, token.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = p.Retrieve(context.Background())
	fmt.Println(err)
	fmt.Println(token.IsFinal(err), errors.Is(err, refused))
	// Output:
	// token: role arn:aws:iam::111122223333:role/reader: read the token: the vault has no such role
	// true true
}

// A File is a source, and says what to check when there is no token.
func ExampleFile() {
	dir, err := os.MkdirTemp("", "irsa")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "token")
	fmt.Println(os.WriteFile(path, []byte("header.claims.signature\n"), 0o600))

	fmt.Println(token.File(path).Token(context.Background()))
	_, err = token.File(filepath.Join(dir, "none")).Token(context.Background())
	fmt.Println(errors.Is(err, os.ErrNotExist))
	// Output:
	// <nil>
	// header.claims.signature <nil>
	// true
}

// A service that rejects credentials has them renewed at the next request.
func ExampleInvalidateRejected() {
	p, err := token.Keep(credentials.NewStaticCredentialsProvider("ASIA1", "secret", "session"), token.Refresh{})
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

// What STS said, in the terms of somebody who can mend it; Reason and Meaning are for a status.
func ExampleExplain() {
	err := &token.Error{
		Op: "assume the role", RoleARN: "arn:aws:iam::111122223333:role/payments",
		Token: token.Unverified{
			Issuer: "https://issuer.example", Subject: "system:serviceaccount:payments:api", Audiences: []string{"sts.amazonaws.com"},
		},
		Err: &smithy.GenericAPIError{Code: "InvalidIdentityToken", Message: "No OpenIDConnect provider found in your account for https://issuer.example"},
	}
	if e, ok := token.Explain(err); ok {
		fmt.Println(e.Reason())
		fmt.Println(e)
	}
	// Output:
	// NoProvider
	// provider (no-provider): the role's account has no IAM OIDC provider for exactly the token's issuer
	//   said:      No OpenIDConnect provider found in your account for https://issuer.example
	//   role:      arn:aws:iam::111122223333:role/payments
	//   token iss: https://issuer.example
	//   token sub: system:serviceaccount:payments:api
	//   token aud: sts.amazonaws.com
	//   check:     the account of the role ARN: the provider must be in that one, not in the cluster's
	//   check:     the provider's URL: it must equal the token's iss to the character, with its path and without a further slash
	//   check:     the partition of the role ARN and the region of STS: aws, aws-cn and aws-us-gov do not see each other's providers
	//   retry:     never
}

// What a token says of itself, whoever made it.
func ExampleInspect() {
	// {"alg":"RS256"} . {"iss":"https://issuer.example","sub":"system:serviceaccount:payments:api"} . signature
	u, err := token.Inspect("eyJhbGciOiJSUzI1NiJ9." +
		"eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoic3lzdGVtOnNlcnZpY2VhY2NvdW50OnBheW1lbnRzOmFwaSJ9.c2lnbmF0dXJl")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(u.Issuer, u.Subject)

	_, err = token.Inspect("not a token")
	fmt.Println(err)
	// Output:
	// https://issuer.example system:serviceaccount:payments:api
	// token: inspect: the token: it is not a JWT: it has 0 dots, want 2
}
