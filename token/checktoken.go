package token

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrTokenExpired is what errors.Is finds when a token's exp has passed, so that it was not sent.
	ErrTokenExpired = errors.New("the token has expired")
	// ErrTokenNotYetValid is what errors.Is finds when a token's nbf lies further in the future
	// than the 5 minutes by which STS lets clocks differ, so that it was not sent.
	ErrTokenNotYetValid = errors.New("the token is not valid yet")
)

// clockSkew is by how much STS lets clocks differ.
const clockSkew = 5 * time.Minute

// checkToken looks at a token before it is sent: it must have the form of a signed JWT, and what
// it says must not be wrong. Claims that cannot be read at all are left to STS, as absent ones
// are; its verdict is the one that counts. token has no white space around it.
func checkToken(token string, now time.Time) (Unverified, error) {
	if token == "" {
		return Unverified{}, ErrEmptyToken
	}
	if _, _, err := splitToken(token); err != nil {
		return Unverified{}, err
	}
	if strings.HasSuffix(token, ".") {
		return Unverified{}, &MalformedTokenError{Part: "signature", Reason: "it is empty: the token is not signed"}
	}
	u, err := inspect(token)
	var malformed *MalformedTokenError
	if errors.As(err, &malformed) {
		if malformed.Name != "" {
			return Unverified{}, err
		}
		return Unverified{}, nil
	}
	return u, checkTimes(u, now)
}

func checkTimes(u Unverified, now time.Time) error {
	if !u.Expires.IsZero() && !u.Expires.After(now) {
		return fmt.Errorf("%w, at %s (exp); it is %s: check that the token is read again each time, and the clocks",
			ErrTokenExpired, stamp(u.Expires), stamp(now))
	}
	// A future iat is left to STS: RFC 7519 §4.1.6 gives it no rule.
	if u.NotBefore.After(now.Add(clockSkew)) {
		return fmt.Errorf("%w, before %s (nbf); it is %s: check the clocks", ErrTokenNotYetValid, stamp(u.NotBefore), stamp(now))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
