package trust

import (
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// isPlain says that the statement is what New makes of the grant, up to order, names and
// subs: only such a statement can take up a further sub without changing what else it says.
func (s *statement) isPlain(g Grant, operator string) bool {
	if !s.hasPlainShape(g.Provider, operator) {
		return false
	}
	audiences, _ := s.audValue(g.Provider).Strings()
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
	for _, v := range []*jsontree.Value{s.audValue(p), s.subValue(p, operator)} {
		values, ok := v.Strings()
		if !ok || len(values) == 0 || slices.ContainsFunc(values, func(t string) bool { return strings.Contains(t, "${") }) {
			return false
		}
	}
	return true
}

func (s *statement) audValue(p Provider) *jsontree.Value {
	return s.valueOf(s.find("StringEquals", p.key+":aud"))
}

func (s *statement) subValue(p Provider, operator string) *jsontree.Value {
	return s.valueOf(s.find(operator, p.key+":sub"))
}

// find returns the condition of a key (in lower case) under an operator, nil when there is none.
func (s *statement) find(operator, lookup string) *condition {
	for i := range s.conditions {
		if c := &s.conditions[i]; c.operator == operator && c.lookup == lookup {
			return c
		}
	}
	return nil
}

func (s *statement) valueOf(c *condition) *jsontree.Value {
	if c == nil {
		return nil
	}
	return s.node.Get("Condition").Get(c.operator).Get(c.key)
}
