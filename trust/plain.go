package trust

import (
	"slices"
	"strings"
)

// isPlain says that the statement is what New makes of the grant, up to order, names and
// subs: only such a statement can take up a further sub without changing what else it says.
func (s *statement) isPlain(g Grant, operator string) bool {
	if !s.hasPlainShape(g.Provider, operator) {
		return false
	}
	audiences, _ := s.audValue(g.Provider).strings()
	return slices.Equal(sorted(unique(audiences)), sorted(g.audiences()))
}

func sorted(values []string) []string {
	values = slices.Clone(values)
	slices.Sort(values)
	return values
}

// hasPlainShape leaves the audiences open.
func (s *statement) hasPlainShape(p Provider, operator string) bool {
	if s.flaw != "" || s.effect != Allow || len(s.conditions) != 2 ||
		s.principals.entries != 1 || !slices.Equal(s.principals.federated, []string{p.arn}) ||
		s.actions.negated || !slices.Equal(s.actions.texts, []string{"sts:AssumeRoleWithWebIdentity"}) {
		return false
	}
	for _, v := range []*node{s.audValue(p), s.subValue(p, operator)} {
		values, ok := v.strings()
		if !ok || len(values) == 0 || slices.ContainsFunc(values, func(t string) bool { return strings.Contains(t, "${") }) {
			return false
		}
	}
	return true
}

func (s *statement) audValue(p Provider) *node { return s.conditionValue("StringEquals", p.key+":aud") }

func (s *statement) subValue(p Provider, operator string) *node {
	return s.conditionValue(operator, p.key+":sub")
}

// conditionValue finds the value of a key (in lower case) under an operator.
func (s *statement) conditionValue(operator, lookup string) *node {
	for _, c := range s.conditions {
		if c.operator == operator && c.lookup == lookup {
			return s.node.get("Condition").get(operator).get(c.key)
		}
	}
	return nil
}

// withSubs returns the statement's node with other subs, in the shape it had.
func (s *statement) withSubs(p Provider, operator string, subs []string) *node {
	for _, c := range s.conditions {
		if c.operator == operator && c.lookup == p.key+":sub" {
			block := s.node.get("Condition")
			keys := block.get(operator)
			keys = keys.with(c.key, keys.get(c.key).withStrings(subs))
			return s.node.with("Condition", block.with(operator, keys))
		}
	}
	return s.node
}
