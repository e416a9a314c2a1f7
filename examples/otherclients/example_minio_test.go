package otherclients_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/minio/minio-go/v7"

	"github.com/irsa-go/irsa/examples/otherclients"
	"github.com/irsa-go/irsa/token"
)

// MinIO is its own STS; its roles have ARNs of their own.
func Example_minio() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // in place of MinIO
		w.Header().Set("Content-Type", "application/xml")
		if r.Method == http.MethodPost {
			fmt.Println("assumed", r.PostFormValue("RoleArn"))
			fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
				<Credentials><AccessKeyId>MINIO1</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>
				<Expiration>%s</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
				time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
			return
		}
		_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		signer, _, _ := strings.Cut(scope, "/")
		fmt.Println("signed by", signer, "with", r.Header.Get("X-Amz-Security-Token"))
		fmt.Fprint(w, `<ListAllMyBucketsResult><Buckets><Bucket><Name>reports</Name></Bucket></Buckets></ListAllMyBucketsResult>`)
	}))
	defer server.Close()

	source := token.SourceFunc(func(context.Context) (string, error) {
		return "header.claims.signature", nil // token.File(path), in a pod
	})
	client := sts.NewFromConfig(aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(server.URL)})
	provider, err := token.NewProvider(client, "arn:minio:iam:::role/dummy-internal", source, token.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := minio.New(strings.TrimPrefix(server.URL, "http://"), &minio.Options{Creds: otherclients.NewMinIO(provider)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		buckets, err := store.ListBuckets(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(buckets[0].Name)
	}
	// Output:
	// assumed arn:minio:iam:::role/dummy-internal
	// signed by MINIO1 with session
	// reports
	// signed by MINIO1 with session
	// reports
}
