package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/spf13/cobra"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/oidc/s3store"
)

// issuerOptions is the command line of a subcommand of "irsa issuer".
type issuerOptions struct {
	process
	issuer               oidc.Issuer
	keys, drop           []string
	dir, bucket, jwksURI string
	replaceIssuer        bool
}

// newIssuer gives a self-managed cluster an issuer that AWS can ask.
func (p process) newIssuer() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "issuer",
		Short: "A self-hosted issuer: its keys and documents, from the first key to its replacement",
		Long: "Gives a self-managed cluster an issuer that AWS can ask:\n\n" +
			"  irsa issuer keys --out sa.key\n" +
			"  irsa issuer publish   https://BUCKET.s3.eu-west-1.amazonaws.com/CLUSTER --key sa.key --bucket BUCKET\n" +
			"  irsa issuer flags     ISSUER --key sa.key --signing-key sa.key\n" +
			"  irsa issuer preflight ISSUER --token-file FILE\n" +
			"  irsa issuer provider  ISSUER --account 111122223333\n" +
			"  irsa issuer rotate    --state rotation.json --old sa.key --new sa2.key\n" +
			"  irsa issuer retire    ISSUER --state rotation.json --bucket BUCKET\n" +
			"  irsa issuer unpublish ISSUER --bucket BUCKET",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("issuer: which step? irsa issuer --help lists them")
		},
	}
	cmd.AddCommand(newKeys(), p.newPublish(), p.newFlags(), newPreflight(), p.newProvider(), newRotate(), p.newRetire(), p.newUnpublish())
	return cmd
}

// ofIssuer is a subcommand with an issuer as its argument, which IAM must accept.
func (o *issuerOptions) ofIssuer(name, short string, do func(*cobra.Command) error) *cobra.Command {
	return &cobra.Command{
		Use: name + " ISSUER", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.issuer, err = oidc.ParseIssuer(args[0]); err == nil {
				err = o.issuer.CheckIAM()
			}
			if err != nil {
				return err
			}
			return do(cmd)
		},
	}
}

// addStore adds the flags of where the issuer's documents are kept.
func (o *issuerOptions) addStore(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&o.dir, "dir", "", "`DIRECTORY` that a web server serves as the issuer's URL")
	cmd.Flags().StringVar(&o.bucket, "bucket", "", "S3 `BUCKET`, with the default AWS configuration; objects go below the issuer's path")
	cmd.MarkFlagsOneRequired("dir", "bucket")
	cmd.MarkFlagsMutuallyExclusive("dir", "bucket")
	return cmd
}

func (o *issuerOptions) store(ctx context.Context) (oidc.ObjectStore, error) {
	if o.dir != "" {
		return oidc.Directory(o.dir), nil
	}
	cfg, err := o.load(ctx)
	if err != nil {
		return nil, err
	}
	return s3store.New(cfg, o.bucket, o.issuer)
}

// addKeys adds the flag of the keys that verify the cluster's tokens.
func (o *issuerOptions) addKeys(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.keys, "key", nil, "PEM `FILE` with a public or private key that API servers sign with, have signed with or will; for each")
	cmd.Flags().StringVar(&o.jwksURI, "jwks-uri", "", "`URL` of the keys (default: where they are now, else ISSUER/openid/v1/jwks)")
	required(cmd, "key")
}

// required marks flags without which a subcommand cannot do anything.
func required(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // there is no such flag
		}
	}
}

// newProvider lets IAM know the issuer, and its thumbprints even where AWS should not need them:
// they do no harm.
func (p process) newProvider() *cobra.Command {
	o := &issuerOptions{process: p}
	var account, ca string
	cmd := o.ofIssuer("provider", "Make the IAM OIDC provider of an issuer that passes preflight", func(cmd *cobra.Command) error {
		if err := arn.CheckAccountID(account); err != nil {
			return fmt.Errorf("--account: %w", err)
		}
		client, err := issuers(cmd, ca)
		if err != nil {
			return err
		}
		report := client.Preflight(cmd.Context(), o.issuer, oidc.PreflightConfig{})
		if !report.OK() {
			return conclude(show(cmd, report), true)
		}
		cfg, err := p.load(cmd.Context())
		if err != nil {
			return err
		}
		result, err := iamprovider.Ensure(cmd.Context(), iam.NewFromConfig(cfg), iamprovider.Spec{
			AccountID: account, Issuer: o.issuer, Thumbprints: report.Thumbprints.Thumbprints,
		}, iamprovider.Config{})
		if err != nil {
			return err
		}
		return show(cmd, done{"provider": result.ARN, "changes": fmt.Sprint(len(result.Steps))})
	})
	cmd.Flags().StringVar(&account, "account", "", "AWS account `ID`, with the default AWS configuration")
	addCA(cmd, &ca)
	required(cmd, "account")
	return cmd
}
