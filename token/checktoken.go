package token

import (
	"errors"
	"strings"
)

// ErrTokenExpired is what errors.Is finds when the source still has a token that STS has refused for
// its age, so that it was not sent again.
var ErrTokenExpired = errors.New("STS has refused the token as expired, and the source has no other yet")

// checkToken looks at a token before it is sent: it must have the form of a signed JWT, and the types
// of its claims must be right. Its times are left to STS, as this machine's clock may be wrong and
// AssumeRoleWithWebIdentity is not signed; so are claims that are absent or that cannot be read at all.
// token has no white space around it.
func checkToken(token string) (Unverified, error) {
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
	if errors.As(err, &malformed) && malformed.Name == "" {
		return Unverified{}, nil
	}
	return u, err
}
