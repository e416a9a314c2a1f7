package trust

import (
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/glob"
	"github.com/irsa-go/irsa/internal/jsontree"
)

// Compact returns a smaller policy of the same meaning, or the receiver itself when there is none:
// values that are repeated or that a pattern covers are dropped, a list of one value becomes that
// value, and statements that differ in one place are merged into one, which keeps the Sid of the
// first. Statements that this package does not understand stay as they are, and so does a policy
// that IAM refuses. Within proves in both directions that the two mean the same; without that proof
// the receiver is returned.
func (p *Policy) Compact() *Policy {
	if p == nil || p.root == nil || p.root.Get("Statement") == nil || p.refused != nil {
		return p
	}
	var nodes []*jsontree.Value
	for _, c := range p.compacted() {
		nodes = append(nodes, c.node())
	}
	out := newPolicy(p.root.With("Statement", jsontree.Array(nodes...)))
	if len(nodes) == 1 {
		out = newPolicy(p.root.With("Statement", nodes[0]))
	}
	if out.Size() >= p.Size() || p.Within(out).Outcome != Holds || out.Within(p).Outcome != Holds {
		return p
	}
	return out
}

// compacted is a shape, or a statement that has none and is kept as it is.
type compacted struct {
	shape  shape
	opaque *jsontree.Value
}

func (c *compacted) node() *jsontree.Value {
	if c.opaque != nil {
		return c.opaque
	}
	return c.shape.node()
}

// compacted merges statements until none is left to merge. Each round takes one signature for
// each part of each statement, so its cost is that of the policy's size; each round but the
// last leaves fewer statements.
func (p *Policy) compacted() []*compacted {
	var list []*compacted
	for i := range p.list() {
		s := &p.statements[i]
		sh, ok := newShape(s)
		if !ok {
			list = append(list, &compacted{opaque: s.node})
			continue
		}
		sh.dropCovered()
		list = append(list, &compacted{shape: sh})
	}
	for {
		before := len(list)
		for blank := blankPrincipals; blank < maxMergedConditions; blank++ {
			list = mergeStatements(list, blank)
		}
		if len(list) == before {
			return list
		}
	}
}

// maxMergedConditions bounds the work on statements with very many conditions.
const maxMergedConditions = 16

// mergeStatements joins those that are the same but for one part.
func mergeStatements(list []*compacted, blank int) []*compacted {
	first := map[string]*compacted{}
	kept := list[:0:0]
	for _, c := range list {
		if c.opaque != nil || !c.shape.canBlank(blank) {
			kept = append(kept, c)
			continue
		}
		key := c.shape.signature(blank)
		if into := first[key]; into != nil {
			into.shape.merge(&c.shape, blank)
			continue
		}
		first[key] = c
		kept = append(kept, c)
	}
	return kept
}

func (s *shape) canBlank(blank int) bool {
	switch {
	case blank == blankPrincipals:
		return s.principals[0].kind != "*"
	case blank == blankActions:
		return !s.notAction
	}
	return blank < len(s.conditions) && s.conditions[blank].mergeable
}

// merge takes in a shape of the same signature.
func (s *shape) merge(other *shape, blank int) {
	switch blank {
	case blankPrincipals:
		for _, p := range other.principals {
			i := slices.IndexFunc(s.principals, func(q kindValues) bool { return q.kind == p.kind })
			if i < 0 {
				s.principals = append(s.principals, p)
				continue
			}
			s.principals[i].values = unique(slices.Concat(s.principals[i].values, p.values))
		}
		return
	case blankActions:
		s.actions = unique(slices.Concat(s.actions, other.actions))
		return
	}
	c, d := &s.conditions[blank], &other.conditions[blank]
	c.values = unique(slices.Concat(c.values, d.values))
	if c.operator != d.operator { // StringEquals and StringLike of a sub
		c.operator = "StringLike"
	}
	s.dropCovered()
}

// dropCovered removes from each StringLike what another of its patterns admits anyway.
func (s *shape) dropCovered() {
	for i := range s.conditions {
		c := &s.conditions[i]
		if c.operator != "StringLike" || slices.ContainsFunc(c.values, func(v string) bool { return strings.Contains(v, "${") }) {
			continue
		}
		covered := coveredBy(c.values)
		c.values = slices.DeleteFunc(slices.Clone(c.values), covered)
	}
}

// maxCovering bounds the work on lists that no policy within IAM's quota can have.
const maxCovering = 1024

// coveredBy returns a function that says whether one of the patterns admits all that a value
// admits. Of two patterns that admit the same the first is not covered. Patterns with '?' are not
// compared: without it, the stars of the wider pattern match whatever the wildcards of the narrower
// one stand for.
func coveredBy(patterns []string) func(value string) bool {
	if len(patterns) > maxCovering {
		return func(string) bool { return false }
	}
	type wide struct {
		text string
		glob glob.Glob
	}
	var wides []wide
	for _, p := range patterns {
		if strings.Contains(p, "*") && !strings.Contains(p, "?") && !strings.Contains(p, "${") {
			wides = append(wides, wide{p, glob.Compile(p)})
		}
	}
	return func(value string) bool {
		self := slices.IndexFunc(wides, func(w wide) bool { return w.text == value })
		for i, w := range wides {
			mutual := self >= 0 && wides[self].glob.Match(w.text)
			if i != self && w.glob.Match(value) && (!mutual || i < self) {
				return true
			}
		}
		return false
	}
}
