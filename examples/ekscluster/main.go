// Command ekscluster prints the OIDC issuer of an EKS cluster, its IAM provider's thumbprints,
// and whether the issuer is one that EKS gives out:
//
//	ekscluster NAME
//
// It uses the default AWS configuration and needs eks:DescribeCluster on the cluster.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/irsa-go/irsa/oidc"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ekscluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) != 1 || args[0] == "" {
		return errors.New("usage: ekscluster NAME")
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	return show(ctx, eks.NewFromConfig(cfg), &oidc.Client{}, args[0], stdout)
}

// show prints the evidence of a failure too.
func show(ctx context.Context, api ClusterDescriber, client *oidc.Client, name string, stdout io.Writer) error {
	iss, err := ClusterIssuer(ctx, api, name)
	if err != nil {
		return err
	}
	cluster, _ := iss.EKS()
	fmt.Fprintf(stdout, "cluster %s in %s (%s)\n\n", name, cluster.Region, cluster.Partition)
	report, err := client.Thumbprints(ctx, iss)
	if failed := (*oidc.ThumbprintError)(nil); errors.As(err, &failed) {
		fmt.Fprint(stdout, failed.Report)
		return err
	}
	fmt.Fprint(stdout, report)
	return nil
}
