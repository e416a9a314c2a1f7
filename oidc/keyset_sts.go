package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
)

// Codes of what [KeySet.CheckSTS] finds.
const (
	// CodeNoKeys: there is no key that STS could verify a token with.
	CodeNoKeys = "no-keys"
	// CodeTooManyKeys: more than 100 of a kind.
	CodeTooManyKeys = "too-many-keys"
	// CodeDuplicateKeyID: two entries have one id, of which STS takes the last.
	CodeDuplicateKeyID = "duplicate-key-id"
	// CodeKeyUse: the entry is not for signatures.
	CodeKeyUse = "key-use"
	// CodeKeyOps: the entry has key_ops, whatever they say.
	CodeKeyOps = "key-ops"
	// CodeKeyKind: neither RSA nor a NIST curve; Ed25519 for one.
	CodeKeyKind = "key-kind"
	// CodeKeySize: an RSA key that is too small or too large.
	CodeKeySize = "key-size"
	// CodeKeyAlgorithm: an algorithm that STS does not verify, or not the key's own.
	CodeKeyAlgorithm = "key-algorithm"
	// CodeKeyCertificate: x5c is for another key.
	CodeKeyCertificate = "key-certificate"
)

// maxSTSKeys is the number of keys of one kind with which STS still verifies (observed).
const maxSTSKeys = 100

// KeyError is one thing that STS refuses of a key set. It is a plain value.
type KeyError struct {
	Code   string // one of the Code… constants
	Index  int    // of the entry, from 0; -1: the whole set
	KeyID  string // of the entry, "" when it has none
	Reason string // for people
}

// Error names the entry and the reason.
func (e *KeyError) Error() string {
	if e.Index < 0 {
		return e.Reason
	}
	return fmt.Sprintf("key %d (%q): %s", e.Index+1, e.KeyID, e.Reason)
}

// CheckSTS reports everything for which STS is known to fail with this set, the entries that
// ParseKeySet left out included. The error's Unwrap gives each as a *[KeyError].
func (s *KeySet) CheckSTS() error {
	found := s.refusals()
	if len(found) == 0 {
		return nil
	}
	errs := make([]error, len(found))
	for i, e := range found {
		errs[i] = fmt.Errorf("oidc: key set: STS: %w", e)
	}
	return errors.Join(errs...)
}

func (s *KeySet) refusals() []*KeyError {
	var found []*KeyError
	rsaKeys, ecKeys := 0, 0
	byID := map[string]int{}
	for _, k := range s.entries() {
		for _, e := range k.refusals() {
			e.Index, e.KeyID = k.index, k.kid
			found = append(found, e)
		}
		if first, twice := byID[k.kid]; twice {
			found = append(found, &KeyError{CodeDuplicateKeyID, k.index, k.kid,
				fmt.Sprintf("key %d has the same id; STS takes the last", first+1)})
		} else {
			byID[k.kid] = k.index
		}
		switch k.pub.(type) {
		case *rsa.PublicKey:
			rsaKeys++
		case *ecdsa.PublicKey:
			ecKeys++
		}
	}
	if s.Len() == 0 {
		found = append(found, &KeyError{CodeNoKeys, -1, "", "it has no key that STS could verify a token with"})
	}
	return append(found, append(tooMany("RSA", rsaKeys), tooMany("EC", ecKeys)...)...)
}

func tooMany(kind string, n int) []*KeyError {
	if n <= maxSTSKeys {
		return nil
	}
	return []*KeyError{{CodeTooManyKeys, -1, "", fmt.Sprintf("it has %d %s keys, at most %d are possible", n, kind, maxSTSKeys)}}
}

// entries returns all in the order of the document.
func (s *KeySet) entries() []jwk {
	if s == nil {
		return nil
	}
	all := make([]jwk, 0, len(s.keys)+len(s.ignored))
	ignored := s.ignored
	for _, k := range s.keys {
		for len(ignored) > 0 && ignored[0].index < k.index {
			all, ignored = append(all, ignored[0]), ignored[1:]
		}
		all = append(all, k)
	}
	return append(all, ignored...)
}

func (k jwk) refusals() []*KeyError {
	var found []*KeyError
	add := func(code, reason string) { found = append(found, &KeyError{Code: code, Reason: reason}) }
	switch {
	case k.pub == nil:
		add(CodeKeyKind, k.why+", only RSA and EC on P-256, P-384 and P-521 are possible")
	case k.own == "":
		add(CodeKeySize, k.why)
	case k.alg != "" && !fits(k.alg, k.own):
		add(CodeKeyAlgorithm, fmt.Sprintf("algorithm %q, the key's is %s", k.alg, k.own))
	}
	if k.use != "" && k.use != "sig" {
		add(CodeKeyUse, fmt.Sprintf(`use is %q, "sig" or none is possible`, k.use))
	}
	if len(k.keyOps) > 0 {
		add(CodeKeyOps, "it has key_ops, with which STS does not verify")
	}
	if len(k.x5c) > 0 && k.pub != nil && !certifies(k.x5c[0], k.pub) {
		add(CodeKeyCertificate, "x5c has no certificate of this key in the first place")
	}
	return found
}

// certifies reads what RFC 7517 §4.7 says: standard base64 of DER.
func certifies(x5c string, pub crypto.PublicKey) bool {
	der, err := base64.StdEncoding.DecodeString(x5c)
	if err != nil {
		return false
	}
	cert, err := x509.ParseCertificate(der)
	return err == nil && samePublicKey(pub, cert.PublicKey)
}
