package iamrole

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/iamcall"
)

// Changes are what Ensure would do. It is a plain value.
type Changes struct {
	// Name is the role's name; ARN its ARN, "" while there is no role.
	Name, ARN string
	// Create is true when there is no role yet.
	Create bool
	// Steps are the writes, in order; none when the role is as the spec wants it.
	Steps []Step
}

// Empty says that there is nothing to do.
func (c Changes) Empty() bool { return len(c.Steps) == 0 }

// String prints the plan, one line for the role and one for each step.
func (c Changes) String() string {
	var b strings.Builder
	b.WriteString("role " + c.Name)
	if c.ARN != "" {
		b.WriteString(" (" + c.ARN + ")")
	}
	if c.Empty() {
		b.WriteString(": nothing to do")
	}
	for _, s := range c.Steps {
		sign := "+"
		if s.Removes {
			sign = "-"
		}
		fmt.Fprintf(&b, "\n  %s %s", sign, s.Text)
	}
	return b.String()
}

// Plan reads the role and says what [Ensure] would do now. It writes nothing.
//
// The caller needs iam:GetRole; iam:GetRolePolicy when the spec has inline policies, and
// iam:ListRolePolicies when it removes foreign ones; iam:ListAttachedRolePolicies when it has
// managed policies or removes foreign ones; iam:GetAccountSummary for a trust policy of more
// than [trust.DefaultSizeQuota] characters.
//
// Errors: every problem of the spec at once, among them what IAM would refuse of its trust
// policy (*[trust.InvalidError], *[trust.SizeError], *[DeletedPrincipalError]); [ErrOtherPath];
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
	changes, err := w.plan(ctx, api, &quota{})
	if err != nil {
		return fail(err)
	}
	return changes, nil
}

func (w wanted) plan(ctx context.Context, api Reader, q *quota) (Changes, error) {
	have, err := observe(ctx, api, w)
	if err != nil {
		return Changes{}, err
	}
	changes, err := w.compare(have)
	if err != nil {
		return Changes{}, err
	}
	for _, s := range changes.Steps {
		if s.Action == "iam:CreateRole" || s.Action == "iam:UpdateAssumeRolePolicy" {
			return changes, q.check(ctx, api, w.Trust)
		}
	}
	return changes, nil
}

// compare says how to get from have to w. A boundary narrows, so it comes first; then the
// trust policy, as it is what IAM refuses most often; then rights and tags; removals last.
func (w wanted) compare(have observed) (Changes, error) {
	c := Changes{Name: w.Name, Create: have.role == nil}
	var oldTags map[string]string
	if have.role == nil {
		if w.Trust == nil {
			return Changes{}, ErrNoTrust
		}
		c.Steps = []Step{createStep(w)}
		oldTags = w.Tags // they come with the creation
	} else {
		if err := w.checkRole(have.role); err != nil {
			return Changes{}, err
		}
		c.ARN = have.role.arn.String()
		c.Steps = w.compareRole(have.role)
		oldTags = have.role.tags
	}
	for _, name := range slices.Sorted(maps.Keys(w.InlinePolicies)) {
		document, exists := have.inline[name]
		if !exists || !sameJSON(document, w.InlinePolicies[name]) {
			c.Steps = append(c.Steps, putInlineStep(w.Name, name, w.InlinePolicies[name], exists))
		}
	}
	for _, policy := range iamcall.Minus(w.managed, have.attached) {
		c.Steps = append(c.Steps, attachStep(w.Name, policy))
	}
	set, foreign := iamcall.TagDiff(oldTags, w.Tags)
	if len(set) > 0 {
		c.Steps = append(c.Steps, tagStep(w.Name, set))
	}
	c.Steps = append(c.Steps, w.removals(have, foreign)...)
	return c, nil
}

// checkRole reports an existing role that cannot become what the spec says.
func (w wanted) checkRole(r *liveRole) error {
	if r.isProtected() {
		return ErrProtected
	}
	if w.Path != "" && w.Path != r.arn.Path {
		return fmt.Errorf("%w: it is under %q, the spec wants %q", ErrOtherPath, r.arn.Path, w.Path)
	}
	if err := r.home().check(w.orHome(r.home())); err != nil {
		return fmt.Errorf("the account of the spec, or of the providers in its trust policy: %w", err)
	}
	// What was checked against the spec's own account may have had none to check against.
	w.home = r.home()
	return w.checkManaged()
}

// orHome returns the spec's partition and account, and the role's where it says nothing.
func (w wanted) orHome(h home) (partition, accountID string) {
	if w.home.partition != "" {
		h.partition = w.home.partition
	}
	if w.home.accountID != "" {
		h.accountID = w.home.accountID
	}
	return h.partition, h.accountID
}

func (w wanted) compareRole(r *liveRole) []Step {
	var steps []Step
	if w.PermissionsBoundary != "" && w.PermissionsBoundary != r.boundary {
		steps = append(steps, boundaryStep(w, r.boundary))
	}
	description, session := r.description, r.maxSession
	if w.Description != "" {
		description = w.Description
	}
	if w.MaxSessionDuration != 0 {
		session = w.MaxSessionDuration
	}
	if description != r.description || session != r.maxSession {
		steps = append(steps, settingsStep(w, description, session))
	}
	if w.Trust != nil && (r.trust == nil || !r.trust.Equal(w.Trust)) {
		steps = append(steps, trustStep(w, r))
	}
	return steps
}

func (w wanted) removals(have observed, foreignTags []string) []Step {
	var steps []Step
	if w.ForeignManagedPolicies == Remove {
		for _, policy := range iamcall.Minus(have.attached, w.managed) {
			steps = append(steps, detachStep(w.Name, policy))
		}
	}
	if w.ForeignInlinePolicies == Remove {
		for _, name := range slices.Sorted(maps.Keys(have.inline)) {
			if _, ok := w.InlinePolicies[name]; !ok {
				steps = append(steps, deleteInlineStep(w.Name, name))
			}
		}
	}
	if w.ForeignTags == Remove && len(foreignTags) > 0 {
		steps = append(steps, untagStep(w.Name, foreignTags))
	}
	return steps
}
