package trust

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// WithoutProvider returns a policy that no longer names the provider: a statement for it alone is
// dropped, also a Deny, and a statement with more principals keeps the others. It returns the
// receiver itself when the policy does not name it. *EditError: a statement admits the provider
// without naming it, or names it in a way that cannot be taken out alone.
func (p *Policy) WithoutProvider(provider Provider) (*Policy, error) {
	if provider.IsZero() {
		return nil, errors.New("trust: WithoutProvider: the provider is the zero value")
	}
	named := func(r *request) bool { return r.caller.arn == provider.arn }
	var errs []error
	rev := p.revise(func(s *statement) []*jsontree.Value {
		n := s.withoutPrincipal("Federated", provider.arn)
		kept := []*jsontree.Value{n}
		switch n {
		case s.node:
			return kept
		case nil:
			kept = nil
		}
		if !p.keeps(s, kept, webRequests, named) {
			errs = append(errs, &EditError{Edit: "WithoutProvider", Path: s.pointer, Reason: "the statement cannot lose the provider alone"})
		}
		return kept
	})
	for i := range rev.policy.list() {
		s := &rev.policy.statements[i]
		if s.effect == Allow && s.actions.match(actionWebIdentity) != no && s.principals.match(sketch(provider.arn)) != no {
			errs = append(errs, &EditError{Edit: "WithoutProvider", Path: rev.origin(s), Reason: "a statement may admit the provider without naming it"})
		}
	}
	if err := p.settled("WithoutProvider", rev.policy, errs); err != nil {
		return nil, err
	}
	return rev.policy, nil
}

// withoutPrincipal is the statement without one of its principals; nil when it was the only one.
func (s *statement) withoutPrincipal(kind, value string) *jsontree.Value {
	principal := s.node.Get("Principal")
	values, _ := principal.Get(kind).Strings()
	left := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == value })
	switch {
	case len(left) == len(values):
		return s.node
	case len(left) > 0:
		principal = principal.With(kind, principal.Get(kind).WithStrings(left))
	case len(principal.Members()) == 1:
		return nil
	default:
		principal = principal.Without(kind)
	}
	return s.node.With("Principal", principal)
}

// Retargeted returns a policy in which every statement that names one provider names the other
// instead: principal, condition keys and policy variables, as for a cluster that is replaced.
// Statements that do not name it stay as they are. It returns the receiver itself when there is
// nothing to change. *EditError: the policy already has a condition on the new name; or tokens of
// the new provider would get an answer that neither provider's tokens got before; or a statement
// would say something else to others.
func (p *Policy) Retargeted(from, to Provider) (*Policy, error) {
	if from.IsZero() || to.IsZero() {
		return nil, errors.New("trust: Retargeted: one of the providers is the zero value")
	}
	if from == to {
		return p, nil
	}
	var errs []error
	rev := p.revise(func(s *statement) []*jsontree.Value {
		if !slices.Contains(s.principals.federated, from.arn) {
			return []*jsontree.Value{s.node}
		}
		n, e := s.retargeted(from, to)
		if e == nil && !p.moves(s, n, from, to) {
			e = &EditError{Path: s.pointer, Reason: "the statement would not say the same with the other provider"}
		}
		if e != nil {
			e.Edit = "Retargeted"
			errs = append(errs, e)
		}
		return []*jsontree.Value{n}
	})
	if e := rev.collision(p, from, to); len(errs) == 0 && e != nil {
		errs = append(errs, e)
	}
	if err := p.settled("Retargeted", rev.policy, errs); err != nil {
		return nil, err
	}
	return rev.policy, nil
}

// moves says whether a statement, once it names the other provider, answers its tokens as it
// did those of either, and all others as before.
func (p *Policy) moves(s *statement, n *jsontree.Value, from, to Provider) bool {
	before, after := []*statement{s}, p.compiled([]*jsontree.Value{n})
	requests, ok := webRequests(slices.Concat(before, after))
	for _, r := range requests {
		was := answers(r, before)
		switch r.caller.arn {
		case from.arn:
			was = [4]answer{}
		case to.arn:
			for i, a := range answers(r.of(from), before) {
				if was[i], ok = was[i].or(a); !ok {
					return false
				}
			}
		}
		if answers(r, after) != was {
			return false
		}
	}
	return ok
}

// or is the answer of one who has either; not ok when that depends on two things.
func (a answer) or(b answer) (answer, bool) {
	switch {
	case a.verdict > b.verdict:
		return a, true
	case a.verdict < b.verdict:
		return b, true
	}
	return a, a == b
}

// of is the same token of another provider.
func (r *request) of(p Provider) *request {
	token := sketch(p.arn)
	token.claims = r.claims
	return token
}

func (s *statement) retargeted(from, to Provider) (*jsontree.Value, *EditError) {
	principal := s.node.Get("Principal")
	names := slices.Clone(s.principals.federated)
	for i := range names {
		if names[i] == from.arn {
			names[i] = to.arn
		}
	}
	principal = principal.With("Federated", principal.Get("Federated").WithStrings(unique(names)))
	n := s.node.With("Principal", principal)
	block := n.Get("Condition")
	if block.Kind() != '{' {
		return n, nil
	}
	operators := jsontree.Object()
	for _, operator := range block.Members() {
		keys := jsontree.Object()
		taken := map[string]bool{}
		for _, key := range operator.Value.Members() {
			name := key.Name
			if claim, ok := cutIssuer(name, from); ok {
				name = to.ConditionKey(claim)
			}
			lookup := lowerASCII(name)
			if taken[lookup] {
				return n, &EditError{Path: s.pointer + "/Condition/" + jsontree.EscapePointer(operator.Name),
					Reason: fmt.Sprintf("the condition key %q is there already", name)}
			}
			taken[lookup] = true
			keys = keys.With(name, retargetVariables(key.Value, from, to))
		}
		if operator.Value.Kind() != '{' {
			keys = operator.Value
		}
		operators = operators.With(operator.Name, keys)
	}
	return n.With("Condition", operators), nil
}

// cutIssuer returns the claim of a condition key that belongs to the provider.
func cutIssuer(key string, p Provider) (claim string, ok bool) {
	n := len(p.hostPath)
	if len(key) > n && key[n] == ':' && lowerASCII(key[:n]) == p.key {
		return key[n+1:], true
	}
	return "", false
}

// retargetVariables rewrites "${HOST/PATH:claim}" in values.
func retargetVariables(n *jsontree.Value, from, to Provider) *jsontree.Value {
	switch {
	case n.Kind() == '[':
		items := make([]*jsontree.Value, len(n.Items()))
		for i, item := range n.Items() {
			items[i] = retargetVariables(item, from, to)
		}
		return jsontree.Array(items...)
	case !strings.Contains(n.Text(), "${"):
		return n
	}
	var b strings.Builder
	for rest := n.Text(); ; {
		before, after, found := strings.Cut(rest, "${")
		b.WriteString(before)
		if !found {
			return jsontree.String(b.String())
		}
		b.WriteString("${")
		if claim, ok := cutIssuer(after, from); ok {
			b.WriteString(to.hostPath + ":")
			after = claim
		}
		rest = after
	}
}
