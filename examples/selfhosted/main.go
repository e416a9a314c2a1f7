// Command selfhosted gives a self-managed cluster an issuer that AWS can ask: every step as a
// subcommand, from the signing key to its replacement.
//
//	selfhosted new-key   -out sa.key
//	selfhosted publish   -issuer https://BUCKET.s3.eu-west-1.amazonaws.com/CLUSTER -key sa.key -bucket BUCKET
//	selfhosted flags     -issuer ISSUER -key sa.key -signing-key sa.key
//	selfhosted preflight -issuer ISSUER -token FILE
//	selfhosted provider  -issuer ISSUER -account 111122223333
//	selfhosted rotate    -state rotation.json -old sa.key -new sa2.key   what to do next, and -done STEP
//	selfhosted retire    -state rotation.json -issuer ISSUER -bucket BUCKET
//	selfhosted unpublish -issuer ISSUER -bucket BUCKET
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/irsa-go/irsa/oidc"
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

// options is the command line of any subcommand.
type options struct {
	issuer, oldIssuer      string
	iss                    oidc.Issuer
	keys, drop             []string
	out, algorithm         string
	signing                string
	dir, bucket, jwksURI   string
	replaceIssuer          bool
	token, ca, account     string
	state, old, next, done string
}

// command is one subcommand: the flags that it takes, those of them that it needs, and what it
// does.
type command struct {
	name, takes, needs string
	do                 func(ctx context.Context, o options, stdout io.Writer) error
}

func commands() []command {
	return []command{
		{"new-key", "out algorithm", "out", newKey},
		{"publish", "issuer key dir bucket jwks-uri drop replace-issuer", "issuer key store", publish},
		{"flags", "issuer old-issuer key signing-key jwks-uri", "issuer key signing-key", printFlags},
		{"preflight", "issuer token ca", "issuer", preflight},
		{"provider", "issuer token ca account", "issuer account", provider},
		{"rotate", "state old new done", "state", rotate},
		{"retire", "state issuer dir bucket", "state issuer store", retire},
		{"unpublish", "issuer dir bucket", "issuer store", unpublish},
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var names []string
	for _, c := range commands() {
		if len(args) > 0 && args[0] == c.name {
			o, err := c.parse(args[1:], stderr)
			if err != nil {
				return err
			}
			return c.do(ctx, o, stdout)
		}
		names = append(names, c.name)
	}
	return fmt.Errorf("want one of %s", strings.Join(names, ", "))
}

func (c command) parse(args []string, stderr io.Writer) (options, error) {
	var o options
	all := flag.NewFlagSet("", flag.ContinueOnError)
	list := func(into *[]string) func(string) error {
		return func(s string) error { *into = append(*into, s); return nil }
	}
	all.StringVar(&o.issuer, "issuer", "", "`URL` of the issuer, where the directory or bucket is served")
	all.StringVar(&o.oldIssuer, "old-issuer", "", "`URL` of the issuer that the cluster has now")
	all.Func("key", "PEM `FILE` with a public or private key that API servers sign with, have signed with or will; for each", list(&o.keys))
	all.StringVar(&o.out, "out", "", "`FILE` to make the private key in, which must not exist")
	all.StringVar(&o.algorithm, "algorithm", "RS256", "RS256, ES256, ES384 or ES512")
	all.StringVar(&o.signing, "signing-key", "", "PEM `FILE` with the private key to sign with")
	all.StringVar(&o.dir, "dir", "", "`DIRECTORY` that a web server serves as the issuer's URL")
	all.StringVar(&o.bucket, "bucket", "", "S3 `BUCKET`, with the default AWS configuration; objects go below the issuer's path")
	all.StringVar(&o.jwksURI, "jwks-uri", "", "`URL` of the keys (default: where they are now, else ISSUER/openid/v1/jwks)")
	all.Func("drop", "`ID` of a served key that may go; for each", list(&o.drop))
	all.BoolVar(&o.replaceIssuer, "replace-issuer", false, "overwrite another issuer's documents")
	all.StringVar(&o.token, "token", "", "`FILE` with a token of the cluster that must verify")
	all.StringVar(&o.ca, "ca", "", "PEM `FILE` with the CA certificates to trust (default: this machine's)")
	all.StringVar(&o.account, "account", "", "AWS account `ID`, with the default AWS configuration")
	all.StringVar(&o.state, "state", "", "`FILE` that keeps how far the rotation has come")
	all.StringVar(&o.old, "old", "", "PEM `FILE` with the key to replace: begins a rotation")
	all.StringVar(&o.next, "new", "", "PEM `FILE` with the key that replaces it")
	all.StringVar(&o.done, "done", "", "`STEP` that is finished everywhere")
	own := flag.NewFlagSet("selfhosted "+c.name, flag.ContinueOnError)
	own.SetOutput(stderr)
	for _, name := range strings.Fields(c.takes) {
		f := all.Lookup(name)
		own.Var(f.Value, f.Name, f.Usage)
	}
	if err := own.Parse(args); err != nil {
		return options{}, err
	}
	if own.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", own.Arg(0))
	}
	for _, name := range strings.Fields(c.needs) {
		switch {
		case name == "store" && (o.dir == "") == (o.bucket == ""):
			return options{}, errors.New("one of -dir and -bucket is required")
		case name == "key" && len(o.keys) == 0, name != "store" && name != "key" && own.Lookup(name).Value.String() == "":
			return options{}, fmt.Errorf("-%s is required", name)
		}
	}
	return o, o.checkIssuer()
}

func (o *options) checkIssuer() (err error) {
	if o.issuer == "" {
		return nil
	}
	if o.iss, err = oidc.ParseIssuer(o.issuer); err != nil {
		return err
	}
	return o.iss.CheckIAM()
}

// store is where the issuer's documents are kept.
func (o options) store(ctx context.Context) (oidc.ObjectStore, error) {
	if o.bucket == "" {
		return oidc.Directory(o.dir), nil
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return newBucket(cfg, o.bucket, o.iss)
}
