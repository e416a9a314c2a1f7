package trust

import (
	"strings"

	"github.com/irsa-go/irsa/internal/issuerurl"
)

// conditionKey checks the form of a key; whether a request has it is Lint's to tell.
func (c *compiler) conditionKey(key, path string) {
	switch colons := strings.Count(key, ":"); {
	case colons == 0:
		c.doubt(path, messageVendor, "")
	case colons > 1 && !mayHaveColons(key):
		c.refuse(path, messageColon, "")
	}
}

// mayHaveColons: the name of a tag may hold colons ("aws:ResourceTag/aws:cloudformation:stack-id"
// is in policies of AWS's own), and the loopback issuer of a test bench has a port.
func mayHaveColons(key string) bool {
	if isServiceKey(lowerASCII(key)) {
		return true
	}
	issuer, err := issuerurl.Parse("https://" + key[:strings.LastIndexByte(key, ':')])
	return err == nil && issuer.IsLoopback()
}

// isBinary knows the one operator of IAM that this package does not evaluate.
func isBinary(operator string) bool {
	switch operator {
	case "BinaryEquals", "BinaryEqualsIfExists":
		return true
	}
	return false
}
