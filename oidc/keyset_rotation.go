package oidc

import (
	"errors"
	"fmt"
	"time"

	"github.com/irsa-go/irsa/internal/kubeclaims"
)

var (
	// ErrKeyInUse is in the error of retiring a key too early.
	ErrKeyInUse = errors.New("tokens of the old key may still be valid")
	// ErrRotationOrder is in the error of a step of a rotation that is not the next one.
	ErrRotationOrder = errors.New("the steps of a rotation have an order")
)

// RotationStep is one step of replacing an issuer's signing key.
type RotationStep string

// The steps, in their order.
const (
	// StepAccept: every API server is given the new key to verify with
	// (--service-account-key-file, once for each key), and signs with the old one. An API server
	// that does not know the new key refuses the tokens that another one signs with it.
	StepAccept RotationStep = "accept"
	// StepPublish: the set [KeySet.With] the new key is published.
	StepPublish RotationStep = "publish"
	// StepSign: every API server signs with the new key (--service-account-signing-key-file).
	StepSign RotationStep = "sign"
	// StepRetire: what [Rotation.Retire] returns is published, and the API servers are no longer
	// given the old key.
	StepRetire RotationStep = "retire"
	// StepNone: the rotation is complete.
	StepNone RotationStep = ""
)

// Rotation is how far the replacement of an issuer's signing key has come, in steps, none of which
// makes a token fail. It is a plain value that JSON keeps whole: store it between the steps.
//
//	for step, from := r.Next(); step != oidc.StepNone; …
//
// do the step once from has passed, and store what [Rotation.Done] returns.
type Rotation struct {
	// Old and New are the ids of the two keys ([KeyID]). Required.
	Old string `json:"old"`
	New string `json:"new"`
	// Accepted, Published, Switched and Retired are when the last API server or place had
	// finished that step. Zero: not yet.
	Accepted  time.Time `json:"accepted,omitzero"`
	Published time.Time `json:"published,omitzero"`
	Switched  time.Time `json:"switched,omitzero"`
	Retired   time.Time `json:"retired,omitzero"`
	// MaxTokenLifetime is the longest life of a token, kube-apiserver's
	// --service-account-max-token-expiration. 0: 24 h, as on EKS.
	MaxTokenLifetime time.Duration `json:"maxTokenLifetime,omitzero"`
	// CacheAge is how long a verifier may go on with a set that it has. 0: 1 h.
	CacheAge time.Duration `json:"cacheAge,omitzero"`
}

// Next returns the next step and from when on it may be done: at once when that is zero. A new
// key may sign when everybody who keeps the old set has asked again, and an old one may be
// retired when its last token has expired.
func (r Rotation) Next() (step RotationStep, from time.Time) {
	switch {
	case r.Accepted.IsZero():
		return StepAccept, time.Time{}
	case r.Published.IsZero():
		return StepPublish, time.Time{}
	case r.Switched.IsZero():
		return StepSign, r.Published.Add(orDefault(r.CacheAge, time.Hour))
	case r.Retired.IsZero():
		return StepRetire, r.Switched.Add(orDefault(r.MaxTokenLifetime, 24*time.Hour) + kubeclaims.Skew)
	}
	return StepNone, time.Time{}
}

// Done returns the rotation with that step recorded as finished now. Another step than the next
// one, or one before its time, is [ErrRotationOrder].
func (r Rotation) Done(step RotationStep, now time.Time) (Rotation, error) {
	if err := r.check(); err != nil {
		return Rotation{}, err
	}
	next, from := r.Next()
	switch {
	case step != next || step == StepNone:
		return Rotation{}, fmt.Errorf("oidc: rotation: %w: %q is not next, %q is", ErrRotationOrder, step, next)
	case now.IsZero() || now.Before(from):
		return Rotation{}, fmt.Errorf("oidc: rotation: %w: %q may be done from %s on", ErrRotationOrder, step, from.UTC().Format(time.RFC3339))
	}
	switch step {
	case StepAccept:
		r.Accepted = now
	case StepPublish:
		r.Published = now
	case StepSign:
		r.Switched = now
	default:
		r.Retired = now
	}
	return r, nil
}

func (r Rotation) check() error {
	if r.Old == "" || r.New == "" || r.Old == r.New || min(r.MaxTokenLifetime, r.CacheAge) < 0 {
		return errors.New("oidc: rotation: it needs the ids of two different keys, and no negative duration")
	}
	return nil
}

// Retire returns the set without the old key, under whatever ids it stands there, for
// [StepRetire]. Too early is [ErrKeyInUse], and a set without the new key [ErrUnknownKey].
func (r Rotation) Retire(keys *KeySet, now time.Time) (*KeySet, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	switch step, from := r.Next(); {
	case step != StepRetire && step != StepNone:
		return nil, fmt.Errorf("oidc: retire: %w: no switch to the new key is recorded", ErrKeyInUse)
	case now.Before(from):
		return nil, fmt.Errorf("oidc: retire: %w: until %s", ErrKeyInUse, from.UTC().Format(time.RFC3339))
	}
	next, err := keys.Without(r.Old)
	if err != nil {
		return nil, err
	}
	if len(next.named(r.New)) == 0 {
		return nil, fmt.Errorf("oidc: retire: %w: the set does not have the new key %q", ErrUnknownKey, r.New)
	}
	return next, nil
}
