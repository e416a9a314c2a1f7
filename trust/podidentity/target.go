package podidentity

import (
	"errors"
	"fmt"
	"strings"

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
	return fmt.Sprintf("service account %s/%s of cluster %s", t.Namespace, t.ServiceAccount, c.name)
}

func (t Target) check() (cluster, error) {
	c, err := parseCluster(t.ClusterARN)
	return c, errors.Join(err, kubename.CheckNamespace(t.Namespace), kubename.CheckServiceAccount(t.ServiceAccount))
}

// cluster is a cluster's ARN, taken apart.
type cluster struct{ partition, accountID, name string }

func parseCluster(s string) (cluster, error) {
	a, err := arn.Parse(s)
	if err != nil {
		return cluster{}, fmt.Errorf("cluster ARN %q: %w", s, err)
	}
	name, ok := strings.CutPrefix(a.Resource, "cluster/")
	if !ok || name == "" || strings.ContainsAny(name, "/:*?") || a.Service != "eks" || a.Region == "" ||
		arn.CheckPartition(a.Partition) != nil || arn.CheckAccountID(a.AccountID) != nil {
		return cluster{}, fmt.Errorf(`cluster ARN %q: want "arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME"`, s)
	}
	return cluster{partition: a.Partition, accountID: a.AccountID, name: name}, nil
}
