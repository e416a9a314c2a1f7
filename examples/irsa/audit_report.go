package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// auditReport is what an audit found, each list in order.
type auditReport struct {
	Admitted []admitted `json:"admitted"` // who can become what
	Nowhere  []remark   `json:"nowhere"`  // annotations that lead nowhere
	AsNode   []remark   `json:"asNode"`   // pods without an identity of their own
	Findings []remark   `json:"findings"` // policies that Lint has something to say of
}

// remark is a subject and what there is to say of it; of a policy, with Lint's code and severity.
type remark struct {
	Who      string `json:"who"`
	What     string `json:"what"`
	Code     string `json:"code,omitempty"`
	Severity string `json:"severity,omitempty"`
}

// section is a list of remarks. Its ID is a finding's code where a remark has none.
type section struct {
	ID, Title string
	Remarks   []remark
}

func (r *auditReport) sections() []section {
	return []section{
		{"leads-nowhere", "Annotations that lead nowhere", r.Nowhere},
		{"runs-as-node", "Pods that run as their node", r.AsNode},
		{"policies", "Trust policies to look at", r.Findings},
	}
}

// admitted is a role that somebody can have.
type admitted struct {
	Who      string   `json:"who"`
	Role     string   `json:"role"`
	Through  []string `json:"through,omitempty"`  // the roles on the way to it
	Unproven bool     `json:"unproven,omitempty"` // there is a condition that the account alone does not tell
}

func (a admitted) what() string {
	what := a.Role
	if len(a.Through) > 0 {
		what += " through " + strings.Join(a.Through, ", then ")
	}
	if a.Unproven {
		what += " (if a condition is met that the account alone does not tell)"
	}
	return what
}

// show ends with errFound when there is anything to look at; a list of who can become what is not a fault.
func (r *auditReport) show(cmd *cobra.Command) error {
	slices.SortStableFunc(r.Admitted, func(a, b admitted) int { return cmp.Compare(a.Who, b.Who) })
	for _, list := range [][]remark{r.Nowhere, r.AsNode, r.Findings} {
		slices.SortStableFunc(list, func(a, b remark) int { return cmp.Compare(a.Who, b.Who) })
	}
	var err error
	switch format := output(cmd); format {
	case "mermaid":
		err = print(cmd, "text", mermaid{r})
	case "html":
		err = r.writePage(cmd.OutOrStdout())
	default:
		err = print(cmd, format, r)
	}
	if err == nil && len(r.Nowhere)+len(r.AsNode)+len(r.Findings) > 0 {
		err = errFound
	}
	return err
}

// String has a section for each list.
func (r *auditReport) String() string {
	var who []remark
	for _, a := range r.Admitted {
		who = append(who, remark{Who: a.Who, What: a.what()})
	}
	var b strings.Builder
	for _, section := range append([]section{{Title: "Who can become what", Remarks: who}}, r.sections()...) {
		fmt.Fprintf(&b, "%s\n", section.Title)
		if len(section.Remarks) == 0 {
			fmt.Fprintln(&b, "  none")
		}
		for _, l := range section.Remarks {
			fmt.Fprintf(&b, "  %s: %s\n", l.Who, l.What)
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}

// mermaid is the graph of who can become what (https://mermaid.js.org/syntax/flowchart.html).
type mermaid struct{ *auditReport }

func (m mermaid) String() string {
	names, lines := map[string]string{}, []string{}
	add := func(line string) {
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	node := func(text string) string {
		if names[text] == "" {
			names[text] = fmt.Sprintf("n%d", len(names))
			add(fmt.Sprintf("  %s[%q]", names[text], strings.NewReplacer(`"`, "#quot;", `\`, "#92;").Replace(text)))
		}
		return names[text]
	}
	for _, a := range m.Admitted {
		arrow := " --> "
		if a.Unproven {
			arrow = " -.-> "
		}
		from := node(a.Who)
		for i, role := range append(slices.Clone(a.Through), a.Role) {
			to := node(role)
			if i > 0 {
				arrow = " ==> " // of roles, whoever has the first
			}
			add("  " + from + arrow + to)
			from = to
		}
	}
	return "flowchart LR\n" + strings.Join(lines, "\n")
}
