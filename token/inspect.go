package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/irsa-go/irsa/internal/kubeclaims"
	"github.com/irsa-go/irsa/internal/strictjson"
)

// tokenDepth bounds the nesting of a token's JSON; a service account token has three levels.
const tokenDepth = 16

// Unverified is what a token says of itself. Nobody has checked its signature, its times or its
// issuer: anybody can write such a token, so it may choose a message, a log line or a session name,
// but never grant anything. An oidc.Verifier returns claims that are verified.
//
// A claim that the token does not have, or that is null, is the zero value of its field; a claim of
// the wrong type is an error of [Inspect]. Unverified is a plain value and safe for concurrent use as long as
// nobody writes to it. It holds no part of the token's signature and cannot be turned back into
// the token.
type Unverified struct {
	// Algorithm is the header's "alg", such as "RS256" (RFC 7515 §4.1.1).
	Algorithm string
	// KeyID is the header's "kid" (RFC 7515 §4.1.4).
	KeyID string
	// Issuer is "iss" (RFC 7519 §4.1.1).
	Issuer string
	// Subject is "sub" (RFC 7519 §4.1.2), "system:serviceaccount:NAMESPACE:NAME" of a service account.
	Subject string
	// Audiences is "aud" (RFC 7519 §4.1.3), as a list also when the token has a single string.
	Audiences []string
	// AuthorizedParty is "azp" (OpenID Connect Core 1.0 §2). STS compares it, when there is one,
	// in place of the audiences.
	AuthorizedParty string
	// ID is "jti" (RFC 7519 §4.1.7).
	ID string
	// IssuedAt is "iat" (RFC 7519 §4.1.6), in UTC.
	IssuedAt time.Time
	// NotBefore is "nbf" (RFC 7519 §4.1.5), in UTC.
	NotBefore time.Time
	// Expires is "exp" (RFC 7519 §4.1.4), in UTC.
	Expires time.Time
	// Kubernetes is "kubernetes.io".
	Kubernetes Kubernetes
}

// isZero says whether nothing is known about a token.
func (u Unverified) isZero() bool { return reflect.ValueOf(u).IsZero() }

// Kubernetes is the private claim "kubernetes.io" of a service account token, unverified as all
// of [Unverified] (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/).
type Kubernetes struct {
	// Namespace is the service account's, and its pod's.
	Namespace string
	// ServiceAccount is the account that the token speaks for.
	ServiceAccount Object
	// Pod is the pod that the token is bound to; zero when it is bound to none.
	Pod Object
	// Node is the node that the token's pod runs on, or that the token is bound to.
	Node Object
	// Secret is the secret that the token is bound to; zero when it is bound to none.
	Secret Object
	// WarnAfter is when the token should have been replaced, in UTC: the API server lets it live
	// longer than was asked for.
	WarnAfter time.Time
}

// Object names an object of a Kubernetes cluster. It is comparable.
type Object struct {
	// Name is the object's name.
	Name string
	// UID tells the object from a later one of the same name.
	UID string
}

// MalformedTokenError says why a string is not a token that can be read. It never holds any part
// of the token. It is immutable.
type MalformedTokenError struct {
	// Part is "token", "header", "claims" or "signature".
	Part string
	// Name is the header parameter or claim at fault, such as "exp" or "kubernetes.io/pod/uid";
	// "" when it is the whole part.
	Name string
	// Reason says what it is and what it must be.
	Reason string
}

// Error names the part, the claim and the reason.
func (e *MalformedTokenError) Error() string {
	if e.Name == "" {
		return "the " + e.Part + ": " + e.Reason
	}
	return fmt.Sprintf("the %s: %q: %s", e.Part, e.Name, e.Reason)
}

