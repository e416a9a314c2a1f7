package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What can be wrong with the claims of a token whose signature is right.
var (
	// ErrMissingClaim: iss, sub, aud, iat or exp is not there.
	ErrMissingClaim = errors.New("a required claim is missing")
	// ErrMalformedClaim: a claim is of another type than it must be.
	ErrMalformedClaim = errors.New("a claim is malformed")
	// ErrAudience: it is for another audience.
	ErrAudience = errors.New("it is for another audience")
	// ErrExpired: its exp has passed.
	ErrExpired = errors.New("it has expired")
	// ErrNotYetValid: its nbf or iat is in the future.
	ErrNotYetValid = errors.New("it is not valid yet")
	// ErrNotServiceAccount: its sub is no service account's, or is not the account that its
	// kubernetes.io claim names.
	ErrNotServiceAccount = errors.New("it is no service account's")
)

// Claims is what a verified service account token says. It is a plain value; copies share
// what is behind them.
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
	dec := json.NewDecoder(bytes.NewReader(c.payload))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		return nil
	}
	return m
}

// parseClaims types the claims. It checks no time, audience, issuer or account.
func parseClaims(payload []byte) (Claims, error) {
	c := Claims{payload: payload}
	seen, err := c.read(payload)
	switch {
	case errors.Is(err, errClaimType):
		return Claims{}, fmt.Errorf("%w: %w", ErrMalformedClaim, err)
	case err != nil: // it may quote the payload
		return Claims{}, fmt.Errorf("%w: its payload is no plain JSON object", ErrMalformedToken)
	}
	for _, name := range []string{"iss", "sub", "aud", "iat", "exp"} {
		if !seen[name] {
			return Claims{}, fmt.Errorf("%w: %s", ErrMissingClaim, name)
		}
	}
	return c, nil
}

// checkAccount holds the subject against what kube-apiserver says besides
// (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens).
func (c Claims) checkAccount() error {
	if c.Namespace == "" || c.ServiceAccount.Name == "" {
		return fmt.Errorf("%w: it has no kubernetes.io claim with namespace and serviceaccount", ErrNotServiceAccount)
	}
	// Neither name can have a colon, so this reads back in one way only.
	if strings.Contains(c.Namespace+c.ServiceAccount.Name, ":") ||
		c.Subject != "system:serviceaccount:"+c.Namespace+":"+c.ServiceAccount.Name {
		return fmt.Errorf("%w: sub does not name the account of its kubernetes.io claim", ErrNotServiceAccount)
	}
	return nil
}

func (c Claims) isFor(audience string) bool { return slices.Contains(c.Audiences, audience) }
