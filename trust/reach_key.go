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
// value that is compared as the policies write it, by examples otherwise. The choices are readings
// when they are doubtful, else certainties.
func (q *question) describe(i int, of []*choice, doubtful bool, budget *language.Budget) []described {
	v := &q.variables[i]
	k := ReachKey{Key: v.name}
	d := describer{question: q, variable: v, doubtful: doubtful, domain: q.scene.domain(v.name)}
	k.Absent = !d.domain.must && d.isIn(of, nil, absent)
	if !isMultivalued(v.name) && d.prepare(of, budget) && d.cover() {
		if list := d.inWords(k); list != nil {
			return list
		}
	}
	return d.byExample(k, of)
}

// byExample says what the key may be by a few values that are among the choices; nothing when it can
// only be left open.
func (d *describer) byExample(k ReachKey, of []*choice) []described {
	for i := range d.variable.atoms {
		a := &d.variable.atoms[i]
		if a.presence == present && len(k.Is) < maxExamples && d.isIn(of, a.values, present) {
			k.Is = append(k.Is, strings.Join(a.values, " and "))
		}
	}
	if k.Examples = len(k.Is) > 0; !k.Examples && !k.Absent {
		return nil
	}
	return []described{{ReachKey: k}}
}

// inWords fills in what the key may be. Each subject that is named exactly is a part of its own.
func (d *describer) inWords(k ReachKey) (list []described) {
	var exact []string
	for _, c := range d.is {
		if strings.HasSuffix(k.Key, ":sub") && c.literal && len(d.not) == 0 {
			text := []string{c.matcher.plain()}
			exact = append(exact, text...)
			list = append(list, described{ReachKey{Key: k.Key, Is: []string{c.text}}, text, true, &atom{values: text, presence: present}})
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
	doubtful   bool
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
	if !d.collect() {
		return false
	}
	words, complete := d.variable.words(d.domain, budget)
	if unions, families := d.variable.unions(); len(families) == 0 {
		for _, c := range d.candidates {
			unions = append(unions, language.Union{c.matcher.language()})
		}
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

// collect finds the candidates: every value of the conditions that is not filled in from another
// key. It fails where a condition looks at more than a text.
func (d *describer) collect() (ok bool) {
	for i := range d.variable.columns {
		c := d.variable.columns[i].condition
		if c.flaw != "" || d.variable.columns[i].opaque {
			return false
		}
		for j := range c.values {
			if m := &c.values[j]; c.op.family != familyNull && !m.flaw && !m.template.hasVariable() {
				d.candidates = append(d.candidates, newCandidate(c, m))
			}
		}
	}
	return len(d.candidates) <= maxCandidates
}

// isIn says whether one of the choices is about the values.
func (d *describer) isIn(of []*choice, values []string, p presence) bool {
	v := d.variable
	a := atom{values: values, presence: p, verdicts: v.judge(values, p)}
	a.open, a.guess = d.domain.leavesOpen(v.name, a), v.isGuess(values)
	var is choices
	if d.doubtful {
		d.question.addReadings(&is, v, &a)
	} else {
		d.question.addCertainty(&is, v, &a)
	}
	return slices.ContainsFunc(of, func(c *choice) bool { return is.seen[c.key()] })
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
	inside, outside := d.sides()
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
		if c.hasAny(excess) {
			d.not = append(d.not, c)
		}
	}
	return !d.missing(d.not, excess)
}

// sides returns the candidates that match only words that are in, and those that match none.
func (d *describer) sides() (inside, outside []candidate) {
	for _, c := range d.candidates {
		switch {
		case !c.hasAny(d.in):
			outside = append(outside, c)
		case c.within(candidate{has: d.in}):
			inside = append(inside, c)
		}
	}
	return inside, outside
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

// hasAny says whether the candidate matches one of the marked words.
func (c candidate) hasAny(marked []bool) bool {
	for i, has := range c.has {
		if has && marked[i] {
			return true
		}
	}
	return false
}

// within says whether the other candidate has all words of this one.
func (c candidate) within(o candidate) bool {
	for i := range c.has {
		if c.has[i] && !o.has[i] {
			return false
		}
	}
	return true
}