// Inspect reads what a JWT says of itself, without verifying anything: see [Unverified]. White
// space around the token is ignored, as a token in a file may have it. A token longer than the
// 20000 characters that STS takes, nested too deeply, with names twice, without the three parts of
// a signed JWT (RFC 7515 §7.1) or with a claim of the wrong type is a *[MalformedTokenError], and
// the result is zero. Inspect never panics, whatever the input.
func Inspect(token string) (Unverified, error) {
	u, err := inspect(token)
	if err != nil {
		return Unverified{}, fmt.Errorf("token: inspect: %w", err)
	}
	return u, nil
}

// inspect is Inspect without the package's prefix.
func inspect(token string) (Unverified, error) {
	header, claims, err := splitToken(strings.TrimSpace(token))
	if err != nil {
		return Unverified{}, err
	}
	h, err := readPart("header", header, kubeclaims.ParseHeader)
	if err != nil {
		return Unverified{}, err
	}
	c, err := readPart("claims", claims, kubeclaims.Parse)
	if err != nil {
		return Unverified{}, err
	}
	k := c.Kubernetes
	u := Unverified{
		Algorithm: h.Algorithm, KeyID: h.KeyID,
		Issuer: c.Issuer, Subject: c.Subject, Audiences: c.Audiences, ID: c.ID,
		IssuedAt: c.IssuedAt.Time, NotBefore: c.NotBefore.Time, Expires: c.Expires.Time,
		Kubernetes: Kubernetes{
			Namespace: k.Namespace, ServiceAccount: Object(k.ServiceAccount), Pod: Object(k.Pod),
			Node: Object(k.Node), Secret: Object(k.Secret), WarnAfter: k.WarnAfter.Time,
		},
	}
	if c.AuthorizedParty != nil {
		u.AuthorizedParty = *c.AuthorizedParty
	}
	return u, nil
}

// splitToken checks the form of a compact serialization (RFC 7515 §7.1). The signature may be
// empty, as that of an unsecured JWT is: what a token says of itself can be read all the same.
func splitToken(token string) (header, claims string, err error) {
	malformed := func(part, reason string) error { return &MalformedTokenError{Part: part, Reason: reason} }
	switch {
	case token == "":
		return "", "", malformed("token", "it is empty")
	case len(token) > kubeclaims.MaxToken:
		return "", "", malformed("token", fmt.Sprintf("it has %d characters, more than %d", len(token), kubeclaims.MaxToken))
	}
	if n := strings.Count(token, "."); n != 2 {
		return "", "", malformed("token", fmt.Sprintf("it is not a JWT: it has %d dots, want 2", n))
	}
	header, rest, _ := strings.Cut(token, ".")
	claims, signature, _ := strings.Cut(rest, ".")
	for _, part := range []struct{ name, text string }{
		{"header", header}, {"claims", claims}, {"signature", signature},
	} {
		// encoding/base64 skips line breaks, which RFC 7515 §2 does not admit.
		if i := strings.IndexFunc(part.text, notBase64URL); i >= 0 {
			return "", "", malformed(part.name, fmt.Sprintf("it has a character that base64url does not have, at offset %d", i))
		}
	}
	return header, claims, nil
}

func notBase64URL(r rune) bool {
	return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// readPart decodes a part and reads it.
func readPart[T any](part, text string, parse func([]byte) (T, error)) (T, error) {
	var none T
	malformed := func(name, reason string) (T, error) {
		return none, &MalformedTokenError{Part: part, Name: name, Reason: reason}
	}
	doc, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return malformed("", "it is not base64url")
	}
	err = strictjson.Check(doc, strictjson.Limits{Bytes: kubeclaims.MaxToken, Depth: tokenDepth})
	read := none
	if err == nil {
		read, err = parse(doc)
	}
	if wrongType := (*kubeclaims.TypeError)(nil); errors.As(err, &wrongType) {
		return malformed(wrongType.Name, "want "+wrongType.Want)
	}
	if err != nil {
		// The pointer is left out: it would quote names that only the token's author chose.
		located := strictjson.Locate(doc, err)
		return malformed("", fmt.Sprintf("at byte %d: %s", located.Offset, located.Reason))
	}
	return read, nil
}
