package iamrole

import (
	"errors"
	"fmt"

	"github.com/irsa-go/irsa/internal/iamcall"
)

// Errors that a caller may want to tell apart, with errors.Is.
var (
	// ErrNotFound is in the error of a role that does not exist.
	ErrNotFound = errors.New("the role does not exist")
	// ErrOtherAccount is in the error of a provider, a policy or a set of credentials that is
	// of another account or partition than the role's: it could never work.
	ErrOtherAccount = errors.New("it is in another account or partition than the role")
	// ErrOtherPath is in the error of a role that exists under another path than the spec's:
	// IAM cannot move a role.
	ErrOtherPath = errors.New("the role exists under another path")
	// ErrProtected is in the error of a role that only an AWS service may change.
	ErrProtected = errors.New("the role belongs to an AWS service")
	// ErrOtherCase is in the error of a role for which there is one whose name differs in case
	// alone: IAM holds the two for one name.
	ErrOtherCase = errors.New("the name of an existing role differs only in case")
	// ErrNotOwned is in the error of a deletion of a role that lacks the owner's tags.
	ErrNotOwned = errors.New("the role is not marked as the caller's")
	// ErrInstanceProfile is in the error of a deletion of a role that EC2 instances may be
	// using.
	ErrInstanceProfile = errors.New("the role is in an instance profile")
	// ErrNoTrust is in the error of a role to be created without a trust policy.
	ErrNoTrust = errors.New("a new role needs a trust policy with at least one statement")
	// ErrNoClient is in the error of a call without a client for IAM.
	ErrNoClient = errors.New("the IAM client is nil")
	// ErrNotAssumable is in the error of a role that still could not be assumed at the end of
	// the wait.
	ErrNotAssumable = errors.New("the role still cannot be assumed")
)

// DeletedPrincipalError reports a trust policy that names principals by the unique ids of
// roles or users which have been deleted. IAM shows a deleted principal so, and refuses every
// policy that has it, for ever: nothing was written and no retry would help. Remove those
// principals, or put the ARNs of new ones in their place.
type DeletedPrincipalError struct {
	// IDs are the unique ids found, "AROA…" of a role or "AIDA…" of a user.
	IDs []string
}

// Error names the ids and says what to do.
func (e *DeletedPrincipalError) Error() string {
	return fmt.Sprintf("the trust policy names deleted principals by their unique ids %s: IAM refuses to store it until they are removed", iamcall.Quoted(e.IDs))
}

// StepError reports the step at which Ensure stopped. What was done before stays done and is
// right by itself; the next Ensure goes on from there.
type StepError = iamcall.StepError

// LimitError reports a list that IAM would refuse for its length, before anything is written:
// its field is "Tags".
type LimitError = iamcall.LimitError
