package token

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
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
	parts := partsOf(token)
	if !parts.quotedBy(err) {
		return err
	}
	e := redactedError{text: parts.takenOutOf(err.Error()), is: func(target error) bool { return errors.Is(err, target) }}
	var replaced error = &e
	var api smithy.APIError
	if errors.As(err, &api) {
		replaced = &redactedAPIError{
			redactedError: e,
			code:          parts.takenOutOf(api.ErrorCode()),
			message:       parts.takenOutOf(api.ErrorMessage()),
			fault:         api.ErrorFault(),
			status:        statusOf(err),
			from:          serviceOf(err),
		}
	}
	if IsFinal(err) {
		return Final(replaced)
	}
	return replaced
}

// tokenParts are all runs of a number of characters in a token; none for an empty token. They are
// looked up and not searched for, because the message of a service may be long.
type tokenParts struct {
	length int
	runs   map[string]struct{}
}

func partsOf(token string) tokenParts {
	p := tokenParts{min(echoLength, len(token)), map[string]struct{}{}}
	if token == "" {
		return p
	}
	for end := p.length; end <= len(token); end++ {
		p.runs[token[end-p.length:end]] = struct{}{}
	}
	return p
}

// quotedBy says whether the text of any error in err's tree has a part of the token.
func (p tokenParts) quotedBy(err error) bool {
	if text := err.Error(); p.takenOutOf(text) != text {
		return true
	}
	if api, ok := err.(smithy.APIError); ok {
		if text := api.ErrorMessage(); p.takenOutOf(text) != text {
			return true
		}
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		inner := e.Unwrap()
		return inner != nil && p.quotedBy(inner)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if inner != nil && p.quotedBy(inner) {
				return true
			}
		}
	}
	return false
}

// takenOutOf is s without every run of characters that it shares with the token, and without
// whatever looks like a JWT.
func (p tokenParts) takenOutOf(s string) string {
	s = jwtShape.ReplaceAllString(s, redactedMark)
	var out strings.Builder
	for i := 0; i < len(s); {
		if !p.endsAt(s, i+p.length) {
			out.WriteByte(s[i])
			i++
			continue
		}
		out.WriteString(redactedMark)
		for i += p.length; p.endsAt(s, i+1); {
			i++
		}
	}
	return out.String()
}

// endsAt says whether a part of the token ends in s at end.
func (p tokenParts) endsAt(s string, end int) bool {
	if end > len(s) {
		return false
	}
	_, ok := p.runs[s[end-p.length:end]]
	return ok
}

// withoutRequests takes the request out of the answer that an error holds: who prints all that there is
// would find the session token in its headers, and the keys in its context.
func withoutRequests(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("irsa:withoutRequests", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		var answered *smithyhttp.ResponseError // made for this answer
		if errors.As(err, &answered) {
			answered.Response = answerAlone(answered.Response)
		}
		return out, metadata, err
	}), middleware.Before)
}

// answerAlone is a response that was read, without its request and the connection that it came on.
func answerAlone(response *smithyhttp.Response) *smithyhttp.Response {
	if response == nil || response.Response == nil {
		return response
	}
	answer := *response.Response
	answer.Request, answer.Body = nil, http.NoBody
	return &smithyhttp.Response{Response: &answer}
}
