// Package literal knows which text Kubernetes leaves as it is in the value of a variable
// (https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/).
package literal

import "strings"

// Reference is the RE2 regular expression, for ASCII, of what Kubernetes makes something else of: "$("
// begins a reference to another variable, and "$$" is one "$". Any other "$" is left alone.
const Reference = `[$][$(]`

// Is says whether a variable with this value has this value. Of what stands behind a "$", Kubernetes
// takes one byte for a character (third_party/forked/golang/expansion of Kubernetes v1.37).
func Is(value string) bool {
	for {
		_, behind, found := strings.Cut(value, "$")
		switch {
		case !found || behind == "":
			return true
		case behind[0] == '$', behind[0] == '(', behind[0] >= 0x80:
			return false
		}
		value = behind
	}
}
