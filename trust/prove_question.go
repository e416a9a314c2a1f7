package trust

import (
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/jsontree"
	"github.com/irsa-go/irsa/internal/language"
)

// question is what two policies say in one scene: the rows, and the variables that decide which
// of them match.
type question struct {
	scene     scene
	rows      []row
	variables []variable
	allow     [][2]bits
	deny      [2]bits
}

// row is one statement for one of the actions.
type row struct {
	s      *statement
	action int
	side   int // 0: of the inner policy, 1: of the outer
}

func (pr *prover) newQuestion(sc scene) *question {
	q := &question{scene: sc}
	var readings variable
	for side, statements := range pr.policies {
		for i := range statements {
			s := &statements[i]
			who := s.principals.match(sc.base)
			if who == no {
				continue
			}
			first := len(q.rows)
			for a, action := range sc.base.actions {
				v := s.actions.match(action)
				if v == no {
					continue
				}
				if v == unproven {
					readings.columns = append(readings.columns, s.reading("action "+action+s.actions.String(), "how IAM reads its actions is not known", side, len(q.rows), 1))
				}
				q.rows = append(q.rows, row{s, a, side})
			}
			if n := len(q.rows) - first; n > 0 && who == unproven {
				readings.columns = append(readings.columns, s.reading("principal "+s.doubtful(sc.base), "who is meant by its principal is not known", side, first, n))
			}
			if n := len(q.rows) - first; n > 0 && s.flaw != "" {
				readings.columns = append(readings.columns, s.reading("flaw "+s.node.JSON(), s.flaw, side, first, n))
			}
		}
	}
	if len(readings.columns) > 0 {
		readings.atoms = []atom{{presence: present, open: sc.open, verdicts: slices.Repeat([]verdict{unproven}, len(readings.columns))}}
		q.variables = append(q.variables, readings)
	}
	q.index()
	return q
}

// reading is a column for what no source says of a statement.
func (s *statement) reading(id, what string, side, first, n int) column {
	c := column{effect: s.effect, side: side, id: string(s.effect) + " " + id, path: s.pointer, what: what, rows: newBits(first + n)}
	for i := range n {
		c.rows.set(first + i)
	}
	return c
}

// doubtful lists the principals that may or may not be the caller.
func (s *statement) doubtful(r *request) string {
	p := &s.principals
	if p.everyone || p.entries == 0 {
		return s.node.Get("Principal").JSON()
	}
	var doubtful []string
	for i, values := range [][]string{p.federated, p.aws, p.service, p.canonical} {
		for _, value := range values {
			one := principals{entries: 1}
			*[]*[]string{&one.federated, &one.aws, &one.service, &one.canonical}[i] = []string{value}
			if one.match(r) == unproven {
				doubtful = append(doubtful, jsontree.String(value).JSON())
			}
		}
	}
	return strings.Join(sorted(unique(doubtful)), " ")
}

// index sorts the rows by what they do, and makes all sets of rows equally long.
func (q *question) index() {
	n := len(q.rows)
	q.allow = make([][2]bits, len(q.scene.base.actions))
	for a := range q.allow {
		q.allow[a] = [2]bits{newBits(n), newBits(n)}
	}
	q.deny = [2]bits{newBits(n), newBits(n)}
	for i, r := range q.rows {
		if r.s.effect == Allow {
			q.allow[r.action][r.side].set(i)
		} else {
			q.deny[r.side].set(i)
		}
	}
	for i := range q.variables {
		for j := range q.variables[i].columns {
			c := &q.variables[i].columns[j]
			c.rows = append(c.rows, make(bits, len(q.deny[0])-len(c.rows))...)
		}
	}
}

// isOpen: the inner policy has a statement that may allow for each action.
func (q *question) isOpen() bool {
	for _, allow := range q.allow {
		if !allow[0].meets() {
			return false
		}
	}
	return true
}

