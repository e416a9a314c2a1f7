package token

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
)

// IdentityError says that a token speaks for another account than the key of a [Pool] names. The
// token was not used. It is final and immutable.
type IdentityError struct {
	// Claim is the claim that differs: "iss", "sub", "aud" or "kubernetes.io/serviceaccount/uid".
	Claim string
	// Got is what the token says, as text; "" when it says nothing.
	Got string
	// Want is what the key says.
	Want string
	// Token is what the token says of itself.
	Token Unverified
}

var _ Explainer = (*IdentityError)(nil)

// Error names the claim and both values.
func (e *IdentityError) Error() string {
	return fmt.Sprintf("the token is not that of the identity asked for: its %s is %q, want %q", e.Claim, e.Got, e.Want)
}

// Explanation says what such a token means; [Explain] asks for it.
func (e *IdentityError) Explanation() Explanation {
	x := rowOf(CodeIdentityMismatch).explanation("")
	x.Token = e.Token
	x.Meaning = fmt.Sprintf("the source gave a token whose %s is %q, but %q was asked for, so it was not used", e.Claim, e.Got, e.Want)
	return x
}

// poolSource is the source of one identity: it compares each token with the key, and waits for
// the pool's turn to call STS once it has one. It never holds a lock while the inner one is asked.
type poolSource struct {
	key   Key
	inner atomic.Pointer[Source] // of the last caller of Pool.Provider
	turn  *limiter
}

// Token refuses a token that is not of the key's account. TokenRequest goes by name only, so an
// account created again under the same name answers too.
func (s *poolSource) Token(ctx context.Context) (string, error) {
	token, err := readSource(ctx, *s.inner.Load())
	if err == nil {
		err = s.check(token)
	}
	if err == nil {
		err = s.turn.wait(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", s.key.subject(), err)
	}
	return token, nil
}

// check also refuses a token that cannot be read: it does not tell whose it is.
func (s *poolSource) check(token string) error {
	u, err := inspect(token)
	if err != nil {
		return err
	}
	return Final(s.key.compare(u))
}

// compare reports the first claim of u that is not the key's. The claims are unverified, which is
// enough: STS verifies the very same token, and the source is trusted to be the account's cluster.
func (k Key) compare(u Unverified) error {
	differs := func(claim, got, want string) error {
		return &IdentityError{Claim: claim, Got: got, Want: want, Token: u}
	}
	uid := u.Kubernetes.ServiceAccount.UID
	switch {
	case u.Subject != k.subject():
		return differs("sub", u.Subject, k.subject())
	case uid != k.UID:
		return differs("kubernetes.io/serviceaccount/uid", uid, k.UID)
	case k.Issuer != "" && u.Issuer != k.Issuer:
		return differs("iss", u.Issuer, k.Issuer)
	case k.Audience != "" && !slices.Contains(u.Audiences, k.Audience):
		return differs("aud", fmt.Sprint(u.Audiences), k.Audience)
	}
	return nil
}
