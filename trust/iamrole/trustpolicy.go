package iamrole

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/irsa-go/irsa/internal/iamcall"
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
	return errors.Join(append(found, checkPrincipals(p))...)
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
	for _, principal := range p.Principals() {
		if principal.IsDeleted() {
			ids = append(ids, principal.Value)
		}
	}
	if len(ids) > 0 {
		return &DeletedPrincipalError{IDs: iamcall.Unique(ids)}
	}
	return nil
}
