package otherclients_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/minio/minio-go/v7"
	"golang.org/x/oauth2/google/externalaccount"

	"github.com/irsa-go/irsa/examples/otherclients"
	"github.com/irsa-go/irsa/token"
)

// A pod without the token: each client passes on what the source says.
func Example_refusal() {
	source := token.File("/var/run/secrets/example.com/token") // that nobody mounted
	ctx := context.Background()
	nobody := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		base := "https://" + r.Host + "/tenant"
		fmt.Fprintf(w, `{"issuer":"%[1]s/v2.0","authorization_endpoint":"%[1]s/authorize","token_endpoint":"%[1]s/token"}`, base)
	}))
	defer nobody.Close()

	azure, err := azidentity.NewClientAssertionCredential("tenant", "client", source.Token, &azidentity.ClientAssertionCredentialOptions{
		ClientOptions: azcore.ClientOptions{
			Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: nobody.URL},
			Transport: nobody.Client(),
		},
		DisableInstanceDiscovery: true,
	})
	if err == nil {
		_, err = azure.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://vault.azure.net/.default"}})
	}
	fmt.Println("azure:", err)

	google, err := externalaccount.NewTokenSource(ctx, externalaccount.Config{
		Audience:             "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
		SubjectTokenType:     "urn:ietf:params:oauth:token-type:jwt",
		TokenURL:             nobody.URL + "/v1/token",
		SubjectTokenSupplier: otherclients.GoogleSubject{Source: source},
	})
	if err == nil {
		_, err = google.Token()
	}
	fmt.Println("google:", err)

	client := sts.NewFromConfig(aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(nobody.URL)})
	provider, err := token.NewProvider(client, "arn:minio:iam:::role/dummy-internal", source, token.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := minio.New(strings.TrimPrefix(nobody.URL, "https://"), &minio.Options{Creds: otherclients.NewMinIO(provider)})
	if err == nil {
		_, err = store.ListBuckets(ctx)
	}
	fmt.Println("minio:", err)
	// Output:
	// azure: ClientAssertionCredential: token: file "/var/run/secrets/example.com/token": no such file or directory: check that the pod was mutated (it has a projected volume with this path) and that this container mounts the volume
	// google: token: file "/var/run/secrets/example.com/token": no such file or directory: check that the pod was mutated (it has a projected volume with this path) and that this container mounts the volume
	// minio: token: role arn:minio:iam:::role/dummy-internal: read the token: file "/var/run/secrets/example.com/token": no such file or directory: check that the pod was mutated (it has a projected volume with this path) and that this container mounts the volume
}
