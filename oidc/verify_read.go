package oidc

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/irsa-go/irsa/internal/strictjson"
)

// claimsReader reads a token's claims in one pass: reading them member by member as the other
// documents are read would cost half of what the signature costs. A name that stands in an
// object twice and text that is not UTF-8 are errors.
type claimsReader struct{ dec *jsontext.Decoder }

// present is a set of the registered claims.
type present map[string]bool

// read fills c and returns the claims that were there.
func (c *Claims) read(payload []byte) (present, error) {
	r := claimsReader{jsontext.NewDecoder(bytes.NewBuffer(payload))}
	seen := make(present, 8)
	err := r.object(func(name string) error {
		if r.dec.PeekKind() == 'n' {
			return r.dec.SkipValue()
		}
		seen[name] = true
		switch name {
		case "iss":
			return r.issuer(&c.Issuer)
		case "sub":
			return r.text(name, &c.Subject)
		case "jti":
			return r.text(name, &c.ID)
		case "aud":
			return r.audiences(&c.Audiences)
		case "exp":
			return r.time(name, &c.Expires)
		case "iat":
			return r.time(name, &c.IssuedAt)
		case "nbf":
			return r.time(name, &c.NotBefore)
		case "kubernetes.io":
			return r.object(func(name string) error { return r.kubernetes(c, name) })
		}
		return r.dec.SkipValue()
	})
	if err == nil {
		err = strictjson.CheckEnd(r.dec, payload)
	}
	return seen, err
}

func (r claimsReader) kubernetes(c *Claims, name string) error {
	switch name {
	case "namespace":
		return r.text(name, &c.Namespace)
	case "serviceaccount":
		return r.ref(&c.ServiceAccount)
	case "pod":
		return r.ref(&c.Pod)
	case "node":
		return r.ref(&c.Node)
	case "secret":
		return r.ref(&c.Secret)
	case "warnafter":
		return r.time(name, &c.WarnAfter)
	}
	return r.dec.SkipValue()
}

func (r claimsReader) ref(into *ObjectRef) error {
	return r.object(func(name string) error {
		switch name {
		case "name":
			return r.text(name, &into.Name)
		case "uid":
			return r.text(name, &into.UID)
		}
		return r.dec.SkipValue()
	})
}

// errClaimType marks what is JSON and of the wrong type.
var errClaimType = errors.New("wrong type")

func (r claimsReader) object(member func(name string) error) error {
	begin, err := r.dec.ReadToken()
	if err != nil {
		return err
	}
	if begin.Kind() != '{' {
		return fmt.Errorf("%w: an object is expected", errClaimType)
	}
	for r.dec.PeekKind() != '}' {
		name, err := r.dec.ReadToken()
		if err != nil {
			return err
		}
		if err := member(name.String()); err != nil {
			return err
		}
	}
	_, err = r.dec.ReadToken()
	return err
}

func (r claimsReader) text(name string, into *string) error {
	t, err := r.dec.ReadToken()
	switch {
	case err != nil:
		return err
	case t.Kind() == 'n':
		return nil
	case t.Kind() != '"':
		return fmt.Errorf("%w: %q is no string", errClaimType, name)
	}
	*into = t.String()
	return nil
}

// issuer leaves what is no issuer's URL zero: it is not the one looked for either.
func (r claimsReader) issuer(into *Issuer) error {
	var raw string
	if err := r.text("iss", &raw); err != nil {
		return err
	}
	*into, _ = ParseIssuer(raw)
	return nil
}

// audiences reads a list or one string (RFC 7519 §4.1.3).
func (r claimsReader) audiences(into *[]string) error {
	if r.dec.PeekKind() != '[' {
		var one string
		if err := r.text("aud", &one); err != nil {
			return err
		}
		*into = []string{one}
		return nil
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	list := []string{}
	for r.dec.PeekKind() != ']' {
		t, err := r.dec.ReadToken()
		if err != nil {
			return err
		}
		if t.Kind() != '"' {
			return fmt.Errorf(`%w: "aud" has what is no string`, errClaimType)
		}
		list = append(list, t.String())
	}
	*into = list
	_, err := r.dec.ReadToken()
	return err
}

// maxSeconds is the end of year 9999, beyond which time.Time cannot be printed.
const maxSeconds = 253402300799

// time reads a NumericDate (RFC 7519 §2), cutting off what is below a second.
func (r claimsReader) time(name string, into *time.Time) error {
	t, err := r.dec.ReadToken()
	switch {
	case err != nil:
		return err
	case t.Kind() == 'n':
		return nil
	case t.Kind() != '0':
		return fmt.Errorf("%w: %q is no number", errClaimType, name)
	}
	seconds, err := t.Float()
	if err != nil || math.IsNaN(seconds) || math.Abs(seconds) > maxSeconds {
		return fmt.Errorf("%w: %q is out of range", errClaimType, name)
	}
	*into = time.Unix(int64(seconds), 0)
	return nil
}
