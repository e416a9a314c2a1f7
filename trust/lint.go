package trust

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// Severity is how much a finding matters.
type Severity string

// The severities, from bad to harmless.
const (
	// SeverityError: the policy trusts more than anybody can want, or a part of it never works.
	SeverityError Severity = "error"
	// SeverityWarning: the policy trusts more, or works less, than it seems to.
	SeverityWarning Severity = "warning"
	// SeverityInfo: nothing is wrong yet.
	SeverityInfo Severity = "info"
)

// Finding is something that IAM stores and that is dangerous or useless. The table of codes is
// in the package documentation.
type Finding struct {
	// Code names the kind of finding. It is stable.
	Code string
	// Severity is the same for all findings of a code, unless the table says otherwise.
	Severity Severity
	// Path is the JSON pointer of the value in the document.
	Path string
	// Message says what is wrong; whatever comes from the policy is quoted.
	Message string
	// Fix says what to do.
	Fix string
}

// String gives the finding on one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s: %s. %s.", f.Path, f.Severity, f.Code, f.Message, f.Fix)
}

// Lint returns what IAM stores but is dangerous or useless, in the order of the document; nil
// for a clean policy. What IAM refuses is Validate's, though some of it is found by both.
func (p *Policy) Lint() []Finding {
	l := linter{policy: p, seen: map[Finding]bool{}}
	for i := range p.list() {
		s := &p.statements[i]
		l.at = i
		l.statement(s)
		l.principals(s)
		l.conditions(s)
		if s.effect == Allow {
			l.webIdentity(s)
		}
	}
	l.covered()
	l.repeated()
	l.accounts()
	l.at = p.Len()
	l.size()
	slices.SortStableFunc(l.found, func(a, b placedFinding) int { return cmp.Compare(a.at, b.at) })
	var findings []Finding
	for _, f := range l.found {
		findings = append(findings, f.Finding)
	}
	return findings
}

type linter struct {
	policy *Policy
	at     int // the statement that is looked at
	found  []placedFinding
	seen   map[Finding]bool
}

type placedFinding struct {
	Finding
	at int
}

func (l *linter) add(f Finding) {
	if !l.seen[f] {
		l.seen[f] = true
		l.found = append(l.found, placedFinding{f, l.at})
	}
}

// valuePath is the pointer of one value of a condition.
func (s *statement) valuePath(c *condition, i int) string {
	if v := s.valueOf(c); v != nil && v.Kind() == '[' {
		return c.pointer + "/" + strconv.Itoa(i)
	}
	return c.pointer
}

// statement looks at what makes the whole statement useless.
func (l *linter) statement(s *statement) {
	if s.flaw != "" {
		l.add(Finding{"broken-statement", SeverityError, s.pointer, s.flaw + ", so it never allows", "See what Validate says"})
		if n := s.node.Get("NotPrincipal"); n != nil {
			l.add(Finding{"not-principal", SeverityError, s.pointer + "/NotPrincipal",
				"NotPrincipal names everybody else", "Name who is meant under Principal"})
		}
		return
	}
	if len(s.principals.federated) > 0 && s.effect == Allow && s.actions.match(actionWebIdentity) == no && hasOIDC(s) &&
		s.actions.match(actionTagSession) == no && s.actions.match(actionSetSourceIdentity) == no {
		l.add(Finding{"action-mismatch", SeverityError, s.pointer + "/Action",
			"an OIDC provider's tokens are for sts:AssumeRoleWithWebIdentity only", "Use that action"})
	}
}

func (l *linter) principals(s *statement) {
	if s.principals.everyone {
		l.add(Finding{"principal-star", SeverityError, s.pointer + "/Principal",
			`Principal "*" is everybody, and no trust policy should have it`, "Name who is meant"})
	}
	for _, m := range s.node.Get("Principal").Members() {
		values, _ := m.Value.Strings()
		for i, v := range values {
			path := s.pointer + "/Principal/" + jsontree.EscapePointer(m.Name)
			if m.Value.Kind() == '[' {
				path += "/" + strconv.Itoa(i)
			}
			l.principal(s, m.Name, v, path)
		}
	}
}

func (l *linter) principal(s *statement, kind, value, path string) {
	l.placeholder(value, path)
	switch kind {
	case "AWS":
		if value == "*" && s.effect == Allow {
			l.add(Finding{"principal-star", SeverityError, path,
				`AWS "*" is every AWS account; it does not admit a web identity either`, "Name the accounts or roles that are meant"})
		}
		if isUniqueID(value) {
			l.add(Finding{"deleted-principal", SeverityError, path,
				quote(value) + " is the id of a user or role that was deleted: IAM will not store it again", "Remove it, or name the principal that took its place"})
		}
	case "Federated":
		if region, ok := swappedHost(issuerOf(value)); ok {
			l.add(Finding{"swapped-host", SeverityError, path,
				"the host of an EKS issuer is oidc.eks.REGION, not oidc.REGION.eks", "Use " + quote("oidc.eks."+region+".amazonaws.com")})
		}
	}
}

// size warns before IAM refuses the next subject.
func (l *linter) size() {
	switch size := l.policy.Size(); {
	case size > DefaultSizeQuota:
		l.add(Finding{"near-quota", SeverityWarning, "",
			fmt.Sprintf("the policy has %d characters, more than the default quota of %d", size, DefaultSizeQuota), "Try Compact, or split the role"})
	case size > DefaultSizeQuota*9/10:
		l.add(Finding{"near-quota", SeverityInfo, "",
			fmt.Sprintf("the policy has %d of the default quota of %d characters", size, DefaultSizeQuota), "Try Compact, or split the role"})
	}
}
