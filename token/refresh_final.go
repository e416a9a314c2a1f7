package token

import (
	"errors"

	"github.com/irsa-go/irsa/internal/panics"
)

// finalError marks an error that asking again cannot heal.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// Final marks an error of a [Source], or of a provider given to [Keep], as one that asking again
// cannot heal: it is returned without a further try once the cached credentials are not valid any more. The
// message stays as it is. Final(nil) is nil.
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
	e, _ := Explain(err)
	return e.Retry == RetryNever || isMarked(err)
}

func isMarked(err error) bool {
	var marked *finalError
	return errors.As(err, &marked)
}

// failure is an error of an attempt and what it means. That is found out before a lock is taken: the
// error may be one of the caller's making, which does what it likes when it is asked.
type failure struct {
	err         error
	explanation Explanation
	final       bool // asking again does not heal it
	passes      bool // another call may do better by itself
	gone        bool // nothing of the identity may be served any more
	local       bool // the next attempt asks nobody unless there is another token
	ofSource    bool // STS was not asked
}

// judge finds out what an error means; one that panics when it is asked means that.
func judge(err error) *failure {
	var f *failure
	if panicked := panics.Call(func() error { f = judged(err); return nil }); panicked != nil {
		return judged(panicked)
	}
	return f
}

func judged(err error) *failure {
	x, known := Explain(err)
	r := rowOf(x.Code)
	f := &failure{err: err, explanation: x, final: x.Retry == RetryNever || isMarked(err), gone: r != nil && r.gone}
	var from *Error
	if errors.As(err, &from) {
		f.ofSource = from.Op == opReadToken || from.Op == opCheckToken
		// The token was missing, or STS refused it as expired: it is not sent again.
		f.local = from.Op == opCheckToken || from.Op == opAssumeRole && isOfAge(x.Code) ||
			from.Op == opReadToken && r != nil && r.unsent
	}
	f.passes = known && x.Retry == RetryBackoff && !f.final && !f.local
	return f
}
