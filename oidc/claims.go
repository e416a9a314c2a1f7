package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
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

// parseClaims types the claims and checks no time, audience or issuer.
func parseClaims(payload []byte) (Claims, error) {
	o, err := parseObject(payload, claimsLimits)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: its payload is no plain JSON object", ErrMalformedToken)
	}
	c := Claims{payload: payload}
	for _, name := range []string{"iss", "sub", "aud", "iat", "exp"} {
		if raw, ok := o[name]; !ok || string(raw) == "null" {
			return Claims{}, fmt.Errorf("%w: %s", ErrMissingClaim, name)
		}
	}
	if err := c.registered(o); err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrMalformedClaim, err)
	}
	if err := c.kubernetes(o); err != nil {
		return Claims{}, err
	}
	return c, nil
}

// registered reads the claims of RFC 7519 §4.1.
func (c *Claims) registered(o object) (err error) {
	var iss string
	if iss, err = o.text("iss"); err != nil {
		return err
	}
	if c.Issuer, err = ParseIssuer(iss); err != nil {
		return errors.New(`"iss" is no issuer`)
	}
	if c.Subject, err = o.text("sub"); err != nil {
		return err
	}
	if c.ID, err = o.text("jti"); err != nil {
		return err
	}
	if c.Audiences, err = o.texts("aud"); err != nil { // RFC 7519 §4.1.3: a list or one string
		var one string
		if one, err = o.text("aud"); err != nil {
			return errors.New(`"aud" is neither a string nor a list of strings`)
		}
		c.Audiences = []string{one}
	}
	for name, into := range map[string]*time.Time{"exp": &c.Expires, "iat": &c.IssuedAt, "nbf": &c.NotBefore} {
		if *into, err = o.time(name); err != nil {
			return err
		}
	}
	return nil
}

// kubernetes reads what kube-apiserver adds and holds it against the subject
// (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens).
func (c *Claims) kubernetes(o object) error {
	raw, ok := o["kubernetes.io"]
	if !ok {
		return fmt.Errorf("%w: it has no kubernetes.io claim", ErrNotServiceAccount)
	}
	k, err := asObject(raw)
	if err != nil {
		return fmt.Errorf("%w: kubernetes.io is no object", ErrMalformedClaim)
	}
	if c.Namespace, err = k.text("namespace"); err != nil {
		return fmt.Errorf("%w: kubernetes.io: %w", ErrMalformedClaim, err)
	}
	for name, into := range map[string]*ObjectRef{
		"serviceaccount": &c.ServiceAccount, "pod": &c.Pod, "node": &c.Node, "secret": &c.Secret,
	} {
		if *into, err = k.ref(name); err != nil {
			return fmt.Errorf("%w: kubernetes.io: %w", ErrMalformedClaim, err)
		}
	}
	if c.WarnAfter, err = k.time("warnafter"); err != nil {
		return fmt.Errorf("%w: kubernetes.io: %w", ErrMalformedClaim, err)
	}
	// Neither name can have a colon, so this reads back in one way only.
	want := "system:serviceaccount:" + c.Namespace + ":" + c.ServiceAccount.Name
	if c.Namespace == "" || c.ServiceAccount.Name == "" || strings.Count(want, ":") != 3 || c.Subject != want {
		return fmt.Errorf("%w: sub does not name the account of its kubernetes.io claim", ErrNotServiceAccount)
	}
	return nil
}

func (o object) ref(name string) (ObjectRef, error) {
	raw, ok := o[name]
	if !ok || string(raw) == "null" {
		return ObjectRef{}, nil
	}
	inner, err := asObject(raw)
	if err != nil {
		return ObjectRef{}, fmt.Errorf("%q is no object", name)
	}
	var r ObjectRef
	if r.Name, err = inner.text("name"); err != nil {
		return ObjectRef{}, fmt.Errorf("%q: %w", name, err)
	}
	if r.UID, err = inner.text("uid"); err != nil {
		return ObjectRef{}, fmt.Errorf("%q: %w", name, err)
	}
	return r, nil
}

// time reads a NumericDate (RFC 7519 §2), cutting off what is below a second; zero when there
// is none.
func (o object) time(name string) (time.Time, error) {
	raw, ok := o[name]
	if !ok || string(raw) == "null" {
		return time.Time{}, nil
	}
	var seconds float64
	if err := json.Unmarshal(raw, &seconds); err != nil {
		return time.Time{}, fmt.Errorf("%q is no number", name)
	}
	// Year 9999: time.Time cannot print or marshal beyond.
	if math.Abs(seconds) > 253402300799 {
		return time.Time{}, fmt.Errorf("%q is out of range", name)
	}
	return time.Unix(int64(seconds), 0), nil
}

func (c Claims) isFor(audience string) bool { return slices.Contains(c.Audiences, audience) }
