package trust

import (
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// shape is a statement by its meaning alone: order, spelling of keys and the choice between one
// value and a list are gone. Only statements without a flaw have one.
type shape struct {
	effect     Effect
	sid        string
	principals []kindValues
	notAction  bool
	actions    []string
	conditions []shapeCondition
}

// kindValues is one member of Principal; "*" as a whole is kind "*".
type kindValues struct {
	kind   string
	values []string
}

type shapeCondition struct {
	operator string
	key      string // as first written
	values   []string
	// mergeable says that statements which differ in nothing but these values can become one:
	// the operator asks for one of them, of a key that has one value.
	mergeable bool
	sub       bool // the sub of an issuer, compared exactly or by pattern
}

func newShape(s *statement) (shape, bool) {
	if s.flaw != "" {
		return shape{}, false
	}
	out := shape{effect: s.effect, sid: s.sid, notAction: s.actions.negated}
	for _, p := range []kindValues{
		{"Federated", s.principals.federated}, {"AWS", s.principals.aws},
		{"Service", s.principals.service}, {"CanonicalUser", s.principals.canonical},
	} {
		if len(p.values) > 0 {
			out.principals = append(out.principals, kindValues{p.kind, unique(p.values)})
		}
	}
	if s.principals.everyone {
		out.principals = []kindValues{{kind: "*"}}
	}
	out.actions = unique(s.actions.texts)
	for i := range s.conditions {
		c := &s.conditions[i]
		if c.flaw != "" {
			return shape{}, false
		}
		out.conditions = append(out.conditions, newShapeCondition(c, s.asksOnce(c.lookup)))
	}
	slices.SortStableFunc(out.conditions, func(a, b shapeCondition) int {
		return strings.Compare(lowerASCII(a.key), lowerASCII(b.key))
	})
	return out, true
}

// asksOnce says that no other condition is on the same key: conditions are ANDed, so two of
// them must never end up under one operator.
func (s *statement) asksOnce(lookup string) bool {
	n := 0
	for i := range s.conditions {
		if s.conditions[i].lookup == lookup {
			n++
		}
	}
	return n == 1
}

func newShapeCondition(c *condition, alone bool) shapeCondition {
	out := shapeCondition{operator: c.operator, key: c.key, values: unique(c.texts)}
	if !alone {
		return out
	}
	single := strings.HasSuffix(c.lookup, ":sub") || strings.HasSuffix(c.lookup, ":aud")
	out.mergeable = single && c.op.isMatching() && c.op.set != setForAllValues
	special := slices.ContainsFunc(out.values, isSpecial)
	if strings.HasSuffix(c.lookup, ":sub") { // under StringLike, special values mean something else
		out.sub = c.operator == "StringLike" || c.operator == "StringEquals" && !special
	}
	if c.operator == "StringLike" && !special {
		out.operator = "StringEquals"
	}
	for _, name := range []string{"Arn", "ArnNot"} { // IAM treats the two alike
		if suffix, ok := strings.CutPrefix(c.operator, name+"Equals"); ok {
			out.operator = name + "Like" + suffix
		}
	}
	return out
}

// isSpecial finds values that StringEquals and StringLike read differently.
func isSpecial(value string) bool {
	return strings.ContainsAny(value, "*?") || strings.Contains(value, "${")
}

// The parts of a signature that can be left out to find what differs in nothing else.
const (
	blankNothing = -3 + iota
	blankPrincipals
	blankActions // the conditions follow, by their index from 0
)

// signature is the shape's meaning as text, with one part left out.
func (s *shape) signature(blank int) string {
	parts := []string{string(s.effect)}
	if blank != blankPrincipals {
		kinds := make([]string, len(s.principals))
		for i, p := range s.principals {
			kinds[i] = p.kind + listSignature(p.values)
		}
		slices.Sort(kinds)
		parts = append(parts, kinds...)
	}
	if s.notAction {
		parts = append(parts, "NotAction")
	}
	if blank != blankActions {
		lower := make([]string, len(s.actions))
		for i, a := range s.actions {
			lower[i] = lowerASCII(a)
		}
		parts = append(parts, listSignature(lower))
	}
	conditions := make([]string, 0, len(s.conditions))
	for i, c := range s.conditions {
		head := c.operator
		if i == blank && c.sub {
			head = "String"
		}
		text := quoteSignature(head) + quoteSignature(lowerASCII(c.key))
		if i != blank {
			text += listSignature(c.values)
		}
		conditions = append(conditions, text)
	}
	slices.Sort(conditions)
	return strings.Join(append(parts, conditions...), "\n")
}

func listSignature(values []string) string {
	var b strings.Builder
	for _, v := range sorted(unique(values)) {
		b.WriteString(quoteSignature(v))
	}
	return b.String()
}

// quoteSignature keeps texts apart, whatever they hold.
func quoteSignature(s string) string { return jsontree.String(s).JSON() }

// node writes the shape in the order that New writes.
func (s *shape) node() *jsontree.Value {
	n := jsontree.Object()
	if s.sid != "" {
		n = n.With("Sid", jsontree.String(s.sid))
	}
	n = n.With("Effect", jsontree.String(string(s.effect)))
	principal := jsontree.Object()
	for _, p := range s.principals {
		principal = principal.With(p.kind, jsontree.List(p.values))
	}
	if len(s.principals) == 1 && s.principals[0].kind == "*" {
		principal = jsontree.String("*")
	}
	n = n.With("Principal", principal)
	action := "Action"
	if s.notAction {
		action = "NotAction"
	}
	n = n.With(action, jsontree.List(s.actions))
	block := jsontree.Object()
	for _, c := range s.conditions {
		keys := block.Get(c.operator)
		if keys == nil {
			keys = jsontree.Object()
		}
		block = block.With(c.operator, keys.With(c.key, jsontree.List(c.values)))
	}
	if len(block.Members()) > 0 {
		n = n.With("Condition", block)
	}
	return n
}
