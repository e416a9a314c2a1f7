package trust

import (
	"maps"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/glob"
	"github.com/irsa-go/irsa/internal/language"
)

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
	unions := g.languages()
	for _, s := range statements {
		for claim, more := range s.claimLanguages() {
			unions[claim] = append(unions[claim], more...)
		}
	}
	out, ok = grid{}, true
	size, budget := 1, &language.Budget{Left: maxGridWork}
	empty := language.Union{language.Literal("")} // the set operators take it for an empty list
	for _, claim := range slices.Sorted(maps.Keys(unions)) {
		words, complete := language.Classes(append(unions[claim], empty), nil, budget)
		out[claim] = words
		size *= len(words) + 1
		ok = ok && complete && size <= maxGrid
	}
	return out, ok
}

// languages are what the grant's entries tell apart, by claim.
func (g Grant) languages() map[string][]language.Union {
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
	return unions
}

// claimLanguages are what the statement's conditions tell apart, by claim.
func (s *statement) claimLanguages() map[string][]language.Union {
	unions := map[string][]language.Union{}
	for _, issuer := range s.principals.federated {
		r := sketch(issuer)
		for i := range s.conditions {
			c := &s.conditions[i]
			if claim, own := r.cutClaim(c.lookup); own && !isMultivalued(c.lookup) {
				unions[claim] = append(unions[claim], c.languages()...)
			}
		}
	}
	return unions
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

// claim is the token's; "" when it does not have it.
func (r *request) claim(name string) string {
	for i := range r.claims {
		if r.claims[i].name == name {
			return r.claims[i].one
		}
	}
	return ""
}

// covers says whether the request is a token that the grant is for; anyAudience, whatever it was
// made for.
func (g Grant) covers(r *request, anyAudience bool) bool {
	return r.caller.kind == callerWebIdentity && r.caller.arn == g.Provider.arn && g.entry(r.claim("sub")) != "" &&
		(anyAudience || slices.Contains(g.audiences(), r.claim("aud")))
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
