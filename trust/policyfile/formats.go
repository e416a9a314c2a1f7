package policyfile

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/irsa-go/irsa/trust"
)

// GitHub writes the findings as workflow commands of GitHub Actions, which shows them as annotations
// (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands).
func (r *Report) GitHub() string {
	levels := map[trust.Severity]string{trust.SeverityInfo: "notice", trust.SeverityWarning: "warning", trust.SeverityError: "error"}
	value := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	message := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	var lines []string
	for _, f := range r.Findings {
		lines = append(lines, fmt.Sprintf("::%s file=%s,line=%d,col=%d,title=%s::%s", levels[f.Severity],
			value.Replace(f.File), f.Line, f.Column, value.Replace(f.Code), message.Replace(f.sentences(" "))))
	}
	return strings.Join(lines, "\n")
}

// SARIF writes the findings in version 2.1.0 of that format, for code scanning, with every rule
// that there is (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html).
func (r *Report) SARIF() ([]byte, error) {
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
	for _, f := range r.Findings {
		results = append(results, object{
			"ruleId": f.Code, "ruleIndex": index[f.Code], "level": levels[f.Severity],
			"message": object{"text": f.sentences(": ")},
			"locations": []object{{"physicalLocation": object{
				"artifactLocation": object{"uri": uri(f.File)},
				"region":           object{"startLine": f.Line, "startColumn": f.Column},
			}}},
		})
	}
	return json.MarshalIndent(object{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []object{{
			"tool":       object{"driver": object{"name": "irsa", "informationUri": "https://github.com/irsa-go/irsa", "rules": rules}},
			"columnKind": "unicodeCodePoints",
			"results":    results,
		}},
	}, "", "  ")
}

// uri is a file's (RFC 3986); one that is relative stays so.
func uri(file string) string {
	u := url.URL{Path: filepath.ToSlash(file)}
	if filepath.IsAbs(file) {
		u.Scheme = "file"
	}
	return u.String()
}
