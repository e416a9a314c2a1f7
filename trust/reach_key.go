package trust

import (
	"cmp"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/language"
)

// described is what a key may be, in words. texts are the exact ones that it must have, or that
// other parts have.
type described struct {
	ReachKey
	texts   []string
	in      bool
	example *atom // nil: any choice is one
}

// describe says what the choices of a variable have in common: in words where the key has one
// value that is compared as the policies write it, by examples otherwise.
func (q *question) describe(i int, of []*choice, budget *language.Budget) []described {
	v := &q.variables[i]
	k := ReachKey{Key: v.name}
	d := describer{question: q, variable: v, domain: q.scene.domain(v.name)}
	k.Absent = !d.domain.must && d.isIn(of, nil, absent)
	if isMultivalued(v.name) || !d.prepare(of, budget) || !d.cover() {
		for _, c := range of {
			if c.atom.presence == present && len(k.Is) < maxExamples {
				k.Is = append(k.Is, strings.Join(quoteAll(c.atom.values), " and "))
			}
		}
		k.Examples = len(k.Is) > 0
		return []described{{ReachKey: k}}
	}
	var list []described
	var exact []string
	for _, c := range d.is {
		if strings.HasSuffix(v.name, ":sub") && c.literal && len(d.not) == 0 {
			exact = append(exact, c.matcher.plain())
			list = append(list, described{ReachKey{Key: v.name, Is: []string{c.text}}, []string{c.matcher.plain()}, true, &atom{values: []string{c.matcher.plain()}, presence: present}})
			continue
		}
		k.Is = append(k.Is, c.text)
	}
	for _, c := range d.not {
		k.Not = append(k.Not, c.text)
	}
	if len(k.Is) > 0 || k.Absent {
		list = append(list, described{k, exact, false, d.example(exact)})
	}
	return list
}

// example is one of the values that are described and none of the texts.
func (d *describer) example(texts []string) *atom {
	if texts == nil {
		return nil
	}
	for i, w := range d.words {
		if d.in[i] && !slices.Contains(texts, w) {
			return &atom{values: []string{w}, presence: present}
		}
	}
	return &atom{presence: absent}
}

const maxExamples = 3

// maxCandidates is more than fit into the largest quota that IAM grants.
const maxCandidates = 512

// describer finds values of the policies that say together what a key may be.
type describer struct {
	question   *question
	variable   *variable
	domain     domain
	words      []string
	in         []bool // by word: it is one of those to describe
	candidates []candidate
	is, not    []candidate
}

// candidate is one value of a condition, with the words that it matches.
type candidate struct {
	text    string
	matcher *matcher
	literal bool
	has     []bool
}

// prepare finds texts that stand for all, told apart by each single value too.
func (d *describer) prepare(of []*choice, budget *language.Budget) (ok bool) {
	unions, families := d.variable.unions()
	for i := range d.variable.columns {
		c := d.variable.columns[i].condition
		if c.hasVariable() || c.flaw != "" || d.variable.columns[i].opaque {
			return false
		}
		for j := range c.values {
			if m := &c.values[j]; c.op.family != familyNull && !m.flaw {
				d.candidates = append(d.candidates, newCandidate(c, m))
				if len(families) == 0 {
					unions = append(unions, language.Union{m.language()})
				}
			}
		}
	}
	if len(d.candidates) > maxCandidates {
		return false
	}
	words, complete := d.variable.words(d.domain, budget)
	if len(families) == 0 {
		unions = append(unions, language.Union{language.Literal("")})
		words, complete = language.Classes(append(unions, d.domain.further()...), d.domain.within, budget)
	}
	d.words = slices.DeleteFunc(words, func(w string) bool {
		return !d.domain.has(w) || isMalformed(d.variable.name, w)
	})
	slices.SortFunc(d.candidates, func(a, b candidate) int { return cmp.Compare(a.text, b.text) })
	d.candidates = slices.CompactFunc(d.candidates, func(a, b candidate) bool { return a.text == b.text })
	for _, w := range d.words {
		d.in = append(d.in, d.isIn(of, []string{w}, present))
		for i := range d.candidates {
			c := &d.candidates[i]
			c.has = append(c.has, c.matcher.match(&request{}, w) == yes)
		}
	}
	return complete
}

// isIn says whether one of the choices is about the values.
func (d *describer) isIn(of []*choice, values []string, p presence) bool {
	pass := d.question.certain(d.variable, d.variable.judge(values, p)).key(0)
	return slices.ContainsFunc(of, func(c *choice) bool { return c.certain.key(0) == pass })
}

func newCandidate(c *condition, m *matcher) candidate {
	out := candidate{matcher: m, text: m.text}
	switch {
	case c.op.family == familyString, c.op.family == familyStringLike && !strings.ContainsAny(m.text, "*?"):
		out.literal = true
		out.text = strings.NewReplacer("*", "${*}", "?", "${?}").Replace(m.plain())
	case c.op.family == familyStringIgnoreCase:
		out.text = m.plain() + " (in any case)"
	case c.op.family != familyStringLike && c.op.family != familyArn:
		out.text = strings.Replace(strings.TrimSuffix(c.operator, "IfExists"), "Not", "", 1) + " " + m.text
	}
	return out
}

// cover chooses the widest candidates that match only what is in, and if these are not all, wider
// ones with exceptions.
func (d *describer) cover() bool {
	var inside, outside []candidate
	for _, c := range d.candidates {
		some, all := false, true
		for i, has := range c.has {
			some, all = some || has && d.in[i], all && (!has || d.in[i])
		}
		switch {
		case all && some:
			inside = append(inside, c)
		case !some:
			outside = append(outside, c)
		}
	}
	d.is = widest(inside)
	if d.missing(d.is, d.in) {
		any := candidate{text: "*", has: make([]bool, len(d.words))}
		for i := range any.has {
			any.has[i] = true
		}
		d.is = []candidate{d.narrowest(any)}
	}
	excess := make([]bool, len(d.words))
	for i := range excess {
		excess[i] = !d.in[i] && slices.ContainsFunc(d.is, func(c candidate) bool { return c.has[i] })
	}
	for _, c := range widest(outside) {
		for i := range excess {
			if excess[i] && c.has[i] {
				d.not = append(d.not, c)
				break
			}
		}
	}
	return !d.missing(d.not, excess)
}

// narrowest is the candidate of the fewest words that has all that is in.
func (d *describer) narrowest(best candidate) candidate {
	size := func(c candidate) (n int) {
		for _, has := range c.has {
			if has {
				n++
			}
		}
		return n
	}
	for _, c := range d.candidates {
		if !d.missing([]candidate{c}, d.in) && size(c) < size(best) {
			best = c
		}
	}
	return best
}

// missing says that some of the wanted words are in none of the candidates.
func (d *describer) missing(list []candidate, wanted []bool) bool {
	for i, want := range wanted {
		if want && !slices.ContainsFunc(list, func(c candidate) bool { return c.has[i] }) {
			return true
		}
	}
	return false
}

// widest leaves out each candidate of which another one has all words.
func widest(list []candidate) (kept []candidate) {
	for i, c := range list {
		covered := slices.ContainsFunc(list[:i], func(o candidate) bool { return c.within(o) }) ||
			slices.ContainsFunc(list[i+1:], func(o candidate) bool { return c.within(o) && !o.within(c) })
		if !covered {
			kept = append(kept, c)
		}
	}
	return kept
}

func (c candidate) within(o candidate) bool {
	for i := range c.has {
		if c.has[i] && !o.has[i] {
			return false
		}
	}
	return true
}
