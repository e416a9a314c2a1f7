package oidc

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/irsa-go/irsa/internal/kubeclaims"
)

// Reasons to refuse a token before its claims are read.
var (
	// ErrMalformedToken: it is not a JWT in compact form, or longer than the 20000 characters
	// that STS takes, or its payload is not a JSON object.
	ErrMalformedToken = errors.New("it is not a valid JWT")
	// ErrAlgorithm: it is signed with an algorithm that STS does not verify, or with another
	// than its key is for.
	ErrAlgorithm = errors.New("its algorithm is not allowed")
	// ErrUnknownKey: the issuer has no such key, or the token names none and the issuer has
	// not exactly one.
	ErrUnknownKey = errors.New("unknown key")
	// ErrSignature: the key of that id did not sign it.
	ErrSignature = errors.New("its signature is wrong")
)

// algorithms are those that STS verifies
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html).
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512}
}

// VerifySignature checks a token's signature as STS does and returns its payload, but does not look
// at the claims: use a [Verifier] for a verdict. The header's kid picks the key; a token without
// kid is verified when the set has exactly one key or one with an empty id. The algorithm must be
// one of RS256, RS384, RS512, ES256, ES384 and ES512 and the key's own. Errors are
// [ErrMalformedToken], [ErrAlgorithm], [ErrUnknownKey] and [ErrSignature], and [ErrKey] with a
// *[KeyError] when the token's key is there but in an entry with a fault.
func (s *KeySet) VerifySignature(token string) (payload []byte, err error) {
	t, err := parseToken(token)
	if err != nil {
		return nil, fmt.Errorf("oidc: token: %w", err)
	}
	usable, faults := s.judgeSTS()
	payload, err = t.verify(usable)
	if errors.Is(err, ErrUnknownKey) {
		for _, e := range faults {
			if e.Index >= 0 && e.KeyID == t.kid {
				err = fmt.Errorf("%w: %w", ErrKey, e)
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("oidc: token: %w", err)
	}
	return payload, nil
}

// signedToken is a token of which nothing is verified yet.
type signedToken struct {
	jws *jose.JSONWebSignature
	kid string
	alg string
}

func parseToken(token string) (signedToken, error) {
	if len(token) > kubeclaims.MaxToken {
		return signedToken{}, fmt.Errorf("%w: it has %d characters, more than %d", ErrMalformedToken, len(token), kubeclaims.MaxToken)
	}
	// Go's base64 passes over line ends: other verifiers would judge another text.
	if strings.ContainsAny(token, "\r\n") {
		return signedToken{}, fmt.Errorf("%w: it has a line end", ErrMalformedToken)
	}
	for part := range strings.SplitSeq(token, ".") {
		// It also passes over the bits that the last character does not need (RFC 4648 §3.5): a token
		// would have several spellings, of which the signature covers one.
		if _, err := base64.RawURLEncoding.Strict().DecodeString(part[len(part)&^3:]); err != nil {
			return signedToken{}, fmt.Errorf("%w: it has a part that is not base64url", ErrMalformedToken)
		}
	}
	jws, err := jose.ParseSignedCompact(token, algorithms())
	if err != nil {
		// The cause is not wrapped: it may quote the token.
		if unexpected := (*jose.ErrUnexpectedSignatureAlgorithm)(nil); errors.As(err, &unexpected) {
			return signedToken{}, fmt.Errorf("%w: RS256, RS384, RS512, ES256, ES384 and ES512 are", ErrAlgorithm)
		}
		return signedToken{}, ErrMalformedToken
	}
	h := jws.Signatures[0].Protected
	// RFC 7515 §4.1.11: an extension that the reader does not know, and an empty list, make it invalid.
	if _, there := h.ExtraHeaders["crit"]; there {
		return signedToken{}, fmt.Errorf("%w: its header has crit, and no extension is known", ErrMalformedToken)
	}
	return signedToken{jws: jws, kid: h.KeyID, alg: h.Algorithm}, nil
}

// verify returns the payload, once it is the issuer's.
func (t signedToken) verify(s *KeySet) ([]byte, error) {
	k, err := t.key(s)
	if err != nil {
		return nil, err
	}
	if !fits(t.alg, k.own) || k.alg != "" && k.alg != t.alg {
		return nil, fmt.Errorf("%w: key %q signs with %s, the token says %s", ErrAlgorithm, k.kid, k.algorithm(), t.alg)
	}
	payload, err := t.jws.Verify(k.pub)
	if err != nil {
		return nil, ErrSignature
	}
	return payload, nil
}

func (t signedToken) key(s *KeySet) (jwk, error) {
	if t.kid == "" && s.Len() == 1 {
		return s.keys[0], nil
	}
	k, ok := s.find(t.kid)
	switch {
	case ok:
		return k, nil
	case t.kid == "":
		return jwk{}, fmt.Errorf("%w: the token does not name its key, and the issuer has %d keys", ErrUnknownKey, s.Len())
	}
	return jwk{}, fmt.Errorf("%w: the issuer does not have the token's key", ErrUnknownKey)
}
