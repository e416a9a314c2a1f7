package trust

import (
	"maps"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/language"
)

// scene is one caller who asks for one set of actions, with all requests that it can make. What no
// scene has can never be allowed. A scene may have requests that cannot exist: building a witness
// finds that out.
type scene struct {
	base   *request // what all requests of the scene have in common
	domain func(key string) domain
	build  func(values keyValues) *request
	// same has the keys that always have another key's value.
	same map[string]string
	// any says whether a caller is one of those that the scene is about; nil: there is only one.
	any func(*caller) bool
	// name is the principal as a Reach has it; "": the caller's ARN.
	name    string
	session session
	// provider is the issuer of a web identity.
	provider Provider
	// open says that the requests leave open who the caller is. No real request does, so nothing is
	// guessed: what is unproven stays as Allows has it.
	open bool
}

// keyValues are the condition keys of a request that matter, in lower case; nil: absent.
type keyValues map[string][]string

// first returns the key's value; "" when it has none.
func (v keyValues) first(key string) string {
	if values := v[key]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// or is first for a key that matters, and the fallback otherwise.
func (v keyValues) or(key, fallback string) string {
	if _, ok := v[key]; ok {
		return v.first(key)
	}
	return fallback
}

// session is what a request asks for beside the role.
type session struct {
	tags, identity bool
	// names are the tags that the policies name, when the request's aws:TagKeys matter: then it
	// has these and not the others.
	names []tagName
}

// maxTagNames is how many tags EKS Pod Identity sets.
const maxTagNames = 6

// sessions are all for which the inner policy may allow. When aws:TagKeys matter, there is one for each
// choice of the tags that the policies name, if these are few.
func (pr *prover) sessions() []session {
	list := []session{{}}
	names := pr.tags
	if !pr.tagKeys || len(names) > maxTagNames {
		names = nil
	}
	for choice := range 1 << len(names) {
		if !pr.asked.tags {
			break
		}
		s := session{tags: true}
		for i, name := range names {
			s.names = append(s.names, tagName{name, choice>>i&1 == 1})
		}
		list = append(list, s)
	}
	for _, s := range list {
		if pr.asked.identity {
			s.identity = true
			list = append(list, s)
		}
	}
	return list
}

func (s session) actions(first string) []string {
	actions := []string{first}
	if s.tags {
		actions = append(actions, actionTagSession)
	}
	if s.identity {
		actions = append(actions, actionSetSourceIdentity)
	}
	return actions
}

const (
	keyTag        = "aws:requesttag/"
	keyTagKeys    = "aws:tagkeys"
	keyTransitive = "sts:transitivetagkeys"
	keyIdentity   = "sts:sourceidentity"
)

// domain knows the keys that a session's actions decide.
func (s session) domain(key string) (d domain, ok bool) {
	switch {
	case strings.HasPrefix(key, keyTag):
		d = domain{values: []string{"x"}, within: language.Tags()}
		has := s.tags
		if i := slices.IndexFunc(s.names, func(n tagName) bool { return keyTag+n.name == key }); i >= 0 {
			has, d.must = s.names[i].has, true
		}
		if !has {
			d = domain{fixed: true}
		}
	case key == keyTagKeys && s.tags:
		d = domain{many: true, must: true, within: language.TagNames(), names: s.names}
	case key == keyTagKeys:
		d = domain{fixed: true}
	case key == keyTransitive:
		d = domain{fixed: !s.tags, many: true, within: language.TagNames()}
	case key == keyIdentity && s.identity:
		d = domain{must: true, filled: true, values: []string{"xx"}, likely: language.Words()}
	case key == keyIdentity:
		d = domain{fixed: true}
	default:
		return domain{}, false
	}
	return d, true
}

// tagsOf puts the session tags together: those whose value matters, under the spelling that
// aws:TagKeys has, and those of which the name does.
func (s session) tagsOf(values keyValues) map[string]string {
	if !s.tags {
		return nil
	}
	tags, spelling := map[string]string{}, map[string]string{}
	for _, name := range values[keyTagKeys] {
		tags[name] = "x"
		spelling[lowerASCII(name)] = name
	}
	for _, name := range values[keyTransitive] {
		if _, ok := spelling[lowerASCII(name)]; !ok {
			tags[name], spelling[lowerASCII(name)] = "x", name
		}
	}
	for key, value := range values {
		name, ok := strings.CutPrefix(key, keyTag)
		if !ok || len(value) == 0 {
			continue
		}
		if spelled, ok := spelling[name]; ok {
			name = spelled
		}
		tags[name] = value[0]
	}
	for _, n := range s.names {
		if _, there := tags[n.name]; n.has && !there && spelling[n.name] == "" {
			tags[n.name] = "x"
		}
	}
	for other := "x"; len(tags) == 0; other += "x" {
		_, matters := values[keyTag+other]
		if !matters && !slices.ContainsFunc(s.names, func(n tagName) bool { return n.name == other }) {
			tags[other] = "x"
		}
	}
	return tags
}

func (s session) identityOf(values keyValues) string {
	if !s.identity {
		return ""
	}
	return values.or(keyIdentity, "xx")
}

// fill adds the keys of the tags and of the source identity that the session sets.
func (s session) fill(values keyValues) keyValues {
	filled := maps.Clone(values)
	if tags := s.tagsOf(values); tags != nil {
		filled[keyTagKeys] = slices.Sorted(maps.Keys(tags))
		for name, value := range tags {
			filled[keyTag+lowerASCII(name)] = []string{value}
		}
	}
	if s.identity {
		filled[keyIdentity] = []string{s.identityOf(values)}
	}
	return filled
}

// domainOf is for the keys that neither the caller nor the session decides.
func domainOf(base *request, key string) domain {
	got, p := base.lookup(key)
	switch p {
	case present:
		return domain{fixed: true, values: got.values()}
	case absent:
		return domain{fixed: true}
	}
	return domain{many: true, open: true}
}

// settle makes known what a request leaves open: each key has the values, or is absent.
func settle(q Request, values keyValues) *request {
	r := *q.r
	r.partial = false
	r.keys, r.claims = slices.Clone(r.keys), slices.Clone(r.claims)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if _, p := r.lookup(key); p == present || p == absent && len(values[key]) == 0 {
			continue
		}
		if claim, own := r.cutClaim(key); own {
			r.claims = append(r.claims, newAttribute(claim, values[key]))
		} else {
			r.keys = append(r.keys, newAttribute(key, values[key]))
		}
	}
	return &r
}

