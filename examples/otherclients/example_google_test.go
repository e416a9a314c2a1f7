package otherclients_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google/externalaccount"

	"github.com/irsa-go/irsa/examples/otherclients"
	"github.com/irsa-go/irsa/token"
)

// externalaccount exchanges the token at Google's STS.
func Example_google() {
	google := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // in place of sts.googleapis.com
		fmt.Println("subject token:", r.PostFormValue("subject_token"))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"google-token","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":3600}`)
	}))
	defer google.Close()

	source := token.SourceFunc(func(context.Context) (string, error) {
		return "header.claims.signature", nil // token.File(path), in a pod
	})
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, google.Client())
	tokens, err := externalaccount.NewTokenSource(ctx, externalaccount.Config{
		Audience:             "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
		SubjectTokenType:     "urn:ietf:params:oauth:token-type:jwt",
		TokenURL:             google.URL + "/v1/token",
		Scopes:               []string{"https://www.googleapis.com/auth/cloud-platform"},
		SubjectTokenSupplier: otherclients.GoogleSubject{Source: source},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	t, err := tokens.Token()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.AccessToken)
	// Output:
	// subject token: header.claims.signature
	// google-token
}
