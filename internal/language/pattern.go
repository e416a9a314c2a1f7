// Package language reasons about sets of texts: the literals and the patterns with '*' and '?'
// that the conditions of a trust policy compare with are regular languages, so a finite number
// of texts stands for all that exist. Classes finds those texts.
package language

import (
	"slices"
	"strings"
	"unicode"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/kubename"
)

// Pattern describes a set of texts: a sequence of steps, of which each takes one character, or
// any number when it repeats. A character is a Unicode code point. It is immutable once built.
type Pattern []step

// Union is the set of the texts that one of its patterns describes.
type Union []Pattern

// step says which characters it takes.
type step struct {
	takes  takes
	r      rune // of takeOne, takeFoldASCII and takeFold
	repeat bool
}

type takes uint8

const (
	takeOne       takes = iota // this character
	takeFoldASCII              // this ASCII letter in either case, or this character
	takeFold                   // this character in any case that Unicode knows
	takeAny
	takeNotColon
	takeDigit
	takeAlphanumeric // a-z and 0-9
	takeName         // a-z, 0-9 and '-'
	takePrintable    // '!' to '~'
	takeTag          // what STS takes in session tags
)

func (s step) has(r rune) bool {
	switch s.takes {
	case takeOne:
		return r == s.r
	case takeFoldASCII:
		return r == s.r || isLetter(r) && isLetter(s.r) && r|0x20 == s.r|0x20
	case takeFold:
		return sameFold(r, s.r)
	case takeNotColon:
		return r != ':'
	case takeDigit:
		return '0' <= r && r <= '9'
	case takeAlphanumeric:
		return isAlphanumeric(r)
	case takeName:
		return r == '-' || isAlphanumeric(r)
	case takePrintable:
		return r > ' ' && r <= '~'
	case takeTag:
		return arn.IsTagRune(r)
	}
	return true
}

// named appends the characters that the step treats as no other of their kind.
func (s step) named(runes []rune) []rune {
	switch s.takes {
	case takeOne:
		return append(runes, s.r)
	case takeFoldASCII:
		if isLetter(s.r) {
			return append(runes, s.r|0x20, s.r&^0x20)
		}
		return append(runes, s.r)
	case takeFold:
		runes = append(runes, s.r)
		for r := unicode.SimpleFold(s.r); r != s.r; r = unicode.SimpleFold(r) {
			runes = append(runes, r)
		}
	case takeNotColon:
		return append(runes, ':')
	}
	return runes
}

// isKind says that the step takes a whole kind of characters and not others.
func (s step) isKind() bool { return s.takes >= takeDigit }

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

func isAlphanumeric(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }

func sameFold(a, b rune) bool {
	for r := unicode.SimpleFold(a); r != a; r = unicode.SimpleFold(r) {
		if r == b {
			return true
		}
	}
	return a == b
}

// Literal is the one text.
func Literal(s string) Pattern { return spell(s, takeOne) }

// FoldASCII is the text with its ASCII letters in either case.
func FoldASCII(s string) Pattern { return spell(s, takeFoldASCII) }

// Fold is the text in any case, as strings.EqualFold compares.
func Fold(s string) Pattern { return spell(s, takeFold) }

func spell(s string, t takes) Pattern {
	p := make(Pattern, 0, len(s))
	for _, r := range s {
		p = append(p, step{takes: t, r: r})
	}
	return p
}

// Glob is what StringLike reads: '*' stands for any characters, none included, '?' for one.
func Glob(s string) Pattern {
	var b Builder
	b.Glob(s)
	return b.Pattern()
}

// Builder puts a pattern together from literal text and wildcards.
type Builder struct {
	// ARN keeps the wildcards of the first five fields from reaching over a colon.
	ARN    bool
	steps  Pattern
	colons int
}

// Literal adds text in which nothing is special.
func (b *Builder) Literal(s string) {
	b.colons += strings.Count(s, ":")
	b.steps = append(b.steps, Literal(s)...)
}

// Glob adds text in which '*' and '?' are wildcards.
func (b *Builder) Glob(s string) {
	for s != "" {
		i := strings.IndexAny(s, "*?")
		if i < 0 {
			b.Literal(s)
			return
		}
		b.Literal(s[:i])
		wild := step{takes: takeAny, repeat: s[i] == '*'}
		if b.ARN && b.colons < 5 {
			wild.takes = takeNotColon
		}
		b.steps = append(b.steps, wild)
		s = s[i+1:]
	}
}

// Pattern is what was built.
func (b *Builder) Pattern() Pattern { return b.steps }

// ServiceAccounts is the subs of Kubernetes service accounts, but for the lengths of names and
// the dots that names may have.
func ServiceAccounts() Union {
	var u Union
	for _, namespace := range ServiceAccountNames() {
		for _, name := range ServiceAccountNames() {
			p := append(Literal(kubename.SubjectPrefix), namespace...)
			u = append(u, append(append(p, step{takes: takeOne, r: ':'}), name...))
		}
	}
	return u
}

// Beginning is the prefix with at least one printable ASCII character after it.
func Beginning(prefix string) Union {
	return Union{append(Literal(prefix), step{takes: takePrintable}, step{takes: takePrintable, repeat: true})}
}

// Printable is at least one printable ASCII character.
func Printable() Union { return Beginning("") }

// ServiceAccountNames is the names that Kubernetes allows, but for their length and for dots.
func ServiceAccountNames() Union {
	first := step{takes: takeAlphanumeric}
	return Union{{first}, {first, {takes: takeName, repeat: true}, first}}
}

// Digits is as many digits.
func Digits(n int) Union { return Union{slices.Repeat(Pattern{{takes: takeDigit}}, n)} }

// Tags is what a session tag's value may be, but for its length
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html).
func Tags() Union { return Union{{{takes: takeTag, repeat: true}}} }

// TagNames is the same for its name.
func TagNames() Union { return Union{{{takes: takeTag}, {takes: takeTag, repeat: true}}} }

// Words is at least two of a-z, 0-9 and '-'.
func Words() Union {
	name := step{takes: takeName}
	return Union{{name, name, {takes: takeName, repeat: true}}}
}
