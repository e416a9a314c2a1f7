// Command irsa is the library as one command: what AWS sees of an issuer, what a trust policy
// admits, what a pod comes out as, and where a chain is broken. Each subcommand is a short file
// that shows how to use the library.
//
//	go install github.com/irsa-go/irsa/examples/irsa@latest
//
// It exits with 0 when all is well, 1 when it found something, and 2 when it could not look.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := process{lookup: os.LookupEnv, load: config.LoadDefaultConfig}
	ended := make(chan int, 1)
	go func() { ended <- p.run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr) }()
	select {
	case code := <-ended:
		os.Exit(code)
	case <-ctx.Done():
	}
	stop() // a second signal ends it at once
	select {
	case code := <-ended:
		os.Exit(code)
	case <-time.After(grace): // it reads standard input, or calculates: there is nothing to finish
		note(os.Stderr, "irsa: interrupted")
		os.Exit(2)
	}
}

// grace is for calls that are under way to end after an interruption.
const grace = time.Second

// errFound ends a command that has printed what it found.
var errFound = errors.New("something was found")

// process is what subcommands take from their surroundings, beside files and streams.
type process struct {
	lookup   func(string) (string, bool) // the environment, that of a pod too
	load     func(context.Context, ...func(*config.LoadOptions) error) (aws.Config, error)
	terminal func(io.Writer) bool // nil: isTerminal
}

// run is main without the process: its result is the exit code.
func (p process) run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := p.newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(p.stream(stdout))
	root.SetErr(p.stream(stderr))
	command, err := root.ExecuteContextC(ctx)
	if err != nil && command.ValidateArgs(command.Flags().Args()) != nil {
		err = fmt.Errorf("%w; usage: %s", err, command.UseLine())
	}
	if err != nil {
		if said, names, ok := strings.Cut(err.Error(), "\n\nDid you mean this?\n"); ok { // cobra's, on lines of their own
			err = fmt.Errorf("%s; did you mean %s?", said, strings.Join(strings.Fields(names), " or "))
		}
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFound):
		return 1
	default:
		note(stderr, "irsa: %s", err)
		return 2
	}
}

func (p process) newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "irsa",
		Short: "AWS IAM roles for Kubernetes service accounts, step by step",
		Long: "AWS IAM roles for Kubernetes service accounts, step by step.\n\n" +
			"Exit codes: 0 all is well, 1 something was found, 2 it could not look.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	formats := []string{"text", "json", "yaml"}
	root.PersistentFlags().VarP(&format{"text", formats}, "output", "o", "`FORMAT` of what is found: text, json or yaml")
	completes(root, "output", formats...)
	root.AddGroup(
		&cobra.Group{ID: "issuer", Title: "The cluster's issuer:"},
		&cobra.Group{ID: "policy", Title: "Trust policies:"},
		&cobra.Group{ID: "pod", Title: "Pods:"},
		&cobra.Group{ID: "audit", Title: "Clusters and accounts:"},
	)
	for id, commands := range map[string][]*cobra.Command{
		"issuer": {newThumbprint(), newPreflight(), p.newIssuer()},
		"policy": {newLint(), newValidate(), newEvaluate(), newWithin(), newWho(), newDiff()},
		"audit":  {p.newAudit(), newPermissions()},
		"pod":    {newMutate(), newWebhookManifests(), newPolicies(), p.newDoctor(), p.newCredentialProcess()},
	} {
		for _, c := range commands {
			c.GroupID = id
			root.AddCommand(c)
		}
	}
	return root
}
