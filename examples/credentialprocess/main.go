// Command credentialprocess gives the credentials of a pod's role to programs that know no web
// identity, or know it badly, through the credential_process of the AWS configuration file:
//
//	[default]
//	credential_process = /usr/local/bin/credentialprocess
//
// It reads the environment that the pod has already (AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE,
// AWS_REGION, or that of EKS Pod Identity) and never falls back to the node's role. The AWS SDKs
// that know a web identity prefer it to credential_process.
//
// It writes secrets to its standard output, as the protocol demands, and nothing else there;
// everything for people goes to standard error. It refuses to write to a terminal.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/irsa-go/irsa/token"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	p := program{
		lookup: os.LookupEnv, load: config.LoadDefaultConfig,
		stdout: os.Stdout, stderr: os.Stderr, terminal: isTerminal(os.Stdout),
	}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// isTerminal says whether somebody would read the secrets off the screen.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// program is what the command takes from its process.
type program struct {
	lookup         func(string) (string, bool)
	load           func(context.Context, ...func(*config.LoadOptions) error) (aws.Config, error)
	stdout, stderr io.Writer
	terminal       bool
}

// output is version 1 of the protocol.
type output struct {
	Version         int
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string     `json:",omitempty"`
	Expiration      *time.Time `json:",omitempty"`
	AccountID       string     `json:"AccountId,omitempty"`
}

// run is main without the process: its result is the exit code.
func (p program) run(ctx context.Context, args []string) int {
	if err := p.print(ctx, args); err != nil {
		fmt.Fprintln(p.stderr, "credentialprocess:", err)
		if x, known := token.Explain(err); known {
			fmt.Fprintln(p.stderr, x)
		}
		return 1
	}
	return 0
}

func (p program) print(ctx context.Context, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q: it is configured by the environment", args[0])
	}
	if p.terminal {
		return errors.New("standard output is a terminal: secrets are not printed there")
	}
	creds, err := p.credentials(ctx)
	if err != nil {
		return err
	}
	out := output{
		Version: 1, AccessKeyID: creds.AccessKeyID, SecretAccessKey: creds.SecretAccessKey,
		SessionToken: creds.SessionToken, AccountID: creds.AccountID,
	}
	if creds.CanExpire {
		out.Expiration = &creds.Expires // the real one: the callers leave a margin of their own
	}
	return json.NewEncoder(p.stdout).Encode(out)
}

func (p program) credentials(ctx context.Context) (aws.Credentials, error) {
	choice, err := token.Resolve(p.lookup)
	if err != nil {
		return aws.Credentials{}, err
	}
	for _, w := range choice.Warnings {
		fmt.Fprintln(p.stderr, "credentialprocess:", w)
	}
	// The call needs no credentials. Looking for them would find this very program.
	cfg, err := p.load(ctx, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
	if err != nil {
		return aws.Credentials{}, err
	}
	provider, err := choice.Provider(sts.NewFromConfig(cfg), token.Config{})
	if err != nil {
		return aws.Credentials{}, err
	}
	return provider.Current(ctx)
}
