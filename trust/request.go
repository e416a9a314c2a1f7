package trust

import (
	"fmt"
	"slices"
	"strings"
)

// Request is one question to a trust policy: may this caller have the role? It comes from
// WebIdentity, PodIdentity or AssumeRole; the zero value is never allowed. It is immutable and
// safe for concurrent use.
type Request struct{ r *request }

// request is the context of an evaluation: who calls, for which actions, and the condition keys.
type request struct {
	caller  caller
	refusal string // why it is never allowed, whatever the policy says; "" when nothing is wrong
	actions []string
	// issuer is the prefix of the condition keys of a web identity's claims, lower case.
	issuer string
	claims []attribute // by the claim's name, lower case
	keys   []attribute // by the whole key, lower case
	// knowsTags says that the tags of an IAM principal are among the keys.
	knowsTags bool
	// sparse is set while an edit is checked: only sub and aud of the provider are known then.
	sparse bool
	// lenient is set while an edit is checked: a condition on what the network or the clock
	// decides is taken as not met, so that a Deny which holds only at times is let pass.
	lenient bool

	claimStore [4]attribute // where claims begins: one allocation less for each
	keyStore   [1]attribute
	actionOne  [1]string
}

// attribute is one condition key with its values. A single value is kept apart, which saves an
// allocation for each.
type attribute struct {
	name   string
	one    string
	many   []string
	isMany bool
}

func (a *attribute) len() int {
	if a.isMany {
		return len(a.many)
	}
	return 1
}

func (a *attribute) at(i int) string {
	if a.isMany {
		return a.many[i]
	}
	return a.one
}

func (a *attribute) values() []string {
	if a.isMany {
		return slices.Clone(a.many)
	}
	return []string{a.one}
}

type presence int

const (
	absent presence = iota
	present
	presenceUnknown // the real request has it, or may have it, and it cannot be known offline
)

// The actions of a trust policy, in the lower case that they are matched in.
const (
	actionWebIdentity       = "sts:assumerolewithwebidentity"
	actionAssumeRole        = "sts:assumerole"
	actionTagSession        = "sts:tagsession"
	actionSetSourceIdentity = "sts:setsourceidentity"
)

// lookup finds a condition key given in lower case.
func (r *request) lookup(key string) (*attribute, presence) {
	if n := len(r.issuer); n > 0 && len(key) > n && key[n] == ':' && key[:n] == r.issuer {
		for i := range r.claims {
			if r.claims[i].name == key[n+1:] {
				return &r.claims[i], found(&r.claims[i])
			}
		}
		if r.sparse {
			return nil, presenceUnknown
		}
		return nil, absent
	}
	for i := range r.keys {
		if r.keys[i].name == key {
			return &r.keys[i], found(&r.keys[i])
		}
	}
	if r.sparse || isEnvironmental(key) || r.caller.kind == callerAWS && r.isPrincipals(key) {
		return nil, presenceUnknown
	}
	return nil, absent
}

// found: a key with no value at all counts as absent, as IAM documents for the set operators.
func found(a *attribute) presence {
	if a.len() == 0 {
		return absent
	}
	return present
}

// isEnvironmental knows the keys that come from the network, the clock and the call itself
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
// A request does not have them until With brings them in.
func isEnvironmental(key string) bool {
	switch key {
	case "aws:currenttime", "aws:epochtime", "aws:requestedregion", "aws:sourceip", "aws:sourcevpc",
		"aws:sourcevpcarn", "aws:sourcevpce", "aws:useragent", "aws:referer", "aws:vpcsourceip",
		"aws:federatedprovider", "aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths", "sts:rolesessionname":
		return true
	}
	return false
}

// isPrincipals knows the keys that every or many a session of an IAM principal has, and that
// only AWS knows unless the caller of AssumeRole has told.
func (r *request) isPrincipals(key string) bool {
	switch key {
	case "aws:userid", "aws:username", "aws:principalorgid", "aws:principalorgpaths", "aws:sourceidentity",
		"aws:multifactorauthpresent", "aws:multifactorauthage", "aws:tokenissuetime":
		return true
	}
	return !r.knowsTags && strings.HasPrefix(key, "aws:principaltag/")
}

// With returns the request with one more condition key, for what is not known from the caller
// alone: "aws:SourceIp", "aws:CurrentTime", "sts:RoleSessionName" and the like, which an Allow
// otherwise never matches on and a Deny always does. A request that already has the key, one
// for a claim of the token, or no value at all gives a request that is never allowed.
func (q Request) With(key string, values ...string) Request {
	if q.r == nil {
		return q
	}
	r := *q.r
	name := lowerASCII(key)
	_, presence := r.lookup(name)
	if presence == present || len(values) == 0 || strings.HasPrefix(name, r.issuer+":") && r.issuer != "" || !strings.Contains(name, ":") {
		r.refuse(fmt.Sprintf("the condition key %q cannot be added to the request", key))
		return Request{&r}
	}
	r.keys = append(slices.Clip(r.keys), newAttribute(name, values))
	return Request{&r}
}

// newAttribute copies the values.
func newAttribute(name string, values []string) attribute {
	if len(values) == 1 {
		return attribute{name: name, one: values[0]}
	}
	return attribute{name: name, many: slices.Clone(values), isMany: true}
}

// refuse keeps the first reason.
func (r *request) refuse(reason string) {
	if r.refusal == "" {
		r.refusal = reason
	}
}

func (r *request) set(key, value string) {
	if value != "" {
		r.keys = append(r.keys, attribute{name: key, one: value})
	}
}

func (r *request) setMany(key string, values []string) {
	if len(values) > 0 {
		r.keys = append(r.keys, attribute{name: key, many: slices.Clone(values), isMany: true})
	}
}

// setTags makes the session tags known and asks for the right to set them
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html).
func (r *request) setTags(tags map[string]string, transitive []string) {
	if len(tags) == 0 {
		return
	}
	names := make([]string, 0, len(tags))
	for name := range tags {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		if i > 0 && strings.EqualFold(names[i-1], name) {
			r.refuse("two session tags differ in case only")
		}
		r.keys = append(r.keys, attribute{name: "aws:requesttag/" + lowerASCII(name), one: tags[name]})
	}
	r.setMany("aws:tagkeys", names)
	r.setMany("sts:transitivetagkeys", transitive)
	r.actions = append(r.actions, actionTagSession)
}

func (r *request) setSourceIdentity(id string) {
	if id == "" {
		return
	}
	r.set("sts:sourceidentity", id)
	r.actions = append(r.actions, actionSetSourceIdentity)
}
