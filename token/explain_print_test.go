package token_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/irsa-go/irsa/token"
)

// What a token says of itself is whoever made it's.
func TestAnExplanationCannotPlayWithATerminal(t *testing.T) {
	t.Parallel()
	e := token.Explanation{Cause: token.CauseToken, Code: "x", Meaning: "y", Said: "a\x07b", Token: token.Unverified{Subject: "\x1b[2Jsystem", Issuer: "a\nretry:     yes"}}
	assert.NotContains(t, e.String(), "\x1b")
	assert.NotContains(t, e.String(), "\x07")
	assert.NotContains(t, e.String(), "\nretry")
}
