package iamprovider

import (
	"errors"

	"github.com/irsa-go/irsa/internal/iamcall"
)

// Errors that a caller may want to tell apart, with errors.Is.
var (
	// ErrAPIServerAudience is in the error of a client id that is the cluster's own API
	// server's audience: the default token of every pod has it, so all of them could ask STS.
	ErrAPIServerAudience = errors.New("it is the API server's own audience, which the default token of every pod has")
	// ErrOtherIssuer is in the error of an ARN under which IAM has a provider of another URL.
	ErrOtherIssuer = errors.New("the provider belongs to another issuer")
	// ErrNoClient is in the error of a call without a client for IAM.
	ErrNoClient = errors.New("the IAM client is nil")
	// ErrOtherAccount is in the error of credentials that are of another account or partition
	// than the spec names.
	ErrOtherAccount = errors.New("the credentials belong to another account than the one in the spec")

	errNoAnswer = errors.New("IAM gave neither an answer nor an error")
)

// LimitError reports a list that IAM would refuse for its length, before anything is written:
// its field is "ClientIDs", "Thumbprints" or "Tags".
type LimitError = iamcall.LimitError
