package iamrole

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/iamcall"
)

// DeleteConfig says which role Delete may delete. It is a plain value.
type DeleteConfig struct {
	// Owner are tags that the role must have with exactly these values, such as those that
	// Ensure set: a role without them is somebody else's, and is left alone. Required, unless
	// SkipOwnerCheck is set.
	Owner map[string]string
	// SkipOwnerCheck deletes the role whoever made it.
	SkipOwnerCheck bool
	// Patience is how long in all to retry what IAM refuses for the moment: a concurrent
	// modification, or a policy that somebody attached meanwhile. 0 is a minute; less than 0
	// never waits.
	Patience time.Duration
}

// Deletion is what Delete has done. It is a plain value.
type Deletion struct {
	// ARN is the role's; "" when the role did not exist.
	ARN string
	// Steps are the writes made, in order; none when the role did not exist.
	Steps []Step
}

// Delete deletes a role, after it has detached its managed policies and deleted its inline ones. It
// is not an error when there is none. Sessions live on until they expire, but may do nothing
// any more. Trust policies that name the role keep its unique id in its place, and IAM then
// refuses to store them again: see [DeletedPrincipalError].
//
// The caller needs iam:GetRole, iam:ListInstanceProfilesForRole, iam:ListRolePolicies and
// iam:ListAttachedRolePolicies, and for the steps iam:DetachRolePolicy, iam:DeleteRolePolicy
// and iam:DeleteRole.
//
// Errors, all before anything is written: [ErrNotOwned]; [ErrProtected]; [ErrInstanceProfile];
// [ErrOtherCase]. From the first write on, *[StepError]; another call goes on from there.
func Delete(ctx context.Context, api Deleter, roleName string, cfg DeleteConfig) (Deletion, error) {
	fail := func(err error) (Deletion, error) {
		return Deletion{}, fmt.Errorf("iamrole: role %q: %w", roleName, err)
	}
	if err := arn.CheckRoleName(roleName); err != nil {
		return fail(err)
	}
	if len(cfg.Owner) == 0 && !cfg.SkipOwnerCheck {
		return fail(fmt.Errorf("%w: DeleteConfig.Owner names no tags", ErrNotOwned))
	}
	if api == nil {
		return fail(ErrNoClient)
	}
	var done Deletion
	var err error
	done.Steps, err = iamcall.Converge[Deleter]{
		Client: api, Patience: iamcall.NewPatience(cfg.Patience),
		Passing: func(err error) bool {
			return iamcall.Is(err, iamcall.ConcurrentModification, iamcall.EntityTemporarilyUnmodifiable, iamcall.DeleteConflict) ||
				isRoleMissing(err)
		},
		Plan: func(ctx context.Context) ([]iamcall.Write[Deleter], error) {
			role, writes, err := planDeletion(ctx, api, roleName, cfg)
			if role != nil {
				done.ARN = role.ARN
			}
			return writes, err
		},
	}.Run(ctx)
	if err != nil {
		return fail(err)
	}
	return done, nil
}

func planDeletion(ctx context.Context, api Deleter, name string, cfg DeleteConfig) (*Role, []iamcall.Write[Deleter], error) {
	role, err := readRole(ctx, api, name)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if err := role.checkDeletable(cfg); err != nil {
		return nil, nil, err
	}
	// IAM would refuse to delete it only after its policies are gone.
	profiles, err := api.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: aws.String(name)})
	if err != nil {
		return nil, nil, fmt.Errorf("list instance profiles: %w", err)
	}
	if len(profiles.InstanceProfiles) > 0 {
		return nil, nil, fmt.Errorf("%w: %q", ErrInstanceProfile, aws.ToString(profiles.InstanceProfiles[0].InstanceProfileName))
	}
	attached, err := listAttached(ctx, api, name)
	if err != nil {
		return nil, nil, err
	}
	inline, err := listInline(ctx, api, name)
	if err != nil {
		return nil, nil, err
	}
	var writes []iamcall.Write[Deleter]
	for _, policy := range attached {
		writes = append(writes, detachStep[Deleter](name, policy))
	}
	for _, policy := range inline {
		writes = append(writes, deleteInlineStep[Deleter](name, policy))
	}
	return role, append(writes, iamcall.Call(Deleter.DeleteRole, &iam.DeleteRoleInput{RoleName: aws.String(name)},
		Step{Action: "iam:DeleteRole", Text: "delete the role", Removes: true})), nil
}

func (r *Role) checkDeletable(cfg DeleteConfig) error {
	if r.isProtected() {
		return ErrProtected
	}
	if cfg.SkipOwnerCheck {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(cfg.Owner)) {
		if value, ok := r.Tags[key]; !ok || value != cfg.Owner[key] {
			return fmt.Errorf("%w: it lacks the tag %q=%q", ErrNotOwned, key, cfg.Owner[key])
		}
	}
	return nil
}
