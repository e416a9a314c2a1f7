package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/irsa-go/irsa/oidc"
)

// ClusterDescriber describes a cluster. *eks.Client is one.
type ClusterDescriber interface {
	DescribeCluster(context.Context, *eks.DescribeClusterInput, ...func(*eks.Options)) (*eks.DescribeClusterOutput, error)
}

var _ ClusterDescriber = (*eks.Client)(nil)

// ClusterIssuer returns the issuer of the EKS cluster of that name. An issuer that is not in
// the form that EKS gives out is an error: what answered is then no EKS.
func ClusterIssuer(ctx context.Context, api ClusterDescriber, name string) (oidc.Issuer, error) {
	out, err := api.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &name})
	if err != nil {
		return oidc.Issuer{}, fmt.Errorf("cluster %q: %w", name, err)
	}
	if out == nil || out.Cluster == nil || out.Cluster.Identity == nil ||
		out.Cluster.Identity.Oidc == nil || out.Cluster.Identity.Oidc.Issuer == nil {
		return oidc.Issuer{}, fmt.Errorf("cluster %q has no OIDC issuer yet", name)
	}
	iss, err := oidc.ParseIssuer(*out.Cluster.Identity.Oidc.Issuer)
	if err != nil {
		return oidc.Issuer{}, fmt.Errorf("cluster %q: %w", name, err)
	}
	if _, ok := iss.EKS(); !ok {
		return oidc.Issuer{}, fmt.Errorf("cluster %q: issuer %q is not one that EKS gives out", name, iss)
	}
	return iss, nil
}
