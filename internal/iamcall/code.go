package iamcall

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Codes of IAM's errors, as its API reference names them.
const (
	NoSuchEntity                  = "NoSuchEntity"
	EntityAlreadyExists           = "EntityAlreadyExists"
	ConcurrentModification        = "ConcurrentModification"
	EntityTemporarilyUnmodifiable = "EntityTemporarilyUnmodifiable"
	MalformedPolicyDocument       = "MalformedPolicyDocument"
	AccessDenied                  = "AccessDenied"
	DeleteConflict                = "DeleteConflict"
	invalidPrincipalInThePolicy   = "invalid principal in policy"
	isolatedPartitionsNamePrefix  = "aws-iso"
	sdkUnknown                    = "UnknownError" // what the SDK calls an answer without a code
)

// Code returns the code of an AWS error, "" when err is none. Services that speak IAM's protocol
// but not its error envelope, such as Ceph's gateway, leave the SDK with a status alone: of IAM's
// errors only NoSuchEntity has 404.
func Code(err error) string {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return ""
	}
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if ok && api.ErrorCode() == sdkUnknown && response.HTTPStatusCode() == http.StatusNotFound {
		return NoSuchEntity
	}
	return strings.TrimSuffix(api.ErrorCode(), "Exception")
}

// Is says whether err is an AWS error with one of the codes.
func Is(err error, codes ...string) bool {
	code := Code(err)
	return code != "" && slices.Contains(codes, code)
}

// IsInvalidPrincipal recognises the refusal of a policy because of a principal that IAM does
// not find: one that is too new, or one that is gone.
func IsInvalidPrincipal(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == MalformedPolicyDocument &&
		strings.Contains(strings.ToLower(api.ErrorMessage()), invalidPrincipalInThePolicy)
}

// IsTagOnCreateRefused recognises that an isolated partition cannot tag what it creates. The
// codes are those that terraform-provider-aws falls back on; elsewhere they mean what they say.
func IsTagOnCreateRefused(partition string, err error) bool {
	return strings.HasPrefix(partition, isolatedPartitionsNamePrefix) && Is(err,
		"AccessDenied", "AuthorizationError", "InternalServiceError", "InvalidAction", "InvalidInput",
		"InvalidParameter", "InvalidParameterValue", "InvalidRequest", "OperationDisabled",
		"OperationNotPermitted", "UnknownOperation", "UnsupportedFeature", "UnsupportedOperation",
		"Validation", "ValidationError")
}

// IsProviderMissing recognises STS's answer to a token whose issuer is not a provider of the
// account, or not yet.
func IsProviderMissing(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && Code(err) == "InvalidIdentityToken" && strings.HasPrefix(api.ErrorMessage(), "No OpenIDConnect provider found")
}
