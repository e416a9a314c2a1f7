package language_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/language"
)

// glob tries every place of every star, and in an ARN keeps the first five fields apart.
func glob(pattern, s string) bool {
	p, text := []rune(pattern), []rune(s)
	if len(p) == 0 {
		return len(text) == 0
	}
	switch p[0] {
	case '*':
		return glob(string(p[1:]), s) || len(text) > 0 && glob(pattern, string(text[1:]))
	case '?':
		return len(text) > 0 && glob(string(p[1:]), string(text[1:]))
	}
	return len(text) > 0 && p[0] == text[0] && glob(string(p[1:]), string(text[1:]))
}

func arn(pattern, s string) bool {
	want, got := strings.SplitN(pattern, ":", 6), strings.SplitN(s, ":", 6)
	for i := range want {
		if len(got) != 6 || !glob(want[i], got[i]) {
			return false
		}
	}
	return true
}

// kind is one way to read a value, and a naive one to match it.
type kind struct {
	name  string
	read  func(string) language.Pattern
	match func(value, text string) bool
}

var reads = []kind{
	{"literal", language.Literal, func(v, s string) bool { return v == s }},
	{"glob", language.Glob, glob},
	{"ascii", language.FoldASCII, func(v, s string) bool { return lower(v) == lower(s) }},
	{"fold", language.Fold, strings.EqualFold},
}

func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 32
		}
		return r
	}, s)
}

// every calls f with each text over the alphabet up to the length.
func every(alphabet string, length int, f func(string)) {
	texts := []string{""}
	for n := 0; n <= length; n++ {
		var longer []string
		for _, s := range texts {
			f(s)
			for _, r := range alphabet {
				longer = append(longer, s+string(r))
			}
		}
		texts = longer
	}
}

func TestThereIsAWordForEveryWayToMatchAndNoneIsLongerThanNeeded(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var unions []language.Union
		var members []func(string) bool
		var texts []string
		for range 1 + random.IntN(3) {
			var u language.Union
			var any []func(string) bool
			for range 1 + random.IntN(3) {
				k := reads[random.IntN(len(reads))]
				var value strings.Builder
				for range random.IntN(5) {
					value.WriteRune([]rune("ab*?*ks")[random.IntN(7)])
				}
				v := value.String()
				u = append(u, k.read(v))
				any = append(any, func(s string) bool { return k.match(v, s) })
				texts = append(texts, k.name+" "+v)
			}
			unions = append(unions, u)
			members = append(members, func(s string) bool {
				for _, f := range any {
					if f(s) {
						return true
					}
				}
				return false
			})
			texts = append(texts, "|")
		}
		signature := func(s string) (sig string) {
			for _, m := range members {
				sig += fmt.Sprint(m(s))
			}
			return sig
		}
		words, complete := language.Classes(unions, nil, &language.Budget{Left: 1 << 20})
		require.True(t, complete)
		found := map[string]string{}
		for _, w := range words {
			if known, ok := found[signature(w)]; !ok || len(w) < len(known) {
				found[signature(w)] = w
			}
		}
		every("abxkK*\u212a", 4, func(s string) {
			w, ok := found[signature(s)]
			if assert.True(t, ok, "%q of %q", s, texts) && len(words) == len(found) {
				assert.LessOrEqual(t, len([]rune(w)), max(1, len([]rune(s))), "%q for %q of %q", w, s, texts)
			}
		})
	}
}

func TestAWildcardOfAnARNStaysInItsField(t *testing.T) {
	t.Parallel()
	values := []string{"*:*:*:*:*:*", "a:*:b:?:c*:d*", "a:::::*x:"}
	var unions []language.Union
	for _, v := range values {
		b := language.Builder{ARN: true}
		b.Glob(v)
		unions = append(unions, language.Union{b.Pattern()})
	}
	words, complete := language.Classes(unions, nil, &language.Budget{Left: 1 << 20})
	require.True(t, complete)
	found := map[string]bool{}
	for _, w := range words {
		found[fmt.Sprint(arn(values[0], w), arn(values[1], w), arn(values[2], w))] = true
	}
	assert.Equal(t, map[string]bool{"false false false": true, "true false false": true, "true true false": true, "true false true": true}, found)
}

func TestWordsStayWithinWhatIsAsked(t *testing.T) {
	t.Parallel()
	unions := []language.Union{
		{language.Glob("system:serviceaccount:team-*")},
		{language.Glob("system:serviceaccount:team-a:*"), language.Glob("*:cart")},
	}
	words, complete := language.Classes(unions, language.ServiceAccounts(), &language.Budget{Left: 1 << 20})
	require.True(t, complete)
	assert.ElementsMatch(t, []string{
		"system:serviceaccount:x:x", "system:serviceaccount:team-x:x", "system:serviceaccount:team-a:x", "system:serviceaccount:x:cart",
	}, words)

	words, _ = language.Classes([]language.Union{{language.Glob("*:x")}}, language.Beginning("arn:"), &language.Budget{Left: 1 << 20})
	assert.ElementsMatch(t, []string{"arn:x", "arn:y"}, words)
	words, _ = language.Classes([]language.Union{{language.Literal("é")}}, language.Printable(), &language.Budget{Left: 1 << 20})
	assert.Equal(t, []string{"x"}, words)
}

func TestALiteralAloneNeedsNoWalk(t *testing.T) {
	t.Parallel()
	words, complete := language.Classes([]language.Union{{language.Literal("x"), language.Literal("a")}, {language.Literal("x")}}, nil, &language.Budget{Left: 3})
	assert.True(t, complete)
	assert.Equal(t, []string{"x", "a", "xx"}, words)
}

func TestTheBudgetEndsEverySearch(t *testing.T) {
	t.Parallel()
	var unions []language.Union
	for i := range 60 {
		unions = append(unions, language.Union{language.Glob(fmt.Sprintf("*%c*%c*%c*", 'a'+i%23, 'b'+i%19, 'c'+i%17))})
	}
	began := time.Now()
	words, complete := language.Classes(unions, nil, &language.Budget{Left: 1 << 20})
	assert.False(t, complete)
	assert.NotEmpty(t, words, "what was found until then is true")
	assert.Less(t, time.Since(began), time.Minute, "a fraction of a second, when nothing else runs")
}
