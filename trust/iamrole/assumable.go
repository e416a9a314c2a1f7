package iamrole

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/irsa-go/irsa/internal/iamcall"
)

// WaitAssumable waits until a role that is new, or whose trust policy is, can be assumed: for
// about seven seconds after CreateRole, STS answers AccessDenied as if the role were not there.
// assume makes one attempt, with a token or credentials that the trust policy admits; it
// should not retry by itself. Any other error ends the wait at once, since waiting would not help.
// An OIDC provider that STS cannot find does not: it may be as new as the role.
//
// It waits for limit at most (0: a minute), between attempts a quarter of a second at first and
// five seconds at last. AccessDenied looks the same whether the role is too new or the trust
// policy refuses the caller: [ErrNotAssumable], which wraps the last answer, may mean either,
// and [trust.Policy.Evaluate] tells them apart. STS has many servers, so even after a success
// another one may refuse for a moment longer.
//
// The caller needs nothing in IAM. What assume does may need permissions.
func WaitAssumable(ctx context.Context, assume func(context.Context) error, limit time.Duration) error {
	if assume == nil {
		return errors.New("iamrole: WaitAssumable: assume is nil")
	}
	patience, start := iamcall.NewPatience(limit), time.Now()
	for {
		err := assume(ctx)
		if err == nil {
			return nil
		}
		if !isUnknownYet(err) {
			return fmt.Errorf("iamrole: assume the role: %w", err)
		}
		if wait := patience.Wait(ctx, err); wait != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("iamrole: %w", wait)
			}
			return fmt.Errorf("iamrole: %w after %v: %w", ErrNotAssumable, time.Since(start).Round(time.Second), err)
		}
	}
}

// isUnknownYet recognises how STS speaks of a role or a provider that it does not know.
func isUnknownYet(err error) bool {
	return iamcall.Is(err, iamcall.AccessDenied) || iamcall.IsProviderMissing(err)
}
