package token

import (
	"errors"

	"github.com/aws/smithy-go"
)

// finalError marks an error that asking again cannot heal.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// Final marks an error of a [Source], or of a provider given to [Keep], as one that asking again
// cannot heal: it is returned at once even when credentials are cached. The message stays as it
// is. Final(nil) is nil.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return &finalError{err}
}

// IsFinal says whether err is one that asking again cannot heal: one marked by [Final], or one of
// the codes that the AWS SDKs' refresh calls non-recoverable: AccessDenied, IDPRejectedClaim,
// InvalidIdentityToken, MalformedPolicyDocument, PackedPolicyTooLarge, RegionDisabled and
// RegionDisabledException.
//
// One message of InvalidIdentityToken is taken out: "Couldn't retrieve verification key from your
// identity provider" also comes when the issuer is slow or out of reach for a moment, so it is
// treated as temporary.
func IsFinal(err error) bool {
	var marked *finalError
	if errors.As(err, &marked) {
		return true
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "AccessDenied", "IDPRejectedClaim", "MalformedPolicyDocument",
		"PackedPolicyTooLarge", "RegionDisabled", "RegionDisabledException":
		return true
	case codeInvalidIdentityToken:
		return !isKeyRetrieval(api)
	}
	return false
}
