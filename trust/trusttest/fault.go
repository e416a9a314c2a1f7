package trusttest

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// Failure is how a call fails on demand.
type Failure int

const (
	// NoFailure lets calls through.
	NoFailure Failure = iota
	// Throttling answers Throttling, 400 "Rate exceeded".
	Throttling
	// InternalFailure answers InternalFailure, 500.
	InternalFailure
	// ServiceUnavailable answers ServiceUnavailable, 503.
	ServiceUnavailable
	// IDPCommunicationError answers what STS says when it cannot reach the issuer, 400.
	IDPCommunicationError
	// RegionDisabled answers RegionDisabledException, 403.
	RegionDisabled
	// ConcurrentModification answers ConcurrentModification, 409, as IAM does when two edits
	// of one object meet.
	ConcurrentModification
)

// Fault is what is wrong with the account's services. The zero value is healthy. It is a
// plain value.
type Fault struct {
	// Failure is the answer of the calls that fail.
	Failure Failure
	// Actions are the calls that Failure and Latency are for, such as
	// "AssumeRoleWithWebIdentity". nil: all.
	Actions []string
	// Times is how many calls fail before the service is healthy again. 0: all, until the
	// next SetFault.
	Times int
	// Latency is waited before each call is answered, unless its context ends first.
	Latency time.Duration
	// RolePropagation is how old a role must be before STS knows it: until then, AccessDenied.
	RolePropagation time.Duration
	// ProviderPropagation is how old an OIDC provider must be before STS finds it and before
	// a trust policy may name it.
	ProviderPropagation time.Duration
}

// SetFault makes the account's services misbehave from the next call on; Fault{} heals them.
func (a *Account) SetFault(f Fault) { a.faults.set(f) }

type faultBox struct {
	mu    sync.Mutex
	fault Fault
	left  int // of fault.Times
}

func (b *faultBox) set(f Fault) {
	f.Actions = slices.Clone(f.Actions)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault, b.left = f, f.Times
}

func (b *faultBox) get() Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fault
}

// strike waits for the latency and then lets the call fail if it must.
func (b *faultBox) strike(c *call) error {
	b.mu.Lock()
	f := b.fault
	hit := f.Actions == nil || slices.Contains(f.Actions, c.action)
	failure := NoFailure
	if hit && f.Failure != NoFailure && (f.Times == 0 || b.left > 0) {
		failure = f.Failure
		b.left--
	}
	b.mu.Unlock()
	if hit && f.Latency > 0 {
		timer := time.NewTimer(f.Latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	}
	return failure.refusal()
}

// refusal returns the answer, nil for none. Codes, statuses and texts are those of
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html and of the errors of
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html.
func (f Failure) refusal() error {
	switch f {
	case NoFailure:
		return nil
	case Throttling:
		return refuse(http.StatusBadRequest, "Throttling", "Rate exceeded")
	case ServiceUnavailable:
		return refuse(http.StatusServiceUnavailable, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
	case IDPCommunicationError:
		return refuse(http.StatusBadRequest, "IDPCommunicationError", "An error occurred while communicating with the identity provider")
	case RegionDisabled:
		return refuse(http.StatusForbidden, "RegionDisabledException", "STS is not activated in this region for account")
	case ConcurrentModification:
		return refuse(http.StatusConflict, "ConcurrentModification",
			"The request was rejected because multiple requests to change this object were submitted simultaneously. Wait a few minutes and submit your request again.")
	}
	return refuse(http.StatusInternalServerError, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.")
}
