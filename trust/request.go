package trust

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/irsa-go/irsa/internal/arn"
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
	// knowsResourceTags says that the role's tags are among the keys.
	knowsResourceTags bool
	// partial says that of the token only sub and aud are known, and nothing of the call.
	partial bool
	// podTags says that EKS sets its session tags, those among them that are not known too.
	podTags bool

	claimStore [4]attribute // where claims begins: one allocation less for each
	keyStore   [2]attribute
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

// isEmpty says whether no value has content.
func (a *attribute) isEmpty() bool {
	for i := range a.len() {
		if a.at(i) != "" {
			return false
		}
	}
	return true
}

func (a *attribute) values() []string {
	if a.isMany {
		return slices.Clone(a.many)
	}
	return []string{a.one}
}

// The actions of a trust policy, in the lower case that they are matched in.
const (
	actionWebIdentity       = "sts:assumerolewithwebidentity"
	actionAssumeRole        = "sts:assumerole"
	actionTagSession        = "sts:tagsession"
	actionSetSourceIdentity = "sts:setsourceidentity"
)

// With returns the request with one more condition key, for what is not known from the caller
// alone: "aws:SourceIp", "aws:CurrentTime", "sts:RoleSessionName", "aws:ResourceTag/NAME" and the
// like. Without them an Allow never matches on such a key and a Deny always does; Decision.Unknown
// names them. The result is never allowed without a value, or when the request itself
// decides the key: it has it, it certainly does not, or the key is a claim, a session tag, the
// source identity or the external id.
func (q Request) With(key string, values ...string) Request {
	if q.r == nil {
		return q
	}
	r := *q.r
	name := lowerASCII(key)
	_, known := r.lookup(name)
	_, claim := r.cutClaim(name)
	if known != unknown || claim || isParameter(name) || len(values) == 0 || !strings.Contains(name, ":") {
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
	names := slices.Sorted(maps.Keys(tags))
	for _, key := range transitive { // "The specified transitive tag key must be included in the requested tags."
		if !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, key) }) {
			r.refuse(fmt.Sprintf("the transitive tag key %q is not among the session tags", clip(key)))
		}
	}
	if len(tags) == 0 {
		return
	}
	if len(tags) > maxSessionTags {
		r.refuse(fmt.Sprintf("it has %d session tags, more than %d", len(tags), maxSessionTags))
	}
	taken := map[string]bool{}
	for _, name := range names {
		lower := lowerASCII(name)
		if folded := strings.ToLower(name); taken[folded] {
			r.refuse("two session tags differ in case only")
		} else {
			taken[folded] = true
		}
		r.checkTag(name, tags[name])
		r.keys = append(r.keys, attribute{name: "aws:requesttag/" + lower, one: tags[name]})
	}
	r.setMany("aws:tagkeys", names)
	r.setMany("sts:transitivetagkeys", transitive)
	r.actions = append(r.actions, actionTagSession)
}

// maxSessionTags and checkTag are what STS takes
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html).
const maxSessionTags = 50

func (r *request) checkTag(name, value string) {
	strange := func(c rune) bool {
		return !unicode.In(c, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+-@", c)
	}
	switch {
	case name == "" || utf8.RuneCountInString(name) > 128 || utf8.RuneCountInString(value) > 256:
		r.refuse(fmt.Sprintf("session tag %q: its name has 1 to 128 characters and its value up to 256", clip(name)))
	case strings.ContainsFunc(name, strange) || strings.ContainsFunc(value, strange):
		r.refuse(fmt.Sprintf("session tag %q: it has a character that STS does not take", name))
	case strings.HasPrefix(strings.ToLower(name), "aws:"):
		r.refuse(fmt.Sprintf("session tag %q: its name begins with \"aws:\"", name))
	}
}

// setName makes the name of a session or its source identity known, if it is as STS takes it: 2 to
// 64 of [\w+=,.@-] (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
func (r *request) setName(what, key, name string) {
	if name != "" && (len(name) < 2 || len(name) > 64 || !arn.Only(name, arn.IsNameRune)) {
		r.refuse(fmt.Sprintf("%s %q is not 2 to 64 letters, digits and _+=,.@-", what, clip(name)))
	}
	r.set(key, name)
}

func (r *request) setSourceIdentity(id string) {
	if id == "" {
		return
	}
	r.setName("the source identity", "sts:sourceidentity", id)
	r.actions = append(r.actions, actionSetSourceIdentity)
}

// actionName gives the action its usual spelling.
func actionName(action string) string {
	switch action {
	case actionWebIdentity:
		return "sts:AssumeRoleWithWebIdentity"
	case actionAssumeRole:
		return "sts:AssumeRole"
	case actionTagSession:
		return "sts:TagSession"
	case actionSetSourceIdentity:
		return "sts:SetSourceIdentity"
	}
	return action
}
