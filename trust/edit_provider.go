package trust

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// WithoutProvider returns a policy that no longer names the provider: statements for it alone
// are dropped, its Deny statements too, and it leaves the principals of those that it shares.
// It returns the receiver itself when the policy does not name it. *EditError: a statement
// admits the provider without naming it.
func (p *Policy) WithoutProvider(provider Provider) (*Policy, error) {
	if provider.IsZero() {
		return nil, errors.New("trust: WithoutProvider: it has no provider")
	}
	var nodes []*jsontree.Value
	changed := false
	for i := range p.list() {
		s := &p.statements[i]
		kept := s.withoutProvider(provider)
		changed = changed || kept != s.node
		if kept != nil {
			nodes = append(nodes, kept)
		}
	}
	out := p
	if changed {
		out = p.withStatements(nodes)
	}
	q := WebIdentity(provider, nil)
	for i := range out.list() {
		s := &out.statements[i]
		if s.effect == Allow && s.actions.match(actionWebIdentity) != no && s.principals.match(q.r) != no {
			return nil, joinProblems("trust: WithoutProvider", &EditError{
				Edit: "WithoutProvider", Path: s.pointer, Reason: "a statement may admit the provider without naming it",
			})
		}
	}
	return out, nil
}

func (s *statement) withoutProvider(provider Provider) *jsontree.Value {
	if !slices.Contains(s.principals.federated, provider.arn) {
		return s.node
	}
	left := slices.DeleteFunc(slices.Clone(s.principals.federated), func(arn string) bool { return arn == provider.arn })
	principal := s.node.Get("Principal")
	if len(left) > 0 {
		principal = principal.With("Federated", principal.Get("Federated").WithStrings(left))
	} else {
		principal = principal.Without("Federated")
	}
	if len(principal.Members()) == 0 {
		return nil
	}
	return s.node.With("Principal", principal)
}

// Retargeted returns a policy in which every statement that names one provider names the other
// instead: principal, condition keys and policy variables, as for a cluster that is replaced.
// Statements that do not name it stay as they are. It returns the receiver itself when there
// is nothing to change. *EditError: the new name collides with a condition that is there.
func (p *Policy) Retargeted(from, to Provider) (*Policy, error) {
	if from.IsZero() || to.IsZero() {
		return nil, errors.New("trust: Retargeted: one of the providers is the zero value")
	}
	if from == to {
		return p, nil
	}
	var nodes []*jsontree.Value
	var errs []error
	changed := false
	for i := range p.list() {
		s := &p.statements[i]
		n := s.node
		if slices.Contains(s.principals.federated, from.arn) {
			var err error
			if n, err = s.retargeted(from, to); err != nil {
				errs = append(errs, err)
			}
			changed = true
		}
		nodes = append(nodes, n)
	}
	if err := joinProblems("trust: Retargeted", errs...); err != nil {
		return nil, err
	}
	if !changed {
		return p, nil
	}
	return p.withStatements(nodes), nil
}

func (s *statement) retargeted(from, to Provider) (*jsontree.Value, error) {
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
	if block == nil || block.Kind() != '{' {
		return n, nil
	}
	operators := jsontree.Object()
	for _, operator := range block.Members() {
		if operator.Value.Kind() != '{' {
			operators = operators.With(operator.Name, operator.Value)
			continue
		}
		keys := jsontree.Object()
		taken := map[string]bool{}
		for _, key := range operator.Value.Members() {
			name := key.Name
			if claim, ok := cutIssuer(name, from); ok {
				name = to.ConditionKey(claim)
			}
			if lookup := lowerASCII(name); taken[lookup] {
				return nil, &EditError{Edit: "Retargeted", Path: s.pointer + "/Condition/" + jsontree.EscapePointer(operator.Name),
					Reason: fmt.Sprintf("the condition key %q is there already", name)}
			} else {
				taken[lookup] = true
			}
			keys = keys.With(name, retargetVariables(key.Value, from, to))
		}
		operators = operators.With(operator.Name, keys)
	}
	return n.With("Condition", operators), nil
}

// cutIssuer returns the claim of a condition key that belongs to the provider.
func cutIssuer(key string, p Provider) (claim string, ok bool) {
	n := len(p.hostPath)
	if len(key) > n+1 && key[n] == ':' && lowerASCII(key[:n]) == p.key {
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
	case n.Kind() != '"' || !strings.Contains(n.Text(), "${"):
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
