package iamrole

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
)

// Lengths of a name: 64 characters are all that IAM takes, and 16 of them are the hash, so that
// nobody finds a second input with the same one.
const (
	maxName = 64
	hashLen = 16
)

// NameFor makes the name of a role from a prefix and what the role is for, such as cluster,
// namespace and service account: "PREFIX" + "blue-shop-cart-" + a hash of prefix and parts. The
// same input gives the same name for ever, and another input another name, even where the
// parts are cut to fit the 64 characters of IAM, differ in case only, or join to the same text.
// Characters that a role's name cannot have become "-".
//
// Errors: a prefix with such characters or of more than 47; no parts, or an empty one.
func NameFor(prefix string, parts ...string) (string, error) {
	room := maxName - hashLen - 1 - len(prefix)
	if !arn.Only(prefix, arn.IsNameRune) || room < 0 {
		return "", fmt.Errorf("iamrole: name: prefix %q is not at most %d letters, digits and _+=,.@-", prefix, maxName-hashLen-1)
	}
	if len(parts) == 0 {
		return "", errors.New("iamrole: name: no part is given, want what the role is for, such as a cluster, a namespace and an account")
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%q", prefix)
	for i, part := range parts {
		if part == "" {
			return "", fmt.Errorf("iamrole: name: part %d is empty", i)
		}
		fmt.Fprintf(hash, " %q", part) // quoted: ("a b", "c") is not ("a", "b c")
	}
	text := strings.Map(func(r rune) rune {
		if arn.IsNameRune(r) {
			return r
		}
		return '-'
	}, strings.Join(parts, "-"))
	text = prefix + text[:min(len(text), room)]
	if text != "" && !strings.HasSuffix(text, "-") {
		text += "-"
	}
	return text + hex.EncodeToString(hash.Sum(nil))[:hashLen], nil
}
