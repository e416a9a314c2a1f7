// Package kubeclaims reads the claims of a Kubernetes service account's token, verified or not
// (RFC 7519 §4.1,
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens).
//
// One reading for everybody: names are compared exactly, a name that stands in an object twice
// and text that is not UTF-8 are errors, a member that is null counts as absent, an audience that
// is null is an error, and a time keeps its fraction of a second.
package kubeclaims

import (
	"bytes"
	"encoding/base64"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/irsa-go/irsa/internal/strictjson"
)

// MaxToken is how many characters a token may have for STS
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
const MaxToken = 20000

// MinLifetime and MaxLifetime bound what kube-apiserver lets anybody ask for as a token's lifetime
// (ValidateTokenRequest in
// https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/authentication/validation/validation.go).
const (
	MinLifetime = 10 * time.Minute
	MaxLifetime = 1 << 32 * time.Second
)

// Skew is by how much STS lets its clock and the one of a token's issuer differ.
const Skew = 5 * time.Minute

// Claims is what a service account's token says. What it does not have is the zero value.
type Claims struct {
	Registered
	Kubernetes Kubernetes `json:"kubernetes.io"`
}

// Registered has the claims that every OpenID Connect issuer gives (RFC 7519 §4.1).
type Registered struct {
	Issuer          string    `json:"iss"`
	Subject         string    `json:"sub"`
	Audiences       Audiences `json:"aud"`
	AuthorizedParty *string   `json:"azp"` // nil when absent: "" is another party than none
	ID              string    `json:"jti"`
	Expires         Time      `json:"exp"`
	IssuedAt        Time      `json:"iat"`
	NotBefore       Time      `json:"nbf"`
}

// Kubernetes is the private claim of Kubernetes.
type Kubernetes struct {
	Namespace      string `json:"namespace"`
	ServiceAccount Object `json:"serviceaccount"`
	Pod            Object `json:"pod"`
	Node           Object `json:"node"`
	Secret         Object `json:"secret"`
	WarnAfter      Time   `json:"warnafter"`
}

// Object is the name and the UID of a Kubernetes object.
type Object struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// TypeError says which claim is of another type than it must be. It holds nothing of the token.
type TypeError struct {
	Name string // such as "exp" or "kubernetes.io/pod/uid"
	Want string // such as "a string"
}

// Error names the claim and what it must be.
func (e *TypeError) Error() string { return fmt.Sprintf("%q is not %s", e.Name, e.Want) }

// Parse reads the payload of a service account's token. The error is a *[TypeError], or a
// *[strictjson.Error] of what is not a single JSON object.
func Parse(payload []byte) (Claims, error) { return parse[Claims](payload) }

// ParseRegistered reads the registered claims alone; whatever else there is may be anything.
func ParseRegistered(payload []byte) (Registered, error) { return parse[Registered](payload) }

// Payload decodes the middle part of a token in compact form (RFC 7515 §7.1). The errors hold nothing
// of it.
func Payload(token string) ([]byte, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("it has %d parts, want 3", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, errors.New("its payload is not base64url")
	}
	return payload, nil
}

// Header is what a token's header says of its signature (RFC 7515 §4.1).
type Header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
}

// ParseHeader reads a token's header, with errors as those of [Parse].
func ParseHeader(header []byte) (Header, error) { return parse[Header](header) }

// All decodes every claim, numbers as json.Number, for the conditions of a policy. ok is false for
// what is not a JSON object.
func All(payload []byte) (claims map[string]any, ok bool) {
	dec := stdjson.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	err := dec.Decode(&claims)
	return claims, err == nil && claims != nil
}

func parse[T any](payload []byte) (T, error) {
	var claims, none T
	if kind := jsontext.Value(payload).Kind(); kind != '{' && kind != 0 {
		return none, strictjson.At(payload, 0, "", "it is not a JSON object")
	}
	err := json.Unmarshal(payload, &claims)
	if err == nil {
		return claims, nil
	}
	if typed := (*json.SemanticError)(nil); errors.As(err, &typed) {
		return none, &TypeError{Name: nameOf(typed.JSONPointer), Want: wanted(typed)}
	}
	return none, strictjson.Locate(payload, err)
}

// nameOf is "kubernetes.io/pod/uid" for "/kubernetes.io/pod/uid", and "aud" for "/aud/1".
func nameOf(at jsontext.Pointer) string {
	name := ""
	for token := range at.Tokens() {
		switch {
		case name == "":
			name = token
		case name == "aud":
			return name
		default:
			name += "/" + token
		}
	}
	return name
}

func wanted(err *json.SemanticError) string {
	var want wantError
	switch {
	case errors.As(err, &want):
		return string(want)
	case err.GoType != nil && err.GoType.Kind().String() == "struct":
		return "an object"
	}
	return "a string"
}

// wantError is what a value must be.
type wantError string

func (e wantError) Error() string { return "want " + string(e) }

// MissingRequired returns the first claim that STS requires and that is not there, "" when all
// are (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
func (r Registered) MissingRequired() string {
	for _, required := range []struct {
		name   string
		absent bool
	}{
		{"iss", r.Issuer == ""},
		{"sub", r.Subject == ""},
		{"aud", r.Audiences == nil},
		{"iat", r.IssuedAt.IsZero()},
		{"exp", r.Expires.IsZero()},
	} {
		if required.absent {
			return required.name
		}
	}
	return ""
}

// Audiences is a list of strings; one string is a list of one (RFC 7519 §4.1.3).
type Audiences []string

// UnmarshalJSONFrom reads a list or a string.
func (a *Audiences) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	const want = wantError("a string or a list of strings")
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '"':
		one, err := dec.ReadToken()
		if err != nil {
			return err
		}
		*a = Audiences{one.String()}
		return nil
	case '[':
	case 0:
		_, err := dec.ReadToken()
		return err
	default:
		return skipAnd(dec, want)
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	list := make(Audiences, 0, 1)
	for dec.PeekKind() != ']' {
		t, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if t.Kind() != '"' {
			return want
		}
		list = append(list, t.String())
	}
	*a = list
	_, err := dec.ReadToken()
	return err
}

// Time is a NumericDate (RFC 7519 §2), in UTC; absent, it is the zero time.
type Time struct{ time.Time }

// lastSecond is the end of the year 9999, the last that time.Time can print.
const lastSecond = 253402300799

// UnmarshalJSONFrom reads seconds since 1970, possibly with a fraction.
func (t *Time) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	const want = wantError("a number of seconds from 1970 to the year 9999")
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '0', 0:
	default:
		return skipAnd(dec, want)
	}
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseFloat(string(v), 64)
	if err != nil || seconds < 0 || seconds > lastSecond {
		return want
	}
	whole, fraction := math.Modf(seconds)
	t.Time = time.Unix(int64(whole), int64(fraction*1e9)).UTC()
	return nil
}

// skipAnd goes past the value, so that the error is placed at it.
func skipAnd(dec *jsontext.Decoder, want wantError) error {
	if err := dec.SkipValue(); err != nil {
		return err
	}
	return want
}
