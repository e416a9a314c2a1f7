package language

import (
	"slices"
	"strings"
)

// Budget bounds the work of one question: it is spent a unit for each step of a pattern that is
// looked at. It is not safe for concurrent use.
type Budget struct{ Left int }

// Spend takes n units; false when they are not there.
func (b *Budget) Spend(n int) bool {
	b.Left -= n
	return b.Left >= 0
}

// Classes returns one text for each way in which a text can be in some of the unions and not in
// the others: the shortest there is, of only those in within when that is not nil. complete is
// false when the budget ended before all ways were found.
//
// It walks the product of all patterns at once, a state being the places in the patterns where
// a text can have got to, breadth first, and each state once.
func Classes(unions []Union, within Union, budget *Budget) (words []string, complete bool) {
	if words, ok := literals(unions); ok && within == nil {
		return words, budget.Spend(len(words))
	}
	w := walker{budget: budget, confined: within != nil, index: map[string]int{}}
	for _, u := range unions {
		w.add(u)
	}
	if w.confined {
		w.add(within)
	}
	return w.walk()
}

// literals is the answer for unions without a pattern: each text, and one that is none of them.
func literals(unions []Union) (words []string, ok bool) {
	seen := map[string]bool{}
	for _, u := range unions {
		for _, p := range u {
			var b strings.Builder
			for _, s := range p {
				if s.takes != takeOne || s.repeat {
					return nil, false
				}
				b.WriteRune(s.r)
			}
			if text := b.String(); !seen[text] {
				seen[text] = true
				words = append(words, text)
			}
		}
	}
	other := "x"
	for seen[other] {
		other += "x"
	}
	return append(words, other), true
}

type walker struct {
	patterns []Pattern
	ends     []int // of each union, the index after its last pattern
	confined bool  // the last union is the one that texts must be in
	budget   *Budget
	states   []state
	index    map[string]int
	runes    []rune
}

// place is a pattern's index and the index of a step in it; the pattern's index is the number
// of patterns plus that of a union when all that begins so is in the union.
type place struct{ pattern, step int32 }

type state struct {
	places []place // sorted by pattern and step
	parent int     // the state before the last character; -1 at the beginning
	last   rune
}

func (w *walker) add(u Union) {
	w.patterns = append(w.patterns, u...)
	w.ends = append(w.ends, len(w.patterns))
}

func (w *walker) walk() (words []string, complete bool) {
	start := make([]place, len(w.patterns))
	for i := range start {
		start[i].pattern = int32(i)
	}
	seen := map[string]bool{}
	complete = w.visit(w.close(start), -1, 0)
	for i := 0; i < len(w.states); i++ {
		if signature, ok := w.signature(w.states[i].places); ok && !seen[signature] {
			seen[signature] = true
			words = append(words, w.word(i))
		}
		for _, r := range w.alphabet(w.states[i].places) {
			if w.confined && !w.leadsOn(w.states[i].places, r) {
				continue
			}
			if !w.visit(w.close(w.advance(w.states[i].places, r)), i, r) {
				return words, false
			}
		}
	}
	return words, complete
}

// visit makes a state known; false when the budget has ended.
func (w *walker) visit(places []place, parent int, last rune) bool {
	if w.confined && (len(places) == 0 || !w.isOf(places[len(places)-1], len(w.ends)-1)) {
		return true // no text that begins so is in the last union
	}
	key := make([]byte, 0, 8*len(places))
	for _, p := range places {
		key = append(key, byte(p.pattern), byte(p.pattern>>8), byte(p.pattern>>16), byte(p.step), byte(p.step>>8), byte(p.step>>16))
	}
	if _, ok := w.index[string(key)]; !ok {
		w.index[string(key)] = len(w.states)
		w.states = append(w.states, state{places, parent, last})
	}
	return w.budget.Spend(1 + len(places))
}

// leadsOn says that a text of the last union may have the character next.
func (w *walker) leadsOn(places []place, r rune) bool {
	for i := len(places) - 1; i >= 0 && w.isOf(places[i], len(w.ends)-1); i-- {
		p := places[i]
		if int(p.pattern) >= len(w.patterns) || int(p.step) < len(w.patterns[p.pattern]) && w.patterns[p.pattern][p.step].has(r) {
			return true
		}
	}
	return false
}

// isOf says that the place is in a union's pattern, or stands for the whole union.
func (w *walker) isOf(p place, union int) bool {
	i := int(p.pattern)
	if i >= len(w.patterns) {
		return i-len(w.patterns) == union
	}
	return i < w.ends[union] && (union == 0 || i >= w.ends[union-1])
}

// advance takes one character.
func (w *walker) advance(places []place, r rune) []place {
	next := make([]place, 0, len(places)+2)
	for _, p := range places {
		if int(p.pattern) >= len(w.patterns) {
			next = append(next, p)
			continue
		}
		steps := w.patterns[p.pattern]
		if int(p.step) == len(steps) || !steps[p.step].has(r) {
			continue
		}
		if !steps[p.step].repeat {
			p.step++
		}
		next = append(next, p)
	}
	return next
}

