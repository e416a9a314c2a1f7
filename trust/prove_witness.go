package trust

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Witness is one request that one policy allows and another does not. Do not change its claims.
type Witness struct {
	// Request is allowed by the one and not by the other, as Allows says.
	Request Request
	// Provider is the issuer of a web identity, else zero.
	Provider Provider
	// Claims are the claims of a web identity's token, else nil.
	Claims Claims

	text string
}

// String says who asks, and all of the request that matters, such as "a token of HOST with sub
// system:serviceaccount:a-x:y". What could control a terminal is quoted.
func (w Witness) String() string { return w.text }

// MarshalJSON writes the provider, the claims and, as "text", the String. The request itself is for
// Allows alone.
func (w Witness) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"text": w.text, "provider": w.Provider, "claims": w.Claims})
}

// witness makes a request of the choices; nil when there is none, or when the policies do not
// say of it what they should.
func (q *question) witness(chosen []*choice, allow func(Request) (inner, outer bool)) *Witness {
	values := keyValues{}
	for i, c := range chosen {
		if q.variables[i].name == "" {
			continue
		}
		values[q.variables[i].name] = c.atom.values
		for key, same := range q.scene.same {
			if same == q.variables[i].name {
				values[key] = c.atom.values
			}
		}
	}
	r := Request{q.scene.build(values)}
	if inner, outer := allow(r); !inner || outer {
		return nil
	}
	w := &Witness{Request: r, Provider: q.scene.provider, text: q.sentence(r.r, values)}
	if !w.Provider.IsZero() {
		w.Claims = claimsOf(w.Provider, q.scene.session, values)
	}
	return w
}

// sentence names the caller and the keys that matter.
func (q *question) sentence(r *request, values keyValues) string {
	text := q.asker(r)
	if r.caller.id != "" {
		text += " of id " + quote(r.caller.id)
	}
	with, without := q.keysOf(r, values)
	with = append(with, unchosen(r, values)...)
	if r.caller.arn == podIdentityService && len(r.actions) == 1 {
		without = append(without, "session tags")
	}
	if len(with) > 0 {
		text += " with " + strings.Join(with, ", ")
	}
	if len(without) > 0 {
		text += " without " + strings.Join(without, ", ")
	}
	return text
}

func (q *question) asker(r *request) string {
	switch {
	case r.issuer != "":
		return "a token of " + quote(strings.TrimPrefix(q.scene.provider.IssuerURL(), "https://"))
	case r.caller.arn == podIdentityService:
		return "EKS Pod Identity"
	case r.caller.roleARN != "":
		return "role " + quote(r.caller.roleARN)
	}
	return "a request of " + quote(r.caller.arn)
}

// keysOf lists the keys that the request has with their values, sub and aud first, and those that
// it lacks.
func (q *question) keysOf(r *request, values keyValues) (with, without []string) {
	keys := slices.Sorted(maps.Keys(values))
	slices.SortStableFunc(keys, func(a, b string) int { return rank(a) - rank(b) })
	for _, key := range keys {
		_, claim, isClaim := cutClaim(key)
		if !isClaim || r.issuer == "" {
			claim = key
		}
		got, p := r.lookup(key)
		switch {
		case p == present:
			with = append(with, quote(claim)+" "+strings.Join(quoteAll(got.values()), " and "))
		case !q.scene.domain(key).fixed:
			without = append(without, quote(claim))
		}
	}
	return with, without
}

// unchosen names the tags and the source identity that a request sets although it does not matter
// what they are.
func unchosen(r *request, values keyValues) (with []string) {
	chosen := func(isKey func(string) bool) bool {
		return slices.ContainsFunc(slices.Collect(maps.Keys(values)), isKey)
	}
	for _, action := range r.actions[1:] {
		switch {
		case action == actionTagSession && !chosen(func(k string) bool { return k == keyTagKeys || strings.HasPrefix(k, keyTag) }):
			with = append(with, "session tags")
		case action == actionSetSourceIdentity && !chosen(func(k string) bool { return k == keyIdentity }):
			with = append(with, "a source identity")
		}
	}
	return with
}

func rank(key string) int {
	switch {
	case strings.HasSuffix(key, ":sub"):
		return 0
	case strings.HasSuffix(key, ":aud"):
		return 1
	}
	return 2
}
