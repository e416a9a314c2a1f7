package iamprovider

import (
	"errors"
	"fmt"
	"strings"
)

// What a caller may want to tell apart with errors.Is.
var (
	// ErrAPIServerAudience is in the error of a client id that is the cluster's own API
	// server's audience: the default token of every pod has it, so all of them could ask STS.
	ErrAPIServerAudience = errors.New("it is the API server's own audience, which the default token of every pod has")
	// ErrOtherIssuer is in the error of an ARN under which IAM has a provider of another URL.
	ErrOtherIssuer = errors.New("the provider is another issuer's")
	// ErrNoClient is in the error of a call without a client for IAM.
	ErrNoClient = errors.New("the IAM client is nil")
	// ErrOtherAccount is in the error of credentials that are of another account or partition
	// than the spec names.
	ErrOtherAccount = errors.New("the credentials are of another account than the one in the spec")
)

// LimitError reports a list that IAM would refuse for its length, before anything is written.
type LimitError struct {
	// Field is what it is about: "ClientIDs" or "Thumbprints".
	Field string
	// Count is how many there would be, those that the provider has included.
	Count int
	// Message is what IAM answers.
	Message string
}

// Error says which list, how long it would be, and what IAM would answer.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: there would be %d: %s", e.Field, e.Count, e.Message)
}

// StepError reports the step at which Ensure stopped. What was done before stays done and is
// right by itself; the next Ensure goes on from there.
type StepError struct {
	// Step is what failed; zero when reading the provider did.
	Step Step
	// Done are the steps taken before.
	Done []Step
	// Err is IAM's answer, or the context's end.
	Err error
}

// Error names the failed step, its cause and what had been done.
func (e *StepError) Error() string {
	var b strings.Builder
	if e.Step.Text != "" {
		b.WriteString(e.Step.Text + ": ")
	}
	if e.Err != nil {
		b.WriteString(e.Err.Error())
	}
	if len(e.Done) > 0 {
		fmt.Fprintf(&b, " (done before: %s)", texts(e.Done))
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

func texts(steps []Step) string {
	list := make([]string, len(steps))
	for i, s := range steps {
		list[i] = s.Text
	}
	return strings.Join(list, "; ")
}
