package podidentity

import (
	"errors"
	"fmt"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/kubename"
)

// Target is a service account of a cluster. It is comparable.
type Target struct {
	// ClusterARN is the cluster's ARN, "arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME".
	ClusterARN string
	// Namespace and ServiceAccount are the names of the service account.
	Namespace, ServiceAccount string
}

// String returns the account and the cluster's name.
func (t Target) String() string {
	c, _ := parseCluster(t.ClusterARN)
	return fmt.Sprintf("service account %s/%s of cluster %s", t.Namespace, t.ServiceAccount, c.Name)
}

func (t Target) check() (arn.Cluster, error) {
	c, err := parseCluster(t.ClusterARN)
	return c, errors.Join(err, kubename.CheckNamespace(t.Namespace), kubename.CheckServiceAccount(t.ServiceAccount))
}

func parseCluster(s string) (arn.Cluster, error) {
	c, err := arn.ParseCluster(s)
	if err != nil {
		return arn.Cluster{}, fmt.Errorf("cluster ARN %q: %w", s, err)
	}
	return c, nil
}
