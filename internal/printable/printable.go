// Package printable makes text of somebody else's safe to print: names in certificates, claims of
// tokens and answers of services are theirs, and a terminal would obey them.
package printable

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Is says whether s can be shown as it is: UTF-8 of nothing but printable characters, among which
// those that turn the direction of a text, such as U+202E, are not.
func Is(s string) bool { return utf8.ValidString(s) && strings.IndexFunc(s, unprintable) < 0 }

// Text spells out what is not a printable character, as Go does in quotes. Line breaks are not
// printable characters: the result is one line. Bytes that are not UTF-8 become U+FFFD.
func Text(s string) string {
	if Is(s) {
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

// Pattern is the RE2 regular expression of what Is admits.
const Pattern = `^[\pL\pM\pN\pP\pS ]*$`

// Rune says whether a character can be shown as it is.
func Rune(r rune) bool { return unicode.IsPrint(r) }

func unprintable(r rune) bool { return !Rune(r) }

// Quoted makes a name or value fit for a message: printable, on one line, short.
func Quoted(s string) string {
	const most = 64
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		return strconv.QuoteToASCII(s[:cut]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