// divide makes the variables of the condition keys again from the beginning.
func (q *question) divide(likely bool, budget *language.Budget) (complete bool) {
	known := map[string][]string{}
	for _, v := range q.variables {
		known[v.name] = v.known
	}
	q.variables = slices.DeleteFunc(q.variables, func(v variable) bool { return v.name != "" })
	var last *statement
	for i, r := range q.rows {
		for j := range r.s.conditions {
			q.column(&r.s.conditions[j], i, r, r.s == last)
		}
		last = r.s
	}
	slices.SortFunc(q.variables, func(a, b variable) int { return strings.Compare(a.name, b.name) })
	complete = true
	for i := range q.variables {
		if v := &q.variables[i]; v.name != "" {
			v.known = known[v.name]
			complete = v.divide(q.scene.domain(v.name), likely, budget) && complete
		}
	}
	return complete
}

// column adds a condition to the variable of its key; again: it is there, for another action.
func (q *question) column(c *condition, i int, r row, again bool) {
	name := c.lookup
	if same, ok := q.scene.same[name]; ok {
		name = same
	}
	at := slices.IndexFunc(q.variables, func(v variable) bool { return v.name == name })
	if at < 0 {
		at = len(q.variables)
		q.variables = append(q.variables, variable{name: name})
	}
	v := &q.variables[at]
	if again {
		for j := range v.columns {
			if v.columns[j].condition == c {
				v.columns[j].rows.set(i)
			}
		}
		return
	}
	column := column{condition: c, effect: r.s.effect, side: r.side, path: c.pointer, rows: newBits(len(q.rows)),
		what: "whether " + quote(c.operator) + " on " + quote(c.key) + " is met is not certain"}
	column.rows.set(i)
	v.columns = append(v.columns, column)
}

// search looks for a request that tells the policies apart.
func (q *question) search(variables [][]choice, budget *language.Budget, found func([]*choice) bool) bool {
	n := len(q.rows)
	decided := make([]bits, len(variables)+1)
	decided[len(variables)] = newBits(n)
	decided[len(variables)].fill(n)
	for i := len(variables) - 1; i >= 0; i-- {
		decided[i] = slices.Clone(decided[i+1])
		for _, c := range q.variables[i].columns {
			decided[i].without(c.rows)
		}
	}
	s := &search{variables: variables, decided: decided, allow: q.allow, deny: q.deny, budget: budget, found: found}
	return s.run(n)
}

// certainties are the choices when the answer to the request must be certain: what is unproven
// never helps.
func (q *question) certainties() [][]choice {
	out := make([][]choice, len(q.variables))
	for i := range q.variables {
		v := &q.variables[i]
		var list choices
		for j := range v.atoms {
			q.addCertainty(&list, v, &v.atoms[j])
		}
		out[i] = list.all
	}
	return out
}

func (q *question) addCertainty(list *choices, v *variable, a *atom) {
	if !a.open {
		pass := q.certain(v, a.verdicts)
		list.add(choice{pass: pass, certain: pass, atom: a})
	}
}

// certain is the rows that values of these verdicts let pass for certain, or keep out for certain
// where that is what helps.
func (q *question) certain(v *variable, verdicts []verdict) bits {
	return q.pass(v, func(k int) bool {
		if verdicts[k] == unproven {
			return !v.columns[k].helps()
		}
		return verdicts[k] == yes
	})
}

// choices are kept once for each set of rows that they let pass.
type choices struct {
	all  []choice
	seen map[string]bool
}

func (l *choices) add(c choice) {
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	if key := c.key(); !l.seen[key] {
		l.seen[key] = true
		c.index = len(l.all)
		l.all = append(l.all, c)
	}
}

func (c *choice) key() string { return c.pass.key(0) + c.certain.key(0) }

// helps says that a request that meets the column is more likely to be a witness.
func (c *column) helps() bool { return (c.effect == Allow) == (c.side == 0) }

// pass is the rows that are let pass when met says which columns are met.
func (q *question) pass(v *variable, met func(int) bool) bits {
	pass := newBits(len(q.rows))
	pass.fill(len(q.rows))
	for k := range v.columns {
		if !met(k) {
			pass.without(v.columns[k].rows)
		}
	}
	return pass
}
