package printable_test

import (
	"regexp"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/internal/printable"
)

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                     "",
		`plain "text" 'é' \ 漢`: `plain "text" 'é' \ 漢`,
		"\x1b[31mred":          `\x1b[31mred`,
		"a\nb\x00\t":           `a\nb\x00\t`,
		"\u202egro":            `\u202egro`,
		"bad\xffbyte":          "bad\uFFFDbyte",
	} {
		assert.Equal(t, want, printable.Text(in))
		assert.Equal(t, in == want, printable.Is(in), "%q", in)
	}
}

func TestThePatternIsTheSameRule(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(printable.Pattern)
	for r := range rune(utf8.MaxRune + 1) {
		if s := string(r); utf8.ValidRune(r) && pattern.MatchString(s) != printable.Is(s) {
			t.Fatalf("%U", r)
		}
	}
}
