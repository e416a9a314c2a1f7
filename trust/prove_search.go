package trust

import (
	"github.com/irsa-go/irsa/internal/language"
)

// search looks for a request that one policy allows and the other does not. A request is a
// choice for each variable, and a choice is known by the rows that it lets pass; a row that
// every choice lets pass is a statement that matches.
type search struct {
	variables [][]choice
	decided   []bits    // by variable: the rows that neither it nor a later one asks about
	allow     [][2]bits // by action: the Allow rows of the inner and of the outer policy
	deny      [2]bits
	budget    *language.Budget
	found     func([]*choice) bool // false: go on

	chosen []*choice
	alive  []bits
	failed map[string]bool
}

// choice is what a variable may be.
type choice struct {
	pass    bits
	certain bits // the same when nothing is assumed
	index   int  // among the choices of the variable
	atom    *atom
	assumed []*column // what no source settles and is assumed here
}

// run says whether a request was found. That there is none is certain only when the budget is
// not spent.
func (s *search) run(rows int) bool {
	s.chosen = make([]*choice, len(s.variables))
	s.failed = map[string]bool{}
	s.alive = make([]bits, len(s.variables)+1)
	for i := range s.alive {
		s.alive[i] = newBits(rows)
	}
	s.alive[0].fill(rows)
	return s.try(0)
}

// try decides the variables from i on. What has failed once with the same rows fails again.
func (s *search) try(i int) bool {
	alive := s.alive[i]
	if s.isHopeless(alive, s.decided[i]) || !s.budget.Spend(1+len(alive)) {
		return false
	}
	if i == len(s.variables) {
		return s.found(s.chosen)
	}
	key := alive.key(i)
	if s.failed[key] {
		return false
	}
	for j := range s.variables[i] {
		s.chosen[i] = &s.variables[i][j]
		s.alive[i+1].and(alive, s.variables[i][j].pass)
		if s.try(i + 1) {
			return true
		}
	}
	if s.budget.Left >= 0 {
		s.failed[key] = true
	}
	return false
}

// isHopeless: the inner policy no longer allows, or the outer one does for certain. alive are
// the rows that may still match, decided those that nothing more is asked about.
func (s *search) isHopeless(alive, decided bits) bool {
	if alive.meets(s.deny[0], decided) {
		return true
	}
	outer := !alive.meets(s.deny[1])
	for _, allow := range s.allow {
		if !alive.meets(allow[0]) {
			return true
		}
		outer = outer && alive.meets(allow[1], decided)
	}
	return outer
}

// bits is a set of rows.
type bits []uint64

func newBits(n int) bits { return make(bits, (n+63)/64) }

func (b bits) fill(n int) {
	for i := range n {
		b.set(i)
	}
}

func (b bits) set(i int) { b[i/64] |= 1 << (i % 64) }

// and makes b what is in both.
func (b bits) and(x, y bits) {
	for i := range b {
		b[i] = x[i] & y[i]
	}
}

// without removes what is in x.
func (b bits) without(x bits) {
	for i := range b {
		b[i] &^= x[i]
	}
}

// meets says whether b and all of the others have a row in common.
func (b bits) meets(others ...bits) bool {
	for i, word := range b {
		for _, o := range others {
			word &= o[i]
		}
		if word != 0 {
			return true
		}
	}
	return false
}

// key is the set as a map's key, with a number before it.
func (b bits) key(n int) string {
	k := make([]byte, 0, 8*len(b)+2)
	k = append(k, byte(n), byte(n>>8))
	for _, word := range b {
		for i := range 8 {
			k = append(k, byte(word>>(8*i)))
		}
	}
	return string(k)
}