// close adds the places that are reached without a character: what repeats may take none. It
// forgets all places of a pattern before its last star, which takes whatever they would, and all
// of a union of which one pattern has nothing but a star left.
func (w *walker) close(places []place) []place {
	closed := make([]place, 0, len(places)+2)
	union, first := 0, 0 // the union at hand, and where it begins in closed
	for i := 0; i < len(places); {
		p := places[i]
		for !w.isOf(p, union) {
			union, first = union+1, len(closed)
		}
		if int(p.pattern) >= len(w.patterns) {
			closed = append(closed[:first], p)
			i++
			continue
		}
		j := i
		for j < len(places) && places[j].pattern == p.pattern {
			j++
		}
		if n := len(closed); n > first && int(closed[n-1].pattern) >= len(w.patterns) {
			i = j
			continue // the union is done with
		}
		var all bool
		if closed, all = w.closePattern(closed, places[i:j]); all {
			closed = append(closed[:first], place{pattern: int32(len(w.patterns) + union)})
		}
		i = j
	}
	return closed
}

// closePattern is close for the places of one pattern, in order; all says that whatever follows
// is in the pattern.
func (w *walker) closePattern(closed, places []place) (_ []place, all bool) {
	begin := len(closed)
	steps := w.patterns[places[0].pattern]
	for _, p := range places {
		closed = append(closed, p)
		for int(p.step) < len(steps) && steps[p.step].repeat {
			p.step++
			closed = append(closed, p)
		}
	}
	own := closed[begin:]
	slices.SortFunc(own, func(a, b place) int { return int(a.step - b.step) })
	own = slices.Compact(own)
	for i := len(own) - 1; i >= 0; i-- {
		if at := int(own[i].step); at < len(steps) && steps[at].repeat && steps[at].takes == takeAny {
			all = at == len(steps)-1
			own = slices.Delete(own, 0, i)
			break
		}
	}
	return closed[:begin+len(own)], all
}

// signature tells which unions a text that ends here is in; ok is false when it is not in the
// one that it must be in.
func (w *walker) signature(places []place) (signature string, ok bool) {
	bits := make([]byte, len(w.ends))
	union := 0
	for _, p := range places {
		for !w.isOf(p, union) {
			union++
		}
		if int(p.pattern) >= len(w.patterns) || int(p.step) == len(w.patterns[p.pattern]) {
			bits[union] = 1
		}
	}
	return string(bits), !w.confined || bits[len(bits)-1] == 1
}

// plain are the characters to prefer where any will do.
const plain = "xyzabcdefghijklmnopqrstuvw"

// kinds are characters of which one of each kind is tried where a step takes a whole kind: no two
// of a kind are told apart by any step that takes kinds.
func kinds() [6]string {
	return [...]string{plain, "9012345678", "-", ":", "/_.@+=XYZABCDEFGHIJKLMNOPQRSTUVW", ",;!\"#$%&'()*<>?[\\]^`{|}~"}
}

// Beyond ASCII there are letters and other characters; from each of these on there are more
// than any document has characters.
const (
	firstLetter = '\u4e00'
	firstSymbol = '\U0001f300'
)

// alphabet returns characters that stand for all: each that a step names, and one for the rest,
// which is one of each kind when a step takes kinds.
func (w *walker) alphabet(places []place) []rune {
	runes, byKind := w.runes[:0], false
	for _, p := range places {
		if int(p.pattern) < len(w.patterns) && int(p.step) < len(w.patterns[p.pattern]) {
			s := w.patterns[p.pattern][p.step]
			runes, byKind = s.named(runes), byKind || s.isKind()
		}
	}
	slices.Sort(runes)
	runes = slices.Compact(runes)
	named := len(runes)
	isNamed := func(r rune) bool { _, ok := slices.BinarySearch(runes[:named], r); return ok }
	for _, kind := range kinds() {
		if i := strings.IndexFunc(kind, func(r rune) bool { return !isNamed(r) }); i >= 0 {
			runes = append(runes, rune(kind[i]))
			if !byKind {
				break
			}
		}
	}
	if byKind || len(runes) == named {
		for _, other := range [...]rune{firstLetter, firstSymbol} {
			for isNamed(other) {
				other++
			}
			runes = append(runes, other)
		}
	}
	w.runes = runes
	slices.Reverse(runes[:named])
	return append(slices.Clone(runes[named:]), runes[:named]...)
}

func (w *walker) word(i int) string {
	var runes []rune
	for ; w.states[i].parent >= 0; i = w.states[i].parent {
		runes = append(runes, w.states[i].last)
	}
	slices.Reverse(runes)
	return string(runes)
}
