package token

import (
	"fmt"
	"strings"
	"time"

	"github.com/irsa-go/irsa/internal/kubeclaims"
)

// Error is what a [Provider] returns when it has no credentials to give: at which step, for
// which role and with what token. [Explain] reads it. Its message never holds the token; what STS
// answered is in Err, freed of the token. An Error is not changed once returned.
type Error struct {
	// Op is the step that failed, such as "read the token" or "assume the role".
	Op string
	// RoleARN is the role that was asked for; "" where there is none.
	RoleARN string
	// Token is what the token of the failed attempt said of itself; zero when the attempt had
	// none, or it could not be read.
	Token Unverified
	// Err is the cause.
	Err error

	at, serviceTime time.Time // by this machine's clock, and by that of who answered; zero: not known
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

// clocks are what the clocks say of a refused token, for somebody who has to tell a late kubelet from
// a wrong clock.
func (e *Error) clocks(code string) []string {
	var notes []string
	if ahead := e.at.Sub(e.serviceTime).Round(time.Second); !e.serviceTime.IsZero() && ahead.Abs() > kubeclaims.Skew {
		side := "ahead of"
		if ahead < 0 {
			side = "behind"
		}
		notes = append(notes, fmt.Sprintf("the clock of this machine: it is %v %s the service's", ahead.Abs(), side))
	}
	expired := code == CodeTokenExpired || code == CodeTokenTooOld
	if expired && !e.at.IsZero() && e.Token.Expires.After(e.at) {
		notes = append(notes, fmt.Sprintf("the clocks: the token says that it is valid until %s, and by this machine's clock it was %s",
			stamp(e.Token.Expires), stamp(e.at)))
	}
	return notes
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// The steps of an Error: two before STS is asked, and asking it.
const (
	opReadToken  = "read the token"
	opCheckToken = "check the token"
	opAssumeRole = "assume the role"
)
