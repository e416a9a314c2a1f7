package google

import (
	"errors"
	"fmt"
	"strings"

	"github.com/irsa-go/irsa/internal/issuerurl"
	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/mutate"
)

// PoolProvider is what Google must know of a cluster: the settings of a workload identity pool
// provider, as its REST API has them
// (https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers).
//
// All providers of one pool share its principals: a service account of one cluster is the same
// principal as that of another with the same namespace and name. Give each cluster a pool of its
// own unless that is meant.
type PoolProvider struct {
	AttributeMapping map[string]string `json:"attributeMapping"`
	OIDC             OIDCSettings      `json:"oidc"`
}

// OIDCSettings are those of an issuer.
type OIDCSettings struct {
	IssuerURI        string   `json:"issuerUri"`
	AllowedAudiences []string `json:"allowedAudiences"`
}

// PoolProvider returns the settings for the cluster with this issuer, which is kept as it is. They
// allow the one audience that tokens of id have.
func (m *Mutator) PoolProvider(issuerURL string, id Identity) (PoolProvider, error) {
	if m == nil || m.engine == nil {
		return PoolProvider{}, fmt.Errorf("google: pool provider: %w", errNoMutator)
	}
	issuer, err := issuerurl.Parse(issuerURL)
	if err = errors.Join(err, id.check()); err != nil {
		return PoolProvider{}, fmt.Errorf("google: pool provider: %w", err)
	}
	return PoolProvider{
		AttributeMapping: map[string]string{"google.subject": "assertion.sub"},
		OIDC:             OIDCSettings{IssuerURI: issuer.String(), AllowedAudiences: []string{m.audience(id)}},
	}, nil
}

// Principal returns the IAM principal of the service account t, for a provider that maps
// google.subject to assertion.sub. For direct access it is given roles on resources; to impersonate
// a Google service account it needs roles/iam.workloadIdentityUser on that.
//
// It fails for names of which Google takes no subject: more than 127 bytes together
// (attributeMapping in the reference at PoolProvider).
func (id Identity) Principal(t mutate.Target) (string, error) {
	err := errors.Join(checkProvider(id.Provider), kubename.CheckNamespace(t.Namespace), kubename.CheckServiceAccount(t.ServiceAccount))
	if err != nil {
		return "", fmt.Errorf("google: principal: %w", err)
	}
	subject := kubename.Subject(t.Namespace, t.ServiceAccount)
	if len(subject) > 127 {
		return "", fmt.Errorf("google: principal: subject %q has %d bytes, more than 127", subject, len(subject))
	}
	pool, _, _ := strings.Cut(id.Provider, "/providers/")
	return "principal://iam.googleapis.com/" + pool + "/subject/" + subject, nil
}
