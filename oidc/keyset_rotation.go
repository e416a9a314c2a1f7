package oidc

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrKeyInUse is in the error of retiring a key too early.
var ErrKeyInUse = errors.New("tokens of the old key may still be valid")

// Rotation is the times of replacing an issuer's signing key without a token failing:
//
//  1. publish the set [KeySet.With] the new key;
//  2. from SwitchAfter on, let the API servers sign with it;
//  3. from RetireAfter on, publish what [Rotation.Retire] returns.
//
// It is a plain value.
type Rotation struct {
	// Published is when the set with the new key was published.
	Published time.Time
	// Switched is when the last API server began to sign with the new key. Zero: not yet.
	Switched time.Time
	// MaxTokenLifetime is the longest life of a token, kube-apiserver's
	// --service-account-max-token-expiration. 0: 24 h, as on EKS.
	MaxTokenLifetime time.Duration
	// CacheAge is how long a verifier may go on with a set that it has. 0: 1 h.
	CacheAge time.Duration
}

// SwitchAfter returns from when on the new key may sign: everybody who keeps the old set has
// asked again by then. Zero when nothing is published.
func (r Rotation) SwitchAfter() time.Time {
	if r.Published.IsZero() {
		return time.Time{}
	}
	return r.Published.Add(orDefault(r.CacheAge, time.Hour))
}

// RetireAfter returns from when on the last token of the old key has expired, with the five
// minutes of tolerance that STS has. Zero while the new key does not sign.
func (r Rotation) RetireAfter() time.Time {
	if r.Switched.IsZero() {
		return time.Time{}
	}
	return r.Switched.Add(orDefault(r.MaxTokenLifetime, 24*time.Hour) + 5*time.Minute)
}

// Retire returns the set without the old keys, or [ErrKeyInUse] while now is before
// RetireAfter, and [ErrKey] when nothing would be left.
func (r Rotation) Retire(keys *KeySet, now time.Time, kids ...string) (*KeySet, error) {
	switch from := r.RetireAfter(); {
	case from.IsZero():
		return nil, fmt.Errorf("oidc: retire: %w: no switch to a new key is recorded", ErrKeyInUse)
	case now.Before(from):
		return nil, fmt.Errorf("oidc: retire: %w: until %s", ErrKeyInUse, from.UTC().Format(time.RFC3339))
	}
	if slices.Contains(kids, "") {
		return nil, fmt.Errorf("oidc: retire: %w: an empty id names no key, give the one of KeyID", ErrUnknownKey)
	}
	next, err := keys.Without(kids...)
	if err != nil {
		return nil, err
	}
	if next.Len() == 0 {
		return nil, fmt.Errorf("oidc: retire: %w: the set would be empty", ErrKey)
	}
	return next, nil
}
