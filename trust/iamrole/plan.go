package iamrole

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/irsa-go/irsa/internal/iamcall"
)

// Changes are what Ensure would do. It is a plain value.
type Changes struct {
	// Name is the role's name; ARN its ARN, "" while the role does not exist.
	Name, ARN string
	// Create is true when the role does not exist yet.
	Create bool
	// Steps are the writes, in order; none when the role is as the spec wants it.
	Steps []Step
}

// Empty says that nothing is to be changed.
func (c Changes) Empty() bool { return len(c.Steps) == 0 }

// String prints the plan, one line for the role and one for each step.
func (c Changes) String() string {
	title := "role " + c.Name
	if c.ARN != "" {
		title += " (" + c.ARN + ")"
	}
	return iamcall.PlanText(title, c.Steps)
}

// Plan reads the role and says what [Ensure] would do now. It writes nothing.
//
// The caller needs iam:GetRole; iam:GetRolePolicy when the spec has inline policies, and
// iam:ListRolePolicies when it removes foreign ones; iam:ListAttachedRolePolicies when it has
// managed policies or removes foreign ones; iam:GetAccountSummary for a trust policy of more
// than [trust.DefaultSizeQuota] characters.
//
// Errors: every problem of the spec at once, among them what IAM would refuse of its trust
// policy (*[trust.InvalidError], *[trust.SizeError], *[DeletedPrincipalError]); *[LimitError]; [ErrOtherPath];
// [ErrOtherAccount]; [ErrProtected]; what IAM answers.
func Plan(ctx context.Context, api Reader, spec Spec) (Changes, error) {
	fail := func(err error) (Changes, error) {
		return Changes{}, fmt.Errorf("iamrole: role %q: %w", spec.Name, err)
	}
	w, err := spec.wanted()
	if err != nil {
		return fail(err)
	}
	if api == nil {
		return fail(ErrNoClient)
	}
	role, writes, err := w.plan(ctx, api, &quota{})
	if err != nil {
		return fail(err)
	}
	changes := Changes{Name: w.Name, Create: role == nil, Steps: iamcall.Steps(writes)}
	if role != nil {
		changes.ARN = role.ARN
	}
	return changes, nil
}

// The actions that write a trust policy.
const (
	createRole  = "iam:CreateRole"
	updateTrust = "iam:UpdateAssumeRolePolicy"
)

// plan returns the role, nil when there is none, and what there is to write.
func (w wanted) plan(ctx context.Context, api Reader, q *quota) (*Role, []write, error) {
	role, err := observe(ctx, api, w)
	if err != nil {
		return nil, nil, err
	}
	writes, err := w.compare(role)
	if err != nil {
		return nil, nil, err
	}
	if slices.ContainsFunc(writes, func(w write) bool { return w.Action == createRole || w.Action == updateTrust }) {
		err = q.check(ctx, api, w.Trust)
	}
	return role, writes, err
}

// compare says how to get from have to w. A boundary narrows, so it comes first; then the
// trust policy, as it is what IAM refuses most often; then rights and tags; removals last.
func (w wanted) compare(have *Role) ([]write, error) {
	var writes []write
	if have == nil {
		if w.Trust == nil {
			return nil, ErrNoTrust
		}
		writes = []write{createStep(w)}
		have = &Role{Tags: w.Tags} // they come with the creation
	} else {
		if err := w.checkRole(have); err != nil {
			return nil, err
		}
		writes = w.compareRole(have)
	}
	for _, name := range slices.Sorted(maps.Keys(w.InlinePolicies)) {
		document, exists := have.InlinePolicies[name]
		if !exists || !sameJSON(document, w.InlinePolicies[name]) {
			writes = append(writes, putInlineStep(w.Name, name, w.InlinePolicies[name], exists))
		}
	}
	for _, policy := range iamcall.Minus(w.managed, have.ManagedPolicies) {
		writes = append(writes, attachStep(w.Name, policy))
	}
	tags, err := iamcall.CompareTags(have.Tags, w.Tags, w.ForeignTags == Remove)
	if err != nil {
		return nil, err
	}
	if len(tags.First) > 0 {
		writes = append(writes, untagStep(w.Name, tags.First))
	}
	if len(tags.Set) > 0 {
		writes = append(writes, tagStep(w.Name, tags.Set))
	}
	return append(writes, w.removals(have, tags.Last)...), nil
}

// checkRole reports an existing role that cannot become what the spec says.
func (w wanted) checkRole(r *Role) error {
	if r.isProtected() {
		return ErrProtected
	}
	if w.Path != "" && w.Path != r.Path {
		return fmt.Errorf("%w: it is under %q, the spec wants %q", ErrOtherPath, r.Path, w.Path)
	}
	if err := r.home.check(cmp.Or(w.home.partition, r.home.partition), cmp.Or(w.home.accountID, r.home.accountID)); err != nil {
		return fmt.Errorf("the account of the spec, or of the providers in its trust policy: %w", err)
	}
	// What was checked against the spec's own account may have had none to check against.
	w.home = r.home
	return w.checkManaged()
}

func (w wanted) compareRole(r *Role) []write {
	var steps []write
	if w.PermissionsBoundary != "" && w.PermissionsBoundary != r.PermissionsBoundary {
		steps = append(steps, boundaryStep(w, r.PermissionsBoundary))
	}
	description, session := r.Description, r.MaxSessionDuration
	if w.Description != "" || w.ClearDescription {
		description = w.Description
	}
	if w.MaxSessionDuration != 0 {
		session = w.MaxSessionDuration
	}
	if description != r.Description || session != r.MaxSessionDuration {
		steps = append(steps, settingsStep(w, description, session))
	}
	if w.Trust != nil && (r.Trust == nil || !r.Trust.Equal(w.Trust)) {
		steps = append(steps, trustStep(w, r))
	}
	return steps
}

func (w wanted) removals(have *Role, foreignTags []string) []write {
	var steps []write
	if w.ForeignManagedPolicies == Remove {
		for _, policy := range iamcall.Minus(have.ManagedPolicies, w.managed) {
			steps = append(steps, detachStep[*ensurer](w.Name, policy))
		}
	}
	if w.ForeignInlinePolicies == Remove {
		for _, name := range slices.Sorted(maps.Keys(have.InlinePolicies)) {
			if _, ok := w.InlinePolicies[name]; !ok {
				steps = append(steps, deleteInlineStep[*ensurer](w.Name, name))
			}
		}
	}
	if len(foreignTags) > 0 {
		steps = append(steps, untagStep(w.Name, foreignTags))
	}
	if w.ClearPermissionsBoundary && have.PermissionsBoundary != "" {
		steps = append(steps, clearBoundaryStep(w.Name, have.PermissionsBoundary))
	}
	return steps
}
