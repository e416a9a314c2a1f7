package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
)

// Codes of what [KeySet.Faults] finds.
const (
	// CodeNoKeys: STS could verify a token with none of the keys.
	CodeNoKeys Code = "no-keys"
	// CodeTooManyKeys: more than 100 of a kind.
	CodeTooManyKeys Code = "too-many-keys"
	// CodeDuplicateKeyID: a later entry has the same id, and STS takes that one.
	CodeDuplicateKeyID Code = "duplicate-key-id"
	// CodeKeyID: the entry has no kid, which AWS needs; an empty one will do.
	CodeKeyID Code = "key-id-missing"
	// CodeKeyMalformed: the entry is not what RFC 7517 and RFC 7518 ask for.
	CodeKeyMalformed Code = "key-malformed"
	// CodeKeyUse: the entry is not for signatures.
	CodeKeyUse Code = "key-use"
	// CodeKeyOps: the entry has key_ops, whatever they say.
	CodeKeyOps Code = "key-ops"
	// CodeKeyKind: neither RSA nor a NIST curve; Ed25519 for one.
	CodeKeyKind Code = "key-kind"
	// CodeKeySize: an RSA key that is too small or too large.
	CodeKeySize Code = "key-size"
	// CodeKeyAlgorithm: an algorithm that STS does not verify, or not the key's own.
	CodeKeyAlgorithm Code = "key-algorithm"
	// CodeKeyCertificate: x5c is for another key.
	CodeKeyCertificate Code = "key-certificate"
)

// maxSTSKeys is the number of keys of one kind with which STS still verifies (observed).
const maxSTSKeys = 100

// KeyError is one fault of a key set or of an entry. It is a plain value.
type KeyError struct {
	Code   Code
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

// Faults returns what is wrong with the set and its entries, those included that ParseKeySet left
// out. STS cannot verify with an entry that has a fault, but can with the others: [KeySet.CheckSTS]
// says whether the set as a whole is usable.
func (s *KeySet) Faults() []*KeyError {
	_, faults := s.judgeSTS()
	return faults
}

// CheckSTS reports whether STS can verify no token with this set: when it has no entry without a
// fault, or more keys than STS takes. The error's Unwrap gives each fault as a *[KeyError].
// [KeySet.VerifySignature] says whether it can verify a given token.
func (s *KeySet) CheckSTS() error {
	usable, faults := s.judgeSTS()
	fails := usable.Len() == 0
	for _, e := range faults {
		fails = fails || e.Index < 0
	}
	if !fails {
		return nil
	}
	errs := make([]error, len(faults))
	for i, e := range faults {
		errs[i] = fmt.Errorf("oidc: key set: STS: %w", e)
	}
	return errors.Join(errs...)
}

// judgeSTS returns the entries that STS can verify with, and all faults.
func (s *KeySet) judgeSTS() (usable *KeySet, faults []*KeyError) {
	usable = &KeySet{}
	rsaKeys, ecKeys := 0, 0
	entries := s.entries()
	for i, k := range entries {
		own := append(k.faults(), shadowed(k, entries[i+1:])...)
		for _, e := range own {
			e.Index, e.KeyID = k.index, k.kid
		}
		if faults = append(faults, own...); len(own) == 0 {
			usable.keys = append(usable.keys, k)
		}
		switch k.pub.(type) {
		case *rsa.PublicKey:
			rsaKeys++
		case *ecdsa.PublicKey:
			ecKeys++
		}
	}
	if usable.Len() == 0 {
		faults = append(faults, &KeyError{CodeNoKeys, -1, "", "it has no key that STS could verify a token with"})
	}
	return usable, append(faults, append(tooMany("RSA", rsaKeys), tooMany("EC", ecKeys)...)...)
}

func tooMany(kind string, n int) []*KeyError {
	if n <= maxSTSKeys {
		return nil
	}
	return []*KeyError{{CodeTooManyKeys, -1, "", fmt.Sprintf("it has %d %s keys, at most %d are possible", n, kind, maxSTSKeys)}}
}

// shadowed reports an entry whose id a later entry has for another key. The same entry twice is
// as good as once.
func shadowed(k jwk, later []jwk) []*KeyError {
	for _, other := range later {
		if k.pub != nil && k.hasKid && other.hasKid && k.kid == other.kid && !samePublicKey(k.pub, other.pub) {
			return []*KeyError{{Code: CodeDuplicateKeyID, Reason: fmt.Sprintf("key %d has the same id; STS takes the last", other.index+1)}}
		}
	}
	return nil
}

// entries returns all in the order of the document.
func (s *KeySet) entries() []jwk {
	if s == nil {
		return nil
	}
	all := append(slices.Clone(s.keys), s.ignored...)
	slices.SortStableFunc(all, func(a, b jwk) int { return a.index - b.index })
	return all
}

// faults are the faults that an entry has without regard to the others.
func (k jwk) faults() []*KeyError {
	if k.flaw != nil {
		flaw := *k.flaw
		return []*KeyError{&flaw}
	}
	var found []*KeyError
	add := func(code Code, reason string) { found = append(found, &KeyError{Code: code, Reason: reason}) }
	if !k.hasKid {
		add(CodeKeyID, `it has no "kid", without which AWS does not find it; an empty one will do`)
	}
	if len(k.keyOps) > 0 {
		add(CodeKeyOps, "it has key_ops, with which STS does not verify")
	}
	if len(k.x5c) > 0 && !certifies(k.x5c[0], k.pub) {
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