// webIdentityScene is a token of the provider.
func webIdentityScene(p Provider, s session) scene {
	base := WebIdentity(p, Claims{}).r
	base.actions = s.actions(actionWebIdentity)
	prefix := p.key + ":"
	known := slices.Concat([]string{"sub", "aud", "amr", "oaud", "email"}, providerClaims(p.key))
	sc := scene{base: base, provider: p, session: s}
	sc.domain = func(key string) domain {
		if d, ok := s.domain(key); ok {
			return d
		}
		claim, ok := strings.CutPrefix(key, prefix)
		switch {
		case !ok:
			return domainOf(base, key)
		case !slices.ContainsFunc(known, func(k string) bool { return lowerASCII(k) == claim }):
			return domain{fixed: true}
		case claim == "aud":
			return domain{values: []string{DefaultAudience}}
		case claim == "sub" && len(known) == 5:
			return domain{values: []string{serviceAccountPrefix + "x:x"}, likely: language.ServiceAccounts()}
		case claim == "sub":
			return domain{likely: language.Printable()}
		}
		oaud := claim == "oaud" // without azp nobody knows whether there is one
		return domain{many: oaud || claim == "amr", vague: oaud, open: oaud}
	}
	sc.build = func(values keyValues) *request {
		return settle(WebIdentity(p, claimsOf(p, s, values)), values)
	}
	return sc
}

// claimsOf makes a token. Without azp, :oaud may be what :aud is, so a token of which :oaud
// matters has azp.
func claimsOf(p Provider, s session, values keyValues) Claims {
	claims := Claims{"sub": serviceAccountPrefix + "x:x", "aud": DefaultAudience}
	for _, name := range slices.Concat([]string{"sub", "aud", "amr", "email"}, providerClaims(p.key)) {
		switch v, matters := values[p.key+":"+lowerASCII(name)]; {
		case !matters:
		case v == nil:
			delete(claims, name)
		case name == "amr":
			claims[name] = v
		default:
			claims[name] = v[0]
		}
	}
	if oaud, matters := values[p.key+":oaud"]; matters {
		claims["azp"] = claims["aud"]
		delete(claims, "aud")
		if oaud != nil {
			claims["aud"] = oaud
		}
		if claims["azp"] == nil {
			delete(claims, "azp")
		}
	}
	if tags := s.tagsOf(values); tags != nil {
		principal := map[string]any{}
		for name, value := range tags {
			principal[name] = value
		}
		claims[claimTags] = map[string]any{"principal_tags": principal}
		if t := values[keyTransitive]; t != nil {
			claims[claimTags].(map[string]any)["transitive_tag_keys"] = t
		}
	}
	if s.identity {
		claims[claimSourceIdentity] = s.identityOf(values)
	}
	return claims
}
