package trusttest

import (
	"errors"
	"fmt"
	"net/http"
)

// refusal is an answer of AWS that is not success. Texts stand where they are used, each
// with its source.
type refusal struct {
	status  int
	code    string
	message string
}

func (r *refusal) Error() string { return r.code + ": " + r.message }

// refusalOf returns the refusal in err; a request whose client has gone gets another.
func refusalOf(err error) *refusal {
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		return refused
	}
	return refuse(http.StatusServiceUnavailable, "ServiceUnavailable", "the request was given up")
}

func refuse(status int, code, format string, args ...any) *refusal {
	return &refusal{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// The statuses of the codes are those of the service models
// (https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and the Errors
// section of each operation).

func noSuchEntity(format string, args ...any) *refusal {
	return refuse(http.StatusNotFound, "NoSuchEntity", format, args...)
}

func alreadyExists(format string, args ...any) *refusal {
	return refuse(http.StatusConflict, "EntityAlreadyExists", format, args...)
}

func limitExceeded(format string, args ...any) *refusal {
	return refuse(http.StatusConflict, "LimitExceeded", format, args...)
}

func deleteConflict(format string, args ...any) *refusal {
	return refuse(http.StatusConflict, "DeleteConflict", format, args...)
}

func invalidInput(format string, args ...any) *refusal {
	return refuse(http.StatusBadRequest, "InvalidInput", format, args...)
}

func validationError(format string, args ...any) *refusal {
	return refuse(http.StatusBadRequest, "ValidationError", format, args...)
}

func malformedPolicy(format string, args ...any) *refusal {
	return refuse(http.StatusBadRequest, "MalformedPolicyDocument", format, args...)
}

func accessDenied(format string, args ...any) *refusal {
	return refuse(http.StatusForbidden, "AccessDenied", format, args...)
}
