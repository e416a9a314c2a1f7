package trust

import (
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// The law of edits: an accepted edit opens nothing and takes nothing that it does not name. It
// is checked on the result, with one token for each way in which the statements concerned can
// tell subs and audiences apart, and with the other callers that they name. What else a token or
// a call may have is unknown to both sides alike.

// revision is an edited policy, with the receiver's statement that each of its own comes from.
type revision struct {
	policy *Policy
	from   []*statement
}

// revise puts other nodes in the place of each statement; the receiver itself when all are as
// they were.
func (p *Policy) revise(edit func(*statement) []*jsontree.Value) revision {
	rev := revision{policy: p}
	var nodes []*jsontree.Value
	changed := false
	for i := range p.list() {
		s := &p.statements[i]
		kept := edit(s)
		if len(kept) == 1 && kept[0] != s.node && kept[0].JSON() == s.node.JSON() {
			kept = []*jsontree.Value{s.node} // written again as it was
		}
		changed = changed || len(kept) != 1 || kept[0] != s.node
		for _, n := range kept {
			nodes = append(nodes, n)
			rev.from = append(rev.from, s)
		}
	}
	if changed {
		rev.policy = p.withStatements(nodes)
	}
	return rev
}

// settled is everything for which an edit is refused.
func (p *Policy) settled(edit string, out *Policy, errs []error) error {
	if len(errs) == 0 {
		errs = append(errs, p.stored(edit, out))
	}
	return joinProblems("trust: "+edit, errs...)
}

// stored refuses an edit after which IAM stores what it did not, or does not store what it did: then
// the statements of others would begin to count, or no longer do.
func (p *Policy) stored(edit string, out *Policy) error {
	switch {
	case out.Len() == 0 || out.isRefused() == p.isRefused():
		return nil
	case p.isRefused():
		return &EditError{Edit: edit, Path: p.refused.Path, Reason: "IAM does not store the policy as it is: " + p.refused.Message}
	}
	return &EditError{Edit: edit, Path: p.pathOf(out.refused.Path, out), Reason: "IAM would not store the policy: " + out.refused.Message}
}

// origin is the pointer of the receiver's statement that one of the revision comes from; "" for
// one that is new.
func (rev revision) origin(s *statement) string {
	for i, from := range rev.from {
		if &rev.policy.statements[i] == s {
			return from.pointer
		}
	}
	return ""
}

// keeps says whether parts in the place of a statement, nil for none, answer every request that
// ask finds as it does, those that the edit names aside.
func (p *Policy) keeps(s *statement, parts []*jsontree.Value, ask func([]*statement) ([]*request, bool), named func(*request) bool) bool {
	var before []*statement
	if s != nil {
		before = []*statement{s}
	}
	after := p.compiled(parts)
	requests, ok := ask(slices.Concat(before, after))
	return ok && !slices.ContainsFunc(requests, func(r *request) bool {
		return answers(r, before) != answers(r, after) && !named(r)
	})
}

// compiled reads statements as the policy's version says.
func (p *Policy) compiled(nodes []*jsontree.Value) (statements []*statement) {
	c := compiler{sids: map[string]bool{}, variables: p.tree().Get("Version").Text() == versionCurrent}
	for _, n := range nodes {
		s := c.statement(n, "")
		statements = append(statements, &s)
	}
	return statements
}

// trustActions are what a trust policy decides on.
func trustActions() [4]string {
	return [...]string{actionWebIdentity, actionAssumeRole, actionTagSession, actionSetSourceIdentity}
}

// answer is what statements of one effect say: the best verdict, and when that is unproven what it
// depends on. Two answers that depend on the same things are the same.
type answer struct {
	verdict   verdict
	dependsOn string
}

// answers are those for each action.
func answers(r *request, statements []*statement) (all [4]answer) {
	for i, action := range trustActions() {
		var dependsOn []string
		for _, s := range statements {
			switch a := s.answer(r, action); {
			case a.verdict > all[i].verdict:
				all[i].verdict, dependsOn = a.verdict, []string{a.dependsOn}
			case a.verdict == all[i].verdict:
				dependsOn = append(dependsOn, a.dependsOn)
			}
		}
		if all[i].verdict == unproven {
			all[i].dependsOn = listSignature(dependsOn)
		}
	}
	return all
}

// answer judges the request.
func (s *statement) answer(r *request, action string) answer {
	v := judge{r, unproven}.statement(s, action, nil)
	if v != unproven {
		return answer{verdict: v}
	}
	var res StatementResult
	judge{r, unproven}.statement(s, action, &res)
	var dependsOn []string
	if res.who == unproven {
		dependsOn = append(dependsOn, "principal")
	}
	if s.actions.negated || s.flaw != "" {
		dependsOn = append(dependsOn, s.actions.String(), s.flaw)
	}
	for i, result := range res.Conditions {
		if !result.Unproven {
			continue
		}
		c := &s.conditions[i]
		key := c.lookup
		if claim, own := r.cutClaim(key); own {
			key = ":" + claim // whatever the issuer's name is
		}
		if _, presence := r.lookup(c.lookup); presence == absent {
			key += " absent" // whether that is enough, no source says
		}
		dependsOn = append(dependsOn, quoteSignature(c.operator)+quoteSignature(key)+r.values(c.texts))
	}
	return answer{unproven, listSignature(dependsOn)}
}

// values are a condition's, with variables of the issuer's claims whatever its name is.
func (r *request) values(texts []string) string {
	own := make([]string, len(texts))
	for i, text := range texts {
		before, rest, found := strings.Cut(text, "${")
		for own[i] = before; found; own[i] += "${" + before {
			if n := len(r.issuer); len(rest) > n && rest[n] == ':' && lowerASCII(rest[:n]) == r.issuer {
				rest = rest[n:]
			}
			before, rest, found = strings.Cut(rest, "${")
		}
	}
	return listSignature(own)
}
