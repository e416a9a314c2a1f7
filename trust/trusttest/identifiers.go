package trusttest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
)

// newSecret returns n random bytes in base64; 30 give the 40 characters of a secret access
// key.
func newSecret(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand
	return base64.StdEncoding.EncodeToString(b)
}

// newID returns the prefix and n random letters and digits, as unique ids have
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids).
func (a *Account) newID(prefix string, n int) string { return prefix + rand.Text()[:n] }

// roleID is the same for the same role in every run, so that what a program prints can be
// compared, and another one for a role that is created again, as in IAM.
func (a *Account) roleID(name string, generation int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", a.arn("iam", "role"), name, generation))
	return "AROA" + base32.StdEncoding.EncodeToString(sum[:])[:17]
}

func newRequestID() string {
	b := make([]byte, 16)
	rand.Read(b)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
