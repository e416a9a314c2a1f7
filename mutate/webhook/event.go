package webhook

import (
	"fmt"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/irsa-go/irsa/mutate"
)

// Event is one request and its answer, for metrics and audit.
type Event struct {
	// Status is the HTTP status: 200 for every review, allowed or not.
	Status int
	// Verdict is what was decided.
	Verdict Verdict
	// Request is what was asked, with the members that the decision rests on; nil unless
	// Status is 200. Its raw objects may hold secrets and are gone after the call.
	Request *admissionv1.AdmissionRequest
	// Target is whose pod it is; zero for requests that are not about pods.
	Target mutate.Target
	// Reviewed has the answer, the identity and the mutation's result.
	Reviewed mutate.Reviewed
	// Err is why the answer is not as it should be: a bad request, an account that could not
	// be looked up or honoured. It quotes no pod.
	Err error
	// Duration is the time from the request's headers to the answer.
	Duration time.Duration
}

// Verdict sums up an [Event].
type Verdict uint8

const (
	// Untouched: allowed as it is.
	Untouched Verdict = iota
	// Mutated: allowed with a patch.
	Mutated
	// Denied: refused, in the review or by the HTTP status.
	Denied
	// FailedOpen: allowed although the account could not be looked up.
	FailedOpen
)

// String returns "untouched", "mutated", "denied" or "failed-open".
func (v Verdict) String() string {
	switch v {
	case Untouched:
		return "untouched"
	case Mutated:
		return "mutated"
	case Denied:
		return "denied"
	case FailedOpen:
		return "failed-open"
	}
	return fmt.Sprintf("Verdict(%d)", uint8(v))
}
