package oidc

// Problem is one finding that a program can act on by its code and a person by its message.
// It is a plain value, safe for concurrent use.
type Problem struct {
	// Code is stable and kebab-case; the Code… constants list them all.
	Code string `json:"code"`
	// Message says what is wrong, where, and what to do; it is for people and may change.
	Message string `json:"message"`
}

// String returns "code: message".
func (p Problem) String() string { return p.Code + ": " + p.Message }
