package trust

import (
	"cmp"
	"slices"

	"github.com/irsa-go/irsa/internal/language"
)

// variable is one condition key of the requests of a scene, or several that always have the same
// value. Its atoms stand for all that it can be: two requests that differ within an atom alone
// are judged alike by every condition on the key.
type variable struct {
	name    string
	fixed   bool
	known   []string // the texts that stand for all, once they have been found
	columns []column
	atoms   []atom
}

// column is one condition on the variable's key, or something else that a row needs, of which no
// source says whether it is met: then condition is nil.
type column struct {
	condition *condition
	rows      bits // the rows that need it
	effect    Effect
	side      int
	id        string // columns with the same id are met by the same requests
	path      string
	what      string // for a reader: what the column is
	// opaque: the atoms do not tell the texts apart that the condition does.
	opaque bool
}

// atom is what a variable may be.
type atom struct {
	values   []string // when it is present
	presence presence // unknown: the request leaves it open
	verdicts []verdict
	// open: no real request is so, but one that this package is asked about may be, by leaving a
	// key open, or giving several values to one that has one, or one that is malformed. There
	// is nothing to guess then: what is unproven is as Allows has it.
	open bool
	// guess: the values are malformed, but others that are judged alike may not be.
	guess bool
}

// maxAtoms bounds the sets of values that a key with several values is taken apart into.
const maxAtoms = 1 << 10

// divide finds the atoms of a variable; complete is false when there may be more. With likely,
// values that look like real ones come before others.
func (v *variable) divide(d domain, likely bool, budget *language.Budget) (complete bool) {
	v.fixed = d.fixed
	if d.fixed {
		v.addFixed(d)
		return true
	}
	words, complete := v.sortedWords(d, likely, budget)
	absentFirst := d.rare || d.likely == nil && len(d.values) == 0
	if !d.must && absentFirst {
		v.add(nil, true)
	}
	if d.many {
		complete = v.addSets(d, words) && complete
	} else {
		v.addEach(append(slices.Clone(d.values), words...))
	}
	if !d.must && !absentFirst {
		v.add(nil, true)
	}
	if d.open {
		v.addOpen()
	}
	for i := range v.atoms {
		a := &v.atoms[i]
		a.open = a.open || d.leavesOpen(v.name, *a)
		a.guess = v.isGuess(a.values)
	}
	return complete && len(v.atoms) > 0
}

func (v *variable) addFixed(d domain) {
	if d.open {
		v.addOpen()
		return
	}
	v.add(d.values, len(d.values) == 0)
}

// sortedWords are the texts to try for a key, the empty one and malformed ones last.
func (v *variable) sortedWords(d domain, likely bool, budget *language.Budget) (words []string, complete bool) {
	words, complete = v.words(d, budget)
	if likely && d.likely != nil && v.hasPatterns() {
		unions, _ := v.unions()
		extra, _ := language.Classes(append(unions, d.further()...), d.likely, budget)
		words = append(extra, words...)
	}
	words = slices.DeleteFunc(slices.Concat(words, wellFormed(v.name)), func(w string) bool { return !d.has(w) })
	isLast := func(w string) verdict { return max(unprovenIf(isMalformed(v.name, w)), verdictOf(w == "")) }
	slices.SortStableFunc(words, func(a, b string) int { return cmp.Compare(isLast(a), isLast(b)) })
	return words, complete
}

func (v *variable) addOpen() {
	v.atoms = append(v.atoms, atom{presence: unknown, open: true, verdicts: v.judge(nil, unknown)})
}

// isGuess says whether one value, which is malformed, stands for others too: no condition names it. The
// empty one is a value of its own, which may be null.
func (v *variable) isGuess(values []string) bool {
	return len(values) == 1 && values[0] != "" && isMalformed(v.name, values[0]) && familyOf(v.name) != familyUnknown &&
		!slices.ContainsFunc(v.columns, func(c column) bool { return slices.Contains(c.condition.texts, values[0]) })
}

