package iamprovider_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
)

// An issuer of one's own, from its key to its provider in IAM. The web server that serves the
// directory, and the account, are for this test alone.
func Example_selfHosted() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "issuer")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	server := httptest.NewTLSServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	api, done := open()
	defer done()

	issuer, err := oidc.ParseIssuer(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	_, file, err := oidc.GenerateKey("") // the file is kube-apiserver's --service-account-signing-key-file
	if err != nil {
		log.Fatal(err)
	}
	keys, err := oidc.KeySetFromPEM(file)
	if err != nil {
		log.Fatal(err)
	}
	document, err := oidc.NewDocument(issuer, "", keys)
	if err != nil {
		log.Fatal(err)
	}
	client := oidc.Client{RootCAs: x509.NewCertPool()} // the zero Client, where the certificate is a public one
	client.RootCAs.AddCert(server.Certificate())
	for range 2 { // a second run changes nothing
		if err := oidc.Publish(ctx, oidc.Directory(dir), document, keys, oidc.PublishConfig{}); err != nil {
			log.Fatal(err)
		}
		report, err := client.Thumbprints(ctx, issuer)
		if err != nil {
			log.Fatal(err)
		}
		result, err := iamprovider.Ensure(ctx, api, iamprovider.Spec{
			AccountID: "111122223333", Issuer: issuer, Thumbprints: report.Thumbprints,
		}, iamprovider.Config{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("created:", result.Created, "writes:", len(result.Steps))
	}
	// Output:
	// created: true writes: 1
	// created: false writes: 0
}
