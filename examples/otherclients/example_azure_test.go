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

	"github.com/irsa-go/irsa/token"
)

// azidentity takes the method of a Source as it is.
func Example_azure() {
	entra := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // in place of Microsoft Entra
		base := "https://" + r.Host + "/tenant"
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
			fmt.Fprintf(w, `{"issuer":"%[1]s/v2.0","authorization_endpoint":"%[1]s/authorize","token_endpoint":"%[1]s/token"}`, base)
			return
		}
		fmt.Println("assertion:", r.PostFormValue("client_assertion"), "for client", r.PostFormValue("client_id"))
		fmt.Fprint(w, `{"access_token":"azure-token","token_type":"Bearer","expires_in":3600}`)
	}))
	defer entra.Close()

	source := token.SourceFunc(func(context.Context) (string, error) {
		return "header.claims.signature", nil // token.File(os.Getenv("AZURE_FEDERATED_TOKEN_FILE")), in a pod
	})
	cred, err := azidentity.NewClientAssertionCredential("tenant", "client", source.Token, &azidentity.ClientAssertionCredentialOptions{
		ClientOptions: azcore.ClientOptions{
			Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: entra.URL},
			Transport: entra.Client(),
		},
		DisableInstanceDiscovery: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	t, err := cred.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{"https://vault.azure.net/.default"}})
	fmt.Println(t.Token, err)
	// Output:
	// assertion: header.claims.signature for client client
	// azure-token <nil>
}
