package trusttest

import (
	"strings"
	"unicode"
)

// class is a set of characters as the service models write it, one regular expression each.
type class struct {
	pattern string
	has     func(rune) bool
}

// The patterns are those of the API references, for example
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html.

func nameClass() class {
	return class{`[\w+=,.@-]+`, isNameRune}
}

func sessionNameClass() class {
	return class{`[\w+=,.@-]*`, isNameRune}
}

func externalIDClass() class {
	return class{`[\w+=,.@:\/-]*`, func(r rune) bool { return isNameRune(r) || r == ':' || r == '/' }}
}

func documentClass() class {
	return class{`[\u0009\u000A\u000D\u0020-\u00FF]+`, func(r rune) bool {
		return r == '\t' || r == '\n' || r == '\r' || ' ' <= r && r <= 0xff
	}}
}

func descriptionClass() class {
	return class{`[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*`, func(r rune) bool {
		return r == '\t' || r == '\n' || r == '\r' || ' ' <= r && r <= '~' || 0xa1 <= r && r <= 0xff
	}}
}

func markerClass() class {
	return class{`[\u0020-\u00FF]+`, func(r rune) bool { return ' ' <= r && r <= 0xff }}
}

func pathPrefixClass() class {
	return class{`\u002F[\u0021-\u007F]*`, func(r rune) bool { return '!' <= r && r <= 0x7f }}
}

func tagKeyClass() class {
	return class{`[\p{L}\p{Z}\p{N}_.:/=+\-@]+`, isTagRune}
}

func tagValueClass() class {
	return class{`[\p{L}\p{Z}\p{N}_.:/=+\-@]*`, isTagRune}
}

// isNameRune is [\w+=,.@-]; \w is ASCII.
func isNameRune(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return true
	}
	return strings.ContainsRune("_+=,.@-", r)
}

func isTagRune(r rune) bool {
	return unicode.In(r, unicode.L, unicode.Z, unicode.N) || strings.ContainsRune("_.:/=+-@", r)
}
