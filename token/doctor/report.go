package doctor

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/irsa-go/irsa/internal/printable"
	"github.com/irsa-go/irsa/token"
)

// Name is a link of the chain. Its text is stable.
type Name string

// The links, in order.
const (
	// Mutation is the pod as the webhook left it; only where Config.Mutation can look at it.
	Mutation Name = "mutation"
	// Environment is the variables that name role and token file.
	Environment Name = "environment"
	// TokenFile is the file that the kubelet projects.
	TokenFile Name = "token-file"
	// Token is what the token says of itself.
	Token Name = "token"
	// Issuer is the token's issuer: its document, its keys, and that one of them signed the token.
	Issuer Name = "issuer"
	// IAMProvider is the IAM OIDC provider of that issuer in the role's account.
	IAMProvider Name = "iam-provider"
	// IAMRole is the role.
	IAMRole Name = "iam-role"
	// TrustPolicy is the role's trust policy, judged with the token.
	TrustPolicy Name = "trust-policy"
	// STS is the call for credentials itself.
	STS Name = "sts"
)

// Status is what became of a step. Its text is stable.
type Status string

const (
	// OK means that the link holds.
	OK Status = "ok"
	// Broken means that the chain ends here.
	Broken Status = "broken"
	// Skipped means that nothing can be said: the link cannot be read, or one before it is
	// broken.
	Skipped Status = "skipped"
)

// Step is what was found out about one link. It is a plain value.
type Step struct {
	// Name is the link.
	Name Name `json:"name"`
	// Status is what became of it.
	Status Status `json:"status"`
	// Code says what was found: stable, kebab-case; "ok" of a link that holds. Where
	// token.Explain knows the error, it is that explanation's.
	Code string `json:"code"`
	// Message says it to a person.
	Message string `json:"message"`
	// Next is what to look at now, the likeliest first.
	Next []string `json:"next,omitempty"`
	// Notes are further remarks: what is surprising without being broken.
	Notes []string `json:"notes,omitempty"`
	// Err is the error behind a broken or skipped step; nil when there is none.
	Err error `json:"-"`
}

// MarshalJSON writes the fields and, as "error", the text of Err.
func (s Step) MarshalJSON() ([]byte, error) {
	type fields Step
	out := struct {
		fields
		Error string `json:"error,omitempty"`
	}{fields: fields(s)}
	if s.Err != nil {
		out.Error = s.Err.Error()
	}
	return json.Marshal(out)
}

// Report is the chain. It is a plain value; it holds no token and no credentials.
type Report struct {
	// Steps has every link, in order.
	Steps []Step `json:"steps"`
	// RoleARN is the role that the environment names; "" when it names none.
	RoleARN string `json:"roleARN"`
	// Token is what the token says of itself; zero when it could not be read.
	Token token.Unverified `json:"-"`
}

// FirstBroken returns the first broken link, and whether there is one.
func (r Report) FirstBroken() (Step, bool) {
	for _, s := range r.Steps {
		if s.Status == Broken {
			return s, true
		}
	}
	return Step{}, false
}

// Step returns the step of that name, and whether the report has it.
func (r Report) Step(name Name) (Step, bool) {
	for _, s := range r.Steps {
		if s.Name == name {
			return s, true
		}
	}
	return Step{}, false
}

// String writes the report for a terminal.
func (r Report) String() string {
	var b strings.Builder
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "%-7s  %-12s  %s", s.Status, s.Name, printable.Text(s.Message))
		if s.Status != OK {
			fmt.Fprintf(&b, " (%s)", s.Code)
		}
		b.WriteByte('\n')
		for _, note := range s.Notes {
			indented(&b, "note: "+note)
		}
		if s.Err != nil {
			indented(&b, "error: "+s.Err.Error())
		}
		for _, next := range s.Next {
			indented(&b, "check: "+next)
		}
	}
	switch s, found := r.FirstBroken(); {
	case found:
		fmt.Fprintf(&b, "The first broken link is %s: %s.", s.Name, s.Code)
	case len(r.Steps) > 0:
		b.WriteString("No broken link found.")
	}
	return b.String()
}

// indented writes text of one or more lines below a step's.
func indented(b *strings.Builder, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString("         " + printable.Text(line) + "\n")
	}
}
