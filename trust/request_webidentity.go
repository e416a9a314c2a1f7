package trust

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Claims are a token's claims as decoded JSON: json.Number, string, []string, []any, bool and
// map[string]any, nothing else. A number decoded as float64 has lost digits, so it is not one
// of them: use json.Decoder.UseNumber.
type Claims map[string]any

// The claims that STS takes session tags and the source identity from
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp).
const (
	claimTags           = "https://aws.amazon.com/tags"
	claimSourceIdentity = "https://aws.amazon.com/source_identity"
)

// maxClaimDepth is deeper than any token; it ends a map that holds itself.
const maxClaimDepth = 32

// WebIdentity is sts:AssumeRoleWithWebIdentity with a token of the provider's issuer that has these
// claims. It does not look at signature, expiry or the provider's list of audiences: verify the
// token first.
//
// Only the claims that STS makes condition keys count; every other is simply absent, whatever
// the policy says about it. A token whose aud has several values needs azp, as in STS. A claim
// of a Go type other than those of Claims, JSON null included, gives a request that is never
// allowed, and so does the zero Provider. The claims are copied.
func WebIdentity(p Provider, claims Claims) Request {
	r := &request{
		caller: caller{kind: callerWebIdentity, arn: p.arn, accountID: p.accountID, partition: p.partition},
		issuer: p.key,
	}
	r.claims = r.claimStore[:0]
	r.actions = append(r.actionOne[:0], actionWebIdentity)
	r.keys = r.keyStore[:0]
	r.set("aws:securetransport", "true")      // STS answers over TLS only
	r.set("aws:resourceaccount", p.accountID) // STS looks for the provider in the role's account
	if p.IsZero() {
		r.refuse("the request names no provider")
	}
	var session bool
	for name, value := range claims {
		if !isDecodedJSON(value, maxClaimDepth) {
			r.refuse(fmt.Sprintf("claim %q has a value of a type that decoded JSON does not have", name))
		}
		session = session || strings.HasPrefix(name, "https://aws.amazon.com/")
	}
	if r.refusal != "" {
		return Request{r}
	}
	r.exposeAudience(claims)
	for _, name := range [...]string{"sub", "amr", "email"} {
		r.expose(name, claims[name])
	}
	for _, name := range providerClaims(p.key) {
		r.expose(name, claims[name])
	}
	if session {
		r.exposeSession(claims)
	}
	return Request{r}
}

// exposeAudience: azp, when the token has one, is what :aud compares, and :oaud keeps aud
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif).
func (r *request) exposeAudience(claims Claims) {
	audiences, ok := claimStrings(claims["aud"])
	if !ok {
		r.refuse(`claim "aud" is neither a string nor a list of strings`)
		return
	}
	azp, hasAzp := claims["azp"]
	switch {
	case !hasAzp && audiences == nil:
	case !hasAzp && audiences.len() == 1:
		r.claims = append(r.claims, attribute{name: "aud", one: audiences.at(0)})
		if r.issuer == "accounts.google.com" { // for other issuers no source says what it is then
			r.claims = append(r.claims, attribute{name: "oaud", one: audiences.at(0)})
		}
	case !hasAzp:
		r.refuse(`claim "aud" does not have exactly one value, and the token has no "azp" to decide`)
	default:
		party, ok := azp.(string)
		if !ok || party == "" {
			r.refuse(`claim "azp" is not a string with content`)
			return
		}
		r.claims = append(r.claims, attribute{name: "aud", one: party})
		if audiences != nil {
			audiences.name = "oaud"
			r.claims = append(r.claims, *audiences)
		}
	}
}

// expose makes a claim the condition key of its name. Only amr may have several values.
func (r *request) expose(name string, value any) {
	if value == nil {
		return
	}
	values, ok := claimStrings(value)
	if !ok || name != "amr" && values.isMany {
		r.refuse(fmt.Sprintf("claim %q is not the string that STS makes a condition key of", name))
		return
	}
	values.name = lowerASCII(name)
	r.claims = append(r.claims, *values)
}

