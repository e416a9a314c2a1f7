package oidc

import (
	"errors"
	"fmt"
	"time"

	"github.com/irsa-go/irsa/internal/kubeclaims"
	"github.com/irsa-go/irsa/internal/kubename"
)

// What can be wrong with the claims of a token whose signature is right.
var (
	// ErrMissingClaim: iss, sub, aud, iat or exp is not there.
	ErrMissingClaim = errors.New("a required claim is missing")
	// ErrMalformedClaim: a claim has the wrong type.
	ErrMalformedClaim = errors.New("a claim is malformed")
	// ErrAudience: it is for another audience.
	ErrAudience = errors.New("it is for another audience")
	// ErrExpired: its exp has passed.
	ErrExpired = errors.New("it has expired")
	// ErrNotYetValid: its nbf or iat is in the future.
	ErrNotYetValid = errors.New("it is not valid yet")
	// ErrNotServiceAccount: its sub is not a service account's, or is not the account that its
	// kubernetes.io claim names.
	ErrNotServiceAccount = errors.New("it is not a service account's token")
)

// Claims is what a verified service account token says. It is a plain value; copies share its
// slices and maps.
type Claims struct {
	Issuer    Issuer
	Subject   string // "system:serviceaccount:NAMESPACE:NAME"
	Audiences []string
	ID        string // jti
	Expires   time.Time
	IssuedAt  time.Time
	NotBefore time.Time // zero when the token has none
	WarnAfter time.Time // when kube-apiserver wants it replaced; zero when the token has none

	Namespace      string
	ServiceAccount ObjectRef
	Pod            ObjectRef // zero when the token is not bound to a pod
	Node           ObjectRef // zero when the token names none
	Secret         ObjectRef // zero when the token is not bound to a secret

	payload []byte
}

// ObjectRef is the name and the UID of a Kubernetes object.
type ObjectRef struct{ Name, UID string }

// Map returns all claims as decoded JSON, numbers as json.Number: the form in which policy
// evaluation takes them. It is a fresh map; the zero Claims gives nil.
func (c Claims) Map() map[string]any {
	all, _ := kubeclaims.All(c.payload)
	return all
}

// parseClaims reads the claims. It checks no time, audience, issuer or account.
func parseClaims(payload []byte) (kubeclaims.Claims, error) {
	c, err := kubeclaims.Parse(payload)
	if wrongType := (*kubeclaims.TypeError)(nil); errors.As(err, &wrongType) {
		return c, fmt.Errorf("%w: %w", ErrMalformedClaim, err)
	}
	if err != nil { // it may quote the payload
		return c, fmt.Errorf("%w: its payload is not a plain JSON object", ErrMalformedToken)
	}
	if missing := c.MissingRequired(); missing != "" {
		return c, fmt.Errorf("%w: %s", ErrMissingClaim, missing)
	}
	return c, nil
}

// claimsOf returns the Claims of a token that has passed every check.
func claimsOf(iss Issuer, c kubeclaims.Claims, payload []byte) Claims {
	k := c.Kubernetes
	return Claims{
		Issuer: iss, Subject: c.Subject, Audiences: c.Audiences, ID: c.ID,
		Expires: c.Expires.Time, IssuedAt: c.IssuedAt.Time, NotBefore: c.NotBefore.Time, WarnAfter: k.WarnAfter.Time,
		Namespace: k.Namespace, ServiceAccount: ObjectRef(k.ServiceAccount),
		Pod: ObjectRef(k.Pod), Node: ObjectRef(k.Node), Secret: ObjectRef(k.Secret),
		payload: payload,
	}
}

// checkAccount compares the subject with the account that kube-apiserver names beside it
// (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens).
func checkAccount(c kubeclaims.Claims) error {
	namespace, name, err := kubename.ParseSubject(c.Subject)
	if err != nil {
		return fmt.Errorf("%w: its sub: %w", ErrNotServiceAccount, err)
	}
	if namespace != c.Kubernetes.Namespace || name != c.Kubernetes.ServiceAccount.Name {
		return fmt.Errorf("%w: its kubernetes.io claim does not name the account that its sub names", ErrNotServiceAccount)
	}
	return nil
}
