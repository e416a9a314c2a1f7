package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irsa-go/irsa/trust"
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
	cmd := &cobra.Command{
		Use:   "lint FILE|FOLDER...",
		Short: "What is dangerous or useless in trust policies: a gate for CI",
		Long: "Lints the trust policies of Terraform plans and state, CloudFormation templates, output of aws iam get-role\n" +
			"and get-account-authorization-details, Kubernetes objects of ACK and Crossplane, and policies themselves, in\n" +
			"JSON or YAML. A policy that cannot be judged is a finding too. - is standard input.\n\nCodes:\n" + codes(),
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return g.run(cmd, args) },
	}
	g.addFlags(cmd)
	cmd.Flags().StringSliceVar(&g.ignored, "ignore", nil, "`CODES` of findings to leave out, separated by commas")
	cmd.Flags().StringVar(&g.severity, "severity", "warning", "least `SEVERITY` that counts: info, warning or error; lesser ones are shown")
	return cmd
}

// newValidate says what IAM would refuse, in its words.
func newValidate() *cobra.Command {
	g := gate{severity: "error", check: func(p *trust.Policy) (found []trust.Finding) {
		for _, problem := range each(p.Validate()) {
			f := trust.Finding{Code: trust.CodeRefused, Severity: trust.SeverityError, Message: problem.Error()}
			if invalid := (*trust.InvalidError)(nil); errors.As(problem, &invalid) {
				f.Path, f.Message = invalid.Path, invalid.Message
			}
			found = append(found, f)
		}
		return found
	}}
	cmd := &cobra.Command{
		Use:   "validate FILE|FOLDER...",
		Short: "What IAM would refuse to store of trust policies, in IAM's words",
		Args:  cobra.MinimumNArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return g.run(cmd, args) },
	}
	g.addFlags(cmd)
	return cmd
}

func (g *gate) addFlags(cmd *cobra.Command) {
	cmd.Flags().VarP(&format{"text", []string{"text", "json", "yaml", "sarif", "github"}}, "output", "o", "`FORMAT`: text, json, yaml, sarif (for code scanning) or github (annotations)")
}

// codes is the table of findings, for --help.
func codes() string {
	var b strings.Builder
	for _, k := range trust.FindingKinds() {
		fmt.Fprintf(&b, "  %-24s  %-7s  %s\n", k.Code, k.Severity, k.Meaning)
	}
	return b.String()
}

// each takes a joined error apart.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func (g *gate) run(cmd *cobra.Command, names []string) error {
	var least trust.Severity
	if err := least.UnmarshalText([]byte(g.severity)); err != nil {
		return fmt.Errorf("--severity: it is %q, want info, warning or error", g.severity)
	}
	for _, code := range g.ignored {
		if !slices.ContainsFunc(trust.FindingKinds(), func(k trust.FindingKind) bool { return k.Code == code }) {
			return fmt.Errorf("--ignore: unknown code %q; irsa lint --help lists them", code)
		}
	}
	search, err := findPolicies(cmd, names)
	if err != nil {
		return err
	}
	report := &gateReport{Files: search.files, Policies: len(search.found), Findings: []gateFinding{}, Skipped: search.skipped}
	for _, found := range search.found {
		report.add(found, g.findings(found.Extracted))
	}
	if err := showGate(cmd, report); err != nil {
		return err
	}
	if slices.ContainsFunc(report.Findings, func(f gateFinding) bool { return f.Severity >= least }) {
		return errFound
	}
	return nil
}

// findings of a policy that cannot be judged are that it cannot.
func (g *gate) findings(e trust.Extracted) []trust.Finding {
	if e.Err != nil {
		f := trust.Finding{Code: trust.CodeNotAPolicy, Severity: trust.SeverityError, Message: "it cannot be judged: " + e.Err.Error(), Fix: "Judge it where it is complete"}
		if syntax := (*trust.SyntaxError)(nil); errors.As(e.Err, &syntax) {
			f.Line, f.Column = syntax.Line, syntax.Column
		}
		return []trust.Finding{f}
	}
	return slices.DeleteFunc(g.check(e.Policy), func(f trust.Finding) bool { return slices.Contains(g.ignored, f.Code) })
}
