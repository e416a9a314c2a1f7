package token

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

const (
	codeInvalidIdentityToken  = "InvalidIdentityToken"
	codeIDPCommunicationError = "IDPCommunicationError"
)

// lastCall is a call to STS that failed.
type lastCall struct {
	token checkedToken
	err   error
	n     int  // the attempt's first is 1
	cold  bool // nothing is cached
}

// again says whether another call within the attempt may do better than the last one, and returns
// the token for it. An expired token is worth another call as soon as
// there is a different one; what passes by itself is worth it after a pause, when nothing is
// cached.
func (w *webIdentity) again(ctx context.Context, last lastCall) (checkedToken, bool) {
	switch {
	case isExpiredToken(last.err):
		next, err := w.read(ctx)
		return next, err == nil && next.raw != last.token.raw
	case last.cold && isTransient(last.err) && pause(ctx, last.n):
		next, err := w.read(ctx)
		return next, err == nil
	}
	return checkedToken{}, false
}

// pause waits before another call: half to all of a second after the first, twice that after the
// second. It returns false at once when the attempt would be over by then.
func pause(ctx context.Context, call int) bool {
	most := time.Second << (call - 1)
	d := between(most/2, most)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// isExpiredToken is STS refusing the token by its times.
func isExpiredToken(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	code := api.ErrorCode()
	return code == "ExpiredTokenException" || code == "ExpiredToken"
}

// isTransient says whether the same call may succeed a moment later: what the SDK retries by
// default (throttling, 500 to 504, broken connections), 429, and an issuer that STS did not reach.
func isTransient(err error) bool {
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case codeIDPCommunicationError, codeIDPCommunicationError + "Exception":
			return true
		case codeInvalidIdentityToken:
			return isKeyRetrieval(api)
		}
	}
	if statusOf(err) == http.StatusTooManyRequests {
		return true
	}
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// isKeyRetrieval is the one InvalidIdentityToken that passes by itself.
func isKeyRetrieval(api smithy.APIError) bool {
	return strings.Contains(api.ErrorMessage(), "Couldn't retrieve verification key")
}
