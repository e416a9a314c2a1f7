// Command cloudclient is a program in a pod that asks its cloud for an access token, as the pod's
// environment says, with the cloud's own Go module and nothing of this library's. It prints the token.
package main

import (
	"context"
	"fmt"
	"os"

	"cloud.google.com/go/auth/credentials"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"golang.org/x/oauth2/google"
)

func main() {
	ask, ok := clients[os.Args[1]]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such client")
		os.Exit(2)
	}
	token, err := ask(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(token)
}

const googleScope = "https://www.googleapis.com/auth/cloud-platform"

// clients are the modules by their paths.
var clients = map[string]func(context.Context) (string, error){
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity": func(ctx context.Context) (string, error) {
		credential, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{EnableAzureProxy: true})
		if err != nil {
			return "", err
		}
		token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://management.azure.com/.default"}})
		return token.Token, err
	},
	"cloud.google.com/go/auth": func(ctx context.Context) (string, error) {
		found, err := credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{googleScope}})
		if err != nil {
			return "", err
		}
		token, err := found.Token(ctx)
		if err != nil {
			return "", err
		}
		return token.Value, nil
	},
	"golang.org/x/oauth2": func(ctx context.Context) (string, error) {
		found, err := google.FindDefaultCredentials(ctx, googleScope)
		if err != nil {
			return "", err
		}
		token, err := found.TokenSource.Token()
		if err != nil {
			return "", err
		}
		return token.AccessToken, nil
	},
}
