// Command doctor says which link between this pod and its AWS role is the first that is broken:
// environment, token file, token, issuer, IAM OIDC provider, role, trust policy, STS.
//
// Run it in the pod, as a debug container with the pod's environment and volumes for example.
// With -pod it looks at the pod itself too, as "kubectl get pod NAME -o json" prints it.
// With -iam it reads the provider and the role as well, with the credentials that -profile names
// in the AWS configuration files, or those of the environment; without, these links are skipped.
//
// It exits with 0 when no link is broken, 1 when one is, and 2 when it cannot be used so.
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
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/token/doctor"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	p := program{lookup: os.LookupEnv, load: config.LoadDefaultConfig, stdout: os.Stdout, stderr: os.Stderr}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// program is what the command takes from its process.
type program struct {
	lookup         func(string) (string, bool)
	load           func(context.Context, ...func(*config.LoadOptions) error) (aws.Config, error)
	stdout, stderr io.Writer
}

// options is the command line.
type options struct {
	iam     bool
	profile string
	noSTS   bool
	ca      string
	pod     string
	timeout time.Duration
}

func (p program) parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(p.stderr)
	flags.BoolVar(&o.iam, "iam", false, "read the IAM OIDC provider and the role too")
	flags.StringVar(&o.profile, "profile", "", "`NAME` of the AWS profile for -iam")
	flags.BoolVar(&o.noSTS, "no-sts", false, "do not ask STS for credentials at the end")
	flags.StringVar(&o.ca, "ca", "", "`FILE` with further certificate authorities in PEM, for a private issuer")
	flags.StringVar(&o.pod, "pod", "", "`FILE` with the pod in JSON, to see whether it was mutated")
	flags.DurationVar(&o.timeout, "timeout", time.Minute, "for all of it")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	switch {
	case flags.NArg() > 0:
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.profile != "" && !o.iam:
		return options{}, errors.New("-profile is for -iam")
	case o.timeout <= 0:
		return options{}, errors.New("-timeout must be more than 0")
	}
	return o, nil
}

// run is main without the process: its result is the exit code.
func (p program) run(ctx context.Context, args []string) int {
	o, err := p.parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	var cfg doctor.Config
	if err == nil {
		cfg, err = p.config(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(p.stderr, "doctor:", err)
		return 2
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	report := doctor.Run(ctx, p.lookup, cfg)
	fmt.Fprintln(p.stdout, report)
	if _, broken := report.FirstBroken(); broken {
		return 1
	}
	return 0
}

func (p program) config(ctx context.Context, o options) (doctor.Config, error) {
	var cfg doctor.Config
	if o.ca != "" {
		roots, err := rootsWith(o.ca)
		if err != nil {
			return cfg, err
		}
		cfg.Issuers = &oidc.Client{RootCAs: roots}
	}
	if !o.noSTS {
		cfg.Assume = p.assume
	}
	if o.pod != "" {
		cfg.Mutation = p.mutation(o.pod)
	}
	if o.iam {
		err := p.readIAM(ctx, o.profile, &cfg)
		return cfg, err
	}
	return cfg, nil
}

func rootsWith(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate", file)
	}
	return roots, nil
}
