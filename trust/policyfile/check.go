package policyfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/printable"
	"github.com/irsa-go/irsa/trust"
)

// Report is what a check has found. Marshalled to JSON it is for programs; [Report.SARIF] and
// [Report.GitHub] are for those that show findings. It is a plain value.
type Report struct {
	Files    int       `json:"files"`    // how many were read
	Policies int       `json:"policies"` // how many were found, those that cannot be judged included
	Findings []Finding `json:"findings"` // in the order of the files
	Skipped  []Skipped `json:"skipped,omitempty"`
}

// Finding is a finding and where it is. Line and Column are those of the file. In a policy that is a
// string in its document they are where the string begins.
type Finding struct {
	File string `json:"file"`           // as in a Policy
	Role string `json:"role,omitempty"` // its name in the document, as in [trust.Extracted]
	trust.Finding
}

// ErrUnknownCode is the error of Check for a code to ignore that no finding has.
var ErrUnknownCode = errors.New("unknown code")

// Check looks at every policy of files and folders with check, which is required. Of what it finds,
// the codes in ignored are left out. A policy that cannot be judged is a finding with
// [trust.CodeNotAPolicy], whatever is ignored. Nothing is kept of a policy but its findings.
//
// Errors are those of [Search.Policies], and [ErrUnknownCode].
func (s *Search) Check(check func(*trust.Policy) []trust.Finding, ignored []string, names ...string) (*Report, error) {
	for _, code := range ignored {
		if !slices.ContainsFunc(trust.FindingKinds(), func(k trust.FindingKind) bool { return k.Code == code }) {
			return nil, fmt.Errorf("%w %q", ErrUnknownCode, code)
		}
	}
	report := &Report{Findings: []Finding{}}
	for p, err := range s.Policies(names...) {
		if err != nil {
			return nil, err
		}
		report.Policies++
		found := []trust.Finding{unjudged(p.Err)}
		if p.Err == nil {
			found = slices.DeleteFunc(check(p.Policy), func(f trust.Finding) bool { return slices.Contains(ignored, f.Code) })
		}
		for _, f := range found {
			if f.Line == 0 || p.IsText {
				f.Line, f.Column = max(p.Line, 1), max(p.Column, 1)
			}
			report.Findings = append(report.Findings, Finding{p.File, p.Name, f})
		}
	}
	report.Files, report.Skipped = s.Files, s.Skipped
	return report, nil
}

// unjudged is the finding that a policy cannot be judged.
func unjudged(err error) trust.Finding {
	f := trust.Finding{Code: trust.CodeNotAPolicy, Severity: trust.SeverityError, Fix: "Judge it where it is complete"}
	if err != nil {
		f.Message = "it cannot be judged: " + err.Error()
	}
	if syntax := (*trust.SyntaxError)(nil); errors.As(err, &syntax) {
		f.Line, f.Column = syntax.Line, syntax.Column
	}
	return f
}

// Refusals are what [trust.Policy.Validate] says, as findings for [Search.Check].
func Refusals(p *trust.Policy) (found []trust.Finding) {
	err := p.Validate()
	problems := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		problems = joined.Unwrap()
	}
	for _, problem := range problems {
		if problem == nil {
			continue
		}
		f := trust.Finding{Code: trust.CodeRefused, Severity: trust.SeverityError, Message: problem.Error()}
		if invalid := (*trust.InvalidError)(nil); errors.As(problem, &invalid) {
			f.Path, f.Message = invalid.Path, invalid.Message
		}
		found = append(found, f)
	}
	return found
}

// Has says whether there is a finding of that severity or a graver one.
func (r *Report) Has(least trust.Severity) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity >= least })
}

// String has a line for each finding and each file that was skipped, and one that counts.
func (r *Report) String() string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s:%d:%d: %s: %s: %s\n", printable.Text(f.File), f.Line, f.Column, f.Severity, f.Code, f.sentences(": "))
	}
	for _, s := range r.Skipped {
		fmt.Fprintln(&b, printable.Text(strings.TrimSuffix(s.File+": no trust policy: "+s.Reason, ": ")))
	}
	fmt.Fprintf(&b, "%d files, %d trust policies, %d findings", r.Files, r.Policies, len(r.Findings))
	return b.String()
}

// sentences are the role, the message and what to do.
func (f Finding) sentences(afterRole string) string {
	var b strings.Builder
	if f.Role != "" {
		b.WriteString(f.Role + afterRole)
	}
	b.WriteString(strings.TrimSuffix(f.Message, ".") + ".")
	if f.Fix != "" {
		b.WriteString(" " + strings.TrimSuffix(f.Fix, ".") + ".")
	}
	return printable.Text(b.String())
}
