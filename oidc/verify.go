package oidc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/irsa-go/irsa/internal/kubeclaims"
)

// ErrKeysUnavailable is in the error of a token that could not be judged, because the
// issuer's keys could not be fetched. The cause is wrapped too.
var ErrKeysUnavailable = errors.New("the issuer's keys are not available")

// VerifierConfig says how a [Verifier] works. The zero value is what most callers need.
type VerifierConfig struct {
	// Client fetches the keys. nil: a zero Client.
	Client *Client
	// Keys are the keys of an issuer that cannot be asked: nothing is ever fetched then. nil: they
	// are fetched.
	Keys *KeySet
	// Now is the time by which tokens are judged. nil: the Client's, or time.Now.
	Now func() time.Time
	// MaxAge is how long fetched keys are used at most, which is how long a retired key may still
	// be accepted. After half of it they are fetched again; when that fails, they are used to the
	// end. 0: 1 h.
	MaxAge time.Duration
}

const (
	// clockSkew is how far a token's nbf and iat may be in the future, because the cluster's clock
	// may be ahead. An exp has no tolerance: the kubelet replaces tokens long before.
	clockSkew = time.Minute
	// minInterval is the shortest time between two fetches, whatever tokens come, unless MaxAge is less.
	// A failed fetch is not repeated before.
	minInterval = 10 * time.Second
	// missingFor is how long the issuer is not asked again for a key that it does not have.
	missingFor = time.Minute
	// fetchTimeout bounds one fetch.
	fetchTimeout = 10 * time.Second
)

// Verifier verifies the service account tokens of one issuer for one audience. It keeps the
// issuer's keys, fetches them at the first token, when a token names one that it does not
// have, and by age. It fetches at most every 10 seconds, or every MaxAge when that is less, so that
// a flood of forged tokens does not become a flood of requests to the issuer. It is safe for
// concurrent use: callers who need keys at the same time share one fetch, which goes on as long as
// one of them waits, and ends after 10 seconds. A caller whose key is there, but old enough to be
// fetched again, waits a second at most.
type Verifier struct {
	issuer   Issuer
	audience string
	now      func() time.Time
	fixed    *KeySet
	cache    *keyCache // nil with fixed keys
}

// NewVerifier makes a Verifier of tokens whose iss is iss and whose aud has audience, each
// character for character. Both are required, and MaxAge must not be negative. Nothing is fetched
// yet. An nbf or iat may be up to a minute in the future.
func NewVerifier(iss Issuer, audience string, cfg VerifierConfig) (*Verifier, error) {
	if iss.IsZero() {
		return nil, fmt.Errorf("oidc: verifier: %w", ErrIssuerZero)
	}
	if audience == "" {
		return nil, fmt.Errorf("oidc: verifier of issuer %q: no audience is given", iss)
	}
	if cfg.MaxAge < 0 {
		return nil, fmt.Errorf("oidc: verifier of issuer %q: MaxAge is negative: %s", iss, cfg.MaxAge)
	}
	v := &Verifier{issuer: iss, audience: audience, fixed: cfg.Keys, now: cfg.Now}
	if v.now == nil {
		v.now = cfg.Client.now
	}
	if cfg.Keys == nil {
		v.cache = &keyCache{
			fetch:   func(ctx context.Context) (*KeySet, error) { return cfg.Client.Keys(ctx, iss) },
			now:     v.now,
			maxAge:  orDefault(cfg.MaxAge, time.Hour),
			missing: map[string]time.Time{},
		}
	}
	return v, nil
}

