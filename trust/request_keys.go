package trust

import (
	"slices"
	"strings"
)

// presence says whether a request has a condition key. The zero value is the careful one.
type presence int

const (
	unknown presence = iota // the real request may have it, and it cannot be known offline
	absent
	present
)

// absence says that requests of some kinds of caller certainly do not have a condition key, unless
// it was given to them. A key with a final '/' or ':' stands for every key that begins so.
type absence struct {
	key   string
	kinds callerKind
}

// absences has what AWS documents outright; the package documentation has the same table.
// "Keys" is https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html,
// "STS" is https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html.
func absences() [15]absence {
	const (
		anybody   = callerWebIdentity | callerService | callerSession | callerUser
		noService = anybody &^ callerService
	)
	return [...]absence{
		{"aws:requesttag/", anybody},                      // Keys: present when the call passes tags
		{"aws:tagkeys", anybody},                          // Keys: the same
		{"sts:transitivetagkeys", anybody},                // STS: present when the call passes transitive tag keys
		{"sts:sourceidentity", anybody},                   // STS: present when the call passes a source identity
		{"sts:externalid", anybody},                       // STS: of AssumeRole; API_PodIdentityAssociation: EKS passes it for the target role
		{"aws:sourcearn", noService},                      // Keys: only in calls made directly by a service principal
		{"aws:sourceaccount", noService},                  // Keys: the same
		{"aws:sourceorgid", noService},                    // Keys: the same
		{"aws:sourceorgpaths", noService},                 // Keys: the same
		{"aws:principalservicename", noService},           // Keys: the same
		{"aws:principalservicenameslist", noService},      // Keys: the same
		{"saml:", anybody &^ callerSession},               // STS: of AssumeRoleWithSAML, and they stay in the session
		{"aws:multifactorauthpresent", callerWebIdentity}, // Keys: only in calls with temporary credentials
		{"aws:multifactorauthage", callerWebIdentity},     // Keys: the same
		{"aws:tokenissuetime", callerWebIdentity},         // Keys: the same
	}
}

// lookup finds a condition key given in lower case.
func (r *request) lookup(key string) (*attribute, presence) {
	list, name := r.keys, key
	claim, own := r.cutClaim(key)
	if own {
		list, name = r.claims, claim
	}
	for i := range list {
		switch {
		case list[i].name != name:
		case list[i].len() == 0: // counts as absent, as IAM documents for the set operators
			return nil, absent
		default:
			return &list[i], present
		}
	}
	switch {
	case own && (r.partial && isExposed(r.issuer, claim) || claim == "oaud"):
		return nil, unknown
	case own || r.isAbsent(key):
		return nil, absent
	}
	return nil, unknown
}

// isAbsent says whether a key that the request was not given is certainly not there.
func (r *request) isAbsent(key string) bool {
	switch {
	case isFederationKey(key):
		// Of another issuer: a token has one. The keys stay in a session, and are there when it
		// asks for the next role (same source as exposeAudience).
		return r.caller.kind != callerSession
	case r.partial && isParameter(key) && key != "sts:externalid":
		return false // the token's claims may have it
	case strings.HasPrefix(key, "aws:principaltag/"):
		return r.knowsTags
	case isResourceTag(key):
		return r.knowsResourceTags
	case r.podTagField(key) != "":
		return false
	}
	return isAbsentFor(r.caller.kind, key)
}

// isAbsentFor says whether the table has the key for all of these kinds.
func isAbsentFor(kinds callerKind, key string) bool {
	for _, a := range absences() {
		family := a.key[len(a.key)-1] == '/' || a.key[len(a.key)-1] == ':'
		if a.kinds&kinds == kinds && (key == a.key || family && strings.HasPrefix(key, a.key)) {
			return true
		}
	}
	return false
}

// cutClaim returns the claim that a key of the request's own issuer is about.
func (r *request) cutClaim(key string) (claim string, ok bool) {
	n := len(r.issuer)
	if n > 0 && len(key) > n && key[n] == ':' && key[:n] == r.issuer {
		return key[n+1:], true
	}
	return "", false
}

// isExposed says whether STS makes a claim, in lower case, a condition key of the issuer.
func isExposed(issuer, claim string) bool {
	switch claim {
	case "sub", "aud", "oaud", "amr", "email":
		return true
	}
	return slices.ContainsFunc(providerClaims(issuer), func(name string) bool { return lowerASCII(name) == claim })
}

// isFederationKey recognises "HOST/PATH:claim": no service has a dot in its prefix.
func isFederationKey(key string) bool {
	prefix, _, _ := strings.Cut(key, ":")
	return strings.Contains(prefix, ".")
}

// isParameter knows the keys that the caller of STS passes, which the fields of a session or the
// claims of a token say.
func isParameter(key string) bool {
	switch key {
	case "aws:tagkeys", "sts:transitivetagkeys", "sts:sourceidentity", "sts:externalid":
		return true
	}
	return strings.HasPrefix(key, "aws:requesttag/")
}

// isMultivalued knows the keys that hold a list, which no policy variable takes
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html).
func isMultivalued(key string) bool {
	switch key {
	case "aws:calledvia", "aws:principalorgpaths", "aws:principalservicenameslist", "aws:resourceorgpaths",
		"aws:sourceorgpaths", "aws:tagkeys", "aws:vpceorgpaths", "sts:transitivetagkeys":
		return true
	}
	return isFederationKey(key) && (strings.HasSuffix(key, ":amr") || strings.HasSuffix(key, ":oaud"))
}

// supply says how a key that is not known can be.
func (r *request) supply(key string) string {
	claim, own := r.cutClaim(key)
	field := r.podTagField(key)
	switch {
	case own && claim == "oaud":
		return "no source says whether tokens of this issuer have it without azp"
	case field != "":
		return "it is not known: set PodIdentitySession." + field
	case key == "aws:principalarn" && r.caller.kind == callerSession:
		return "it is not known: set AssumeRoleSession.RoleARN"
	}
	return "it is not known offline: add it with Request.With"
}
