package trust_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

// world is a small world of tokens, all of which are tried.
type world struct {
	provider trust.Provider
	tokens   []worldToken
}

type worldToken struct {
	claims  trust.Claims
	ctx     naiveContext
	actions []string
}

var worldWords = []string{"a", "ab", "b:a", "B", "", "*"}

func newWorld(t *testing.T) world {
	p, err := trust.NewProvider("aws", "111122223333", "https://"+fuzzHost)
	require.NoError(t, err)
	w := world{provider: p}
	key := func(claim string) string { return strings.ToLower(fuzzHost) + ":" + claim }
	subs := [][]string{nil}
	for _, s := range worldWords {
		subs = append(subs, []string{s})
	}
	for _, sub := range subs {
		for _, aud := range [][]string{nil, {"a"}, {"x"}} {
			for _, amr := range [][]string{nil, {"a"}, {"a", "b:a"}, {"", "B"}} {
				for _, tag := range []string{"none", "a", "ab"} {
					c := worldToken{claims: trust.Claims{}, actions: []string{"sts:assumerolewithwebidentity"},
						ctx: naiveContext{provider: p.ARN(), keys: map[string][]string{"aws:securetransport": {"true"}}}}
					if sub != nil {
						c.claims["sub"], c.ctx.keys[key("sub")] = sub[0], sub
					}
					if aud != nil {
						c.claims["aud"], c.ctx.keys[key("aud")] = aud[0], aud
					}
					if amr != nil {
						c.claims["amr"], c.ctx.keys[key("amr")] = amr, amr
					}
					if tag != "none" {
						c.claims["https://aws.amazon.com/tags"] = map[string]any{"principal_tags": map[string]any{"T": tag}}
						c.ctx.keys["aws:requesttag/t"], c.ctx.keys["aws:tagkeys"] = []string{tag}, []string{"T"}
						c.actions = append(c.actions, "sts:tagsession")
					}
					w.tokens = append(w.tokens, c)
				}
			}
		}
	}
	return w
}

func naiveAllowsAll(doc []byte, ctx naiveContext, actions []string) bool {
	for _, action := range actions {
		if !naiveAllows(doc, ctx, action) {
			return false
		}
	}
	return true
}

// naiveToken is the context of a token.
func naiveToken(p trust.Provider, claims trust.Claims) (naiveContext, []string) {
	ctx := naiveContext{provider: p.ARN(), keys: map[string][]string{"aws:securetransport": {"true"}}}
	actions := []string{"sts:assumerolewithwebidentity"}
	for _, name := range []string{"sub", "aud", "amr", "email"} {
		if list, ok := naiveList(claims[name]); ok {
			ctx.keys[strings.ToLower(p.ConditionKey(name))] = list
		} else if list, ok := claims[name].([]string); ok {
			ctx.keys[strings.ToLower(p.ConditionKey(name))] = list
		}
	}
	if azp, ok := claims["azp"].(string); ok {
		ctx.keys[strings.ToLower(p.ConditionKey("oaud"))] = ctx.keys[strings.ToLower(p.ConditionKey("aud"))]
		ctx.keys[strings.ToLower(p.ConditionKey("aud"))] = []string{azp}
	}
	if tags, ok := claims["https://aws.amazon.com/tags"].(map[string]any); ok {
		for name, value := range tags["principal_tags"].(map[string]any) {
			ctx.keys["aws:requesttag/"+strings.ToLower(name)] = []string{value.(string)}
			ctx.keys["aws:tagkeys"] = append(ctx.keys["aws:tagkeys"], name)
		}
		if transitive, ok := tags["transitive_tag_keys"].([]string); ok {
			ctx.keys["sts:transitivetagkeys"] = transitive
		}
		actions = append(actions, "sts:tagsession")
	}
	if id, ok := claims["https://aws.amazon.com/source_identity"].(string); ok {
		ctx.keys["sts:sourceidentity"] = []string{id}
		actions = append(actions, "sts:setsourceidentity")
	}
	return ctx, actions
}

var worldOperators = strings.Fields(`StringEquals StringEquals StringLike StringLike StringNotEquals StringNotLike StringEqualsIgnoreCase
	StringNotEqualsIgnoreCase StringEqualsIfExists StringLikeIfExists StringNotLikeIfExists Null ForAnyValue:StringEquals ForAnyValue:StringLike
	ForAllValues:StringEquals ForAllValues:StringLike ForAnyValue:StringNotEquals ForAllValues:StringNotLike`)

