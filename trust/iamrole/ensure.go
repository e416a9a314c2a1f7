package iamrole

import (
	"context"
	"fmt"
	"strings"

	"github.com/irsa-go/irsa/internal/iamcall"
)

// Result is what Ensure has done. It is a plain value.
type Result struct {
	// ARN is the role's. mutate.Mutator.Annotations makes a service account's annotations of it.
	ARN string
	// Created is true when this call created the role: see [WaitAssumable].
	Created bool
	// Steps are the writes made, in order; none when nothing differed.
	Steps []Step
	// Unconfirmed is true when a trust policy was written and IAM still answered with the old
	// one when it was read again: eventual consistency, or another writer who put it back.
	Unconfirmed bool
}

// Ensure makes the role what spec says, with the fewest writes; a second call makes none. It
// may be called from several places at once, for the same role too.
//
// The caller needs what [Plan] needs, and for its steps iam:CreateRole (with iam:TagRole when
// there are tags, and iam:DeleteRole to take back a role that turns out to be in another
// account), iam:PutRolePermissionsBoundary, iam:UpdateRole, iam:UpdateAssumeRolePolicy,
// iam:PutRolePolicy, iam:AttachRolePolicy, iam:TagRole, and where the spec removes something
// iam:DetachRolePolicy, iam:DeleteRolePolicy, iam:UntagRole and
// iam:DeleteRolePermissionsBoundary. iam:ListRoles is needed when IAM says that a role
// exists and then does not find it: see [ErrOtherCase].
//
// Retried within [Config].Patience: a role that appears meanwhile, a concurrent modification,
// and "Invalid principal in policy", which IAM answers for a provider or a role that is too
// new. In an isolated partition, which may be unable to tag what it creates, the role is created
// without tags and tagged afterwards.
//
// Errors are those of Plan, [ErrOtherCase], and *[StepError] from the first write on.
func Ensure(ctx context.Context, api API, spec Spec, cfg Config) (Result, error) {
	fail := func(err error) (Result, error) {
		return Result{}, fmt.Errorf("iamrole: role %q: %w", spec.Name, err)
	}
	w, err := spec.wanted()
	if err != nil {
		return fail(err)
	}
	if api == nil {
		return fail(ErrNoClient)
	}
	e := &ensurer{API: api, wanted: w, cfg: cfg, patience: iamcall.NewPatience(cfg.Patience)}
	e.result.Steps, err = iamcall.Converge[*ensurer]{Client: e, Patience: e.patience, Passing: isSettling, Plan: e.plan}.Run(ctx)
	if err != nil {
		return fail(err)
	}
	return e.result, nil
}

// ensurer is one call of Ensure.
type ensurer struct {
	API
	wanted   wanted
	cfg      Config
	patience *iamcall.Patience
	quota    quota
	refused  bool // IAM has said once that the role exists
	result   Result
}

func (e *ensurer) plan(ctx context.Context) ([]write, error) {
	role, writes, err := e.wanted.plan(ctx, e, &e.quota)
	if role != nil {
		e.result.ARN = role.ARN
	}
	return writes, err
}

// isSettling recognises what another look at the role may cure.
func isSettling(err error) bool {
	return isPassing(err) || iamcall.Is(err, iamcall.EntityAlreadyExists) || isRoleMissing(err)
}

// isRoleMissing recognises that the role itself is not there, or not seen everywhere yet, and
// not a policy to attach, which no wait would bring about: IAM says "The role with name NAME
// cannot be found."
func isRoleMissing(err error) bool {
	return iamcall.Is(err, iamcall.NoSuchEntity) && strings.Contains(strings.ToLower(err.Error()), "role with name")
}
