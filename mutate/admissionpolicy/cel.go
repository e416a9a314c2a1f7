package admissionpolicy

import (
	"strings"
)

// str is a string literal of CEL
// (https://github.com/google/cel-spec/blob/master/doc/langdef.md#string-and-bytes-values).
// What is put in here has been checked to be plain text; the escapes keep that a matter of meaning,
// not of safety.
func str(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		switch r {
		case '\'', '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// list is a list literal of strings.
func list(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = str(item)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// fill replaces each name of the pairs, written as in "<name>", by the text that follows it.
func fill(template string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		pairs[i] = "<" + pairs[i] + ">"
	}
	return strings.NewReplacer(pairs...).Replace(template)
}

// mark is before and behind the name of a variable in a text of a profile. The texts are of printable
// characters, and it is not one.
const mark = "\uE000"

// reference is a variable's value in a text.
func reference(name string) string { return mark + name + mark }

// text is an expression for a text that may have references in it.
func text(s string) string {
	var parts []string
	for i, part := range strings.Split(s, mark) {
		switch {
		case i%2 == 1:
			parts = append(parts, "variables."+part)
		case part != "":
			parts = append(parts, str(part))
		}
	}
	if len(parts) == 0 {
		return `''`
	}
	return strings.Join(parts, " + ")
}
