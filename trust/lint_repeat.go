package trust

import (
	"slices"
	"strings"
)

// covered finds literals that a pattern admits as well, in the same list or in a statement
// that differs in the sub alone: dropping them would change nothing.
func (l *linter) covered() {
	p := l.policy
	if !slices.ContainsFunc(p.list(), func(s statement) bool { return s.hasSubPattern() }) {
		return
	}
	groups := make([]string, p.Len())
	patterns := map[string][]string{}
	for i := range p.list() {
		group := "alone " + p.statements[i].pointer
		if sh, ok := newShape(&p.statements[i]); ok {
			if sig := sh.subSignature(); sig != "" {
				group = sig
			}
		}
		groups[i] = group
		for _, c := range p.statements[i].subConditions() {
			if c.op.family == familyStringLike {
				patterns[group] = append(patterns[group], c.texts...)
			}
		}
	}
	for i := range p.list() {
		s := &p.statements[i]
		l.at = i
		covered := coveredBy(patterns[groups[i]])
		for _, c := range s.subConditions() {
			for k, text := range c.texts {
				if !isSpecial(text) && covered(text) {
					l.add(CodeCoveredLiteral, valuePlace{s, c, k}.path(),
						quote(text)+" is admitted by a pattern anyway", "Drop the one that is not meant: the pattern, more likely")
				}
			}
		}
	}
}

func (s *statement) hasSubPattern() bool {
	return slices.ContainsFunc(s.subConditions(), func(c *condition) bool { return c.op.family == familyStringLike })
}

// subConditions are those of an Allow that name subs to let in.
func (s *statement) subConditions() []*condition {
	var found []*condition
	for i := range s.conditions {
		if c := &s.conditions[i]; s.effect == Allow && c.op.isMatching() && strings.HasSuffix(c.lookup, ":sub") {
			found = append(found, c)
		}
	}
	return found
}

// subSignature is the meaning without the sub's values, "" when the sub is not asked once.
func (s *shape) subSignature() string {
	for i, c := range s.conditions {
		if c.sub {
			return s.signature(i)
		}
	}
	return ""
}

// repeated finds statements that say what another has said.
func (l *linter) repeated() {
	if l.policy.Len() < 2 {
		return
	}
	first := map[string]string{}
	for i := range l.policy.list() {
		s := &l.policy.statements[i]
		l.at = i
		form := s.form()
		if at, ok := first[form]; ok {
			l.add(CodeRepeatedStatement, s.pointer, "it says the same as "+at, "Drop one of them")
			continue
		}
		first[form] = s.pointer
	}
}
