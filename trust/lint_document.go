package trust

import (
	"fmt"
	"strings"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// notAPolicy recognises documents that are something else, and says where the trust policies in
// them are.
func (p *Policy) notAPolicy() (Finding, bool) {
	f := Finding{Code: CodeNotAPolicy}
	root := p.tree()
	if root.Get("Statement") == nil {
		f.Message, f.Fix = p.otherDocument()
		return f, true
	}
	looks := "a permissions policy, which says what a role may do and not who may have it"
	for i := range p.list() {
		s := &p.statements[i]
		if s.isTrust() || s.node.Get("Resource") == nil && s.node.Get("NotResource") == nil {
			return Finding{}, false
		}
		if s.node.Get("Principal") != nil {
			looks = "the policy of a resource, such as a bucket, which says who may use that"
		}
	}
	f.Message = "the document is not a trust policy: it looks like " + looks
	f.Fix = "Look at the role's AssumeRolePolicyDocument instead"
	return f, p.Len() > 0
}

// isTrust says that the statement is about who may have a role, however badly it is written.
func (s *statement) isTrust() bool {
	if s.node.Get("Principal") == nil && s.node.Get("NotPrincipal") == nil {
		return false
	}
	for _, name := range [...]string{"Action", "NotAction"} {
		actions, _ := s.node.Get(name).Strings()
		for _, a := range actions {
			if strings.HasPrefix(lowerASCII(a), "sts:") || a == "*" {
				return true
			}
		}
	}
	return false
}

// otherDocument describes a document without a Statement.
func (p *Policy) otherDocument() (message, fix string) {
	const not = "the document is not a trust policy: "
	root := wholeDocument([]byte(p.Document()))
	kind, _ := kindOf(root.names())
	if kind == nil {
		if places := nestedPolicies(p.tree(), "", 4); len(places) > 0 {
			return not + "it has no Statement; policies are at " + listPlaces(places), "Take the trust policy out of it"
		}
		return not + "it has no Statement", "Look at the role's AssumeRolePolicyDocument"
	}
	x := &extractor{}
	if err := kind.roles(x, root); err != nil {
		return not + "it looks like " + kind.name + "; " + err.Error(), "Take the trust policies out of it with Extract"
	}
	if len(x.found) == 0 {
		return not + "it looks like " + kind.name + ", without a role in it", "Look at a document that has a role"
	}
	places := make([]string, len(x.found))
	for i, e := range x.found {
		places[i] = e.Path
	}
	return not + "it looks like " + kind.name + "; its trust policies are at " + listPlaces(places), "Take them out with Extract"
}

// nestedPolicies finds objects with a Statement.
func nestedPolicies(v *jsontree.Value, pointer string, depth int) []string {
	var places []string
	for _, m := range v.Members() {
		at := pointer + "/" + jsontree.EscapePointer(m.Name)
		if m.Value.Get("Statement") != nil {
			places = append(places, at)
		} else if depth > 0 {
			places = append(places, nestedPolicies(m.Value, at, depth-1)...)
		}
	}
	return places
}

// listPlaces names the first few places.
func listPlaces(places []string) string {
	const few = 3
	text := strings.Join(quoteAll(places[:min(few, len(places))]), ", ")
	if len(places) > few {
		text += fmt.Sprintf(" and %d more", len(places)-few)
	}
	return text
}
