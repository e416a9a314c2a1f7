package oidc

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// ErrPrivateKey is in the error of a key set that gives a private key away.
var ErrPrivateKey = errors.New("it holds the private part of a key: whoever read it can mint tokens, so replace the key")

// maxEntries is ten times what STS takes: entries are compared with each other, and 1 MiB has room
// for hundreds of thousands.
const maxEntries = 10 * maxSTSKeys

// ParseKeySet reads a JWK Set (RFC 7517 §5) of up to 1 MiB and 1000 keys. An entry that no token of a cluster
// can need is left out: one that is malformed, of another kind than RSA and EC, for another use
// than signatures, or of a size or curve that STS does not verify. [KeySet.Faults] names them.
// Private parts are an error ([ErrPrivateKey]), in an entry or beside the entries, as are duplicate
// member names.
func ParseKeySet(jwks []byte) (*KeySet, error) {
	s, err := parseKeySet(jwks)
	if err != nil {
		return nil, fmt.Errorf("oidc: key set: %w", err)
	}
	return s, nil
}

func parseKeySet(jwks []byte) (*KeySet, error) {
	doc, err := parseObject(jwks, keySetLimits)
	if err != nil {
		return nil, notJSON(jwks, err)
	}
	if doc.private() {
		return nil, ErrPrivateKey
	}
	raw, ok := doc["keys"]
	if !ok {
		return nil, errors.New(`it has no "keys"`)
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil || entries == nil {
		return nil, errors.New(`"keys" is not a list`)
	}
	if len(entries) > maxEntries {
		return nil, fmt.Errorf("it has %d keys, more than %d", len(entries), maxEntries)
	}
	s := &KeySet{}
	for i, entry := range entries {
		k, err := parseJWK(entry)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		k.index = i
		if k.flaw != nil {
			s.ignored = append(s.ignored, k)
		} else {
			s.keys = append(s.keys, k)
		}
	}
	return s, nil
}

// parseJWK fails for private parts alone; any other fault is the entry's own.
func parseJWK(entry []byte) (jwk, error) {
	o, err := asObject(entry)
	if err != nil {
		return jwk{flaw: &KeyError{Code: CodeKeyMalformed, Reason: err.Error()}}, nil
	}
	if o.private() {
		return jwk{}, ErrPrivateKey
	}
	var k jwk
	if err := k.read(o); err != nil {
		k.pub, k.flaw = nil, &KeyError{Code: CodeKeyMalformed, Reason: err.Error()}
		return k, nil
	}
	k.own, k.flaw = k.judge()
	return k, nil
}

func (k *jwk) read(o object) error {
	raw, there := o["kid"]
	k.hasKid = there && string(raw) != "null"
	if err := o.readAll([]member{
		{"kid", &k.kid}, {"kty", &k.kty}, {"crv", &k.crv}, {"alg", &k.alg}, {"use", &k.use},
		{"key_ops", &k.keyOps}, {"x5c", &k.x5c},
	}); err != nil {
		return err
	}
	var err error
	switch k.kty {
	case "":
		return errors.New(`it has no "kty"`)
	case "RSA":
		k.pub, err = parseRSA(o)
	case "EC":
		k.pub, err = parseEC(o, k.crv)
	}
	return err
}

// private reports a private part of any kind of key: a prime of an RSA key gives the rest away
// (RFC 7518 §6.2.2, §6.3.2). A symmetric key is of a kind that is passed over.
func (o object) private() bool {
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth"} {
		if _, there := o[name]; there {
			return true
		}
	}
	return false
}

// judge returns the algorithm of a well-formed entry's key, and why nobody can verify a token
// with the entry, nil when somebody can.
func (k jwk) judge() (own string, flaw *KeyError) {
	if k.pub == nil {
		return "", &KeyError{Code: CodeKeyKind, Reason: fmt.Sprintf("kind %q, only RSA and EC on P-256, P-384 and P-521 are possible",
			strings.TrimSpace(k.kty+" "+k.crv))}
	}
	own, err := algorithmOf(k.pub)
	switch {
	case err != nil:
		return "", &KeyError{Code: CodeKeySize, Reason: err.Error()}
	case k.use != "" && k.use != "sig":
		return own, &KeyError{Code: CodeKeyUse, Reason: fmt.Sprintf(`use is %q, "sig" or none is possible`, k.use)}
	case len(k.keyOps) > 0 && !slices.Contains(k.keyOps, "verify"):
		return own, &KeyError{Code: CodeKeyOps, Reason: "its key_ops do not have verify"}
	case k.alg != "" && !fits(k.alg, own):
		return own, &KeyError{Code: CodeKeyAlgorithm, Reason: fmt.Sprintf("algorithm %q, the key's is %s", k.alg, own)}
	}
	return own, nil
}