// claimStrings returns nil for a claim that is not there.
func claimStrings(value any) (*attribute, bool) {
	switch v := value.(type) {
	case nil:
		return nil, true
	case string:
		return &attribute{one: v}, true
	case []string:
		return &attribute{many: append([]string(nil), v...), isMany: true}, true
	case []any:
		a := &attribute{many: make([]string, len(v)), isMany: true}
		for i, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, false
			}
			a.many[i] = s
		}
		return a, true
	}
	return nil, false
}

func isDecodedJSON(value any, depth int) bool {
	if depth == 0 {
		return false
	}
	switch v := value.(type) {
	case string:
		return utf8.ValidString(v)
	case bool, json.Number:
		return true
	case []string:
		return !slices.ContainsFunc(v, func(s string) bool { return !utf8.ValidString(s) })
	case []any:
		for _, item := range v {
			if !isDecodedJSON(item, depth-1) {
				return false
			}
		}
		return true
	case map[string]any:
		for _, item := range v {
			if !isDecodedJSON(item, depth-1) {
				return false
			}
		}
		return true
	}
	return false
}

// providerClaims are the further claims of the issuers that STS knows by name, since January
// 2026 (same source as exposeAudience). Google's organization number is left out: no source
// says which claim it is read from, and what is not exposed never allows.
func providerClaims(issuer string) []string {
	host, path, _ := strings.Cut(issuer, "/")
	switch {
	case issuer == "token.actions.githubusercontent.com":
		return []string{"actor", "actor_id", "job_workflow_ref", "repository", "repository_id",
			"workflow", "ref", "environment", "enterprise_id"}
	case host == "oidc.circleci.com" && strings.HasPrefix(path, "org/"):
		return []string{"oidc.circleci.com/project-id"}
	case strings.HasSuffix(host, ".identity.oraclecloud.com"):
		return []string{"rpst_id"}
	}
	return nil
}

// exposeSession reads session tags, nested or flattened, and the source identity.
func (r *request) exposeSession(claims Claims) {
	tags := map[string]string{}
	nested, ok := object(claims, claimTags)
	principalTags, also := object(nested, "principal_tags")
	if !ok || !also {
		r.refuse("the session tags are not an object")
		return
	}
	for name, value := range principalTags {
		r.readTag(tags, name, value)
	}
	for name, value := range claims {
		if tag, ok := strings.CutPrefix(name, claimTags+"/principal_tags/"); ok {
			r.readTag(tags, tag, value)
		}
	}
	var transitive []string
	for _, value := range []any{nested["transitive_tag_keys"], claims[claimTags+"/transitive_tag_keys"]} {
		keys, ok := claimStrings(value)
		if !ok {
			r.refuse("the transitive tag keys are not a list of strings")
			return
		}
		if keys != nil {
			transitive = keys.values()
		}
	}
	r.setTags(tags, transitive)
	if value, ok := claims[claimSourceIdentity]; ok {
		id, ok := value.(string)
		if !ok || id == "" {
			r.refuse("the source identity is not a string with content")
		}
		r.setSourceIdentity(id)
	}
}

// object returns a member that is an object, nil when there is none; ok is false for one of
// another type.
func object(of map[string]any, name string) (members map[string]any, ok bool) {
	value, there := of[name]
	members, ok = value.(map[string]any)
	return members, ok || !there
}

// readTag takes a tag's value as STS does: a string, or a list of exactly one.
func (r *request) readTag(tags map[string]string, name string, value any) {
	v, ok := claimStrings(value)
	_, twice := tags[name]
	if !ok || v.len() != 1 || twice {
		r.refuse(fmt.Sprintf("session tag %q has not exactly one string as its value", name))
		return
	}
	tags[name] = v.at(0)
}
