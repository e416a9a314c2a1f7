package iamrole

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/internal/iamcall"
	"github.com/irsa-go/irsa/trust"
)

// edit turns what is there into what should be; it returns the policy itself when it is so.
type edit func(*Role) (*trust.Policy, error)

// edited is what became of an edit.
type edited struct {
	role          *Role // as it was before the write
	before, after *trust.Policy
	changed       bool
	unconfirmed   bool
}

// editor makes one edit of a role's trust policy.
type editor struct {
	api      TrustAPI
	name     string
	edit     edit
	settle   time.Duration // of Config
	patience *iamcall.Patience
	quota    quota
}

// errReplaced says that another writer's policy has come over ours.
var errReplaced = errors.New("another writer keeps replacing the trust policy")

// run reads, edits and writes until the edit is there. Between reading and writing nothing
// else is asked of the network, so that another writer has as little time as can be.
func (e *editor) run(ctx context.Context) (edited, error) {
	var done edited
	for {
		next, err := e.round(ctx)
		done.role, done.after = next.role, next.after
		done.changed = done.changed || next.changed
		done.unconfirmed = next.unconfirmed
		if done.before == nil {
			done.before = next.before
		}
		if err == nil {
			return done, nil
		}
		if !isPassing(err) && !errors.Is(err, errReplaced) {
			return edited{}, err
		}
		if err := e.patience.Wait(ctx, err); err != nil {
			return edited{}, err
		}
	}
}

// isPassing recognises what waiting may cure: somebody edits the role at the same moment, or a
// principal is too new to be seen everywhere. A principal that is gone has been refused before.
func isPassing(err error) bool {
	return iamcall.IsInvalidPrincipal(err) ||
		iamcall.Is(err, iamcall.ConcurrentModification, iamcall.EntityTemporarilyUnmodifiable)
}

func (e *editor) round(ctx context.Context) (edited, error) {
	role, next, err := e.look(ctx)
	if err != nil {
		return edited{}, err
	}
	if next == role.Trust {
		return edited{role: role, before: next, after: next}, nil
	}
	asked := e.quota.asked
	if err := e.quota.check(ctx, e.api, next); err != nil {
		return edited{}, err
	}
	if e.quota.asked != asked { // that was a call: what has been read is old
		return e.round(ctx)
	}
	_, err = e.api.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
		RoleName: aws.String(e.name), PolicyDocument: aws.String(next.Document()),
	})
	if err != nil {
		return edited{}, fmt.Errorf("write trust policy: %w", err)
	}
	done := edited{role: role, before: role.Trust, after: next, changed: true}
	outcome, err := iamcall.Confirm(ctx, e.settle, func(ctx context.Context) (iamcall.Outcome, error) {
		return e.judge(ctx, role.TrustDocument)
	})
	if err != nil {
		return done, fmt.Errorf("the trust policy is written, but reading it again failed: %w", err)
	}
	if outcome == iamcall.Lost {
		return done, errReplaced
	}
	done.unconfirmed = outcome == iamcall.NotYet
	return done, nil
}

// look reads the role and returns what its trust policy should be.
func (e *editor) look(ctx context.Context) (*Role, *trust.Policy, error) {
	role, err := readRole(ctx, e.api, e.name)
	if err != nil {
		return nil, nil, err
	}
	next, err := e.edit(role)
	if err != nil {
		return nil, nil, err
	}
	if next != role.Trust {
		if err := checkPrincipals(next); err != nil {
			return nil, nil, err
		}
	}
	return role, next, nil
}

// judge says what became of a write over the document before.
func (e *editor) judge(ctx context.Context, before string) (iamcall.Outcome, error) {
	role, next, err := e.look(ctx)
	switch {
	case err != nil:
		return iamcall.NotYet, err
	case next == role.Trust:
		return iamcall.Kept, nil
	case role.TrustDocument == before:
		return iamcall.NotYet, nil
	}
	return iamcall.Lost, nil
}
