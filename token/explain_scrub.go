package token

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/irsa-go/irsa/internal/printable"
)

// saidLength bounds what an explanation quotes of a service's message, in bytes.
const saidLength = 512

var (
	// jwtShape is anything that begins as every JWT's header does: base64url of `{"`, as "eyJ",
	// or of "{" and white space, as "ewo" or "eyA", followed by a dot and more. STS echoes a
	// token that fails a constraint, whole or cut. After a letter, such as that of an escaped line
	// end, it must be longer: "keyJson" is a word.
	jwtShape = regexp.MustCompile(`(?:\b(?:eyJ|eyA|ewo|ewk|ew0)[A-Za-z0-9_-]{5,}|eyJ[A-Za-z0-9_-]{16,})(?:\.[A-Za-z0-9_-]*)*`)
	// echoedToken is STS's echo of a parameter whatever its shape.
	echoedToken = regexp.MustCompile(`(?s)Value '.*' at 'webIdentityToken'`)
)

// scrub frees a service's message of tokens and of characters that a terminal would obey, and
// bounds it.
func scrub(message string) string {
	message = echoedToken.ReplaceAllString(message, "Value '[token]' at 'webIdentityToken'")
	message = jwtShape.ReplaceAllString(message, "[token]")
	message = strings.Map(func(r rune) rune {
		if !printable.Rune(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, message)
	if len(message) <= saidLength {
		return message
	}
	end := saidLength
	for !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + "…"
}
