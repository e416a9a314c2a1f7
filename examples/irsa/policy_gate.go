package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/policyfile"
)

// gate looks at every trust policy of files and folders.
type gate struct {
	check    func(*trust.Policy) []trust.Finding
	ignored  []string
	severity string
}

// newLint is a gate for CI: what is dangerous or useless in trust policies.
func newLint() *cobra.Command {
	g := gate{check: (*trust.Policy).Lint}
	names, table := codes()
	cmd := g.command("lint", "What is dangerous or useless in trust policies: a gate for CI")
	cmd.Long = "Lints the trust policies of Terraform plans and state, CloudFormation templates, output of aws iam get-role\n" +
		"and get-account-authorization-details, Kubernetes objects of ACK and Crossplane, and policies themselves, in\n" +
		"JSON or YAML. A dump may have any size. A policy that cannot be judged is a finding too. - is standard input.\n\nCodes:\n" + table
	cmd.Flags().StringSliceVar(&g.ignored, "ignore", nil, "`CODES` of findings to leave out, separated by commas")
	cmd.Flags().StringVar(&g.severity, "severity", "warning", "least `SEVERITY` that counts: info, warning or error; lesser ones are shown")
	completes(cmd, "severity", "info", "warning", "error")
	completes(cmd, "ignore", names...)
	return cmd
}

// newValidate says what IAM would refuse, in its words.
func newValidate() *cobra.Command {
	g := gate{check: policyfile.Refusals, severity: "error"}
	return g.command("validate", "What IAM would refuse to store of trust policies, in IAM's words")
}

func (g *gate) command(name, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use: name + " FILE|FOLDER...", Short: short, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return g.run(cmd, args) },
	}
	setFormats(cmd, "`FORMAT`: text, json, yaml, sarif (for code scanning) or github (annotations)", "text", "json", "yaml", "sarif", "github")
	return cmd
}

// codes are those of findings, and their table for --help.
func codes() (names []string, table string) {
	var b strings.Builder
	for _, k := range trust.FindingKinds() {
		fmt.Fprintf(&b, "  %-24s  %-7s  %s\n", k.Code, k.Severity, k.Meaning)
		names = append(names, k.Code)
	}
	return names, b.String()
}

func (g *gate) run(cmd *cobra.Command, names []string) error {
	var least trust.Severity
	if err := least.UnmarshalText([]byte(g.severity)); err != nil {
		return fmt.Errorf("--severity: it is %q, want info, warning or error", g.severity)
	}
	look := search(cmd)
	report, err := look.Check(g.check, g.ignored, names...)
	if errors.Is(err, policyfile.ErrUnknownCode) {
		err = fmt.Errorf("--ignore: %w; irsa lint --help lists them", err)
	}
	if err != nil {
		return err
	}
	switch output(cmd) {
	case "sarif":
		noteUnread(cmd, look)
		var text []byte
		if text, err = report.SARIF(); err == nil {
			err = print(cmd, "json", json.RawMessage(text))
		}
	case "github":
		noteUnread(cmd, look)
		err = print(cmd, "text", words(report.GitHub()))
	default:
		err = show(cmd, report)
	}
	return conclude(err, report.Has(least))
}

// search looks into files; - is standard input.
func search(cmd *cobra.Command) *policyfile.Search {
	return &policyfile.Search{Open: func(name string) (io.ReadCloser, error) { return open(cmd, name) }}
}

// noteUnread names the files that could not be read, where the report does not.
func noteUnread(cmd *cobra.Command, look *policyfile.Search) {
	for _, s := range look.Skipped {
		if s.Reason != "" {
			note(cmd.ErrOrStderr(), "%s: no trust policy: %s", s.File, s.Reason)
		}
	}
}

// onePolicy reads the one trust policy of a file of any kind that lint reads.
func onePolicy(cmd *cobra.Command, name string) (one *trust.Policy, err error) {
	n, look := 0, search(cmd)
	for p, err := range look.Policies(name) {
		if err == nil && p.Err != nil {
			err = fmt.Errorf("%s: %w", name, p.Err)
		}
		if err != nil {
			return nil, err
		}
		one = p.Policy
		n++
	}
	if n != 1 {
		return nil, fmt.Errorf("%s: it holds %d trust policies, want one", name, n)
	}
	noteUnread(cmd, look)
	return one, nil
}
