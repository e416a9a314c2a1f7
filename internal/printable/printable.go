// Package printable makes text of somebody else's safe to print: names in certificates, claims of
// tokens and answers of services are theirs, and a terminal would obey them.
package printable

import (
	"strconv"
	"strings"
	"unicode"
)

// Text spells out what is no printable character, as Go does in quotes. Line breaks are no
// printable characters: the result is one line.
func Text(s string) string {
	if strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unprintable(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }
