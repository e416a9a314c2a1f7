package iamcall

import (
	"fmt"
	"slices"
	"strings"
)

// Quoted prints a list for a person.
func Quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(out, ", ")
}

// QuotedTags prints tags for a person, ordered by key, after prefix; "" when there are none.
func QuotedTags(prefix string, tags map[string]string) string {
	if len(tags) == 0 {
		return ""
	}
	var out []string
	for _, t := range Tags(tags) {
		out = append(out, fmt.Sprintf("%q=%q", *t.Key, *t.Value))
	}
	return prefix + strings.Join(out, ", ")
}

// Unique keeps the first of each, in order.
func Unique(list []string) []string {
	var kept []string
	for _, s := range list {
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// Minus returns what a has and b has not, in a's order.
func Minus(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
