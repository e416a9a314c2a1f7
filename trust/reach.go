package trust

import (
	"cmp"
	"slices"
	"strings"
)

// Reach is a part of those whom a policy admits: one caller, or all of a kind, and what the
// request must have. It is immutable and safe for concurrent use; the zero value is nobody.
type Reach struct {
	// Principal is the ARN of the identity provider or of the IAM principal, or a service's name;
	// with a '*' where it can be any.
	Principal string `json:"principal"`
	// Keys are what the condition keys of the request must be, sub and aud first; any that is not
	// listed makes no difference.
	Keys []ReachKey `json:"keys,omitempty"`
	// SessionTags and SourceIdentity say whether the request sets them.
	SessionTags    Use `json:"sessionTags"`
	SourceIdentity Use `json:"sourceIdentity"`
	// Unproven says that they may be admitted: it depends on something that is not known offline,
	// on a policy variable, or on what AWS does not document. Allows admits only those for whom a
	// variable has the value that is asked for.
	Unproven bool `json:"unproven,omitempty"`
	// Witness is one of their requests; nil when none could be made.
	Witness *Witness `json:"-"`

	parts []reachPart
}

// Use says whether a request does something.
type Use string

// The values of Use.
const (
	Never Use = "never" // only requests that do not
	May   Use = "may"   // both requests that do and requests that do not
	Must  Use = "must"  // only requests that do
)

// ReachKey says what a condition key must be: absent, or one of Is and none of Not.
type ReachKey struct {
	// Key is the condition key in lower case.
	Key string `json:"key"`
	// Is are texts and patterns with '*' and '?'; matching one is enough, and "${*}" is a star
	// itself. Of a key with several values, and of one that is not compared as text, they are
	// examples.
	Is []string `json:"is,omitempty"`
	// Not are texts and patterns that it must not match.
	Not []string `json:"not,omitempty"`
	// Examples says that Is is not the whole list.
	Examples bool `json:"examples,omitempty"`
	// Absent says that the request may lack the key; it must when Is is empty.
	Absent bool `json:"absent,omitempty"`
}

// reachPart are the boxes of one question that a Reach is made of.
type reachPart struct {
	question *question
	box      box
	certain  bool
	free     []bool // the variables that make no difference
	exact    []exactTexts
	allow    func(Request) (inner, outer bool)
}

// exactTexts tells the parts of one box apart: the variable has one of the texts, or none of them.
type exactTexts struct {
	variable int
	texts    []string
	in       bool
	chosen   *choice // of the variable, for a witness
}

// Reach returns everybody whom the policy can ever admit, in parts that do not overlap, sorted. A
// part that is not certain is Unproven. Policies that mean the same have the same reach. It takes
// no longer than Within: what is too intricate to be taken apart becomes one Unproven part.
func (p *Policy) Reach() []Reach { return reach(p, nil) }

// Comparison is what an update changes about who is admitted.
type Comparison struct {
	// Admits are those whom the new policy admits and the old one does not.
	Admits []Reach `json:"admits"`
	// Drops are those whom the old policy admits and the new one does not.
	Drops []Reach `json:"drops"`
}

// Compare says whom an update to another policy would let in and keep out, over every request
// that could be made, with a witness each. Diff names what the documents name.
func (p *Policy) Compare(to *Policy) Comparison {
	return Comparison{Admits: reach(to, p), Drops: reach(p, to)}
}

