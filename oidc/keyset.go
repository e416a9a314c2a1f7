package oidc

import (
	"crypto"
	"fmt"
	"slices"
)

// KeySet is the public keys of an issuer, in order. It is immutable and safe for concurrent
// use; the zero value and nil are empty.
type KeySet struct {
	keys    []jwk // usable, in order
	ignored []jwk // seen by ParseKeySet and left out; Faults tells about them
}

// jwk is one entry of a set (RFC 7517 §4).
type jwk struct {
	index    int // in the document
	pub      crypto.PublicKey
	kid      string
	hasKid   bool // "" is another id than none (RFC 7517 §4.5)
	kty, crv string
	alg, use string
	own      string // the algorithm that follows from the key
	keyOps   []string
	x5c      []string
	flaw     *KeyError // why it was left out, nil when it was not
}

// NewKeySet makes a set of the keys that a cluster signs with. Where they exist as files,
// [KeySetFromPEM] reads them; where an external signer has them (KEP-740), the API server serves
// the public ones at /openid/v1/jwks, which [ParseKeySet] reads.
//
// The keys are *rsa.PublicKey and *ecdsa.PublicKey; they get the key ids that
// Kubernetes gives them ([KeyID]). A key given twice is there once. Private keys and keys
// that no cluster can sign with are refused with [ErrKey].
func NewKeySet(keys ...crypto.PublicKey) (*KeySet, error) {
	return (*KeySet)(nil).With(keys...)
}

// With returns the set with the keys added at its end; those that it already has under
// their Kubernetes id stay where they are. The receiver is not changed.
func (s *KeySet) With(keys ...crypto.PublicKey) (*KeySet, error) {
	next := s.clone()
	for i, pub := range keys {
		alg, err := algorithmOf(pub)
		if err != nil {
			return nil, fmt.Errorf("oidc: key set: key %d: %w", i+1, err)
		}
		kid, err := keyID(pub)
		if err != nil {
			return nil, fmt.Errorf("oidc: key set: key %d: %w", i+1, err)
		}
		if !slices.ContainsFunc(next.keys, func(k jwk) bool { return k.kid == kid }) {
			next.keys = append(next.keys, jwk{index: next.end(), pub: pub, kid: kid, hasKid: true, alg: alg, own: alg, use: "sig"})
		}
	}
	return next, nil
}

// Without returns the set without these keys, each named by an id that it has in the set or by
// the one that Kubernetes gives it ([KeyID]). Every entry of a key goes, under whatever id it
// stands; "" names no key and takes the entries without an id alone. A key that the set does not
// have is [ErrUnknownKey]: a mistyped id must not pass for a retired key. The receiver is not
// changed.
func (s *KeySet) Without(kids ...string) (*KeySet, error) {
	next := s.clone()
	for _, kid := range kids {
		gone := s.named(kid)
		if len(gone) == 0 {
			return nil, fmt.Errorf("oidc: key set: %w: it has no key %q", ErrUnknownKey, kid)
		}
		next.keys = slices.DeleteFunc(next.keys, func(k jwk) bool {
			if kid == "" {
				return k.kid == ""
			}
			return slices.ContainsFunc(gone, func(g jwk) bool { return samePublicKey(g.pub, k.pub) })
		})
	}
	return next, nil
}

// named returns the entries that have the id, or whose key Kubernetes gives it.
func (s *KeySet) named(kid string) []jwk {
	var found []jwk
	if s == nil {
		return nil
	}
	for _, k := range s.keys {
		if own, err := keyID(k.pub); k.kid == kid || err == nil && own == kid {
			found = append(found, k)
		}
	}
	return found
}

// has says whether the set has the public key, under whatever id.
func (s *KeySet) has(pub crypto.PublicKey) bool {
	return s != nil && slices.ContainsFunc(s.keys, func(k jwk) bool { return samePublicKey(k.pub, pub) })
}

// keeps says whether a token that finds its key in the entry k finds it in the set. An id that is
// empty may go when the key stays: no cluster since Kubernetes 1.16 leaves its tokens without one.
func (s *KeySet) keeps(k jwk) bool {
	found, there := s.find(k.kid)
	return k.kid == "" && s.has(k.pub) || there && samePublicKey(found.pub, k.pub)
}

// Merge returns the set with the other's keys added, for clusters that share an issuer.
// Entries that are equal in id and key are there once, and an entry without an id is added only
// when its key is not there yet. One id for two keys is refused, as only one of them could ever
// be found.
func (s *KeySet) Merge(other *KeySet) (*KeySet, error) {
	next := s.clone()
	for _, k := range other.clone().keys {
		i := slices.IndexFunc(next.keys, func(have jwk) bool { return have.kid == k.kid })
		switch {
		case k.kid == "" && (next.has(k.pub) || other.countOf(k.pub) > 1):
		case i < 0:
			k.index = next.end()
			next.keys = append(next.keys, k)
		case !samePublicKey(next.keys[i].pub, k.pub):
			return nil, fmt.Errorf("oidc: key set: %w: two keys have the id %q", ErrKey, k.kid)
		}
	}
	return next, nil
}

func (s *KeySet) countOf(pub crypto.PublicKey) int {
	n := 0
	for _, k := range s.keys {
		if samePublicKey(k.pub, pub) {
			n++
		}
	}
	return n
}

// Len returns the number of usable keys.
func (s *KeySet) Len() int {
	if s == nil {
		return 0
	}
	return len(s.keys)
}

// IDs returns the key ids in order, "" for a key without one.
func (s *KeySet) IDs() []string {
	if s == nil {
		return nil
	}
	ids := make([]string, len(s.keys))
	for i, k := range s.keys {
		ids[i] = k.kid
	}
	return ids
}

// Key returns the public key of that id; when several keys have the id, the last one, as STS does.
func (s *KeySet) Key(kid string) (crypto.PublicKey, bool) {
	k, ok := s.find(kid)
	return k.pub, ok
}

// Algorithms returns the algorithms that the keys sign with, sorted and each once.
func (s *KeySet) Algorithms() []string {
	if s == nil {
		return nil
	}
	var algs []string
	for _, k := range s.keys {
		algs = append(algs, k.algorithm())
	}
	slices.Sort(algs)
	return slices.Compact(algs)
}

func (s *KeySet) find(kid string) (jwk, bool) {
	if s != nil {
		for _, k := range slices.Backward(s.keys) {
			if k.kid == kid {
				return k, true
			}
		}
	}
	return jwk{}, false
}

// end is the index after the last entry.
func (s *KeySet) end() int {
	end := 0
	for _, k := range s.keys {
		end = max(end, k.index+1)
	}
	for _, k := range s.ignored {
		end = max(end, k.index+1)
	}
	return end
}

func (s *KeySet) clone() *KeySet {
	if s == nil {
		return &KeySet{}
	}
	return &KeySet{keys: slices.Clone(s.keys), ignored: slices.Clone(s.ignored)}
}

// algorithm is what the entry says or what follows from the key; an entry that was left out
// has none of its own.
func (k jwk) algorithm() string {
	if k.alg != "" {
		return k.alg
	}
	return k.own
}

func samePublicKey(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}
