package token_test

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/irsa-go/irsa/token"
)

// An application that asks for its credentials when it starts, and says what to look at when it has none.
func ExampleConfigure_startup() {
	environment := map[string]string{
		"AWS_ROLE_ARN":                "arn:aws:iam::111122223333:role/reader",
		"AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
	}
	lookup := func(name string) (string, bool) { // os.LookupEnv, in a program
		value, ok := environment[name]
		return value, ok
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion("eu-central-1"))
	if err == nil {
		cfg, err = token.Configure(cfg, lookup, token.Config{})
	}
	if err == nil {
		_, err = cfg.Credentials.Retrieve(ctx)
	}
	if explanation, ok := token.Explain(err); ok {
		fmt.Println(explanation) // and end; the text of err has the details
	} else if err != nil {
		fmt.Println(err)
	}
	// Output:
	// token (token-file-missing): the token file does not exist
	//   role:      arn:aws:iam::111122223333:role/reader
	//   check:     AWS_WEB_IDENTITY_TOKEN_FILE against the path that the token's volume is mounted at
	//   check:     that this container has the mount: an injected sidecar or a container left out by an annotation does not
	//   check:     with EKS Pod Identity, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE in the same way
	//   retry:     with-backoff
}
