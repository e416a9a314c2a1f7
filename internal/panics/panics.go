// Package panics makes errors of what a caller's functions panic with, where the caller could not
// recover: in a goroutine of the library's own.
package panics

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// ErrNoReturn is of a function that ended its goroutine ([runtime.Goexit]) instead of returning.
var ErrNoReturn = errors.New("a function of the caller's did not return: it ended its goroutine")

// Error says of a recovered panic where it was and what it was. Only what the runtime panics with
// is quoted: anything else may hold a token or a password. Call it from the deferred function
// that has recovered.
func Error(cause any) error {
	what := fmt.Sprintf("with a value of type %T", cause)
	if err, ok := cause.(runtime.Error); ok {
		what = err.Error()
	}
	return fmt.Errorf("a function of the caller's panicked, %s: %s", origin(), what)
}

// origin is the function that panicked, seen from a deferred function.
func origin() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs)])
	panicking := false
	for {
		frame, more := frames.Next()
		ofRuntime := strings.HasPrefix(frame.Function, "runtime.")
		if panicking && !ofRuntime {
			return fmt.Sprintf("in %s at line %d", frame.Function, frame.Line)
		}
		panicking = panicking || frame.Function == "runtime.gopanic"
		if !more {
			return "in an unknown place"
		}
	}
}

// Call calls f and makes an error of its panic.
func Call(f func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = Error(cause)
		}
	}()
	return f()
}
