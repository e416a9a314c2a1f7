package trust

import (
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-go/irsa/internal/language"
)

// box is a set of requests: for each variable of a question the choices that it may be.
type box [][]*choice

// boxes takes apart the requests for which leaf says so, into boxes that do not overlap. Each
// choice of a variable after which the same is left is in the same box, so the boxes follow from
// the set of requests and not from how the policies are written. ok is false when there are too
// many.
type boxes struct {
	variables [][]choice
	leaf      func(alive, certain bits) bool
	rows      int
	nodes     map[string]*boxNode // by the rows that are left and the variable
	kinds     map[string]*boxNode // by what follows each choice
	budget    *language.Budget
}

type boxNode struct {
	id     int
	in     bool // a leaf: the requests are in
	groups []boxGroup
}

type boxGroup struct {
	choices []*choice
	next    *boxNode
}

// maxBoxes bounds how many boxes there may be.
const maxBoxes = 1 << 12

func (b *boxes) all() (list []box, ok bool) {
	b.nodes, b.kinds = map[string]*boxNode{}, map[string]*boxNode{}
	alive := newBits(b.rows)
	alive.fill(b.rows)
	root := b.node(0, alive, alive)
	if b.budget.Left < 0 || !root.expand(make(box, len(b.variables)), 0, &list) {
		return nil, false
	}
	return list, true
}

func (b *boxes) node(i int, alive, certain bits) *boxNode {
	if !b.budget.Spend(1 + len(alive)) {
		return &boxNode{}
	}
	if i == len(b.variables) {
		return b.intern(&boxNode{in: b.leaf(alive, certain)}, "")
	}
	key := alive.key(i) + certain.key(i)
	if n := b.nodes[key]; n != nil {
		return n
	}
	n := &boxNode{}
	nextAlive, nextCertain := newBits(b.rows), newBits(b.rows)
	for j := range b.variables[i] {
		c := &b.variables[i][j]
		nextAlive.and(alive, c.pass)
		nextCertain.and(certain, c.certain)
		next := b.node(i+1, slices.Clone(nextAlive), slices.Clone(nextCertain))
		if next.isEmpty() {
			continue
		}
		at := slices.IndexFunc(n.groups, func(g boxGroup) bool { return g.next == next })
		if at < 0 {
			at = len(n.groups)
			n.groups = append(n.groups, boxGroup{next: next})
		}
		n.groups[at].choices = append(n.groups[at].choices, c)
	}
	var kind strings.Builder
	for _, g := range n.groups {
		kind.WriteString(strconv.Itoa(g.next.id))
		for _, c := range g.choices {
			kind.WriteString(" " + strconv.Itoa(c.index))
		}
		kind.WriteByte('\n')
	}
	if len(n.groups) > 0 {
		kind.WriteString(strconv.Itoa(i))
	}
	n = b.intern(n, kind.String())
	b.nodes[key] = n
	return n
}

func (b *boxes) intern(n *boxNode, kind string) *boxNode {
	kind += strconv.FormatBool(n.in)
	if known := b.kinds[kind]; known != nil {
		return known
	}
	n.id = len(b.kinds)
	b.kinds[kind] = n
	return n
}

// expand follows every way to a leaf that is in.
func (n *boxNode) expand(at box, i int, list *[]box) bool {
	if i == len(at) {
		if n.in {
			*list = append(*list, slices.Clone(at))
		}
		return len(*list) <= maxBoxes
	}
	for _, g := range n.groups {
		at[i] = g.choices
		if !g.next.expand(at, i+1, list) {
			return false
		}
	}
	return true
}

func (n *boxNode) isEmpty() bool { return !n.in && len(n.groups) == 0 }
