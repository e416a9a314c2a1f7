package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/irsa-go/irsa/internal/issuerurl"
)

var (
	// ErrIssuerMismatch is in the error of a discovery document or a token that names another
	// issuer than the one that was expected. They are compared character for character (OpenID
	// Connect Discovery 1.0 §4.3).
	ErrIssuerMismatch = errors.New("the issuer differs")
	// ErrDocument is in the error of a discovery document that lacks something that STS needs.
	ErrDocument = errors.New("unusable discovery document")
)

// Document is an issuer's discovery document (OpenID Connect Discovery 1.0 §3), as far as
// Kubernetes and AWS use it. It is a plain value; copies share the slices.
type Document struct {
	// Issuer is the issuer that the document names.
	Issuer Issuer
	// JWKSURI is where the keys are, an https URL.
	JWKSURI string
	// AuthorizationEndpoint is required by the specification, but neither AWS nor Kubernetes uses
	// it; "" is left out, as kube-apiserver does.
	AuthorizationEndpoint string
	// ResponseTypes is response_types_supported.
	ResponseTypes []string
	// SubjectTypes is subject_types_supported.
	SubjectTypes []string
	// SigningAlgorithms is id_token_signing_alg_values_supported.
	SigningAlgorithms []string
	// Claims is claims_supported; nil is left out.
	Claims []string

	missing []string // members that STS needs and that a parsed document does not have
}

// NewDocument makes the document that a self-hosted issuer publishes: that of kube-apiserver,
// with the members that self-hosting guides and EKS add. jwksURI must be an https URL;
// "" is the path that kube-apiserver has, ISSUER/openid/v1/jwks. The algorithms are those of
// the keys, of which there must be at least one.
func NewDocument(iss Issuer, jwksURI string, keys *KeySet) (*Document, error) {
	if iss.IsZero() {
		return nil, fmt.Errorf("oidc: document: %w", ErrIssuerZero)
	}
	if jwksURI == "" {
		jwksURI = iss.JWKSURL()
	}
	if _, err := parseJWKSURI(jwksURI); err != nil {
		return nil, fmt.Errorf("oidc: document of issuer %q: %w", iss, err)
	}
	if keys.Len() == 0 {
		return nil, fmt.Errorf("oidc: document of issuer %q: the key set is empty", iss)
	}
	return &Document{
		Issuer:                iss,
		JWKSURI:               jwksURI,
		AuthorizationEndpoint: "urn:kubernetes:programmatic_authorization",
		ResponseTypes:         []string{"id_token"},
		SubjectTypes:          []string{"public"},
		SigningAlgorithms:     keys.Algorithms(),
		Claims:                []string{"sub", "iss"},
	}, nil
}

// CheckSTS reports, as [ErrDocument], the members without which IAM and STS do not take a
// document: response_types_supported, subject_types_supported and
// id_token_signing_alg_values_supported. They must be there; null will do.
func (d *Document) CheckSTS() error {
	if d == nil {
		return fmt.Errorf("oidc: document: %w: it is nil", ErrDocument)
	}
	if len(d.missing) > 0 {
		return fmt.Errorf("oidc: document of issuer %q: %w: it has no %s", d.Issuer, ErrDocument, strings.Join(d.missing, ", "))
	}
	return nil
}

// ParseDocument reads a discovery document of up to 64 KiB. Members that Document does not
// have are passed over; issuer and jwks_uri must be there. A list that is not one is empty.
func ParseDocument(doc []byte) (*Document, error) {
	d, err := parseDocument(doc)
	if err != nil {
		return nil, fmt.Errorf("oidc: document: %w: %w", ErrDocument, err)
	}
	return d, nil
}

func parseDocument(doc []byte) (*Document, error) {
	o, err := parseObject(doc, documentLimits)
	if err != nil {
		return nil, notJSON(doc, err)
	}
	d := &Document{}
	var issuer string
	if err := o.readAll([]member{{"issuer", &issuer}, {"jwks_uri", &d.JWKSURI}}); err != nil {
		return nil, err
	}
	if d.Issuer, err = ParseIssuer(issuer); err != nil {
		return nil, &foreignIssuerError{issuer}
	}
	if _, err := parseJWKSURI(d.JWKSURI); err != nil {
		return nil, err
	}
	d.rest(o)
	return d, nil
}

