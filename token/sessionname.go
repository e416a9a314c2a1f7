package token

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/kubename"
)

// maxSessionName is STS's limit for RoleSessionName.
const maxSessionName = 64

// anonymousSession is the session name for a token that does not say whom it speaks for.
const anonymousSession = "irsa"

// sessionName derives a session name from what a token says of itself, so that it is the same at
// every refresh: services that pin a principal, such as MSK, refuse one that changes. A namespace
// has no dot and no name has an '@', so the parts can be told apart again.
func sessionName(u Unverified) string {
	namespace, account := u.Kubernetes.Namespace, u.Kubernetes.ServiceAccount.Name
	if namespace == "" || account == "" {
		namespace, account, _ = kubename.ParseSubject(u.Subject)
	}
	switch {
	case namespace != "" && account != "" && u.Kubernetes.Pod.Name != "":
		return fitSession(namespace + "." + account + "@" + u.Kubernetes.Pod.Name)
	case namespace != "" && account != "":
		return fitSession(namespace + "." + account)
	case u.Subject != "":
		return fitSession(anonymousSession + "-" + hashOf(u.Issuer+" "+u.Subject))
	}
	return anonymousSession
}

// fitSession makes a name that STS accepts. A name that loses characters ends with a hash of the
// whole, so that two names stay different.
func fitSession(name string) string {
	fit := strings.Map(func(r rune) rune {
		if arn.IsNameRune(r) {
			return r
		}
		return '-'
	}, name)
	if fit == name && len(name) <= maxSessionName {
		return name
	}
	hash := hashOf(name)
	return fit[:min(len(fit), maxSessionName-1-len(hash))] + "-" + hash
}

// hashOf is 48 bits of SHA-256, in hexadecimal: a mark of difference, not a secret.
func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
