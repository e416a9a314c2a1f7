// Application shows all that a program does for its AWS credentials: it works in a pod, by IRSA,
// EKS Pod Identity or static keys, and on a laptop.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/irsa-go/irsa/token"
)

func main() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	check(err)
	pod, err := token.Resolve(os.LookupEnv)
	if err == nil {
		cfg, err = pod.Configure(cfg, token.Config{})
	} else if errors.Is(err, token.ErrNoIdentity) && os.Getenv("AWS_PROFILE") != "" {
		err = nil // a laptop's profile; a pod that was not mutated must not run as its node
	}
	check(err)

	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	check(err)
	fmt.Println(*who.Arn)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
