package token

import "strings"

// Error is what a [Provider] returns when it has no credentials to give: at which step, for
// which role and with what token. [Explain] reads it. Its message never holds the token; what STS
// answered is in Err, freed of the token. An Error is not changed once returned.
type Error struct {
	// Op is the step that failed, such as "read the token" or "assume the role".
	Op string
	// RoleARN is the role that was asked for; "" where there is none.
	RoleARN string
	// Token is what the token of the failed attempt said of itself; zero when there was none or
	// when it could not be read.
	Token Unverified
	// Err is the cause.
	Err error
}

// Error names the role, the step and the cause.
func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	if e.RoleARN != "" {
		parts = append(parts, "role "+e.RoleARN)
	}
	if e.Op != "" {
		parts = append(parts, e.Op)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return "token: " + strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
