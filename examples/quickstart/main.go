// Command quickstart walks a service account's pod to its AWS role, step by step, on one machine
// and through the real protocols: the cluster's issuer, the IAM OIDC provider, the role, the
// mutated pod, the projected token, and the credentials.
//
// By EKS Pod Identity (-pod-identity) there is no provider: EKS knows its clusters, and an
// association names the role.
//
// Without flags, the issuer and the AWS account are test benches in this process. With -issuer
// the issuer is a real one, and with -aws the account is the default AWS configuration's: then
// the walk ends at the pod, for only the cluster itself can sign its tokens.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options is the command line.
type options struct {
	files  []string
	policy string
	issuer string
	ca     string
	aws    bool
	yes    bool

	podIdentity bool
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Func("f", "`FILE` with a Pod and a ServiceAccount in YAML; may be given twice (default: "+home+"testdata)", func(name string) error {
		o.files = append(o.files, name)
		return nil
	})
	flags.StringVar(&o.policy, "policy", "", "`FILE` with the role's inline policy (default: "+home+"testdata/policy.json)")
	flags.StringVar(&o.issuer, "issuer", "", "`URL` of a real cluster's issuer (default: an issuer in this process)")
	flags.StringVar(&o.ca, "ca", "", "with -issuer: PEM `FILE` with the CA certificates to trust (default: this machine's)")
	flags.BoolVar(&o.aws, "aws", false, "create provider and role in the account of the default AWS configuration")
	flags.BoolVar(&o.yes, "yes", false, "with -aws: do not ask")
	flags.BoolVar(&o.podIdentity, "pod-identity", false, "walk by EKS Pod Identity instead: an association in place of provider and annotation")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	switch {
	case flags.NArg() > 0:
		return options{}, fmt.Errorf("unexpected argument %q: files are given with -f", flags.Arg(0))
	case o.ca != "" && o.issuer == "":
		return options{}, errors.New("-ca needs -issuer: the issuer in this process has its own CA")
	case o.aws && o.issuer == "":
		return options{}, errors.New("-aws needs -issuer: AWS must be able to reach the cluster's issuer")
	case o.podIdentity && o.issuer != "":
		return options{}, errors.New("-pod-identity cannot be used with -issuer: only the cluster's own EKS gives credentials to its pods")
	}
	return o, nil
}

// run is main without the process: its result is the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = walk(ctx, o, stdin, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
		return 1
	}
	return 0
}
