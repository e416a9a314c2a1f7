package trust

import (
	"maps"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/glob"
	"github.com/irsa-go/irsa/internal/jsontree"
	"github.com/irsa-go/irsa/internal/language"
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

// stored refuses an edit after which IAM stores what it did not: then the statements of others
// would begin to count.
func (p *Policy) stored(edit string, out *Policy) error {
	if out.Len() == 0 || out.isRefused() || !p.isRefused() {
		return nil
	}
	return &EditError{Edit: edit, Path: p.refused.Path, Reason: "IAM does not store the policy as it is: " + p.refused.Message}
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

// grid has the values to try of each claim that the statements ask for, sub and aud always.
type grid map[string][]string

// maxGridWork bounds the search for them, and maxGrid their product: far above what policies
// within IAM's quota need.
const (
	maxGridWork = 1 << 21
	maxGrid     = 1 << 18
)

// newGrid is not ok when the statements are too intricate to try everything.
func newGrid(statements []*statement, g Grant) (out grid, ok bool) {
	unions := map[string][]language.Union{"sub": nil, "aud": nil}
	for _, text := range g.subjects() {
		unions["sub"] = append(unions["sub"], language.Union{language.Literal(text)})
	}
	for _, text := range g.patterns() {
		unions["sub"] = append(unions["sub"], language.Union{language.Glob(text)})
	}
	for _, text := range g.audiences() {
		unions["aud"] = append(unions["aud"], language.Union{language.Literal(text)})
	}
	for _, s := range statements {
		for _, issuer := range s.principals.federated {
			r := sketch(issuer)
			for i := range s.conditions {
				c := &s.conditions[i]
				if claim, own := r.cutClaim(c.lookup); own && !isMultivalued(c.lookup) {
					unions[claim] = append(unions[claim], c.languages()...)
				}
			}
		}
	}
	out, ok = grid{}, true
	size, budget := 1, &language.Budget{Left: maxGridWork}
	empty := language.Union{language.Literal("")} // to the set operators it is no value at all
	for _, claim := range slices.Sorted(maps.Keys(unions)) {
		words, complete := language.Classes(append(unions[claim], empty), nil, budget)
		out[claim] = words
		size *= len(words) + 1
		ok = ok && complete && size <= maxGrid
	}
	return out, ok
}

// languages are what the condition's values tell apart.
func (c *condition) languages() (unions []language.Union) {
	for _, text := range c.texts {
		for strings.Contains(text, "${") { // what a variable brings in may be anything
			before, rest, _ := strings.Cut(text, "${")
			_, after, _ := strings.Cut(rest, "}")
			text = before + "*" + after
		}
		switch c.op.family {
		case familyStringLike, familyArn:
			unions = append(unions, language.Union{language.Glob(text)})
		case familyStringIgnoreCase:
			unions = append(unions, language.Union{language.FoldASCII(text)}, language.Union{language.Fold(text)})
		default:
			unions = append(unions, language.Union{language.Literal(text)}, language.Union{language.Glob(text)})
		}
	}
	return unions
}

// sketch is a token of which nothing is known but the issuer.
func sketch(principal string) *request {
	r := &request{caller: caller{kind: callerWebIdentity, arn: principal}, partial: true}
	r.issuer = principal
	if p, err := ParseProviderARN(principal); err == nil {
		r.issuer, r.caller.partition, r.caller.accountID = p.key, p.partition, p.accountID
		r.set("aws:resourceaccount", p.accountID)
	}
	r.issuer = lowerASCII(r.issuer)
	r.set("aws:securetransport", "true")
	return r
}

// tokenOf is a token of which sub and aud are known, and nothing else.
func tokenOf(p Provider, sub, aud string) *request {
	r := sketch(p.arn)
	r.claims = []attribute{{name: "sub", one: sub}, {name: "aud", one: aud}}
	return r
}

// tokens are those of one federated principal, with each value of each claim and without it.
func (g grid) tokens(principal string) []*request {
	all := []*request{sketch(principal)}
	for _, claim := range slices.Sorted(maps.Keys(g)) {
		if !isExposed(all[0].issuer, claim) {
			continue
		}
		var more []*request
		for _, r := range all {
			with := func(a attribute) {
				token := *r
				token.claims = append(slices.Clip(r.claims), a)
				more = append(more, &token)
			}
			with(attribute{name: claim, isMany: true})
			for _, word := range g[claim] {
				with(attribute{name: claim, one: word})
			}
		}
		all = more
	}
	return all
}

// requests are the tokens of every federated principal of the statements, and every other caller.
func (g grid) requests(statements []*statement) []*request {
	var all []*request
	seen := map[string]bool{}
	for _, s := range statements {
		for _, principal := range s.principals.federated {
			if !seen[principal] {
				seen[principal] = true
				all = append(all, g.tokens(principal)...)
			}
		}
		for _, name := range s.principals.service {
			all = append(all, &request{caller: caller{kind: callerService, arn: name}, partial: true})
		}
		for _, name := range slices.Concat(s.principals.aws, s.principals.canonical) {
			for _, kind := range []callerKind{callerUser, callerSession} {
				all = append(all, &request{caller: caller{kind: kind, arn: name, accountID: name}, partial: true})
			}
		}
	}
	return all
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

// webRequests are the requests of the statements' grid.
func webRequests(statements []*statement) ([]*request, bool) { return Grant{}.requests(statements) }

// requests tells also those apart whom the grant names.
func (g Grant) requests(statements []*statement) ([]*request, bool) {
	grid, ok := newGrid(statements, g)
	if !ok {
		return nil, false
	}
	return grid.requests(statements), true
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

// answer is what statements of one effect say: the best verdict, and what it hangs on when that is
// not known. Two that hang on the same are the same.
type answer struct {
	verdict verdict
	hangsOn string
}

// answers are those for each action.
func answers(r *request, statements []*statement) (all [4]answer) {
	for i, action := range trustActions() {
		var hangsOn []string
		for _, s := range statements {
			switch a := s.answer(r, action); {
			case a.verdict > all[i].verdict:
				all[i].verdict, hangsOn = a.verdict, []string{a.hangsOn}
			case a.verdict == all[i].verdict:
				hangsOn = append(hangsOn, a.hangsOn)
			}
		}
		if all[i].verdict == unproven {
			all[i].hangsOn = listSignature(hangsOn)
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
	var hangsOn []string
	if res.who == unproven {
		hangsOn = append(hangsOn, "principal")
	}
	if s.actions.negated || s.flaw != "" {
		hangsOn = append(hangsOn, s.actions.String(), s.flaw)
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
		hangsOn = append(hangsOn, quoteSignature(c.operator)+quoteSignature(key)+r.values(c.texts))
	}
	return answer{unproven, listSignature(hangsOn)}
}

// values are a condition's, with variables of the issuer's claims whatever its name is.
func (r *request) values(texts []string) string {
	own := make([]string, len(texts))
	for i, text := range texts {
		before, rest, found := strings.Cut(text, "${")
		for own[i] = before; found; own[i] += "${" + before {
			if n := len(r.issuer); n > 0 && len(rest) > n && rest[n] == ':' && lowerASCII(rest[:n]) == r.issuer {
				rest = rest[n:]
			}
			before, rest, found = strings.Cut(rest, "${")
		}
	}
	return listSignature(own)
}

// claim is the token's, when it has it.
func (r *request) claim(name string) (value string, ok bool) {
	for i := range r.claims {
		if r.claims[i].name == name {
			return r.claims[i].one, !r.claims[i].isMany
		}
	}
	return "", false
}

// covers says whether the request is a token that the grant is for; anyAudience, whatever it was
// made for.
func (g Grant) covers(r *request, anyAudience bool) bool {
	sub, _ := r.claim("sub")
	aud, ok := r.claim("aud")
	return r.caller.kind == callerWebIdentity && r.caller.arn == g.Provider.arn && g.entry(sub) != "" &&
		(anyAudience || ok && slices.Contains(g.audiences(), aud))
}

// entry is the grant's subject or pattern that a sub belongs to, "" when there is none.
func (g Grant) entry(sub string) string {
	for _, s := range g.Subjects {
		if s.text == sub {
			return s.text
		}
	}
	for _, p := range g.Patterns {
		if glob.Compile(p.text).Match(sub) {
			return p.text
		}
	}
	return ""
}
