package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/spf13/cobra"

	"github.com/irsa-go/irsa/token"
)

// newCredentialProcess gives the credentials of a pod's role to programs that know no web identity.
func (p process) newCredentialProcess() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "credential-process",
		Short: "The credentials of this pod's role, for credential_process of the AWS configuration file",
		Long: "Prints the credentials of this pod's role for clients that know no web identity, or know it badly:\n\n" +
			"  [default]\n  credential_process = /usr/local/bin/irsa credential-process\n\n" +
			"It reads the environment that the pod has already (AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_REGION, or\n" +
			"that of EKS Pod Identity) and never falls back to the node's role. Secrets go to standard output, which must\n" +
			"not be a terminal; everything for people goes to standard error. SDKs that know a web identity prefer it.\n\n" +
			"https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, ok := cmd.OutOrStdout().(screen); ok {
				return errors.New("standard output is a terminal: secrets are not printed there")
			}
			creds, err := p.credentials(cmd.Context(), cmd.ErrOrStderr())
			if x, known := token.Explain(err); known {
				err = fmt.Errorf("%w\n%s", err, x)
			}
			if err != nil {
				return err
			}
			return writeCredentials(cmd.OutOrStdout(), creds)
		},
	}
	setFormats(cmd, "`FORMAT`, which SDKs want to be json", "json")
	return cmd
}

func (p process) credentials(ctx context.Context, stderr io.Writer) (aws.Credentials, error) {
	choice, err := token.Resolve(p.lookup)
	if err != nil {
		return aws.Credentials{}, err
	}
	for _, w := range choice.Warnings {
		note(stderr, "irsa: %s", w)
	}
	provider, err := p.provider(ctx, choice, token.Config{})
	if err != nil {
		return aws.Credentials{}, err
	}
	return provider.Current(ctx)
}

// provider asks STS without credentials: a web identity needs none, and looking for them would find
// this very program.
func (p process) provider(ctx context.Context, choice token.Resolution, cfg token.Config) (*token.Provider, error) {
	loaded, err := p.load(ctx, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
	if err != nil {
		return nil, err
	}
	return choice.Provider(sts.NewFromConfig(loaded), cfg)
}

// writeCredentials writes version 1 of the protocol.
func writeCredentials(w io.Writer, creds aws.Credentials) error {
	out := struct {
		Version         int
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string     `json:",omitempty"`
		Expiration      *time.Time `json:",omitempty"`
		AccountID       string     `json:"AccountId,omitempty"`
	}{1, creds.AccessKeyID, creds.SecretAccessKey, creds.SessionToken, nil, creds.AccountID}
	if creds.CanExpire {
		out.Expiration = &creds.Expires // the real one: the callers leave a margin of their own
	}
	return json.NewEncoder(w).Encode(out)
}
