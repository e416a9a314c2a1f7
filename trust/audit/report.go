package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/printable"
)

// Report is what an audit found, each list in order. Marshalled to JSON it is for programs. It is a
// plain value.
type Report struct {
	Admitted []Admission `json:"admitted"` // who can become what
	Nowhere  []Remark    `json:"nowhere"`  // service accounts whose annotation leads nowhere
	AsNode   []Remark    `json:"asNode"`   // pods without an identity of their own
	Findings []Remark    `json:"findings"` // roles whose policy Lint has something to say of
}

// Remark is a service account, a pod or a role, and what was found.
type Remark struct {
	Who      string `json:"who"`                // NAMESPACE/NAME, with " of CLUSTER" where there are several, or an ARN
	What     string `json:"what"`               // in a sentence
	Code     string `json:"code,omitempty"`     // of a role: Lint's
	Severity string `json:"severity,omitempty"` // of a role: Lint's
}

// section is a list of remarks. Its ID is a finding's code where a remark has none.
type section struct {
	ID, Title string
	Remarks   []Remark
}

func (r *Report) sections() []section {
	return []section{
		{"leads-nowhere", "Annotations that lead nowhere", r.Nowhere},
		{"runs-as-node", "Pods that run as their node", r.AsNode},
		{"policies", "Trust policies to look at", r.Findings},
	}
}

// Admission is a role that somebody can have.
type Admission struct {
	Who      string   `json:"who"`                // as in a Remark
	Role     string   `json:"role"`               // its ARN
	Through  []string `json:"through,omitempty"`  // the roles on the way to it
	Unproven bool     `json:"unproven,omitempty"` // there is a condition that the account alone does not tell
}

func (a Admission) what() string {
	what := a.Role
	if len(a.Through) > 0 {
		what += " through " + strings.Join(a.Through, ", then ")
	}
	if a.Unproven {
		what += " (if a condition is met that the account alone does not tell)"
	}
	return what
}

// Found says whether there is anything to look at. Who can become what is not a fault.
func (r *Report) Found() bool { return r != nil && len(r.Nowhere)+len(r.AsNode)+len(r.Findings) > 0 }

// String has a section for each list, and a line for each of its entries.
func (r *Report) String() string {
	if r == nil {
		return "no report"
	}
	var who []Remark
	for _, a := range r.Admitted {
		who = append(who, Remark{Who: a.Who, What: a.what()})
	}
	var b strings.Builder
	for _, section := range append([]section{{Title: "Who can become what", Remarks: who}}, r.sections()...) {
		fmt.Fprintf(&b, "%s\n", section.Title)
		if len(section.Remarks) == 0 {
			fmt.Fprintln(&b, "  none")
		}
		for _, l := range section.Remarks {
			fmt.Fprintf(&b, "  %s\n", printable.Text(l.Who+": "+l.What))
		}
		b.WriteByte('\n')
	}
	return strings.TrimRight(b.String(), "\n")
}

// Mermaid is the graph of who can become what (https://mermaid.js.org/syntax/flowchart.html).
func (r *Report) Mermaid() string {
	if r == nil {
		r = &Report{}
	}
	names, seen, lines := map[string]string{}, map[string]bool{}, []string{}
	add := func(line string) {
		if !seen[line] {
			seen[line] = true
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
	for _, a := range r.Admitted {
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
