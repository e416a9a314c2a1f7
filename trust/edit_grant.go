package trust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/glob"
	"github.com/irsa-go/irsa/internal/jsontree"
)

// EditError says why an edit was refused: its result would not have been what the edit promises.
// The policy is unchanged.
type EditError struct {
	// Edit is the method's name, such as "WithoutGrant".
	Edit string
	// Subject is the subject or pattern concerned; "" when the edit as a whole is refused.
	Subject string
	// Path is the JSON pointer of the statement that stands in the way; "" when there is none.
	Path string
	// Reason says what stands in the way.
	Reason string
}

// Error names the subject, the reason and the statement.
func (e *EditError) Error() string {
	var b strings.Builder
	if e.Subject != "" {
		fmt.Fprintf(&b, "subject %q ", e.Subject)
	}
	b.WriteString(e.Reason)
	if e.Path != "" {
		fmt.Fprintf(&b, " (%s)", e.Path)
	}
	return b.String()
}

// WithGrant returns a policy that admits the grant too, changed as little as possible: a subject
// joins the statement that has its provider, its audiences and no other condition; otherwise a
// statement is added. It returns the receiver itself when statements that ask for its provider, subs and
// audiences, and for nothing else, admit all of the grant already. One that asks for less does not count.
// *EditError: the grant names nobody, or it would have no effect because of a Deny or of the
// policy's version.
func (p *Policy) WithGrant(g Grant) (*Policy, error) {
	if err := g.checkEdit("WithGrant"); err != nil {
		return nil, joinProblems("trust: WithGrant", err)
	}
	out := p.add(g)
	var errs []error
	for _, sub := range slices.Concat(g.subjects(), g.patterns()) {
		for _, aud := range g.audiences() {
			if e := out.checkEffective(g.Provider, sub, aud); e != nil {
				e.Path = p.pathOf(e.Path, out)
				errs = append(errs, e)
				break
			}
		}
	}
	errs = append(errs, p.widened(out, "WithGrant", g.requests, func(r *request) bool { return g.covers(r, false) })...)
	if err := p.settled("WithGrant", out, errs); err != nil {
		return nil, err
	}
	return out, nil
}

// widened checks the statements of a policy that begins as p does: only those that the edit names
// may be answered otherwise.
func (p *Policy) widened(out *Policy, edit string, ask func([]*statement) ([]*request, bool), named func(*request) bool) (errs []error) {
	for i := range out.list() {
		var was *statement
		if i < p.Len() {
			was = &p.statements[i]
		}
		n := out.statements[i].node
		if was != nil && was.node == n || p.keeps(was, []*jsontree.Value{n}, ask, named) {
			continue
		}
		errs = append(errs, &EditError{Edit: edit, Path: p.pathOf(out.statements[i].pointer, out), Reason: "the statement would admit others too"})
	}
	return errs
}

// pathOf gives the pointer of a statement, or of a part of it, of a policy that begins as p does, in
// p; "" for one that is new.
func (p *Policy) pathOf(path string, of *Policy) string {
	for i := range of.list() {
		part, ok := strings.CutPrefix(path, of.statements[i].pointer)
		if !ok || part != "" && part[0] != '/' {
			continue
		}
		if i < p.Len() {
			return p.statements[i].pointer + part
		}
		return ""
	}
	return path
}

// checkEdit refuses a grant that names nobody with an *EditError.
func (g Grant) checkEdit(edit string) error {
	if len(g.Subjects) == 0 && len(g.Patterns) == 0 {
		return &EditError{Edit: edit, Reason: "the grant names nobody"}
	}
	return g.check()
}

// sample is a sub that the pattern admits. Hardly anything else admits it, because no service
// account has such a name.
func sample(pattern string) string { return strings.NewReplacer("*", "·", "?", "·").Replace(pattern) }

// checkEffective says what keeps a grant that the policy has from working: a Deny, or something
// about the policy as a whole. A Deny that depends on the network or the clock does not count: it
// overrides the grant only at times.
func (p *Policy) checkEffective(provider Provider, sub, aud string) *EditError {
	q := WebIdentity(provider, Claims{"sub": sample(sub), "aud": aud})
	j := judge{q.r, no}
	e := &EditError{Edit: "WithGrant", Subject: sub, Reason: "would still not be allowed"}
	if p.isRefused() {
		e.Path, e.Reason = p.refused.Path, "would not be allowed: IAM does not store the policy: "+p.refused.Message
		return e
	}
	if j.action(p, actionWebIdentity, nil) {
		return nil
	}
	for i := range p.list() {
		s := &p.statements[i]
		if s.effect != Allow && j.statement(s, actionWebIdentity, nil) != no {
			e.Path, e.Reason = s.pointer, "would be denied"
			return e
		}
	}
	return e
}

