package token

import "errors"

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

// IsFinal says whether err is one that asking again cannot heal: one marked by [Final], or one whose
// explanation (see [Explain]) says so with RetryNever. The table in the package documentation has them
// all. Of STS these are above all AccessDenied, IDPRejectedClaim, InvalidIdentityToken,
// MalformedPolicyDocument, PackedPolicyTooLarge, RegionDisabledException and ValidationError.
//
// One message of InvalidIdentityToken is taken out: "Couldn't retrieve verification key from your
// identity provider" also comes when the issuer is slow or out of reach for a moment, so it is
// treated as temporary.
func IsFinal(err error) bool {
	var marked *finalError
	if errors.As(err, &marked) {
		return true
	}
	e, _ := Explain(err)
	return e.Retry == RetryNever
}

// passes says whether another call may do better by itself.
func passes(err error) bool {
	e, ok := Explain(err)
	return ok && e.Retry == RetryBackoff && !IsFinal(err) && !isLocal(err)
}

// revokes is an answer after which nothing of the identity may be served.
func revokes(err error) bool {
	e, _ := Explain(err)
	r := rowOf(e.Code)
	return r != nil && r.gone
}

// isLocal is a failure after which the next attempt asks nobody unless there is another token: there
// was none to send, or STS refused it as expired, so that it is not sent again.
func isLocal(err error) bool {
	var from *Error
	if !errors.As(err, &from) {
		return false
	}
	switch from.Op {
	case opCheckToken:
		return true
	case opAssumeRole:
		return isExpiredToken(err)
	case opReadToken:
		e, _ := Explain(err)
		r := rowOf(e.Code)
		return r != nil && r.unsent
	}
	return false
}

// isOfSource is a failure before STS was asked.
func isOfSource(err error) bool {
	var from *Error
	return errors.As(err, &from) && (from.Op == opReadToken || from.Op == opCheckToken)
}
