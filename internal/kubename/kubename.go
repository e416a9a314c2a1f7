// Package kubename knows the names that Kubernetes gives to namespaces and service accounts.
//
// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
package kubename

import (
	"fmt"
	"strings"
)

// CheckNamespace reports what is no RFC 1123 label: 1 to 63 of a-z, 0-9 and '-',
// beginning and ending with a letter or digit.
func CheckNamespace(name string) error {
	if len(name) > 63 || !isLabel(name) {
		return fmt.Errorf("namespace %.300q is not a DNS label: want 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit", name)
	}
	return nil
}

// CheckServiceAccount reports what is no RFC 1123 subdomain: labels joined by dots,
// 253 characters at most.
func CheckServiceAccount(name string) error {
	ok := len(name) <= 253
	for part := range strings.SplitSeq(name, ".") {
		ok = ok && isLabel(part)
	}
	if !ok {
		return fmt.Errorf("service account %.300q is not a DNS subdomain: want 1 to 253 of a-z, 0-9, '-' and '.', each part beginning and ending with a letter or digit", name)
	}
	return nil
}

// isLabel leaves the length to the caller: within a subdomain Kubernetes does not limit
// one label to 63.
func isLabel(s string) bool {
	if s == "" || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if b := s[i]; b != '-' && (b < 'a' || b > 'z') && (b < '0' || b > '9') {
			return false
		}
	}
	return true
}
