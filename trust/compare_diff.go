package trust

import (
	"fmt"
	"slices"
	"strings"
)

// ChangeKind is what a Change is about. The values are stable.
type ChangeKind string

// The kinds of change.
const (
	// SubjectAdmitted: a subject or pattern is admitted that was not.
	SubjectAdmitted ChangeKind = "subject-admitted"
	// SubjectDropped: a subject or pattern is no longer admitted.
	SubjectDropped ChangeKind = "subject-dropped"
	// StatementAdded and StatementRemoved: a statement that does more than admit named subjects.
	StatementAdded   ChangeKind = "statement-added"
	StatementRemoved ChangeKind = "statement-removed"
	// VersionChanged: policy variables begin to have a meaning, or lose it.
	VersionChanged ChangeKind = "version-changed"
	// StorageChanged: IAM stores one of the policies and refuses the other.
	StorageChanged ChangeKind = "storage-changed"
)

// Change is one thing that an update of a policy would change.
type Change struct {
	// Kind is what the change is about.
	Kind ChangeKind
	// Provider is the ARN of the issuer's provider, "" when no subject is concerned.
	Provider string
	// Subject is the subject or pattern as the policies have it, "" when none is concerned.
	Subject string
	// Audience is the audience for which the subject is admitted or dropped, "" when no subject is
	// concerned.
	Audience string
	// Path is the JSON pointer of the statement: in the new policy, or in the old one for what is
	// removed.
	Path string
	// Message describes the change; whatever comes from the policies is quoted.
	Message string
}

// String is Message.
func (c Change) String() string { return c.Message }

// Diff says what an update to another policy would change: each subject and pattern that it would
// admit or drop, among those that one of the policies names, and each other statement that it would
// add or remove. Policies that are Equal have no difference, and others have at least one.
func (p *Policy) Diff(to *Policy) []Change {
	if p.Equal(to) {
		return nil
	}
	changes, complete := diffSubjects(p, to)
	changes = append(changes, diffStatements(p, to, !complete)...)
	if len(changes) == 0 {
		changes = diffStatements(p, to, true)
	}
	switch {
	case len(changes) > 0:
	case p.isRefused() != to.isRefused():
		changes = []Change{{Kind: StorageChanged, Message: "IAM stores one of the policies and refuses the other: see Validate"}}
	default:
		changes = []Change{{Kind: VersionChanged, Path: "/Version", Message: "the version changes, and policy variables with it"}}
	}
	return changes
}

// admissionName is what a statement names: somebody, of an issuer, for an audience.
type admissionName struct {
	provider Provider
	sub, aud string
}

// maxNames bounds the work on policies that name more than any within IAM's quota can.
const maxNames = 2048

// names collects what the policy's Allow statements name, in order; it is not complete when
// that is too much.
func (p *Policy) names() (names []admissionName, complete bool) {
	for i := range p.list() {
		s := &p.statements[i]
		if s.effect != Allow {
			continue
		}
		for _, arn := range s.principals.federated {
			provider, err := ParseProviderARN(arn)
			if err != nil {
				continue
			}
			audiences := s.valuesOf(provider.key + ":aud")
			if len(audiences) == 0 {
				audiences = []string{DefaultAudience}
			}
			for _, sub := range s.valuesOf(provider.key + ":sub") {
				for _, aud := range audiences {
					if len(names) == maxNames {
						return names, false
					}
					names = append(names, admissionName{provider, sub, aud})
				}
			}
		}
	}
	return names, true
}

// valuesOf lists what the matching operators have for a key.
func (s *statement) valuesOf(lookup string) []string {
	var values []string
	for i := range s.conditions {
		if c := &s.conditions[i]; c.lookup == lookup && c.op.isMatching() {
			values = append(values, c.texts...)
		}
	}
	return values
}

func diffSubjects(from, to *Policy) (changes []Change, complete bool) {
	seen := map[admissionName]bool{}
	before, all := from.names()
	after, complete := to.names()
	for _, n := range slices.Concat(before, after) {
		if seen[n] {
			continue
		}
		seen[n] = true
		q := WebIdentity(n.provider, Claims{"sub": sample(n.sub), "aud": n.aud})
		was, is := from.Allows(q), to.Allows(q)
		if was == is {
			continue
		}
		c := Change{Kind: SubjectAdmitted, Provider: n.provider.arn, Subject: n.sub, Audience: n.aud}
		in, verb := to, "is admitted now"
		if was {
			c.Kind, in, verb = SubjectDropped, from, "is no longer admitted"
		}
		if s := in.admitting(tokenOf(n.provider, sample(n.sub), n.aud), actionWebIdentity); s != nil {
			c.Path = s.pointer
		}
		c.Message = fmt.Sprintf("%q of %q %s, for audience %q", n.sub, n.provider.hostPath, verb, n.aud)
		changes = append(changes, c)
	}
	return changes, all && complete
}

// diffStatements compares statements as a whole: those that do more than admit subjects, or all.
func diffStatements(from, to *Policy, all bool) []Change {
	var changes []Change
	report := func(kind ChangeKind, verb string, in *Policy, others map[string]bool) {
		for i := range in.list() {
			s := &in.statements[i]
			if others[s.form()] || !all && s.admitsOnly() {
				continue
			}
			changes = append(changes, Change{Kind: kind, Path: s.pointer, Message: "a statement is " + verb + ": " + s.describe()})
		}
	}
	report(StatementRemoved, "removed", from, to.forms())
	report(StatementAdded, "added", to, from.forms())
	return changes
}

func (p *Policy) forms() map[string]bool {
	forms := map[string]bool{}
	for i := range p.list() {
		forms[p.statements[i].form()] = true
	}
	return forms
}

// form is the statement's meaning as text.
func (s *statement) form() string {
	if sh, ok := newShape(s); ok {
		sh.dropCovered()
		return sh.signature(blankNothing)
	}
	return "as written " + s.node.JSON()
}

// admitsOnly says that diffSubjects tells all about the statement.
func (s *statement) admitsOnly() bool {
	if len(s.principals.federated) != 1 {
		return false
	}
	provider, err := ParseProviderARN(s.principals.federated[0])
	return err == nil && (s.hasPlainShape(provider, "StringEquals") || s.hasPlainShape(provider, "StringLike"))
}

// describe names effect, action, principal and conditions.
func (s *statement) describe() string {
	text := fmt.Sprintf("%s %s for %s", s.effect, &s.actions, &s.principals)
	for _, c := range s.conditions {
		text += fmt.Sprintf(" if %s %s is %s", quote(c.operator), quote(c.key), strings.Join(quoteAll(c.texts), " or "))
	}
	return text
}
