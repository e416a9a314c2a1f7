package arn

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Cluster is an EKS cluster by its ARN.
type Cluster struct{ Partition, Region, AccountID, Name string }

// ParseCluster parses "arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME".
func ParseCluster(s string) (Cluster, error) {
	a, err := Parse(s)
	if err != nil {
		return Cluster{}, err
	}
	name, ok := strings.CutPrefix(a.Resource, "cluster/")
	if !ok || a.Service != "eks" || a.Region == "" || strings.ContainsAny(a.Region, "*?$") || CheckClusterName(name) != nil ||
		CheckPartition(a.Partition) != nil || CheckAccountID(a.AccountID) != nil {
		return Cluster{}, errors.New(`want "arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME"`)
	}
	return Cluster{Partition: a.Partition, Region: a.Region, AccountID: a.AccountID, Name: name}, nil
}

// https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html
var clusterName = regexp.MustCompile(`^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$`)

// CheckClusterName reports a name that EKS refuses for a cluster.
func CheckClusterName(name string) error {
	if !clusterName.MatchString(name) {
		return fmt.Errorf("cluster name %q: want 1 to 100 letters, digits, '-' and '_', a letter or digit first", name)
	}
	return nil
}
