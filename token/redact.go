package token

import (
	"errors"
	"strings"

	"github.com/aws/smithy-go"
)

// echoLength is how many characters in a row an error may share with the token. A message may
// quote a token cut short, so that looking for the whole is not enough.
const echoLength = 16

// redactedMark stands where a part of a token stood.
const redactedMark = "[token]"

// redactedError takes the place of an error that quotes the token. It does not hold that error in
// a way that a printer or errors.As could reach: only what the error is can still be asked.
type redactedError struct {
	text string
	is   func(target error) bool
}

func (e *redactedError) Error() string        { return e.text }
func (e *redactedError) Is(target error) bool { return e.is(target) }

// redactedAPIError is a redactedError that a service answered.
type redactedAPIError struct {
	redactedError
	code, message string
	fault         smithy.ErrorFault
	status        int
	from          service
}

var _ smithy.APIError = (*redactedAPIError)(nil)

func (e *redactedAPIError) ErrorCode() string             { return e.code }
func (e *redactedAPIError) ErrorMessage() string          { return e.message }
func (e *redactedAPIError) ErrorFault() smithy.ErrorFault { return e.fault }
func (e *redactedAPIError) HTTPStatusCode() int           { return e.status }

// redact returns err itself when nothing in it quotes the token, else an error in its place.
// token may be "": what looks like a JWT is taken out in any case.
func redact(err error, token string) error {
	if !quotes(err, token) {
		return err
	}
	e := redactedError{text: redactText(err.Error(), token), is: func(target error) bool { return errors.Is(err, target) }}
	var replaced error = &e
	var api smithy.APIError
	if errors.As(err, &api) {
		replaced = &redactedAPIError{
			redactedError: e,
			code:          redactText(api.ErrorCode(), token),
			message:       redactText(api.ErrorMessage(), token),
			fault:         api.ErrorFault(),
			status:        statusOf(err),
			from:          serviceOf(err),
		}
	}
	if IsFinal(err) && !IsFinal(replaced) {
		return Final(replaced)
	}
	return replaced
}

// quotes says whether the text of any error in err's tree has a part of the token.
func quotes(err error, token string) bool {
	if text := err.Error(); redactText(text, token) != text {
		return true
	}
	if api, ok := err.(smithy.APIError); ok {
		if text := api.ErrorMessage(); redactText(text, token) != text {
			return true
		}
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		inner := e.Unwrap()
		return inner != nil && quotes(inner, token)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if inner != nil && quotes(inner, token) {
				return true
			}
		}
	}
	return false
}

// redactText takes out of s every run of characters that it shares with the token, and whatever
// looks like a JWT.
func redactText(s, token string) string {
	s = jwtShape.ReplaceAllString(s, redactedMark)
	n := min(echoLength, len(token))
	if n == 0 {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		if i+n > len(s) || !strings.Contains(token, s[i:i+n]) {
			out.WriteByte(s[i])
			i++
			continue
		}
		out.WriteString(redactedMark)
		for i += n; i < len(s) && strings.Contains(token, s[i-n+1:i+1]); {
			i++
		}
	}
	return out.String()
}
