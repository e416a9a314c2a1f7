package trusttest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/oidc"
)

// Cluster is an EKS cluster of the account.
type Cluster struct {
	// Name is the cluster's name: 1 to 100 letters, digits, '-' and '_', a letter or digit first.
	Name string
	// Tokens verifies a token of one of the cluster's service accounts for the audience of EKS Pod
	// Identity, "pods.eks.amazonaws.com". *oidc.Verifier does.
	Tokens TokenVerifier
}

// TokenVerifier verifies a service account's token. *oidc.Verifier is one.
type TokenVerifier interface {
	Verify(ctx context.Context, token string) (oidc.Claims, error)
}

// cluster is a cluster and its associations.
type cluster struct {
	Cluster
	arn          string
	associations []*association // in the order of their creation
}

// association is what EKS remembers of one; its fields are those of
// https://docs.aws.amazon.com/eks/latest/APIReference/API_PodIdentityAssociation.html.
type association struct {
	ARN                string            `json:"associationArn"`
	ID                 string            `json:"associationId"`
	ClusterName        string            `json:"clusterName"`
	Namespace          string            `json:"namespace"`
	ServiceAccount     string            `json:"serviceAccount"`
	RoleARN            string            `json:"roleArn"`
	TargetRoleARN      string            `json:"targetRoleArn,omitempty"`
	ExternalID         string            `json:"externalId,omitempty"`
	Policy             string            `json:"policy,omitempty"`
	DisableSessionTags bool              `json:"disableSessionTags"`
	Tags               map[string]string `json:"tags"`
	CreatedAt          int64             `json:"createdAt"`
	ModifiedAt         int64             `json:"modifiedAt"`
}

// clone is safe to encode when the account is no longer locked.
func (a *association) clone() map[string]any {
	copied := *a
	copied.Tags = maps.Clone(a.Tags)
	return map[string]any{"association": copied}
}

// AddCluster makes a cluster known to the account's EKS and returns its ARN. From then on its
// associations can be made with the EKS client, and [Account.AgentURL] gives credentials to its
// pods. It fails for a name that EKS refuses, for the name of a cluster that the account already
// has, and without Cluster.Tokens.
func (a *Account) AddCluster(c Cluster) (clusterARN string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := arn.CheckClusterName(c.Name); err != nil {
		return "", fmt.Errorf("trusttest: %w", err)
	}
	switch {
	case c.Tokens == nil:
		return "", errors.New("trusttest: cluster " + c.Name + ": Tokens is nil")
	case a.state.clusters[c.Name] != nil:
		return "", fmt.Errorf("trusttest: cluster %q: the account already has a cluster of that name", c.Name)
	}
	added := &cluster{Cluster: c, arn: a.eksARN("cluster/" + c.Name)}
	a.state.clusters[c.Name] = added
	return added.arn, nil
}

func (a *Account) eksARN(resource string) string {
	return "arn:" + a.partition + ":eks:" + a.region() + ":" + a.id + ":" + resource
}

// eksRoutes are the REST APIs of the account: EKS, EKS Auth and the agent.
func (a *Account) eksRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	const all = "/clusters/{cluster}/pod-identity-associations"
	a.handleREST(mux, "POST "+all, "eks", "CreatePodIdentityAssociation", a.createAssociation)
	a.handleREST(mux, "GET "+all, "eks", "ListPodIdentityAssociations", a.listAssociations)
	a.handleREST(mux, "GET "+all+"/{id}", "eks", "DescribePodIdentityAssociation", a.withAssociation(func(_ *cluster, have *association, _ *rest) (any, error) {
		return have.clone(), nil
	}))
	a.handleREST(mux, "POST "+all+"/{id}", "eks", "UpdatePodIdentityAssociation", a.withAssociation(a.updateAssociation))
	a.handleREST(mux, "DELETE "+all+"/{id}", "eks", "DeletePodIdentityAssociation", a.withAssociation(func(of *cluster, have *association, _ *rest) (any, error) {
		of.associations = slices.DeleteFunc(of.associations, func(one *association) bool { return one == have })
		return have.clone(), nil
	}))
	a.handleREST(mux, "POST /tags/{arn...}", "eks", "TagResource", a.tagAssociation)
	a.handleREST(mux, "DELETE /tags/{arn...}", "eks", "UntagResource", a.untagAssociation)
	a.handleREST(mux, "POST /clusters/{cluster}/assume-role-for-pod-identity", "eks-auth", "AssumeRoleForPodIdentity", a.assumeRoleForPodIdentity)
	mux.HandleFunc("GET /pod-identity-agent/{cluster}/v1/credentials", a.serveAgent)
	return mux
}

// The codes and statuses are those of the Errors sections of
// https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html.

func notFound(format string, args ...any) *refusal {
	return refuse(http.StatusNotFound, "ResourceNotFound", format, args...)
}

func invalidParameter(format string, args ...any) *refusal {
	return refuse(http.StatusBadRequest, "InvalidParameter", format, args...)
}

// findCluster wants a.mu held.
func (a *Account) findCluster(name string) (*cluster, error) {
	found := a.state.clusters[name]
	if found == nil {
		return nil, notFound("No cluster found for name: %s.", name)
	}
	return found, nil
}

// of finds the association of a service account, nil for none. The caller holds the account's lock.
func (c *cluster) of(namespace, account string) *association {
	for _, one := range c.associations {
		if one.Namespace == namespace && one.ServiceAccount == account {
			return one
		}
	}
	return nil
}
