package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
)

// newPolicies runs irsa-policies, which is a program of its own: package mutate/admissionpolicy needs
// types of Kubernetes that are newer than what the other packages ask of their importers.
func newPolicies() *cobra.Command {
	return &cobra.Command{
		Use:   "policies [FLAGS]",
		Short: "Policies with which Kubernetes 1.36 itself gives pods their identity, without a webhook (runs irsa-policies)",
		Long: "Prints the admission policies with which Kubernetes 1.36 and later gives pods their identity, without a webhook.\n" +
			"It runs the program irsa-policies, with its flags:\n\n" +
			"  go install github.com/irsa-go/irsa/examples/irsa-policies@latest\n  irsa policies -help",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := exec.LookPath("irsa-policies")
			if err != nil {
				return fmt.Errorf("%w: go install github.com/irsa-go/irsa/examples/irsa-policies@latest", err)
			}
			var out, errs bytes.Buffer
			program := exec.CommandContext(cmd.Context(), path, args...)
			program.Stdout, program.Stderr = &out, &errs
			if err := program.Run(); err != nil {
				return errors.New(strings.TrimPrefix(cmp.Or(errs.String(), err.Error()), "irsa-policies: "))
			}
			_, err = out.WriteTo(cmd.OutOrStdout())
			_, noted := errs.WriteTo(cmd.ErrOrStderr()) // its -help
			return errors.Join(err, noted)
		},
	}
}
