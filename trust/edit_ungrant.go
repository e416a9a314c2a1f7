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
// *EditError: the grant names nobody; or somebody whom its subjects or patterns name would stay
// admitted: by a pattern, by a narrower entry, by a statement that does not ask for sub, or by one
// from which nothing can be taken without taking or opening more. Its Path is that of the
// receiver's statement.
func (p *Policy) WithoutGrant(g Grant) (*Policy, error) {
	if err := g.checkEdit("WithoutGrant"); err != nil {
		return nil, joinProblems("trust: WithoutGrant", err)
	}
	rev := p.revise(func(s *statement) []*jsontree.Value { return p.withoutGrant(s, g) })
	var errs []error
	for _, entry := range slices.Concat(g.subjects(), g.patterns()) {
		if e := rev.staying(g, entry); e != nil {
			errs = append(errs, e)
		}
	}
	if err := p.settled("WithoutGrant", rev.policy, errs); err != nil {
		return nil, err
	}
	return rev.policy, nil
}

// withStatements keeps the shape of a single statement that is not in a list.
func (p *Policy) withStatements(nodes []*jsontree.Value) *Policy {
	root := p.tree()
	if list := root.Get("Statement"); list.Kind() == '{' && len(nodes) == 1 {
		return newPolicy(root.With("Statement", nodes[0]))
	}
	return newPolicy(root.With("Statement", jsontree.Array(nodes...)))
}

// staying finds a statement that still admits somebody of the grant's entry.
func (rev revision) staying(g Grant, entry string) *EditError {
	e := &EditError{Edit: "WithoutGrant", Subject: entry}
	var concerned []*statement
	for i := range rev.policy.list() {
		if s := &rev.policy.statements[i]; s.principals.match(sketch(g.Provider.arn)) != no {
			concerned = append(concerned, s)
		}
	}
	grid, ok := newGrid(concerned, g)
	if !ok {
		e.Reason = tooIntricate
		return e
	}
	for _, r := range grid.tokens(g.Provider.arn) {
		if !g.covers(r, false) || g.entry(r.claim("sub")) != entry {
			continue
		}
		if s := rev.policy.admitting(r, actionWebIdentity); s != nil {
			e.Path, e.Reason = rev.origin(s), "would stay admitted by "+s.reason(g.Provider)
			return e
		}
	}
	return nil
}

const tooIntricate = "cannot be checked: the policy is too large or too intricate"

// admitting finds an Allow that lets the request in, or might: a condition on what is not known
// of it rules nothing out.
func (p *Policy) admitting(r *request, action string) *statement {
	j := judge{r, unproven}
	var found *statement
	for i := range p.list() {
		s := &p.statements[i]
		v := j.statement(s, action, nil)
		switch {
		case s.effect != Allow && v == yes:
			return nil
		case s.effect == Allow && v != no && !s.neverMatches() && found == nil:
			found = s
		}
	}
	return found
}

// neverMatches finds a condition with an empty list of values: nothing meets it, whatever IAM makes
// of such a document.
func (s *statement) neverMatches() bool {
	return slices.ContainsFunc(s.conditions, func(c condition) bool {
		return c.op.family != familyUnknown && len(c.texts) == 0 && !c.op.negated && !c.op.ifExists && c.op.set != setForAllValues
	})
}

// reason says how the statement admits, for a message.
func (s *statement) reason(p Provider) string {
	asked := false
	for _, c := range s.conditions {
		if c.lookup != p.key+":sub" {
			continue
		}
		asked = true
		if c.absent() != no {
			return "another statement, which also admits tokens without a sub"
		}
		if c.op.family == familyStringLike && slices.ContainsFunc(c.texts, func(t string) bool { return strings.ContainsAny(t, "*?") }) {
			return "a pattern"
		}
	}
	if !asked {
		return "a statement that does not ask for sub"
	}
	return "another statement"
}

// withoutGrant returns what is left of the statement: nothing, a part, or two parts when other
// audiences keep the subs. The statement is left alone when no part says the same to everybody
// else.
func (p *Policy) withoutGrant(s *statement, g Grant) []*jsontree.Value {
	subKey, audKey := g.Provider.key+":sub", g.Provider.key+":aud"
	asked := func(aud string) bool { return slices.Contains(g.audiences(), aud) }
	if s.effect != Allow || s.flaw != "" || !slices.Contains(s.principals.federated, g.Provider.arn) ||
		!s.lists(subKey, g.names) || s.asks(audKey) && !s.lists(audKey, asked) {
		return []*jsontree.Value{s.node}
	}
	rest := s.filtered(s.node, subKey, g.names, false)
	others := s.filtered(s.filtered(s.node, subKey, g.names, true), audKey, asked, false)
	if rest != nil && others != nil {
		others = others.Without("Sid")
	}
	for _, parts := range [][]*jsontree.Value{{rest}, {rest, others}} {
		parts = slices.DeleteFunc(parts, func(n *jsontree.Value) bool { return n == nil })
		if p.keeps(s, parts, g.requests, func(r *request) bool { return g.covers(r, !s.asks(audKey)) }) {
			return parts
		}
	}
	return []*jsontree.Value{s.node}
}

// names says whether a value is one of the grant's subjects or patterns.
func (g Grant) names(text string) bool {
	return slices.ContainsFunc(g.Subjects, func(s Subject) bool { return s.text == text }) ||
		slices.ContainsFunc(g.Patterns, func(p Pattern) bool { return p.text == text })
}

// asks says whether a condition is on the key.
func (s *statement) asks(lookup string) bool {
	return slices.ContainsFunc(s.conditions, func(c condition) bool { return c.lookup == lookup })
}

// lists says whether a condition lets in one of these values of the key.
func (s *statement) lists(lookup string, these func(string) bool) bool {
	return slices.ContainsFunc(s.conditions, func(c condition) bool {
		return c.lookup == lookup && c.op.isMatching() && slices.ContainsFunc(c.texts, these)
	})
}

// filtered takes these values from every condition that lists one, or all others; nil when one
// has none left.
func (s *statement) filtered(n *jsontree.Value, lookup string, these func(string) bool, keep bool) *jsontree.Value {
	for i := range s.conditions {
		c := &s.conditions[i]
		if c.lookup != lookup || !c.op.isMatching() && (c.op.family != familyArn || c.op.negated) || !slices.ContainsFunc(c.texts, these) {
			continue
		}
		left := slices.DeleteFunc(slices.Clone(c.texts), func(t string) bool { return these(t) != keep })
		if len(left) == 0 {
			return nil
		}
		n = withValues(n, c, left)
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
