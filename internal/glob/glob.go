// Package glob matches text with patterns of '*', which stands for any characters, and '?',
// which stands for one.
package glob

import (
	"strings"
	"unicode/utf8"
)

// Glob is a compiled pattern, taken apart at its stars: the first part must begin the text,
// the last must end it, and each one between goes to the leftmost place that is left. That is
// the whole search, so no pattern makes it go back
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_String).
// The zero value matches the empty text.
type Glob struct {
	parts []part // joined by stars: one part is a pattern without one
}

// part is text between two stars. holes is true when a '?' is in it: then a rune
// anyRune stands for any one character.
type part struct {
	text  string
	holes bool
}

// anyRune is not a character of any JSON text, so a part can hold it beside literal '?'.
const anyRune = "\xff"

// Compile reads '*' and '?' as wildcards.
func Compile(s string) Glob {
	var g Builder
	for s != "" {
		i := strings.IndexAny(s, "*?")
		if i < 0 {
			break
		}
		g.Literal(s[:i])
		g.Wildcard(s[i])
		s = s[i+1:]
	}
	g.Literal(s)
	return g.Glob()
}

// Builder puts a glob together from literal text, in which nothing is special, and wildcards.
type Builder struct {
	parts   []part
	current []byte
	holes   bool
}

// Literal adds text.
func (b *Builder) Literal(s string) { b.current = append(b.current, s...) }

// Wildcard adds '*' or '?'.
func (b *Builder) Wildcard(c byte) {
	if c == '?' {
		b.current = append(b.current, anyRune...)
		b.holes = true
		return
	}
	b.flush()
}

func (b *Builder) flush() {
	b.parts = append(b.parts, part{string(b.current), b.holes})
	b.current = b.current[:0]
	b.holes = false
}

// Glob ends the building.
func (b *Builder) Glob() Glob {
	b.flush()
	return Glob{b.parts}
}

// Match says whether the glob stands for the whole of s.
func (g Glob) Match(s string) bool {
	last := len(g.parts) - 1
	if last < 0 {
		return s == ""
	}
	n, ok := g.parts[0].prefix(s)
	if !ok {
		return false
	}
	if last == 0 {
		return n == len(s)
	}
	s = s[n:]
	for _, part := range g.parts[1:last] {
		end, ok := part.index(s)
		if !ok {
			return false
		}
		s = s[end:]
	}
	return g.parts[last].suffix(s)
}

// prefix returns how much of s the part takes from its beginning.
func (p part) prefix(s string) (n int, ok bool) {
	if !p.holes {
		return len(p.text), strings.HasPrefix(s, p.text)
	}
	for i := 0; i < len(p.text); i++ {
		if n == len(s) {
			return 0, false
		}
		if p.text[i] == anyRune[0] {
			_, size := utf8.DecodeRuneInString(s[n:])
			n += size
			continue
		}
		if s[n] != p.text[i] {
			return 0, false
		}
		n++
	}
	return n, true
}

// index returns the end of the part's leftmost place in s.
func (p part) index(s string) (end int, ok bool) {
	if !p.holes {
		i := strings.Index(s, p.text)
		return i + len(p.text), i >= 0
	}
	for i := 0; i <= len(s); {
		if n, ok := p.prefix(s[i:]); ok {
			return i + n, true
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += max(size, 1)
	}
	return 0, false
}

func (p part) suffix(s string) bool {
	if !p.holes {
		return strings.HasSuffix(s, p.text)
	}
	i := len(s)
	for n := utf8.RuneCountInString(p.text); n > 0; n-- {
		if i == 0 {
			return false
		}
		_, size := utf8.DecodeLastRuneInString(s[:i])
		i -= size
	}
	n, ok := p.prefix(s[i:])
	return ok && n == len(s)-i
}
