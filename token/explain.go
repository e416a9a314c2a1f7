package token

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/irsa-go/irsa/internal/printable"
)

// Cause is the part of the chain that a failure comes from. Its text is stable.
type Cause string

const (
	// CauseToken is the web identity token: absent, unreadable, expired or without a claim.
	CauseToken Cause = "token"
	// CauseProvider is the IAM OIDC provider in the role's account.
	CauseProvider Cause = "provider"
	// CauseTrustPolicy is the trust policy of the role.
	CauseTrustPolicy Cause = "trust-policy"
	// CauseThumbprint is the thumbprint list of the IAM OIDC provider.
	CauseThumbprint Cause = "thumbprint"
	// CauseRole is the role itself: its name, its permissions or its longest session.
	CauseRole Cause = "role"
	// CauseConfiguration is what the caller asked for, or where it asked.
	CauseConfiguration Cause = "configuration"
	// CauseThrottling is too many calls.
	CauseThrottling Cause = "throttling"
	// CauseTransient is a fault that passes by itself.
	CauseTransient Cause = "transient"
	// CauseNetwork is the way from this process to STS.
	CauseNetwork Cause = "network"
)

// Retry says whether asking again helps, and what must happen before. Its text is stable.
type Retry string

const (
	// RetryNever means that the same request fails again until somebody changes something.
	RetryNever Retry = "never"
	// RetryBackoff means that the same request may succeed a little later.
	RetryBackoff Retry = "with-backoff"
	// RetryNewToken means that only a token read again can succeed.
	RetryNewToken Retry = "with-a-new-token"
	// RetryNewCredentials means that only fresh credentials can succeed: see [Provider.Invalidate].
	RetryNewCredentials Retry = "with-new-credentials"
)

// Helps says whether there is any point in trying again.
func (r Retry) Helps() bool { return r != RetryNever && r != "" }

// Explanation is an error put in the terms of somebody who can mend it. It is a plain value.
// It never holds the token or credentials.
type Explanation struct {
	// Code names the explanation: stable, kebab-case, such as "no-provider".
	Code string
	// Cause is the part of the chain at fault.
	Cause Cause
	// Said is the message of the service that refused, cut to 512 bytes and freed of tokens;
	// "" when no service was asked.
	Said string
	// Meaning is what has happened.
	Meaning string
	// Next is what to look at now, the likeliest first.
	Next []string
	// Retry says whether asking again helps.
	Retry Retry
	// RoleARN is the role that was asked for; "" when the error does not say.
	RoleARN string
	// Token is what the token that was used said of itself; zero when the error does not say.
	Token Unverified
}

// Explainer is an error that knows its own explanation. [Explain] prefers it to its own table;
// a [Source] may return one.
type Explainer interface {
	error
	// Explanation returns the explanation; Explain fills in RoleARN, and Token where it knows
	// one.
	Explanation() Explanation
}

// Explain finds out what an error on the way to credentials means: an answer of STS, of the
// Kubernetes API or of an AWS service that refuses the credentials, a token that cannot be read,
// a connection that fails. The error may come from this package, from stscreds or from any AWS
// client, wrapped in whatever. It returns false for nil, for a caller's own cancellation and for
// an error that it knows nothing about.
//
// The messages of STS are those seen in the field: AWS documents none of them, so an unknown
// message of a known code gets that code's general explanation.
func Explain(err error) (Explanation, bool) {
	if err == nil {
		return Explanation{}, false
	}
	e, ok := explain(err)
	if !ok {
		return Explanation{}, false
	}
	var from *Error
	if errors.As(err, &from) {
		e.RoleARN = from.RoleARN
		if !from.Token.isZero() {
			e.Token = from.Token
		}
	}
	return e, true
}

func explain(err error) (Explanation, bool) {
	var known Explainer
	if errors.As(err, &known) {
		return known.Explanation(), true
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		return explainAPI(err, api)
	}
	return explainLocal(err)
}

// explainAPI explains the answer of a service.
func explainAPI(err error, api smithy.APIError) (Explanation, bool) {
	a := answer{code: api.ErrorCode(), message: api.ErrorMessage(), status: statusOf(err), sts: fromSTS(err)}
	for i := range answerRules {
		if r := &answerRules[i]; r.matches(a) {
			return r.explanation(a.message), true
		}
	}
	return Explanation{}, false
}

// fromSTS says whether the answer is one to a request for credentials; an error that does not
// name a service counts as one.
func fromSTS(err error) bool {
	var from *Error
	var op *smithy.OperationError
	return errors.As(err, &from) || !errors.As(err, &op) || op.ServiceID == "STS"
}

// statusOf returns the HTTP status of the answer within err, 0 when there is none.
func statusOf(err error) int {
	var answered interface{ HTTPStatusCode() int }
	if errors.As(err, &answered) {
		return answered.HTTPStatusCode()
	}
	return 0
}

// answer is what a service said.
type answer struct {
	code, message string
	status        int
	sts           bool
}

// rule explains the answers that it matches. Rules are tried in order: the ones for a message
// stand before the one for their code.
type rule struct {
	// codes are the error codes, without a trailing "Exception"; none: any.
	codes []string
	// says are parts of the message, all of which must be there.
	says []string
	// when narrows the rule further; nil: always.
	when func(answer) bool

	name    string
	cause   Cause
	retry   Retry
	meaning string
	next    []string
}

func (r *rule) matches(a answer) bool {
	if len(r.codes) > 0 {
		found := false
		for _, code := range r.codes {
			found = found || strings.TrimSuffix(a.code, "Exception") == code
		}
		if !found {
			return false
		}
	}
	for _, part := range r.says {
		if !strings.Contains(a.message, part) {
			return false
		}
	}
	return r.when == nil || r.when(a)
}

func (r *rule) explanation(said string) Explanation {
	return Explanation{
		Code: r.name, Cause: r.cause, Said: scrub(said), Meaning: r.meaning,
		Next: append([]string(nil), r.next...), Retry: r.retry,
	}
}

// String writes the explanation in a few lines.
func (e Explanation) String() string {
	if e.Code == "" {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s\n", e.Cause, e.Code, e.Meaning)
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %-10s %s\n", label+":", printable.Text(text))
		}
	}
	line("said", e.Said)
	line("role", e.RoleARN)
	line("token iss", e.Token.Issuer)
	line("token sub", e.Token.Subject)
	line("token aud", strings.Join(e.Token.Audiences, ", "))
	for _, next := range e.Next {
		line("check", next)
	}
	line("retry", string(e.Retry))
	return strings.TrimSuffix(b.String(), "\n")
}