// Verify returns a token's claims once its signature, issuer, audience, times and account are
// right. The error is one of [ErrMalformedToken], [ErrAlgorithm], [ErrUnknownKey], [ErrSignature],
// [ErrMissingClaim], [ErrMalformedClaim], [ErrIssuerMismatch], [ErrAudience], [ErrExpired],
// [ErrNotYetValid] and [ErrNotServiceAccount]; [ErrKeysUnavailable] and the end of the context say
// nothing about the token. On an error the claims are zero. No error holds any part of the token.
//
// These are the checks of RFC 7519 §7.2 and of OpenID Connect Core 1.0 §3.1.3.7, as far as they are
// about a service account's token. Nobody is asked whether the pod or the account still exists: that
// is what the TokenReview API is for.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	if v == nil {
		return Claims{}, fmt.Errorf("oidc: verify: %w", ErrIssuerZero)
	}
	if ctx == nil {
		ctx = context.Background()
	}
	claims, err := v.verify(ctx, token)
	if err != nil {
		return Claims{}, fmt.Errorf("oidc: verify a token of issuer %q: %w", v.issuer, err)
	}
	return claims, nil
}

// VerifyMap is Verify with the claims as [Claims.Map] gives them: nil on an error. With it, a Verifier is
// what a webhook of package mutate/webhook asks for.
func (v *Verifier) VerifyMap(ctx context.Context, token string) (map[string]any, error) {
	claims, err := v.Verify(ctx, token)
	return claims.Map(), err
}

// verify is Verify step by step: form, key, signature, claims, account.
func (v *Verifier) verify(ctx context.Context, token string) (Claims, error) {
	t, err := parseToken(token)
	if err != nil {
		return Claims{}, err
	}
	keys, err := v.keysFor(ctx, t)
	if err != nil {
		return Claims{}, err
	}
	payload, err := t.verify(keys)
	if err != nil {
		return Claims{}, err
	}
	c, err := parseClaims(payload)
	if err != nil {
		return Claims{}, err
	}
	if err := v.checkClaims(c); err != nil {
		return Claims{}, err
	}
	if err := checkAccount(c); err != nil {
		return Claims{}, err
	}
	return claimsOf(v.issuer, c, payload), nil
}

// keysFor returns the keys to verify the token with, and fetches them when the cache does not have
// its key. It does not fetch for a token that would be refused anyway: tokens of other issuers come
// by all the time, and anybody can make up a key id.
func (v *Verifier) keysFor(ctx context.Context, t signedToken) (*KeySet, error) {
	if v.cache == nil {
		return v.fixed, nil
	}
	if keys, ok := v.cache.have(t.kid); ok {
		return keys, nil
	}
	c, err := parseClaims(t.jws.UnsafePayloadWithoutVerification())
	if err != nil {
		return nil, err
	}
	if err := v.checkClaims(c); err != nil {
		return nil, err
	}
	return v.cache.get(ctx, t.kid)
}

// checkClaims compares what the token says with what is wanted, and its times with the clock.
func (v *Verifier) checkClaims(c kubeclaims.Claims) error {
	now := v.now()
	switch {
	case c.Issuer != v.issuer.String(): // OpenID Connect Core 1.0 §3.1.3.7, 2
		return fmt.Errorf("%w: the token's iss is not %q", ErrIssuerMismatch, v.issuer)
	case !slices.Contains(c.Audiences, v.audience): // the same, 3
		return fmt.Errorf("%w, want %q", ErrAudience, v.audience)
	case !now.Before(c.Expires.Time): // RFC 7519 §4.1.4: not on or after it
		return fmt.Errorf("%w: at %s", ErrExpired, c.Expires.Format(time.RFC3339))
	case now.Add(clockSkew).Before(c.NotBefore.Time): // RFC 7519 §4.1.5
		return fmt.Errorf("%w: before %s", ErrNotYetValid, c.NotBefore.Format(time.RFC3339))
	case now.Add(clockSkew).Before(c.IssuedAt.Time):
		return fmt.Errorf("%w: issued at %s", ErrNotYetValid, c.IssuedAt.Format(time.RFC3339))
	}
	return nil
}

func orDefault(d, standard time.Duration) time.Duration {
	if d == 0 {
		return standard
	}
	return d
}
