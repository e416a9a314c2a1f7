package kubename

import (
	"errors"
	"strings"
)

// SubjectPrefix begins the sub of every service account's token
// (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/).
const SubjectPrefix = "system:serviceaccount:"

// Subject builds the sub of a service account's token. It checks neither name.
func Subject(namespace, name string) string { return SubjectPrefix + namespace + ":" + name }

// ParseSubject takes a service account's sub apart. Both names must be ones that Kubernetes
// allows, so what it accepts Subject builds again, character for character.
func ParseSubject(sub string) (namespace, name string, err error) {
	rest, isAccount := strings.CutPrefix(sub, SubjectPrefix)
	namespace, name, hasName := strings.Cut(rest, ":")
	if !isAccount || !hasName {
		return "", "", errors.New(`want "system:serviceaccount:NAMESPACE:NAME"`)
	}
	if err := CheckNamespace(namespace); err != nil {
		return "", "", err
	}
	if err := CheckServiceAccount(name); err != nil {
		return "", "", err
	}
	return namespace, name, nil
}
