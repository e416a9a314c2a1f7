// Package real keeps account of the real systems that the end-to-end tests meet.
package real

import (
	"errors"
	"fmt"
	"os"
	"testing"
)

// RequireAll makes a missing real system a failure instead of a skip: IRSA_E2E_REQUIRE_ALL is
// set, as in CI, which installs all of them.
func RequireAll() bool { return os.Getenv("IRSA_E2E_REQUIRE_ALL") != "" }

// Met prints which real system the test talks to, with its version, whether or not it passes.
func Met(t testing.TB, format string, args ...any) {
	t.Helper()
	fmt.Printf("met: %s (%s)\n", fmt.Sprintf(format, args...), t.Name())
}

// Need ends the test when err is notInstalled, loudly, and fails it for any other error.
func Need(t testing.TB, err, notInstalled error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, notInstalled) && !RequireAll():
		fmt.Printf("NOT MET: %v (%s)\n", err, t.Name())
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}
