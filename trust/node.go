package trust

import (
	"slices"
	"strings"
)

// node is one JSON value of a policy document. Trees of nodes are immutable and shared between
// policies: an edit copies the path that it changes and nothing else, which keeps the order
// of members, the choice between one value and a list, and all that this package does not know.
type node struct {
	kind    byte     // '{', '[', '"', '0', 't', 'f' or 'n', as in jsontext
	text    string   // of a string: its decoded value; of a number: its literal
	members []member // of an object
	items   []*node  // of an array
}

type member struct {
	name  string
	value *node
}

func stringNode(s string) *node { return &node{kind: '"', text: s} }

func objectNode(members ...member) *node { return &node{kind: '{', members: members} }

func arrayNode(items ...*node) *node { return &node{kind: '[', items: items} }

// listNode is one string, or a list when there are several: IAM reads both alike.
func listNode(values []string) *node {
	if len(values) == 1 {
		return stringNode(values[0])
	}
	return stringsNode(values)
}

func stringsNode(values []string) *node {
	n := arrayNode()
	for _, v := range values {
		n.items = append(n.items, stringNode(v))
	}
	return n
}

// get returns the member's value, nil when there is none.
func (n *node) get(name string) *node {
	if n == nil || n.kind != '{' {
		return nil
	}
	for _, m := range n.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// with returns a copy of the object in which the member has another value; a new member goes last.
func (n *node) with(name string, value *node) *node {
	members := slices.Clone(n.members)
	for i := range members {
		if members[i].name == name {
			members[i].value = value
			return objectNode(members...)
		}
	}
	return objectNode(append(members, member{name, value})...)
}

// without returns a copy of the object that lacks the member.
func (n *node) without(name string) *node {
	return objectNode(slices.DeleteFunc(slices.Clone(n.members), func(m member) bool { return m.name == name })...)
}

// strings reads a string or a list of strings; ok is false for anything else.
func (n *node) strings() (values []string, ok bool) {
	if n == nil {
		return nil, false
	}
	switch n.kind {
	case '"':
		return []string{n.text}, true
	case '[':
		for _, item := range n.items {
			if item.kind != '"' {
				return nil, false
			}
			values = append(values, item.text)
		}
		return values, true
	}
	return nil, false
}

// scalars is strings that also reads numbers and booleans, as condition values may be written.
func (n *node) scalars() (values []string, ok bool) {
	if n == nil {
		return nil, false
	}
	items := []*node{n}
	if n.kind == '[' {
		items = n.items
	}
	for _, item := range items {
		switch item.kind {
		case '"', '0':
			values = append(values, item.text)
		case 't':
			values = append(values, "true")
		case 'f':
			values = append(values, "false")
		default:
			return nil, false
		}
	}
	return values, true
}

// withStrings keeps the shape of n as far as the values allow it: a list stays a list.
func (n *node) withStrings(values []string) *node {
	if n.kind == '[' {
		return stringsNode(values)
	}
	return listNode(values)
}

// escapePointer writes a member's name as a token of a JSON pointer (RFC 6901 §3).
func escapePointer(name string) string {
	if !strings.ContainsAny(name, "~/") {
		return name
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// objectMembers returns nothing for what is no object.
func (n *node) objectMembers() []member {
	if n == nil || n.kind != '{' {
		return nil
	}
	return n.members
}
