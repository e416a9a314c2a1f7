package trust

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// ParseEncoded is Parse for a document as IAM returns it: percent-encoded by RFC 3986, in which
// a "+" is a plus sign and not a space
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html). Positions in errors
// are those of the decoded document.
func ParseEncoded(document string) (*Policy, error) {
	decoded, err := url.PathUnescape(document)
	if err != nil { // url's error would repeat a piece of the document
		return nil, errors.New("trust: policy: the document is not percent-encoded")
	}
	return Parse([]byte(decoded))
}

// Principal is one entry of a statement's Principal.
type Principal struct {
	// Kind is "AWS", "Federated", "Service" or "CanonicalUser"; "" for a Principal that is a
	// plain text, such as "*".
	Kind string
	// Value is the entry as the document has it.
	Value string
	// Path is the JSON pointer of the entry.
	Path string
}

// IsDeleted says whether the entry is the unique id that IAM shows in place of a user or role
// that was deleted. IAM does not store such an id again
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids).
func (p Principal) IsDeleted() bool { return p.Kind == "AWS" && isUniqueID(p.Value) }

// Principals returns every entry of every statement's Principal in the order of the document,
// of Deny statements and of those that IAM would refuse too; nil when there is none.
func (p *Policy) Principals() []Principal {
	var all []Principal
	for i := range p.list() {
		all = append(all, p.statements[i].entries()...)
	}
	return all
}

func (s *statement) entries() []Principal {
	path := s.pointer + "/Principal"
	n := s.node.Get("Principal")
	if values, ok := n.Strings(); ok {
		return appendPrincipals(nil, "", values, n.Kind(), path)
	}
	var all []Principal
	for _, m := range n.Members() {
		if values, ok := m.Value.Strings(); ok {
			all = appendPrincipals(all, m.Name, values, m.Value.Kind(), path+"/"+jsontree.EscapePointer(m.Name))
		}
	}
	return all
}

func appendPrincipals(all []Principal, kind string, values []string, shape byte, path string) []Principal {
	for i, value := range values {
		at := path
		if shape == '[' {
			at = fmt.Sprintf("%s/%d", path, i)
		}
		all = append(all, Principal{Kind: kind, Value: value, Path: at})
	}
	return all
}

// Providers returns the OIDC providers that the policy names as federated principals, each one
// once, in the order of the document. What ParseProviderARN refuses is left out.
func (p *Policy) Providers() []Provider {
	var providers []Provider
	for _, principal := range p.Principals() {
		if principal.Kind != "Federated" {
			continue
		}
		if provider, err := ParseProviderARN(principal.Value); err == nil && !slices.Contains(providers, provider) {
			providers = append(providers, provider)
		}
	}
	return providers
}
