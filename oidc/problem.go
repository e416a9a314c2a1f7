package oidc

// Code names a kind of finding or check. It is stable and kebab-case.
type Code string

// Problem is one finding that a program can act on by its code and a person by its message.
// It is a plain value, safe for concurrent use.
type Problem struct {
	// Code is one of the Code… constants.
	Code Code `json:"code"`
	// Message says what is wrong, where, and what to do; it is for people and may change.
	Message string `json:"message"`
}

// String returns "code: message".
func (p Problem) String() string { return string(p.Code) + ": " + p.Message }
