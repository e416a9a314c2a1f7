package trust

import (
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// WithoutGrant returns a policy that no longer admits the grant's subjects and patterns for its
// audiences, changed as little as possible: other statements, and other subjects of the same
// statement, stay. A statement whose last subject goes is dropped as a whole, never left
// without its sub. A statement that does not ask for an audience loses the subject too. It
// returns the receiver itself when nothing of the grant is there. When the last statement
// goes, Len is 0: IAM does not store such a policy.
//
// *EditError: the grant names nobody, or somebody named stays admitted by a pattern, by a
// statement that does not ask for sub, or by one that this package cannot rule out.
func (p *Policy) WithoutGrant(g Grant) (*Policy, error) {
	if err := g.checkEdit("WithoutGrant"); err != nil {
		return nil, joinProblems("trust: WithoutGrant", err)
	}
	out, changed := p, false
	var nodes []*jsontree.Value
	for i := range p.list() {
		kept, touched := p.statements[i].withoutGrant(g)
		nodes = append(nodes, kept...)
		changed = changed || touched
	}
	if changed {
		out = p.withStatements(nodes)
	}
	var errs []error
	for _, sub := range slices.Concat(g.subjects(), g.patterns()) {
		for _, aud := range g.audiences() {
			if s := out.admitting(g.Provider, sample(sub), aud); s != nil {
				errs = append(errs, &EditError{Edit: "WithoutGrant", Subject: sub, Path: s.pointer, Reason: "would stay admitted by " + s.reason(g.Provider)})
				break
			}
		}
	}
	if err := joinProblems("trust: WithoutGrant", errs...); err != nil {
		return nil, err
	}
	return out, nil
}

// withStatements keeps the shape of a single statement that is not in a list.
func (p *Policy) withStatements(nodes []*jsontree.Value) *Policy {
	root := p.tree()
	if list := root.Get("Statement"); list != nil && list.Kind() == '{' && len(nodes) == 1 {
		return newPolicy(root.With("Statement", nodes[0]))
	}
	return newPolicy(root.With("Statement", jsontree.Array(nodes...)))
}

// admitting finds an Allow that lets the sub in, or might: only the sub and the audience are
// known of the token, so a condition on anything else rules nothing out.
func (p *Policy) admitting(provider Provider, sub, aud string) *statement {
	q := WebIdentity(provider, Claims{"sub": sub, "aud": aud})
	q.r.partial = true
	j := judge{q.r, unproven}
	for i := range p.list() {
		if s := &p.statements[i]; s.effect != Allow && j.statement(s, actionWebIdentity, nil) == yes {
			return nil
		}
	}
	for i := range p.list() {
		if s := &p.statements[i]; s.effect == Allow && j.statement(s, actionWebIdentity, nil) != no {
			return s
		}
	}
	return nil
}

// reason says how the statement admits, for a message.
func (s *statement) reason(p Provider) string {
	asked := false
	for _, c := range s.conditions {
		if c.lookup != p.key+":sub" {
			continue
		}
		asked = true
		if c.op.family == familyStringLike && slices.ContainsFunc(c.texts, func(t string) bool { return strings.ContainsAny(t, "*?") }) {
			return "a pattern"
		}
	}
	if !asked {
		return "a statement that does not ask for sub"
	}
	return "another statement"
}

// withoutGrant returns what is left of the statement: nothing, itself, or a part for the
// audiences that the grant does not name.
func (s *statement) withoutGrant(g Grant) (kept []*jsontree.Value, touched bool) {
	unchanged := []*jsontree.Value{s.node}
	if s.effect != Allow || s.flaw != "" || !slices.Contains(s.principals.federated, g.Provider.arn) {
		return unchanged, false
	}
	others, ok := s.otherAudiences(g)
	if !ok {
		return unchanged, false
	}
	rest, removed := s.node, []string(nil)
	empty, edits := false, 0
	for i := range s.conditions {
		c := &s.conditions[i]
		if c.lookup != g.Provider.key+":sub" || !c.op.isMatching() || c.op.ifExists && s.principals.entries > 1 {
			continue
		}
		left := slices.DeleteFunc(slices.Clone(c.texts), g.names)
		if len(left) == len(c.texts) {
			continue
		}
		edits++
		empty = empty || len(left) == 0
		removed = slices.DeleteFunc(slices.Clone(c.texts), func(t string) bool { return !g.names(t) })
		rest = withValues(rest, c, left)
	}
	switch {
	case edits == 0:
		return unchanged, false
	case len(others) == 0 && empty:
		return nil, true
	case len(others) == 0:
		return []*jsontree.Value{rest}, true
	case edits > 1: // the two lists are ANDed: no split says the same
		return unchanged, false
	}
	split := s.withAudiences(g, others, removed)
	if empty {
		return []*jsontree.Value{split}, true
	}
	return []*jsontree.Value{rest, split.Without("Sid")}, true
}

// names says whether a value is one of the grant's subjects or patterns.
func (g Grant) names(text string) bool {
	return slices.ContainsFunc(g.Subjects, func(s Subject) bool { return s.text == text }) ||
		slices.ContainsFunc(g.Patterns, func(p Pattern) bool { return p.text == text })
}

// otherAudiences returns the statement's audiences that the grant does not name. It is not ok
// when the statement is for none of the grant's, or when its audiences cannot be told apart.
func (s *statement) otherAudiences(g Grant) (others []string, ok bool) {
	named := g.audiences()
	for i := range s.conditions {
		c := &s.conditions[i]
		if c.lookup != g.Provider.key+":aud" || !c.op.isMatching() {
			continue
		}
		others = slices.DeleteFunc(slices.Clone(c.texts), func(t string) bool { return slices.Contains(named, t) })
		inexact := c.op.family != familyString || slices.ContainsFunc(others, func(t string) bool { return strings.Contains(t, "${") })
		return others, len(others) < len(c.texts) && (len(others) == 0 || !inexact)
	}
	return nil, true
}

// withAudiences is the part of the statement for other audiences and some subs.
func (s *statement) withAudiences(g Grant, audiences, subs []string) *jsontree.Value {
	n := s.node
	for i := range s.conditions {
		switch c := &s.conditions[i]; {
		case c.lookup == g.Provider.key+":aud" && c.op.isMatching():
			n = withValues(n, c, audiences)
		case c.lookup == g.Provider.key+":sub" && c.op.isMatching() && slices.ContainsFunc(c.texts, g.names):
			n = withValues(n, c, subs)
		}
	}
	return n
}

// withValues replaces the values of one condition, in the shape they had.
func withValues(statement *jsontree.Value, c *condition, values []string) *jsontree.Value {
	block := statement.Get("Condition")
	keys := block.Get(c.operator)
	keys = keys.With(c.key, keys.Get(c.key).WithStrings(values))
	return statement.With("Condition", block.With(c.operator, keys))
}
