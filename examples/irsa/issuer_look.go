package main

import (
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irsa-go/irsa/oidc"
)

// newThumbprint shows what to give IAM for an issuer, and why.
func newThumbprint() *cobra.Command {
	var ca string
	cmd := &cobra.Command{
		Use:   "thumbprint ISSUER",
		Short: "What AWS sees of an issuer's certificates, and the thumbprints to give to IAM",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, issuer, err := lookAt(cmd, args[0], ca)
			if err != nil {
				return err
			}
			report, err := client.Thumbprints(cmd.Context(), issuer)
			if err != nil {
				return err
			}
			return show(cmd, report)
		},
	}
	addCA(cmd, &ca)
	return cmd
}

// newPreflight checks an issuer as STS will look at it.
func newPreflight() *cobra.Command {
	var ca, token string
	cmd := &cobra.Command{
		Use:   "preflight ISSUER",
		Short: "Whether STS can verify the tokens of an issuer, everything at once",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, issuer, err := lookAt(cmd, args[0], ca)
			if err != nil {
				return err
			}
			var cfg oidc.PreflightConfig
			if token != "" {
				text, err := readFile(cmd, token)
				if err != nil {
					return err
				}
				if cfg.Token = strings.TrimSpace(string(text)); cfg.Token == "" {
					return fmt.Errorf("--token-file %s: it is empty", token)
				}
			}
			report := client.Preflight(cmd.Context(), issuer, cfg)
			return conclude(show(cmd, report), !report.OK())
		},
	}
	addCA(cmd, &ca)
	cmd.Flags().StringVar(&token, "token-file", "", "`FILE` with a token of the cluster, whose key must be among those served; - is standard input")
	return cmd
}

func addCA(cmd *cobra.Command, ca *string) {
	cmd.Flags().StringVar(ca, "ca", "", "PEM `FILE` with the CA certificates to trust (default: this machine's)")
}

func lookAt(cmd *cobra.Command, rawURL, caFile string) (*oidc.Client, oidc.Issuer, error) {
	issuer, err := oidc.ParseIssuer(rawURL)
	if err != nil {
		return nil, oidc.Issuer{}, err
	}
	client, err := issuers(cmd, caFile)
	return client, issuer, err
}

// issuers is the client with which issuers are asked.
func issuers(cmd *cobra.Command, caFile string) (*oidc.Client, error) {
	if caFile == "" {
		return &oidc.Client{}, nil
	}
	_, roots, err := certificates(cmd, caFile)
	if err != nil {
		return nil, err
	}
	return &oidc.Client{RootCAs: roots}, nil
}

// certificates reads a file of them.
func certificates(cmd *cobra.Command, file string) (pem []byte, pool *x509.CertPool, err error) {
	if pem, err = readFile(cmd, file); err != nil {
		return nil, nil, err
	}
	pool = x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, nil, fmt.Errorf("%s: it has no PEM certificate", file)
	}
	return pem, pool, nil
}
