package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irsa-go/irsa/trust"
)

// gateReport is what a gate found.
type gateReport struct {
	Files    int           `json:"files"`
	Policies int           `json:"policies"`
	Findings []gateFinding `json:"findings"`
	Skipped  []skipped     `json:"skipped,omitempty"`
}

// skipped is a file of a folder in which there is no trust policy.
type skipped struct {
	File   string `json:"file"`
	Reason string `json:"reason,omitempty"`
}

// gateFinding is a finding, and where it is.
type gateFinding struct {
	File string `json:"file"`
	Role string `json:"role,omitempty"`
	trust.Finding
}

// add places findings in the file. A policy that is a string in its document has positions of its
// own: then the place is where the string begins.
func (r *gateReport) add(e foundPolicy, findings []trust.Finding) {
	for _, f := range findings {
		if f.Line == 0 || e.Policy == nil || f.Line < e.Line {
			f.Line, f.Column = max(f.Line, e.Line), max(f.Column, 1)
			if e.Line > 0 {
				f.Line, f.Column = e.Line, e.Column
			}
		}
		r.Findings = append(r.Findings, gateFinding{File: e.file, Role: e.Name, Finding: f})
	}
}

// sentences is the message and what to do.
func (f gateFinding) sentences() string {
	text := strings.TrimSuffix(f.Message, ".") + "."
	if f.Fix != "" {
		text += " " + strings.TrimSuffix(f.Fix, ".") + "."
	}
	return text
}

// String is a line for each finding, and one that counts.
func (r *gateReport) String() string {
	var b strings.Builder
	for _, f := range r.Findings {
		role := ""
		if f.Role != "" {
			role = f.Role + ": "
		}
		fmt.Fprintf(&b, "%s:%d:%d: %s: %s: %s%s\n", f.File, f.Line, f.Column, f.Severity, f.Code, role, f.sentences())
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "%s: no trust policy%s\n", s.File, s.Reason)
	}
	fmt.Fprintf(&b, "%d files, %d trust policies, %d findings\n", r.Files, r.Policies, len(r.Findings))
	return b.String()
}

func showGate(cmd *cobra.Command, report *gateReport) error {
	switch format := output(cmd); format {
	case "sarif":
		return print(cmd, "json", sarif{report})
	case "github":
		return print(cmd, "text", annotations{report})
	default:
		return print(cmd, format, report)
	}
}

// annotations are workflow commands of GitHub Actions
// (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands).
type annotations struct{ *gateReport }

func (a annotations) String() string {
	levels := map[trust.Severity]string{trust.SeverityInfo: "notice", trust.SeverityWarning: "warning", trust.SeverityError: "error"}
	value := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	message := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	var b strings.Builder
	for _, f := range a.Findings {
		fmt.Fprintf(&b, "::%s file=%s,line=%d,col=%d,title=%s::%s\n", levels[f.Severity],
			value.Replace(f.File), f.Line, f.Column, value.Replace(f.Code), message.Replace(strings.TrimSpace(f.Role+" "+f.sentences())))
	}
	return b.String()
}

// sarif is the report in version 2.1.0 of that format
// (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html).
type sarif struct{ *gateReport }

// MarshalJSON writes one run with the rules that there are and the results.
func (s sarif) MarshalJSON() ([]byte, error) {
	type object = map[string]any
	levels := map[trust.Severity]string{trust.SeverityInfo: "note", trust.SeverityWarning: "warning", trust.SeverityError: "error"}
	rules, index := []object{}, map[string]int{}
	for i, k := range trust.FindingKinds() {
		index[k.Code] = i
		rules = append(rules, object{
			"id": k.Code, "shortDescription": object{"text": k.Meaning}, "defaultConfiguration": object{"level": levels[k.Severity]},
		})
	}
	results := []object{}
	for _, f := range s.Findings {
		results = append(results, object{
			"ruleId": f.Code, "ruleIndex": index[f.Code], "level": levels[f.Severity],
			"message": object{"text": f.sentences()},
			"locations": []object{{"physicalLocation": object{
				"artifactLocation": object{"uri": f.File},
				"region":           object{"startLine": f.Line, "startColumn": f.Column},
			}}},
		})
	}
	return json.Marshal(object{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []object{{
			"tool":    object{"driver": object{"name": "irsa", "informationUri": "https://github.com/irsa-go/irsa", "rules": rules}},
			"results": results,
		}},
	})
}