// String has a line for each change: "+ " for who is admitted, "- " for who no longer is.
func (c Comparison) String() string {
	var lines []string
	for sign, list := range map[string][]Reach{"+ ": c.Admits, "- ": c.Drops} {
		for _, r := range list {
			lines = append(lines, sign+r.String())
			if r.Witness != nil {
				lines[len(lines)-1] += "; " + r.Witness.String()
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// reach is whom the inner policy admits and outer does not.
func reach(inner, outer *Policy) []Reach {
	if inner.Len() == 0 || inner.refused != nil {
		return nil
	}
	pr := newProver(inner, outer)
	found := map[string]*Reach{}
	var order []string
	complete := pr.eachScene(func(sc scene) bool {
		for _, r := range pr.reach(sc) {
			key := r.signature(true)
			if known := found[key]; known != nil {
				known.parts = append(known.parts, r.parts...)
				continue
			}
			found[key] = &r
			order = append(order, key)
		}
		return true
	})
	var list []Reach
	for _, key := range order {
		list = append(list, *found[key])
	}
	list = mergeReach(list, func(r *Reach) *Use { return &r.SessionTags })
	list = mergeReach(list, func(r *Reach) *Use { return &r.SourceIdentity })
	list = mergeCallers(list)
	if !complete {
		list = append(list, intricate("*"))
	}
	slices.SortFunc(list, func(a, b Reach) int {
		return cmp.Or(cmp.Compare(a.String(), b.String()), cmp.Compare(a.signature(true), b.signature(true)))
	})
	return list
}

// reach takes one scene apart.
func (pr *prover) reach(sc scene) (list []Reach) {
	q := pr.newQuestion(sc)
	if sc.open || !q.isOpen() {
		return nil
	}
	complete := q.divide(true, &pr.budget)
	s := &search{allow: q.allow, deny: q.deny}
	all := newBits(len(q.rows))
	all.fill(len(q.rows))
	differs := func(alive bits) bool { return !s.isHopeless(alive, all) }
	certain := boxes{budget: &pr.budget, variables: q.certainties(), rows: len(q.rows), leaf: func(alive, _ bits) bool { return differs(alive) }}
	list, ok := pr.parts(q, &certain, true)
	if q.isDoubtful() {
		doubtful := boxes{budget: &pr.budget, variables: q.readings(), rows: len(q.rows), leaf: func(alive, certain bits) bool { return differs(alive) && !differs(certain) }}
		more, fine := pr.parts(q, &doubtful, false)
		list, ok = append(list, more...), ok && fine
	}
	if !ok || !complete {
		list = []Reach{intricate(sc.principal())}
	}
	return list
}

// intricate is the part of a principal that could not be taken apart.
func intricate(principal string) Reach {
	return Reach{Principal: principal, SessionTags: Never, SourceIdentity: Never, Unproven: true,
		Keys: []ReachKey{{Key: "too intricate to say", Examples: true}}}
}

// isDoubtful says that some condition is unproven for some values.
func (q *question) isDoubtful() bool {
	return slices.ContainsFunc(q.variables, func(v variable) bool {
		return slices.ContainsFunc(v.columns, func(c column) bool { return c.opaque }) ||
			slices.ContainsFunc(v.atoms, func(a atom) bool { return a.guess || !a.open && slices.Contains(a.verdicts, unproven) })
	})
}

// parts are the boxes in words.
func (pr *prover) parts(q *question, b *boxes, certain bool) (list []Reach, ok bool) {
	boxes, ok := b.all()
	for _, box := range boxes {
		r := Reach{Principal: q.scene.principal(), SessionTags: Never, SourceIdentity: Never, Unproven: !certain,
			parts: []reachPart{{question: q, box: box, certain: certain, free: make([]bool, len(box)), allow: pr.allow}}}
		if slices.Contains(q.scene.base.actions, actionTagSession) {
			r.SessionTags = Must
		}
		if slices.Contains(q.scene.base.actions, actionSetSourceIdentity) {
			r.SourceIdentity = Must
		}
		each := []Reach{r}
		for i := range q.variables {
			r.parts[0].free[i] = len(box[i]) == len(b.variables[i])
			if v := &q.variables[i]; v.name != "" && !v.fixed && !r.parts[0].free[i] {
				each = describeKey(each, i, q.describe(i, box[i], !certain, &pr.spare))
			}
		}
		for _, r := range each {
			for _, n := range q.scene.session.names {
				if key := keyTag + n.name; !slices.ContainsFunc(r.Keys, func(k ReachKey) bool { return k.Key == key }) {
					k := ReachKey{Key: key, Absent: !n.has}
					if n.has {
						k.Is = []string{"*"}
					}
					r.Keys = append(r.Keys, k)
				}
			}
			slices.SortStableFunc(r.Keys, func(a, b ReachKey) int { return cmp.Or(rank(a.Key)-rank(b.Key), cmp.Compare(a.Key, b.Key)) })
			if certain {
				r.Witness = r.parts[0].witness()
			}
			list = append(list, r)
		}
	}
	return list, ok
}

// witness is a request of the part.
func (p reachPart) witness() *Witness {
	chosen := make([]*choice, len(p.box))
	for i := range p.box {
		chosen[i] = p.box[i][0]
	}
	for _, e := range p.exact {
		chosen[e.variable] = e.chosen
	}
	return p.question.witness(chosen, p.allow)
}

// signature is what a part says, with or without how the session is used.
func (r *Reach) signature(session bool) string {
	parts := []string{r.Principal}
	for _, k := range r.Keys {
		parts = append(parts, k.Key, listSignature(k.Is), listSignature(k.Not), string(appendBools(k.Examples, k.Absent)))
	}
	if session {
		parts = append(parts, string(r.SessionTags), string(r.SourceIdentity))
	}
	return strings.Join(append(parts, string(appendBools(r.Unproven))), "\n")
}

func appendBools(list ...bool) (b []byte) {
	for _, v := range list {
		b = append(b, "ny"[map[bool]int{false: 0, true: 1}[v]])
	}
	return b
}

// mergeReach makes one of two parts that differ in nothing but whether the session is used so.
func mergeReach(list []Reach, use func(*Reach) *Use) []Reach {
	at := map[string]int{}
	kept := list[:0:0]
	for _, r := range list {
		was := *use(&r)
		*use(&r) = May
		key := r.signature(true)
		*use(&r) = was
		if i, ok := at[key]; ok && *use(&kept[i]) != was {
			*use(&kept[i]) = May
			kept[i].parts = append(slices.Clip(kept[i].parts), r.parts...)
			continue
		}
		at[key] = len(kept)
		kept = append(kept, r)
	}
	return kept
}

// describeKey adds what the variable is to each of the parts. Each exact sub makes a part of its
// own.
func describeKey(list []Reach, i int, described []described) (out []Reach) {
	for _, r := range list {
		for _, d := range described {
			r := r
			r.Keys = append(slices.Clip(r.Keys), d.ReachKey)
			if part := r.parts[0]; d.texts != nil {
				part.exact = append(slices.Clip(part.exact), exactTexts{i, d.texts, d.in, &choice{atom: d.example}})
				r.parts = []reachPart{part}
			}
			out = append(out, r)
		}
	}
	return out
}