// hasPatterns says that some condition compares with more than single texts.
func (v *variable) hasPatterns() bool {
	return slices.ContainsFunc(v.columns, func(c column) bool {
		return c.condition.op.family != familyString && c.condition.op.family != familyNull
	})
}

func (v *variable) add(values []string, none bool) {
	p := present
	if none {
		p = absent
	}
	v.atoms = append(v.atoms, atom{values: values, presence: p, verdicts: v.judge(values, p)})
}

// judge asks each condition. A value with a policy variable looks at other keys too, so it proves
// nothing: without a request it cannot be filled in.
func (v *variable) judge(values []string, p presence) []verdict {
	verdicts := make([]verdict, len(v.columns))
	got := newAttribute("", values)
	for i := range v.columns {
		verdicts[i] = v.columns[i].condition.match(judge{nil, unproven}, &got, p)
	}
	return verdicts
}

// addEach adds one atom for all values that are judged alike.
func (v *variable) addEach(values []string) {
	seen := map[string]bool{}
	for _, value := range values {
		a := atom{values: []string{value}, presence: present}
		a.verdicts = v.judge(a.values, present)
		if key := verdictKey(a.verdicts, 0); !seen[key] {
			seen[key] = true
			v.atoms = append(v.atoms, a)
		}
	}
}

// addSets adds atoms for a key that may have several values.
func (v *variable) addSets(d domain, words []string) (complete bool) {
	if len(d.values) > 0 {
		v.add(d.values, false)
	}
	sets := v.sets(d, words)
	judged := map[string]bool{}
	for _, s := range sets {
		if !d.accepts(s.values) {
			continue
		}
		a := atom{values: s.values, presence: present, verdicts: v.judge(s.values, present)}
		if key := verdictKey(a.verdicts, 0); !judged[key] {
			judged[key] = true
			v.atoms = append(v.atoms, a)
		}
	}
	return len(sets) < maxAtoms
}

// valueSet is several values of one key. What a condition says to them depends on what it says to
// each, on whether there are several, and on whether one is empty.
type valueSet struct {
	values []string
	mask   []verdict // what the conditions say to each value, a bit for each verdict
	kind   byte      // 1: has an empty value, 2: one with content, 4: several values
}

// sets returns the sets of the words that the conditions can tell apart: each word alone, then
// with one more word for as long as that makes a new set.
func (v *variable) sets(d domain, words []string) (sets []valueSet) {
	seen := map[string]bool{}
	add := func(s valueSet) {
		if key := verdictKey(s.mask, s.kind); !seen[key] {
			seen[key] = true
			sets = append(sets, s)
		}
	}
	for _, w := range words {
		add(v.setOf(d, w))
	}
	singles := slices.Clip(sets)
	for i := 0; i < len(sets) && len(sets) < maxAtoms; i++ {
		for _, one := range singles {
			mask := slices.Clone(sets[i].mask)
			for j := range mask {
				mask[j] |= one.mask[j]
			}
			add(valueSet{append(slices.Clip(sets[i].values), one.values...), mask, sets[i].kind | one.kind | 4})
		}
	}
	return sets
}

func (v *variable) setOf(d domain, word string) valueSet {
	s := valueSet{values: []string{word}, kind: 2}
	if word == "" {
		s.kind = 1
	}
	for _, verdict := range v.judge(s.values, present) {
		s.mask = append(s.mask, 1<<verdict)
	}
	for _, n := range d.names {
		s.mask = append(s.mask, 1<<verdictOf(lowerASCII(word) == n.name))
	}
	return s
}

func verdictKey(verdicts []verdict, kind byte) string {
	key := make([]byte, len(verdicts), len(verdicts)+1)
	for i, v := range verdicts {
		key[i] = byte(v)
	}
	return string(append(key, kind))
}
