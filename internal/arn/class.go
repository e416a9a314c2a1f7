package arn

import (
	"strings"
	"unicode"
)

// The characters that the models of IAM and STS allow
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html). A name beyond
// ASCII is in none of them but in tags and, up to U+00FF, in texts.

// IsNameRune is [\w+=,.@-], of names of roles, policies and sessions.
func IsNameRune(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return true
	}
	return strings.ContainsRune("_+=,.@-", r)
}

// IsExternalIDRune is [\w+=,.@:\/-], of external ids.
func IsExternalIDRune(r rune) bool { return IsNameRune(r) || r == ':' || r == '/' }

// IsTagRune is [\p{L}\p{Z}\p{N}_.:/=+\-@], of keys and values of tags.
func IsTagRune(r rune) bool {
	return unicode.In(r, unicode.L, unicode.Z, unicode.N) || strings.ContainsRune("_.:/=+-@", r)
}

// IsDocumentRune is [\u0009\u000A\u000D\u0020-\u00FF], of policy documents.
func IsDocumentRune(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || ' ' <= r && r <= 0xff
}

// IsDescriptionRune is [\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF], of a role's description.
func IsDescriptionRune(r rune) bool {
	return IsDocumentRune(r) && (r <= '~' || 0xa1 <= r)
}

// Only says whether all characters of s are of a class, none of them broken UTF-8.
func Only(s string, class func(rune) bool) bool {
	// U+FFFD, which stands for broken UTF-8 when ranged over, is in none of the classes.
	return strings.IndexFunc(s, func(r rune) bool { return !class(r) }) < 0
}
