package tokenrequest

import (
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/token"
)

// Error is an answer of the API server other than a token. It is immutable.
type Error struct {
	// ServiceAccount is the account whose token was asked for.
	ServiceAccount string
	// Code is the HTTP status.
	Code int
	// Reason is the API server's own word for it, such as "Forbidden".
	Reason metav1.StatusReason
	// Err is the error of the client.
	Err error
}

var _ token.KubernetesAnswer = (*Error)(nil)

// Error says whose token was asked for and what the API server answered.
func (e *Error) Error() string {
	return fmt.Sprintf("tokenrequest: service account %q: %v", e.ServiceAccount, e.Err)
}

// Unwrap returns the error of the client.
func (e *Error) Unwrap() error { return e.Err }

// KubernetesStatus is Code, and 0 where a proxy or a load balancer has refused the request in words of
// its own: its 404 does not say that the account is gone. [token.Explain] knows what it means, and which
// statuses are final.
func (e *Error) KubernetesStatus() int {
	failed := e.Code >= http.StatusInternalServerError || e.Code == http.StatusTooManyRequests
	if apierrors.IsUnexpectedServerError(e.Err) && !failed {
		return 0
	}
	return e.Code
}

// refused is err as callers see it.
func (s *Source) refused(err error) error {
	var status apierrors.APIStatus
	if !errors.As(err, &status) { // no answer at all
		return fmt.Errorf("tokenrequest: service account %q: %w", s.account, err)
	}
	return &Error{ServiceAccount: s.account, Code: int(status.Status().Code), Reason: apierrors.ReasonForError(err), Err: err}
}
