package token

import (
	"errors"
	"fmt"
	"strings"
	"time"

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
	// CausePolicy is a policy around the role: of a VPC endpoint or of the organization.
	CausePolicy Cause = "policy"
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
	// RetryNever means that the same request fails again until somebody changes something: the
	// error is final, see [IsFinal].
	RetryNever Retry = "never"
	// RetryBackoff means that the same request may succeed a little later.
	RetryBackoff Retry = "with-backoff"
	// RetryNewToken means that only a token read again can succeed.
	RetryNewToken Retry = "with-a-new-token"
	// RetryNewCredentials means that only fresh credentials can succeed: [InvalidateRejected] sees to
	// them.
	RetryNewCredentials Retry = "with-new-credentials"
)

// Helps says whether there is any point in trying again.
func (r Retry) Helps() bool { return r != RetryNever && r != "" }

// Explanation is an error put in the terms of somebody who can mend it. It is a plain value.
// It never holds the token or credentials.
//
// For the status of a Kubernetes object use Reason and Meaning. The text of the error itself has the
// id of a request in it, which differs each time, so that a controller would update the status, see
// the update and try again without end.
type Explanation struct {
	// Code is one of the Code… constants, unless the error is an [Explainer] of another package.
	Code Code
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
	// FinalAfter is for how long this may go on before a Provider takes it as final. 0: Retry alone
	// decides.
	FinalAfter time.Duration
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

// Explain finds out what an error on the way to credentials means: an answer of STS, of a container's
// credentials endpoint, of the Kubernetes API or of an AWS service that refuses the credentials, a
// token that cannot be read, a connection that fails, an environment without an identity. The error
// may come from this package, from stscreds or from any AWS client, wrapped in whatever. It returns
// false for nil, for an error that it does not know and for a caller's own cancellation, unless something
// else had failed until then.
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
	for ; errors.As(err, &from); err = from.Err {
		if e.RoleARN == "" {
			e.RoleARN = from.RoleARN
		}
		if e.Token.isZero() {
			e.Token = from.Token
			e.Next = append(from.clocks(e.Code), e.Next...)
		}
	}
	return e, true
}

func explain(err error) (Explanation, bool) {
	var known Explainer
	if errors.As(err, &known) {
		return known.Explanation(), true
	}
	var short *cutShortError
	if errors.As(err, &short) {
		if e, ok := explain(short.last); ok {
			return e, true
		}
	}
	a := answerOf(err)
	if r := find(err, a); r != nil {
		return r.explanation(a.message), true
	}
	return Explanation{}, false
}

// Explanations returns what [Explain] knows, each code once: for alerts, dashboards and documents.
func Explanations() []Explanation {
	all := make([]Explanation, len(rows))
	for i := range rows {
		all[i] = rows[i].explanation("")
	}
	return all
}

// Reason is the code in CamelCase, such as "NoProvider": the reason of a metav1.Condition, which
// admits no hyphens.
func (e Explanation) Reason() string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(e.Code, func(r rune) bool { return !isAlphanumeric(r) }) {
		if b.Len() == 0 && word[0] <= '9' {
			b.WriteString("Code") // a reason begins with a letter
		}
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func isAlphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
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
