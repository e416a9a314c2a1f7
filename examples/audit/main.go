// Command audit says who in Kubernetes clusters can become which IAM role, and through it which
// others; which service accounts name a role that they cannot have; and which pods run as their
// node.
//
// It reads dumps, so it needs no rights of its own and can run anywhere:
//
//	kubectl get serviceaccounts,pods --all-namespaces -o json > cluster.json
//	aws iam get-account-authorization-details --filter Role > roles.json
//	go run ./examples/audit -provider arn:aws:iam::111122223333:oidc-provider/oidc.eks.… -f cluster.json -roles roles.json
//
// For several clusters give -provider and -f several times, in the same order; for several accounts
// give -roles several times. The files may be YAML too; "-" is standard input. The exit code is 1 when there is something
// to look at, and 2 when the input cannot be read.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/irsa-go/irsa/trust"
)

func main() {
	found, err := run(os.Args[1:], os.Stdin, os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "audit:", err)
		os.Exit(2)
	case found:
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) (found bool, err error) {
	flags := flag.NewFlagSet("audit", flag.ContinueOnError)
	var providers []trust.Provider
	var clusterFiles, rolesFiles []string
	flags.Func("provider", "`ARN` of a cluster's IAM OIDC provider", func(text string) error {
		provider, err := trust.ParseProviderARN(text)
		providers = append(providers, provider)
		return err
	})
	flags.Func("f", "`FILE` with the service accounts and pods of that cluster", collect(&clusterFiles))
	flags.Func("roles", "`FILE` with an account's roles", collect(&rolesFiles))
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	if len(providers) != len(clusterFiles) || len(providers) == 0 {
		return false, fmt.Errorf("-provider is there %d times and -f %d times: want one of each for a cluster", len(providers), len(clusterFiles))
	}
	var clusters []cluster
	for i, provider := range providers {
		clusters = append(clusters, cluster{provider, clusterDump{source{"-f", clusterFiles[i], stdin}}})
	}
	var accounts []roleReader
	for _, file := range rolesFiles {
		accounts = append(accounts, rolesDump{source{"-roles", file, stdin}})
	}
	if len(accounts) == 0 {
		return false, errors.New("-roles: which file?")
	}
	report, err := audit(clusters, accounts)
	if err != nil {
		return false, err
	}
	return report.print(stdout), nil
}

// collect keeps every value of a flag.
func collect(values *[]string) func(string) error {
	return func(value string) error {
		*values = append(*values, value)
		return nil
	}
}

// source is a file, or standard input.
type source struct {
	flag, file string
	stdin      io.Reader
}

// maxDump is enough for the largest clusters and small enough for any machine.
const maxDump = 1 << 30

func (s source) read() ([]byte, error) {
	if s.file == "" {
		return nil, fmt.Errorf("%s: which file?", s.flag)
	}
	in := s.stdin
	if s.file != "-" {
		f, err := os.Open(s.file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.flag, err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxDump+1))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", s.flag, s.file, err)
	}
	if len(data) > maxDump {
		return nil, fmt.Errorf("%s %s: it has more than %d bytes", s.flag, s.file, maxDump)
	}
	return data, nil
}
