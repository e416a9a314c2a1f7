// Package jsontree is a JSON document as an immutable tree that keeps what a map would lose:
// the order of members, the choice between one value and a list, and numbers as written.
package jsontree

import (
	"slices"
	"strings"
)

// Value is one JSON value. Values are immutable and shared: an edit copies the path that it
// changes and nothing else. Every method may be called on nil, which is the value that is not
// there. It is safe for concurrent use.
type Value struct {
	kind    byte
	text    string   // of a string: its decoded value; of a number: its literal
	members []Member // of an object
	items   []*Value // of an array
}

// Member is one name of an object with its value.
type Member struct {
	Name  string
	Value *Value
}

// Named makes a member.
func Named(name string, v *Value) Member { return Member{name, v} }

// String makes a string.
func String(s string) *Value { return &Value{kind: '"', text: s} }

// Object makes an object of these members, in this order.
func Object(members ...Member) *Value { return &Value{kind: '{', members: members} }

// Array makes an array.
func Array(items ...*Value) *Value { return &Value{kind: '[', items: items} }

// Strings makes an array of strings.
func Strings(values []string) *Value {
	items := make([]*Value, len(values))
	for i, s := range values {
		items[i] = String(s)
	}
	return Array(items...)
}

// List makes one string, or an array when there are more or none: IAM reads both alike.
func List(values []string) *Value {
	if len(values) == 1 {
		return String(values[0])
	}
	return Strings(values)
}

// Kind is '{', '[', '"', '0' (a number), 't', 'f' or 'n', as in jsontext; 0 for nil.
func (v *Value) Kind() byte {
	if v == nil {
		return 0
	}
	return v.kind
}

// Text is a string's decoded value or a number's literal, "" for all else.
func (v *Value) Text() string {
	if v == nil {
		return ""
	}
	return v.text
}

// Members are those of an object, nil for all else. Do not change the slice.
func (v *Value) Members() []Member {
	if v == nil {
		return nil
	}
	return v.members
}

// Items are those of an array, nil for all else. Do not change the slice.
func (v *Value) Items() []*Value {
	if v == nil {
		return nil
	}
	return v.items
}

// Get returns the member's value, nil when there is none.
func (v *Value) Get(name string) *Value {
	for _, m := range v.Members() {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// With returns a copy of the object in which the member has another value; a new member goes
// last.
func (v *Value) With(name string, value *Value) *Value {
	members := slices.Clone(v.Members())
	for i := range members {
		if members[i].Name == name {
			members[i].Value = value
			return Object(members...)
		}
	}
	return Object(append(members, Member{name, value})...)
}

// Without returns a copy of the object that lacks the member.
func (v *Value) Without(name string) *Value {
	return Object(slices.DeleteFunc(slices.Clone(v.Members()), func(m Member) bool { return m.Name == name })...)
}

// WithStrings returns these values in the shape of v as far as they allow it: an array stays one.
func (v *Value) WithStrings(values []string) *Value {
	if v.Kind() == '[' {
		return Strings(values)
	}
	return List(values)
}

// Strings reads a string or an array of strings; ok is false for anything else.
func (v *Value) Strings() (values []string, ok bool) {
	for _, item := range v.list() {
		if item.kind != '"' {
			return nil, false
		}
		values = append(values, item.text)
	}
	return values, v != nil
}

// Scalars is Strings that also reads numbers and booleans, as condition values may be written.
func (v *Value) Scalars() (values []string, ok bool) {
	for _, item := range v.list() {
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
	return values, v != nil
}

// list is the items of an array, and of anything else v alone.
func (v *Value) list() []*Value {
	switch v.Kind() {
	case 0:
		return nil
	case '[':
		return v.items
	}
	return []*Value{v}
}

// EscapePointer writes a member's name as a token of a JSON pointer (RFC 6901 §3).
func EscapePointer(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
