package trusttest

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/irsa-go/irsa/internal/arn"
)

// principal is one name in the Principal of a trust policy's statement.
type principal struct {
	kind       string // "AWS", "Federated", "Service"
	name       string
	start, end int // of the quoted name in the document
}

// principalsOf lists the principals of a document that trust.Parse has accepted.
func principalsOf(document string) []principal {
	place := regexp.MustCompile(`^/Statement(?:/[0-9]+)?/Principal/([A-Za-z]+)(?:/[0-9]+)?$`) // RFC 6901
	dec := jsontext.NewDecoder(bytes.NewBufferString(document))
	var all []principal
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return all // the end
		}
		at := place.FindStringSubmatch(string(dec.StackPointer()))
		kind, depth := dec.StackIndex(dec.StackDepth())
		isName := kind == '{' && depth%2 == 1 // an object's names count too
		if at == nil || token.Kind() != '"' || isName {
			continue
		}
		end := int(dec.InputOffset())
		name := token.String()
		start := strings.LastIndex(document[:end-1], `"`)
		all = append(all, principal{kind: at[1], name: name, start: start, end: end})
	}
}

// checkPrincipals refuses a principal that the account does not have: a role that is gone or
// never was, a unique id, or an OIDC provider that has not propagated yet. Of other accounts
// nothing is known. The text is AWS's for AWS principals
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html); for providers it
// follows the same form, unproven. The caller holds a.mu.
func (a *Account) checkPrincipals(document string) *refusal {
	for _, p := range principalsOf(document) {
		switch p.kind {
		case "AWS":
			if !a.knowsAWSPrincipal(p.name) {
				return malformedPolicy(`Invalid principal in policy: "AWS":"%s"`, p.name)
			}
		case "Federated":
			known, ok := a.state.providers[p.name]
			if ok && !a.hasPropagated(known.created, a.faults.get().ProviderPropagation) {
				return malformedPolicy(`Invalid principal in policy: "FEDERATED":"%s"`, p.name)
			}
		}
	}
	return nil
}

func (a *Account) knowsAWSPrincipal(name string) bool {
	switch {
	case name == "*", arn.CheckAccountID(name) == nil:
		return true
	case !strings.HasPrefix(name, "arn:"):
		return false // a unique id is what IAM shows, not what it takes
	}
	r, err := arn.ParseRole(name)
	if err != nil || r.AccountID != a.id || r.Partition != a.partition {
		return true
	}
	return a.roleOf(name) != nil
}

// orphan does to the other roles what IAM does when a principal is deleted: policies keep its
// unique id in place of its ARN, so that a new role of the same name is not trusted
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles).
// The caller holds a.mu.
func (a *Account) orphan(gone *role) {
	for _, r := range a.state.roles {
		all := principalsOf(r.trustPolicy)
		for i := len(all) - 1; i >= 0; i-- { // from the end: offsets before it stay right
			if p := all[i]; p.kind == "AWS" && p.name == gone.arn {
				r.trustPolicy = r.trustPolicy[:p.start] + `"` + gone.id + `"` + r.trustPolicy[p.end:]
			}
		}
	}
}
