package trusttest

import "github.com/irsa-go/irsa/internal/arn"

// class is a set of characters as the service models write it, one regular expression each.
type class struct {
	pattern string
	has     func(rune) bool
}

// The patterns are those of the API references, for example
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html.

func nameClass() class {
	return class{`[\w+=,.@-]+`, arn.IsNameRune}
}

func sessionNameClass() class {
	return class{`[\w+=,.@-]*`, arn.IsNameRune}
}

func externalIDClass() class {
	return class{`[\w+=,.@:\/-]*`, arn.IsExternalIDRune}
}

func documentClass() class {
	return class{`[\u0009\u000A\u000D\u0020-\u00FF]+`, arn.IsDocumentRune}
}

func descriptionClass() class {
	return class{`[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*`, arn.IsDescriptionRune}
}

func markerClass() class {
	return class{`[\u0020-\u00FF]+`, func(r rune) bool { return ' ' <= r && r <= 0xff }}
}

func pathPrefixClass() class {
	return class{`\u002F[\u0021-\u007F]*`, func(r rune) bool { return '!' <= r && r <= 0x7f }}
}

func tagKeyClass() class {
	return class{`[\p{L}\p{Z}\p{N}_.:/=+\-@]+`, arn.IsTagRune}
}

func tagValueClass() class {
	return class{`[\p{L}\p{Z}\p{N}_.:/=+\-@]*`, arn.IsTagRune}
}
