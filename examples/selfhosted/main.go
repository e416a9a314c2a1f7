// Command selfhosted gives a self-managed cluster an issuer that AWS can ask, in one program:
// the signing key, the discovery document and the key set, their publication in a directory or
// an S3 bucket, a look at the result as STS has it, the IAM OIDC provider, and the flags for
// kube-apiserver.
//
//	selfhosted -issuer https://BUCKET.s3.eu-west-1.amazonaws.com -new-key sa.key -bucket BUCKET
//
// Give every key with -key that API servers sign with, have signed with, or will: to rotate,
// publish both, restart the API servers with the new one, and leave the old one out when its
// last token has expired.
package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "selfhosted:", err)
		os.Exit(1)
	}
}

// options is the command line.
type options struct {
	issuer      string
	keys        []string
	newKey      string
	dir, bucket string
	preflight   bool
	token, ca   string
	account     string
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("selfhosted", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.issuer, "issuer", "", "`URL` of the issuer, where the directory or bucket is served (required)")
	flags.Func("key", "PEM `FILE` with a public or private service account key; may be given more than once", func(name string) error {
		o.keys = append(o.keys, name)
		return nil
	})
	flags.StringVar(&o.newKey, "new-key", "", "make a private key in this `FILE`, which must not exist, and publish its public part too")
	flags.StringVar(&o.dir, "dir", "", "publish in this `DIRECTORY`")
	flags.StringVar(&o.bucket, "bucket", "", "publish in this S3 `BUCKET`, with the default AWS configuration")
	flags.BoolVar(&o.preflight, "preflight", false, "then look at the issuer as STS does")
	flags.StringVar(&o.token, "token", "", "with -preflight: `FILE` with a token of the cluster that must verify")
	flags.StringVar(&o.ca, "ca", "", "PEM `FILE` with the CA certificates to trust (default: this machine's)")
	flags.StringVar(&o.account, "account", "", "make the IAM OIDC provider in this AWS account `ID`, with the default AWS configuration, after the preflight")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	switch {
	case flags.NArg() > 0:
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.issuer == "":
		return options{}, errors.New("-issuer is required")
	case len(o.keys) == 0 && o.newKey == "":
		return options{}, errors.New("-key or -new-key is required")
	case (o.dir == "") == (o.bucket == ""):
		return options{}, errors.New("one of -dir and -bucket is required")
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	iss, err := oidc.ParseIssuer(o.issuer)
	if err != nil {
		return err
	}
	if err := iss.CheckIAM(); err != nil {
		return err
	}
	doc, keys, err := documents(o, iss)
	if err != nil {
		return err
	}
	if err := publish(ctx, o, doc, keys, stdout); err != nil {
		return err
	}
	printFlags(stdout, o, doc)
	if !o.preflight && o.account == "" {
		return nil
	}
	report, err := preflight(ctx, o, iss, stdout)
	if err != nil || o.account == "" {
		return err
	}
	return provider(ctx, o, iss, report, stdout)
}

func documents(o options, iss oidc.Issuer) (*oidc.Document, *oidc.KeySet, error) {
	var files [][]byte
	for _, name := range o.keys {
		file, err := os.ReadFile(name)
		if err != nil {
			return nil, nil, err
		}
		if _, err := oidc.PublicKeysFromPEM(file); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		files = append(files, file)
	}
	if o.newKey != "" {
		public, err := makeKey(o.newKey)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, public)
	}
	keys, err := oidc.KeySetFromPEM(files...)
	if err != nil {
		return nil, nil, err
	}
	doc, err := oidc.NewDocument(iss, "", keys)
	return doc, keys, err
}

func publish(ctx context.Context, o options, doc *oidc.Document, keys *oidc.KeySet, stdout io.Writer) error {
	var to oidc.ObjectPutter = oidc.Directory(o.dir)
	where := o.dir
	if o.bucket != "" {
		cfg, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return err
		}
		if to, err = newBucket(cfg, o.bucket); err != nil {
			return err
		}
		where = "s3://" + o.bucket
	}
	if err := oidc.Publish(ctx, to, doc, keys); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "published in %s: %d keys, and the document of %s\n", where, keys.Len(), doc.Issuer)
	for _, kid := range keys.IDs() {
		fmt.Fprintf(stdout, "  key %s\n", kid)
	}
	return nil
}

// printFlags prints what the cluster's API servers must be started with.
func printFlags(stdout io.Writer, o options, doc *oidc.Document) {
	signing := "FILE-OF-THE-PRIVATE-KEY"
	if o.newKey != "" {
		signing = o.newKey
	}
	fmt.Fprintln(stdout, "\nflags for kube-apiserver:")
	fmt.Fprintf(stdout, "  --service-account-issuer=%s\n", doc.Issuer)
	fmt.Fprintf(stdout, "  --service-account-jwks-uri=%s\n", doc.JWKSURI)
	fmt.Fprintf(stdout, "  --service-account-signing-key-file=%s\n", signing)
	for _, name := range append(o.keys, signing) {
		fmt.Fprintf(stdout, "  --service-account-key-file=%s\n", name)
	}
	fmt.Fprintln(stdout, "  --api-audiences=https://kubernetes.default.svc")
	fmt.Fprintln(stdout, "and for kube-controller-manager:")
	fmt.Fprintf(stdout, "  --service-account-private-key-file=%s\n\n", signing)
}

func preflight(ctx context.Context, o options, iss oidc.Issuer, stdout io.Writer) (*oidc.PreflightReport, error) {
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
	report := client.Preflight(ctx, iss, cfg)
	fmt.Fprint(stdout, report)
	return report, report.Err()
}

// provider lets IAM know the thumbprints even where AWS should not need them: they do no harm.
func provider(ctx context.Context, o options, iss oidc.Issuer, report *oidc.PreflightReport, stdout io.Writer) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	result, err := iamprovider.Ensure(ctx, iam.NewFromConfig(cfg), iamprovider.Spec{
		AccountID: o.account, Issuer: iss, Thumbprints: report.Thumbprints.Thumbprints,
	}, iamprovider.Config{})
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\nprovider %s: %d changes\n", result.ARN, len(result.Steps))
	return nil
}