// fits says whether an algorithm is one of a key whose natural one is own: an RSA key can
// sign with all of RS256, RS384 and RS512, a curve has one (RFC 7518 §3.1).
func fits(alg, own string) bool {
	if own == "RS256" {
		return alg == "RS256" || alg == "RS384" || alg == "RS512"
	}
	return alg == own
}

func parseRSA(o object) (crypto.PublicKey, error) {
	n, err := o.integer("n")
	if err != nil {
		return nil, err
	}
	e, err := o.integer("e")
	if err != nil {
		return nil, err
	}
	if !e.IsInt64() || e.Int64() > 1<<31-1 {
		return nil, errors.New(`"e" is larger than 2147483647`)
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// parseEC leaves the curves that STS does not know without a key.
func parseEC(o object, crv string) (crypto.PublicKey, error) {
	var curve elliptic.Curve
	switch crv {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	case "P-521":
		curve = elliptic.P521()
	case "":
		return nil, errors.New(`it has no "crv"`)
	default:
		return nil, nil
	}
	size := (curve.Params().BitSize + 7) / 8
	point := []byte{4} // uncompressed (SEC 1 §2.3.3)
	for _, name := range []string{"x", "y"} {
		b, err := o.bytes(name)
		if err != nil {
			return nil, err
		}
		if len(b) != size { // RFC 7518 §6.2.1.2
			return nil, fmt.Errorf("%q has %d bytes, %s has %d", name, len(b), crv, size)
		}
		point = append(point, b...)
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, fmt.Errorf("its point is not on %s", crv)
	}
	return pub, nil
}

func (o object) integer(name string) (*big.Int, error) {
	b, err := o.bytes(name)
	if err != nil {
		return nil, err
	}
	return new(big.Int).SetBytes(b), nil
}

// bytes reads base64url without padding (RFC 7515 §2).
func (o object) bytes(name string) ([]byte, error) {
	s, err := o.text(name)
	if err != nil {
		return nil, err
	}
	if s == "" {
		return nil, fmt.Errorf("it has no %q", name)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("%q is not base64url without padding", name)
	}
	return b, nil
}

// jwkJSON has the members in the order in which kube-apiserver writes them.
type jwkJSON struct {
	Use    string   `json:"use,omitempty"`
	Kty    string   `json:"kty"`
	Kid    *string  `json:"kid,omitempty"` // "" is written, none is not
	Crv    string   `json:"crv,omitempty"`
	Alg    string   `json:"alg,omitempty"`
	KeyOps []string `json:"key_ops,omitempty"`
	X      string   `json:"x,omitempty"`
	Y      string   `json:"y,omitempty"`
	N      string   `json:"n,omitempty"`
	E      string   `json:"e,omitempty"`
	X5c    []string `json:"x5c,omitempty"`
}

// MarshalJSON writes the usable keys as a JWK Set, the same bytes for the same set, in the
// form that kube-apiserver serves. Private parts cannot occur.
func (s *KeySet) MarshalJSON() ([]byte, error) {
	doc := struct {
		Keys []jwkJSON `json:"keys"`
	}{Keys: []jwkJSON{}}
	if s != nil {
		for _, k := range s.keys {
			entry, err := k.json()
			if err != nil {
				return nil, fmt.Errorf("oidc: key set: key %q: %w", k.kid, err)
			}
			doc.Keys = append(doc.Keys, entry)
		}
	}
	return json.Marshal(doc)
}

// UnmarshalJSON is as [ParseKeySet]. On an error s keeps its value.
func (s *KeySet) UnmarshalJSON(jwks []byte) error {
	parsed, err := ParseKeySet(bytes.Clone(jwks))
	if err != nil {
		return err
	}
	*s = *parsed
	return nil
}

func (k jwk) json() (jwkJSON, error) {
	enc := base64.RawURLEncoding.EncodeToString
	out := jwkJSON{Use: k.use, Alg: k.alg, KeyOps: k.keyOps, X5c: k.x5c}
	if k.hasKid {
		out.Kid = &k.kid
	}
	switch pub := k.pub.(type) {
	case *rsa.PublicKey:
		out.Kty = "RSA"
		out.N, out.E = enc(pub.N.Bytes()), enc(big.NewInt(int64(pub.E)).Bytes())
		return out, nil
	case *ecdsa.PublicKey:
		point, err := pub.Bytes()
		if err != nil {
			return jwkJSON{}, err
		}
		half := 1 + len(point)/2
		out.Kty, out.Crv = "EC", pub.Curve.Params().Name
		out.X, out.Y = enc(point[1:half]), enc(point[half:])
		return out, nil
	}
	return jwkJSON{}, ErrKey // unreachable: no such key gets into a set
}
