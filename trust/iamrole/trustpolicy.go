package iamrole

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/trust"
)

// maxDocument is what a policyDocumentType may have
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAssumeRolePolicy.html).
const maxDocument = 131072

// decodeDocument undoes the percent-encoding of RFC 3986 in which IAM returns policies
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html). In it a "+" is a
// plus sign, which url.QueryUnescape would turn into a space.
func decodeDocument(encoded string) (string, error) {
	document, err := url.PathUnescape(encoded)
	if err != nil {
		return "", errors.New("the document that IAM returned is not percent-encoded")
	}
	return document, nil
}

// checkTrust reports what IAM would refuse for certain, before anything is sent.
func checkTrust(p *trust.Policy) error {
	if p.Len() == 0 {
		return ErrNoTrust
	}
	if n := len(p.Document()); n > maxDocument {
		return fmt.Errorf("the trust policy has %d bytes, at most %d are possible", n, maxDocument)
	}
	var found []error
	for _, err := range each(p.Validate()) {
		// What no source confirms is IAM's to decide.
		if invalid, ok := errors.AsType[*trust.InvalidError](err); !ok || !invalid.Unproven {
			found = append(found, err)
		}
	}
	if err := checkPrincipals(p); err != nil {
		found = append(found, err)
	}
	return errors.Join(found...)
}

// each takes joined errors apart.
func each(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// checkPrincipals reports principals that are stored by the unique id of something deleted.
func checkPrincipals(p *trust.Policy) error {
	var ids []string
	for _, s := range principals(p, "AWS") {
		if isUniqueID(s) && !slices.Contains(ids, s) {
			ids = append(ids, s)
		}
	}
	if len(ids) > 0 {
		return &DeletedPrincipalError{IDs: ids}
	}
	return nil
}

// isUniqueID recognises the ids by which IAM shows principals that are gone: roles and users
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids).
func isUniqueID(s string) bool {
	if len(s) < 16 || !strings.HasPrefix(s, "AROA") && !strings.HasPrefix(s, "AIDA") {
		return false
	}
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// federated returns the OIDC providers that a policy names.
func federated(p *trust.Policy) []trust.Provider {
	var list []trust.Provider
	for _, s := range principals(p, "Federated") {
		if provider, err := trust.ParseProviderARN(s); err == nil && !slices.Contains(list, provider) {
			list = append(list, provider)
		}
	}
	return list
}

// principals returns the principals of a kind in all statements. A policy that trust has read
// has no name that differs from the ones here in case alone.
func principals(p *trust.Policy, kind string) []string {
	var document struct{ Statement oneOrMany[statement] }
	if json.Unmarshal([]byte(p.Document()), &document) != nil {
		return nil
	}
	var all []string
	for _, s := range document.Statement {
		all = append(all, s.Principal[kind]...)
	}
	return all
}

type statement struct{ Principal principalMap }

type principalMap map[string]oneOrMany[string]

// UnmarshalJSON leaves a Principal that is no object, such as "*", without names.
func (m *principalMap) UnmarshalJSON(b []byte) error {
	names := map[string]oneOrMany[string]{}
	if json.Unmarshal(b, &names) == nil {
		*m = names
	}
	return nil
}

// oneOrMany is IAM's habit of writing a list of one without its brackets.
type oneOrMany[T any] []T

func (l *oneOrMany[T]) UnmarshalJSON(b []byte) error {
	var many []T
	if json.Unmarshal(b, &many) == nil {
		*l = many
		return nil
	}
	var one T
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*l = []T{one}
	return nil
}
