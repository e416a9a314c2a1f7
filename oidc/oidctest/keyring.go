package oidctest

import (
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"sync"

	"github.com/irsa-go/irsa/oidc"
)

// keyring is the keys of an issuer: one that signs, and all that are served.
type keyring struct {
	algorithm string

	mu     sync.Mutex
	signer crypto.Signer
	kid    string
	served *oidc.KeySet
}

func newKeyring(algorithm string) (*keyring, error) {
	k := &keyring{algorithm: cmp.Or(algorithm, "RS256")}
	if _, err := k.rotate(); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *keyring) rotate() (string, error) {
	signer, _, err := oidc.GenerateKey(k.algorithm)
	if err != nil {
		return "", err
	}
	kid, err := oidc.KeyID(signer.Public())
	if err != nil {
		return "", err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	served, err := k.served.With(signer.Public())
	if err != nil {
		return "", err
	}
	k.signer, k.kid, k.served = signer, kid, served
	return kid, nil
}

func (k *keyring) retire(kid string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if kid == k.kid {
		return errors.New("it signs the tokens now, rotate first")
	}
	served, err := k.served.Without(kid)
	if err != nil {
		return err
	}
	k.served = served
	return nil
}

func (k *keyring) current() (crypto.Signer, string, *oidc.KeySet) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.signer, k.kid, k.served
}

// Rotate makes a new key, which signs from now on, and returns its id. The old key stays
// served, so that its tokens stay valid.
func (s *Server) Rotate() (kid string, err error) {
	if kid, err = s.keys.rotate(); err != nil {
		return "", fmt.Errorf("oidctest: rotate: %w", err)
	}
	return kid, nil
}

// Retire stops serving the key of that id. The one that signs cannot be retired, nor one
// that is not served.
func (s *Server) Retire(kid string) error {
	if err := s.keys.retire(kid); err != nil {
		return fmt.Errorf("oidctest: retire key %q: %w", kid, err)
	}
	return nil
}

// KeySet returns the keys that are served now.
func (s *Server) KeySet() *oidc.KeySet {
	_, _, served := s.keys.current()
	return served
}

// KeyID returns the id of the key that signs now.
func (s *Server) KeyID() string {
	_, kid, _ := s.keys.current()
	return kid
}
