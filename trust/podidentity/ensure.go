package podidentity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/irsa-go/irsa/internal/iamcall"
)

// Codes of EKS's errors, without "Exception".
const (
	codeNotFound         = "ResourceNotFound"
	codeInUse            = "ResourceInUse"
	codeInvalidParameter = "InvalidParameter"
)

// Step is one write to EKS.
type Step = iamcall.Step

// StepError reports the step at which Ensure stopped. What was done before stays done and is
// right by itself; the next Ensure goes on from there.
type StepError = iamcall.StepError

type write = iamcall.Write[API]

// Config says how to deal with EKS. The zero value is fine.
type Config struct {
	// Patience is how long in all to wait for a role that EKS does not see yet and for changes of
	// others that are under way; 0: a minute, less than 0: not at all.
	Patience time.Duration
}

// Changes are what Ensure would do. It is a plain value.
type Changes struct {
	// Association is the association as it is now; zero when it does not exist.
	Association Association
	// Steps are the writes, in order; none when the association is as the spec wants it.
	Steps []Step
	// Warnings say why the association would not work, or would admit more than it says. There are
	// none about a role whose trust policy the spec does not have.
	Warnings []Warning
	target   Target
}

// Empty says that nothing is to be changed.
func (c Changes) Empty() bool { return len(c.Steps) == 0 }

// String prints the plan: a line for the association, one for each step and each warning.
func (c Changes) String() string {
	text := iamcall.PlanText(c.target.String(), c.Steps)
	for _, w := range c.Warnings {
		text += "\n  ! " + w.String()
	}
	return text
}

// Plan reads the association and says what [Ensure] would do now. It writes nothing.
// The caller needs what [Read] needs.
//
// Errors: every problem of the spec at once; [ErrOwned]; what EKS answers.
func Plan(ctx context.Context, api Reader, spec Spec) (Changes, error) {
	fail := func(err error) (Changes, error) {
		return Changes{}, fmt.Errorf("podidentity: %s: %w", spec.Target, err)
	}
	c, err := spec.check()
	if err != nil {
		return fail(err)
	}
	if api == nil {
		return fail(ErrNoClient)
	}
	have, writes, err := spec.plan(ctx, api, c)
	if err != nil {
		return fail(err)
	}
	return Changes{Association: *have, Steps: iamcall.Steps(writes), Warnings: spec.judge(c, have.ExternalID), target: spec.Target}, nil
}

// Result is what Ensure has done. It is a plain value.
type Result struct {
	// Association is the association as it is now.
	Association Association
	// Created is true when this call created it.
	Created bool
	// Steps are the writes made, in order; none when nothing differed.
	Steps []Step
	// Warnings are as in [Changes], with the external id known.
	Warnings []Warning
}

// Ensure makes the association what spec says, with the fewest writes; a second call makes none.
// An association that is there already is adopted. It may be called from several places at once,
// for the same service account too.
//
// The caller needs what [Plan] needs, and eks:CreatePodIdentityAssociation,
// eks:UpdatePodIdentityAssociation, eks:TagResource, with Remove eks:UntagResource, and iam:GetRole
// and iam:PassRole on the role.
//
// Retried within [Config].Patience: a role that EKS does not see yet, and an association that
// appears or goes meanwhile. Errors are those of Plan, and *[StepError] from the first write on.
func Ensure(ctx context.Context, api API, spec Spec, cfg Config) (Result, error) {
	fail := func(err error) (Result, error) { return Result{}, fmt.Errorf("podidentity: %s: %w", spec.Target, err) }
	c, err := spec.check()
	if err != nil {
		return fail(err)
	}
	if api == nil {
		return fail(ErrNoClient)
	}
	var have *Association
	steps, err := iamcall.Converge[API]{
		Client: api, Patience: iamcall.NewPatience(cfg.Patience), Passing: isSettling,
		Plan: func(ctx context.Context) (writes []write, err error) {
			have, writes, err = spec.plan(ctx, api, c)
			return writes, err
		},
	}.Run(ctx)
	if err != nil {
		return fail(err)
	}
	created := slices.ContainsFunc(steps, func(s Step) bool { return s.Action == createAction })
	return Result{Association: *have, Created: created, Steps: steps, Warnings: spec.judge(c, have.ExternalID)}, nil
}

// isSettling recognises what another look may cure: a race with another writer, and a role that
// IAM knows and EKS does not see yet.
func isSettling(err error) bool {
	return iamcall.Is(err, codeInUse, codeNotFound) ||
		iamcall.Is(err, codeInvalidParameter) && strings.Contains(err.Error(), "Role provided in the request does not exist")
}

// Delete deletes the association of a service account; it is not an error when there is none. Pods
// keep the credentials that they have until those expire, and get no new ones.
// The caller needs what [Read] needs, and eks:DeletePodIdentityAssociation.
//
// Errors: [ErrOwned], what is wrong with the target, what EKS answers.
func Delete(ctx context.Context, api Deleter, t Target) error {
	fail := func(err error) error { return fmt.Errorf("podidentity: %s: delete: %w", t, err) }
	c, err := t.check()
	if err != nil {
		return fail(err)
	}
	if api == nil {
		return fail(ErrNoClient)
	}
	have, err := find(ctx, api, c, t)
	if err != nil || have == nil {
		return wrapped(err, fail)
	}
	if have.OwnerARN != "" {
		return fail(fmt.Errorf("%w, %s", ErrOwned, have.OwnerARN))
	}
	_, err = api.DeletePodIdentityAssociation(ctx, &eks.DeletePodIdentityAssociationInput{ClusterName: &c.Name, AssociationId: &have.ID})
	if iamcall.Is(err, codeNotFound) {
		err = nil
	}
	return wrapped(err, fail)
}

func wrapped(err error, wrap func(error) error) error {
	if err == nil {
		return nil
	}
	return wrap(err)
}