// policy makes a random policy on the keys of a web identity, all of which are exact.
func (w world) policy(r *rand.Rand) []byte {
	one := func(from ...string) string { return from[r.IntN(len(from))] }
	var statements []any
	for range 1 + r.IntN(3) {
		block := map[string]map[string]any{}
		for range r.IntN(4) {
			operator := one(worldOperators...)
			key := one(fuzzHost+":sub", fuzzHost+":sub", fuzzHost+":SUB", fuzzHost+":aud", "aws:RequestTag/T", "aws:requesttag/t")
			if strings.HasPrefix(operator, "For") || operator == "Null" {
				key = one(key, fuzzHost+":amr", "aws:TagKeys")
			}
			if block[operator] == nil {
				block[operator] = map[string]any{}
			}
			for other := range block[operator] { // two spellings of one key are not exact
				if strings.EqualFold(other, key) {
					key = other
				}
			}
			var values any = []any{one("a", "a*", "*b", "?", "ab", "*", "b:a", "B", "t", "T"), one("a", "b?a", "*:*", "", "x")}
			if operator == "Null" {
				values = one("true", "false")
			}
			block[operator][key] = values
		}
		statements = append(statements, map[string]any{
			"Effect":    one("Allow", "Allow", "Allow", "Deny"),
			"Principal": map[string]any{"Federated": w.provider.ARN()},
			"Action":    []any{"sts:AssumeRoleWithWebIdentity", one("sts:TagSession", "sts:SetSourceIdentity")},
			"Condition": block,
		})
	}
	doc, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(err)
	}
	return doc
}

func TestNoTokenOfASmallWorldContradictsAProof(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), rand.New(rand.NewPCG(3, 4))
	outcomes := map[trust.Outcome]int{}
	for range draws(300) {
		docs := [2][]byte{w.policy(r), w.policy(r)}
		p, outer := parse(t, string(docs[0])), parse(t, string(docs[1]))
		proof := p.Within(outer)
		checkProof(t, p, outer, proof)
		outcomes[proof.Outcome]++
		switch proof.Outcome {
		case trust.Undecided:
			t.Logf("%s\n%s\n%s", docs[0], docs[1], proof)
		case trust.Fails:
			ctx, actions := naiveToken(w.provider, proof.Witness.Claims)
			assert.True(t, naiveAllowsAll(docs[0], ctx, actions) && !naiveAllowsAll(docs[1], ctx, actions), "%s\n%s\n%s", docs[0], docs[1], proof)
		case trust.Holds:
			for _, i := range r.Perm(len(w.tokens))[:100] {
				token := w.tokens[i]
				if naiveAllowsAll(docs[0], token.ctx, token.actions) {
					require.True(t, naiveAllowsAll(docs[1], token.ctx, token.actions), "%s\n%s\n%v", docs[0], docs[1], token.claims)
				}
			}
		}
		assert.Equal(t, trust.Holds, p.Within(p).Outcome)
		assert.Equal(t, trust.Holds, p.Within(p.Compact()).Outcome, "%s\n%s", p, p.Compact())
		assert.Equal(t, trust.Holds, p.Compact().Within(p).Outcome, "%s\n%s", p, p.Compact())
	}
	assert.Positive(t, outcomes[trust.Holds])
	assert.Positive(t, outcomes[trust.Fails])
	assert.Zero(t, outcomes[trust.Undecided], "these keys and operators are exact")
}

func TestWithinIsTransitive(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), rand.New(rand.NewPCG(5, 6))
	var policies []*trust.Policy
	for range 30 {
		policies = append(policies, parse(t, string(w.policy(r))))
	}
	holds := map[[2]int]bool{}
	for i, p := range policies {
		for j, q := range policies {
			holds[[2]int{i, j}] = p.Within(q).Outcome == trust.Holds
		}
	}
	for i := range policies {
		for j := range policies {
			for k := range policies {
				assert.False(t, holds[[2]int{i, j}] && holds[[2]int{j, k}] && !holds[[2]int{i, k}], "%s\n%s\n%s", policies[i], policies[j], policies[k])
			}
		}
	}
}