// add puts a checked grant into the policy.
func (p *Policy) add(g Grant) *Policy {
	out := p.addSubs(g, "StringEquals", g.subjects())
	return out.addSubs(g, "StringLike", g.patterns())
}

func (p *Policy) addSubs(g Grant, operator string, subs []string) *Policy {
	subs = slices.DeleteFunc(subs, func(sub string) bool { return p.admitsPlainly(g, operator, sub) })
	if len(subs) == 0 {
		return p
	}
	for i := range p.list() {
		if s := &p.statements[i]; s.isPlain(g, operator) {
			values, _ := s.subValue(g.Provider, operator).Strings()
			return p.replaceStatement(i, withValues(s.node, s.find(operator, g.Provider.key+":sub"), append(values, subs...)))
		}
	}
	return p.appendStatement(g.statementNode(operator, subs))
}

// admitsPlainly says that statements of this grant's own kind admit the sub for every audience
// of the grant.
func (p *Policy) admitsPlainly(g Grant, operator, sub string) bool {
	for _, aud := range g.audiences() {
		if !slices.ContainsFunc(p.list(), func(s statement) bool {
			for _, op := range [...]string{"StringEquals", "StringLike"} {
				if !s.hasPlainShape(g.Provider, op) {
					continue
				}
				audiences, _ := s.audValue(g.Provider).Strings()
				subs, _ := s.subValue(g.Provider, op).Strings()
				if slices.Contains(audiences, aud) && (op == operator && slices.Contains(subs, sub) ||
					operator == "StringEquals" && op == "StringLike" && slices.ContainsFunc(subs, func(pattern string) bool {
						return glob.Compile(pattern).Match(sub)
					})) {
					return true
				}
			}
			return false
		}) {
			return false
		}
	}
	return true
}

func (p *Policy) replaceStatement(i int, n *jsontree.Value) *Policy {
	root := p.tree()
	list := root.Get("Statement")
	if list.Kind() != '[' {
		return newPolicy(root.With("Statement", n))
	}
	items := slices.Clone(list.Items())
	items[i] = n
	return newPolicy(root.With("Statement", jsontree.Array(items...)))
}

func (p *Policy) appendStatement(n *jsontree.Value) *Policy {
	root := p.tree()
	var items []*jsontree.Value
	switch list := root.Get("Statement"); {
	case list == nil:
	case list.Kind() == '[':
		items = slices.Clone(list.Items())
	default:
		items = []*jsontree.Value{list}
	}
	return newPolicy(root.With("Statement", jsontree.Array(append(items, n)...)))
}

// isPlain says that the statement is what New makes of the grant, up to order, names and
// subs: only such a statement can take up a further sub without changing what else it says.
func (s *statement) isPlain(g Grant, operator string) bool {
	if !s.hasPlainShape(g.Provider, operator) {
		return false
	}
	audiences, _ := s.audValue(g.Provider).Strings()
	return slices.Equal(sorted(unique(audiences)), sorted(g.audiences()))
}

func sorted(values []string) []string {
	values = slices.Clone(values)
	slices.Sort(values)
	return values
}

// hasPlainShape leaves the audiences open.
func (s *statement) hasPlainShape(p Provider, operator string) bool {
	if s.flaw != "" || s.effect != Allow || len(s.conditions) != 2 ||
		s.principals.entries != 1 || !slices.Equal(s.principals.federated, []string{p.arn}) ||
		s.actions.negated || !slices.Equal(s.actions.texts, []string{"sts:AssumeRoleWithWebIdentity"}) {
		return false
	}
	for _, v := range []*jsontree.Value{s.audValue(p), s.subValue(p, operator)} {
		values, _ := v.Strings()
		if len(values) == 0 || slices.ContainsFunc(values, func(t string) bool { return strings.Contains(t, "${") }) {
			return false
		}
	}
	return true
}

func (s *statement) audValue(p Provider) *jsontree.Value {
	return s.valueOf(s.find("StringEquals", p.key+":aud"))
}

func (s *statement) subValue(p Provider, operator string) *jsontree.Value {
	return s.valueOf(s.find(operator, p.key+":sub"))
}

// find returns the condition of a key (in lower case) under an operator, nil when there is none.
func (s *statement) find(operator, lookup string) *condition {
	for i := range s.conditions {
		if c := &s.conditions[i]; c.operator == operator && c.lookup == lookup {
			return c
		}
	}
	return nil
}

func (s *statement) valueOf(c *condition) *jsontree.Value {
	if c == nil {
		return nil
	}
	return s.node.Get("Condition").Get(c.operator).Get(c.key)
}
