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

var _ token.Explainer = (*Error)(nil)

// Error says whose token was asked for and what the API server answered.
func (e *Error) Error() string {
	return fmt.Sprintf("tokenrequest: service account %q: %v", e.ServiceAccount, e.Err)
}

// Unwrap returns the error of the client.
func (e *Error) Unwrap() error { return e.Err }

// refused is err as callers see it: 401, 403 and 404 stay as they are until somebody changes
// the account or the permissions.
func (s *Source) refused(err error) error {
	var status apierrors.APIStatus
	if !errors.As(err, &status) { // no answer at all
		return fmt.Errorf("tokenrequest: service account %q: %w", s.account, err)
	}
	e := &Error{ServiceAccount: s.account, Code: int(status.Status().Code), Reason: apierrors.ReasonForError(err), Err: err}
	switch e.Code {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return token.Final(e)
	}
	return e
}

// Explanation says what the answer means; [token.Explain] asks for it.
func (e *Error) Explanation() token.Explanation {
	x := token.Explanation{Cause: token.CauseToken, Retry: token.RetryNever}
	switch {
	case e.Code == http.StatusUnauthorized:
		x.Code, x.Meaning = "tokenrequest-unauthorized", "the API server does not know who asks for the token"
		x.Next = []string{"the credentials with which this process talks to the API server"}
	case e.Code == http.StatusForbidden:
		x.Code, x.Meaning = "tokenrequest-forbidden", "this process may not create tokens of the service account"
		x.Next = []string{"RBAC: the verb create on serviceaccounts/token, for this account's name and namespace"}
	case e.Code == http.StatusNotFound:
		x.Code, x.Meaning = "service-account-missing", "there is no such service account, or no such object to bind the token to"
		x.Next = []string{"whether the account was deleted, and the namespace of the client", "the bound object's name and UID"}
	case e.Code == http.StatusTooManyRequests:
		x.Code, x.Cause, x.Retry = "tokenrequest-throttled", token.CauseThrottling, token.RetryBackoff
		x.Meaning = "the API server answers too many requests"
		x.Next = []string{"the API server's priority and fairness settings for this process"}
	case e.Code >= http.StatusInternalServerError:
		x.Code, x.Cause, x.Retry = "tokenrequest-server-fault", token.CauseTransient, token.RetryBackoff
		x.Meaning = "the API server failed"
		x.Next = []string{"the health of the cluster's control plane, should it last"}
	default:
		x.Code, x.Cause = "tokenrequest-refused", token.CauseConfiguration
		x.Meaning = "the API server does not accept the request for the token"
		x.Next = []string{"the audience, the expiration and the bound object that are asked for"}
	}
	return x
}
