package trust

import (
	"slices"
	"strings"
)

// Equal compares the policies by a normal form: true proves that they mean the same; policies
// that mean the same in very different words may still differ. Order, spelling of condition
// keys, single values and lists, Sid and Id, and how subjects are spread over statements do
// not count; whether IAM stores the policy does. nil is equal to the zero value and to a policy
// without statements.
func (p *Policy) Equal(q *Policy) bool {
	return p == q || slices.Equal(p.normalForm(), q.normalForm())
}

// normalForm is a sorted list of the statements' meanings, after the policy's own.
func (p *Policy) normalForm() []string {
	var forms []string
	variables := false
	for _, c := range p.compacted() {
		if c.opaque != nil {
			text := c.opaque.JSON()
			variables = variables || strings.Contains(text, "$")
			forms = append(forms, "as written "+text)
			continue
		}
		text := c.shape.signature(blankNothing)
		variables = variables || strings.Contains(text, "${")
		forms = append(forms, text)
	}
	slices.Sort(forms)
	if p.isRefused() {
		forms = append(forms, "IAM does not store it")
	}
	return append([]string{p.meaningOfVersion(variables)}, slices.Compact(forms)...)
}

// meaningOfVersion: the version decides whether there are policy variables, and nothing else.
func (p *Policy) meaningOfVersion(variables bool) string {
	v := p.tree().Get("Version")
	switch {
	case !knownVersion(v):
		return "version " + v.JSON()
	case !variables:
		return ""
	case v == nil:
		return versionOld
	}
	return v.Text()
}

// isRefused says that IAM does not store the policy. A policy without statements does not count: it
// allows nothing anyway.
func (p *Policy) isRefused() bool { return p.Len() > 0 && p.refused != nil }
