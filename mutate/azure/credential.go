package azure

import (
	"errors"
	"fmt"

	"github.com/irsa-go/irsa/internal/issuerurl"
	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/mutate"
)

// FederatedCredential is what Entra must know of a service account, as Microsoft Graph and ARM
// have it: a federated identity credential of the application or the managed identity
// (https://learn.microsoft.com/graph/api/resources/federatedidentitycredential). Entra compares
// all three character for character and takes twenty credentials for one identity at most.
type FederatedCredential struct {
	Issuer    string   `json:"issuer"`
	Subject   string   `json:"subject"`
	Audiences []string `json:"audiences"` // exactly one
}

// FederatedCredential returns the credential for the service account t of the cluster with this
// issuer. The issuer is kept as it is, with the slash that AKS's issuers end in. Pods with an
// identity binding need none.
func (m *Mutator) FederatedCredential(issuerURL string, t mutate.Target) (FederatedCredential, error) {
	if m == nil || m.engine == nil {
		return FederatedCredential{}, fmt.Errorf("azure: federated credential: %w", errNoMutator)
	}
	issuer, err := issuerurl.Parse(issuerURL)
	err = errors.Join(err, kubename.CheckNamespace(t.Namespace), kubename.CheckServiceAccount(t.ServiceAccount))
	if err != nil {
		return FederatedCredential{}, fmt.Errorf("azure: federated credential: %w", err)
	}
	return FederatedCredential{
		Issuer: issuer.String(), Subject: kubename.Subject(t.Namespace, t.ServiceAccount), Audiences: []string{m.cfg.audience()},
	}, nil
}