// rest reads the members that do not decide where the keys are. A member of the wrong form is left
// out.
func (d *Document) rest(o object) {
	for _, m := range []struct {
		member
		required bool
	}{
		{member{"authorization_endpoint", &d.AuthorizationEndpoint}, false},
		{member{"response_types_supported", &d.ResponseTypes}, true},
		{member{"subject_types_supported", &d.SubjectTypes}, true},
		{member{"id_token_signing_alg_values_supported", &d.SigningAlgorithms}, true},
		{member{"claims_supported", &d.Claims}, false},
	} {
		if _, there := o[m.name]; !there && m.required {
			d.missing = append(d.missing, m.name)
		}
		_ = o.readAll([]member{m.member})
	}
}

// foreignIssuerError is the error for a document whose issuer is not a valid issuer URL.
type foreignIssuerError struct{ says string }

func (e *foreignIssuerError) Error() string {
	return fmt.Sprintf("its issuer is %q, which is not an https URL without query and fragment", clip(e.says))
}

// clip bounds what a message repeats of a document.
func clip(s string) string {
	if len(s) > 256 {
		return s[:256] + "…"
	}
	return s
}

// parseJWKSURI accepts what an issuer's own URL may be and a query besides: OpenID Connect
// Discovery 1.0 §3 asks for https, RFC 8414 §2 allows the rest.
func parseJWKSURI(raw string) (issuerurl.URL, error) {
	if raw == "" {
		return issuerurl.URL{}, errors.New(`it has no "jwks_uri"`)
	}
	base, query, _ := strings.Cut(raw, "?")
	u, err := issuerurl.Parse(base)
	if err != nil {
		return issuerurl.URL{}, fmt.Errorf(`"jwks_uri": %w`, err)
	}
	if at := strings.IndexFunc(query, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' }); at >= 0 {
		return issuerurl.URL{}, fmt.Errorf(`"jwks_uri": its query has a character at offset %d that a URL may not hold`, len(base)+1+at)
	}
	return u, nil
}

// JWKSURL returns where kube-apiserver has its keys below an issuer: ISSUER/openid/v1/jwks.
// What an issuer really uses is in its [Document]. The zero value gives "".
func (i Issuer) JWKSURL() string {
	if i.IsZero() {
		return ""
	}
	return i.base() + "/openid/v1/jwks"
}

// documentJSON has kube-apiserver's members in its order, and the others where EKS has them.
type documentJSON struct {
	Issuer                Issuer   `json:"issuer"`
	JWKSURI               string   `json:"jwks_uri"`
	AuthorizationEndpoint string   `json:"authorization_endpoint,omitempty"`
	ResponseTypes         []string `json:"response_types_supported"`
	SubjectTypes          []string `json:"subject_types_supported"`
	Claims                []string `json:"claims_supported,omitempty"`
	SigningAlgorithms     []string `json:"id_token_signing_alg_values_supported"`
}

// MarshalJSON writes the document, the same bytes for the same value.
func (d *Document) MarshalJSON() ([]byte, error) {
	if d == nil {
		return []byte("null"), nil
	}
	return json.Marshal(documentJSON{
		Issuer: d.Issuer, JWKSURI: d.JWKSURI, AuthorizationEndpoint: d.AuthorizationEndpoint,
		ResponseTypes: d.ResponseTypes, SubjectTypes: d.SubjectTypes, Claims: d.Claims,
		SigningAlgorithms: d.SigningAlgorithms,
	})
}

// UnmarshalJSON is as [ParseDocument]. On an error d keeps its value.
func (d *Document) UnmarshalJSON(doc []byte) error {
	parsed, err := ParseDocument(doc)
	if err != nil {
		return err
	}
	*d = *parsed
	return nil
}
