package literal_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/internal/literal"
)

func TestOnlyAReferenceAndAnEscapeAreNotLeftAsTheyAre(t *testing.T) {
	t.Parallel()
	reference := regexp.MustCompile(literal.Reference)
	for value, want := range map[string]bool{
		"": true, "a": true, "$": true, "a$b$c": true, "a$": true, "$a$": true, "a)$b": true, "$é": false, "é$": true,
		"$$": false, "a$b$$": false, "$(A)": false, "a$b$(A)": false, "$(": false,
	} {
		assert.Equal(t, want, literal.Is(value), value)
		if value != "$é" {
			assert.Equal(t, !want, reference.MatchString(value), value)
		}
	}
}
