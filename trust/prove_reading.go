package trust

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxSplit bounds how many doubts that both policies share are followed both ways.
const maxSplit = 8

// readings are the choices in every reading of what is unproven. A doubt that only one of the
// policies has is decided in favour of finding a request; a doubt that both have is the same for
// both, so both ways are tried. What a request leaves open is as Allows has it.
func (q *question) readings() [][]choice {
	out := make([][]choice, len(q.variables))
	for i := range q.variables {
		v := &q.variables[i]
		var list choices
		for j := range v.atoms {
			q.addReadings(&list, v, &v.atoms[j])
		}
		slices.SortStableFunc(list.all, func(a, b choice) int { return len(a.assumed) - len(b.assumed) })
		out[i] = list.all
	}
	return out
}

func (q *question) addReadings(list *choices, v *variable, a *atom) {
	if a.open {
		certain := q.certain(v, a.verdicts)
		if a.guess {
			certain = newBits(len(q.rows))
		}
		list.add(choice{atom: a, certain: certain, pass: q.pass(v, func(k int) bool { return a.verdicts[k].counts(v.columns[k].effect) })})
		return
	}
	var assumed []*column
	var ids [2][]string
	for k := range v.columns {
		if c := &v.columns[k]; a.verdicts[k] == unproven || c.opaque && a.presence == present {
			assumed = append(assumed, c)
			ids[c.side] = append(ids[c.side], v.identity(k))
		}
	}
	shared := slices.DeleteFunc(unique(ids[0]), func(id string) bool { return !slices.Contains(ids[1], id) })
	shared = shared[:min(len(shared), maxSplit)]
	for split := range 1 << len(shared) {
		list.add(choice{atom: a, certain: q.certain(v, a.verdicts), assumed: assumed, pass: q.pass(v, func(k int) bool {
			c := &v.columns[k]
			if !slices.Contains(assumed, c) {
				return a.verdicts[k] == yes
			}
			if i := slices.Index(shared, c.id); i >= 0 {
				return split>>i&1 == 1
			}
			return c.helps()
		})})
	}
}

// identity is the same for conditions that say the same with the same effect: in the same words,
// or, for texts, to everything that the key can be.
func (v *variable) identity(k int) string {
	column := &v.columns[k]
	if column.id != "" {
		return column.id
	}
	c := column.condition
	parts := []string{string(column.effect), c.operator, c.lookup, c.flaw, listSignature(c.texts)}
	if c.op.isText() && c.flaw == "" && !v.fixed && !column.opaque {
		op := c.op
		op.family = familyString
		parts = []string{string(column.effect), fmt.Sprint(op)}
		for _, a := range v.atoms {
			parts = append(parts, strconv.Itoa(int(a.verdicts[k])))
		}
	}
	for i := range c.values {
		if c.values[i].template != nil {
			parts = []string{string(column.effect), c.operator, c.lookup, "variables", listSignature(c.texts)}
		}
	}
	column.id = strings.Join(parts, "\n")
	return column.id
}
