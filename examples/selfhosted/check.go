package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
)

func preflight(ctx context.Context, o options, stdout io.Writer) error {
	_, err := look(ctx, o, stdout)
	return err
}

// look sees the issuer as STS does.
func look(ctx context.Context, o options, stdout io.Writer) (*oidc.PreflightReport, error) {
	client := &oidc.Client{}
	if o.ca != "" {
		file, err := os.ReadFile(o.ca)
		if err != nil {
			return nil, err
		}
		client.RootCAs = x509.NewCertPool()
		if !client.RootCAs.AppendCertsFromPEM(file) {
			return nil, fmt.Errorf("%s: it has no certificate", o.ca)
		}
	}
	var cfg oidc.PreflightConfig
	if o.token != "" {
		file, err := os.ReadFile(o.token)
		if err != nil {
			return nil, err
		}
		cfg.Token = strings.TrimSpace(string(file))
	}
	report := client.Preflight(ctx, o.iss, cfg)
	fmt.Fprint(stdout, report)
	return report, report.Err()
}

// provider lets IAM know the thumbprints even where AWS should not need them: they do no harm.
func provider(ctx context.Context, o options, stdout io.Writer) error {
	report, err := look(ctx, o, stdout)
	if err != nil {
		return err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	result, err := iamprovider.Ensure(ctx, iam.NewFromConfig(cfg), iamprovider.Spec{
		AccountID: o.account, Issuer: o.iss, Thumbprints: report.Thumbprints.Thumbprints,
	}, iamprovider.Config{})
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\nprovider %s: %d changes\n", result.ARN, len(result.Steps))
	return nil
}
