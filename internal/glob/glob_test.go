package glob_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/internal/glob"
)

func TestAGlobMatchesWhatTheRegularExpressionDoes(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"", "*", "?", "**", "a", "a*", "*a", "a*b", "?*", "*?", "a?b", "a*b*c", "*a?b*", "*ab*ab*", "ü?", "??*??"} {
		translated := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
		want := regexp.MustCompile(`(?s)\A` + translated + `\z`)
		for _, s := range []string{"", "a", "b", "ab", "aab", "abab", "abcab", "a\nb", "üb", "bü", "*", "?", "a?b", "aübc", "日本語x"} {
			assert.Equal(t, want.MatchString(s), glob.Compile(pattern).Match(s), "%q %q", pattern, s)
		}
	}
}

func TestLiteralTextHasNoWildcards(t *testing.T) {
	t.Parallel()
	var b glob.Builder
	b.Literal("a*")
	b.Wildcard('*')
	b.Literal("?")
	g := b.Glob()
	assert.True(t, g.Match("a*?"))
	assert.True(t, g.Match("a*xyz?"))
	assert.False(t, g.Match("ab?"))
	assert.False(t, g.Match("a*x"))
}
