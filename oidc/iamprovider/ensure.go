package iamprovider

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/irsa-go/irsa/internal/iamcall"
	"github.com/irsa-go/irsa/oidc"
)

// Result is what Ensure has done. It is a plain value.
type Result struct {
	// ARN is the provider's, for trust policies.
	ARN string
	// Created is true when this call created the provider.
	Created bool
	// Steps are the writes made, in order; none when nothing differed.
	Steps []Step
	// Warnings are those of the last plan: see [Changes].
	Warnings []oidc.Problem
	// Unconfirmed is true when thumbprints were written and IAM still answered with the old
	// ones afterwards: eventual consistency, or another writer who put them back.
	Unconfirmed bool
}

// Ensure makes the provider what spec says, with the fewest writes; a second call makes none.
// It may be called from several places at once, for the same provider too.
//
// The caller needs iam:GetOpenIDConnectProvider, and for the steps of [Plan]:
// iam:CreateOpenIDConnectProvider (with iam:TagOpenIDConnectProvider when there are tags),
// iam:AddClientIDToOpenIDConnectProvider, iam:UpdateOpenIDConnectProviderThumbprint,
// iam:TagOpenIDConnectProvider, and with Exact iam:RemoveClientIDFromOpenIDConnectProvider and
// iam:UntagOpenIDConnectProvider.
//
// Where an isolated partition cannot tag what it creates, the provider is created without and
// tagged then.
//
// Errors are those of Plan, and *[StepError] from the first write on.
func Ensure(ctx context.Context, api API, spec Spec, cfg Config) (Result, error) {
	w, err := spec.wanted()
	if err != nil {
		return Result{}, specError(spec, err)
	}
	if api == nil {
		return Result{}, specError(spec, ErrNoClient)
	}
	e := ensurer{api: api, wanted: w, cfg: cfg, patience: iamcall.NewPatience(cfg.Patience)}
	result, err := e.run(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("iamprovider: %s: %w", w.arn, err)
	}
	return result, nil
}

// ensurer is one call of Ensure.
type ensurer struct {
	api      API
	wanted   wanted
	cfg      Config
	patience *iamcall.Patience
	result   Result
}

func (e *ensurer) run(ctx context.Context) (Result, error) {
	e.result.ARN = e.wanted.arn
	for {
		done, failed, err := e.round(ctx)
		if done {
			return e.result, nil
		}
		if err != nil && isPassing(err) {
			err = e.patience.Wait(ctx, err)
		}
		if err != nil {
			return Result{}, e.stopped(failed, err)
		}
	}
}

// round looks at the provider and takes the steps that it needs. It is not done when what it
// met meanwhile calls for another look.
func (e *ensurer) round(ctx context.Context) (done bool, failed Step, err error) {
	have, changes, err := e.look(ctx)
	if err != nil {
		return false, Step{}, err
	}
	e.result.Warnings = changes.Warnings
	failed, err = e.apply(ctx, changes)
	if errors.Is(err, errUntagged) {
		return false, Step{}, nil
	}
	if err != nil {
		return false, failed, err
	}
	if !slices.ContainsFunc(changes.Steps, Step.isThumbprints) {
		return true, Step{}, nil
	}
	err = e.confirm(ctx, have)
	return err == nil, Step{}, err
}

func (e *ensurer) look(ctx context.Context) (observed, Changes, error) {
	have, err := observe(ctx, e.api, e.wanted)
	if err != nil {
		return observed{}, Changes{}, err
	}
	changes, err := compare(e.wanted, have)
	return have, changes, err
}

// apply takes the steps until one fails, and returns that one.
func (e *ensurer) apply(ctx context.Context, c Changes) (Step, error) {
	for _, s := range c.Steps {
		err := s.run(ctx, e.api)
		if err != nil && !errors.Is(err, errUntagged) {
			return s, err
		}
		e.result.Steps = append(e.result.Steps, s)
		e.result.Created = e.result.Created || c.Create
		if err != nil {
			return Step{}, err
		}
	}
	return Step{}, nil
}

// errReplaced says that another writer's list has come over ours.
var errReplaced = errors.New("another writer keeps replacing the thumbprints")

// isPassing recognises what another look at the provider may cure: it appeared meanwhile,
// vanished meanwhile or is not seen everywhere yet, or somebody edits it at the same moment.
func isPassing(err error) bool {
	return errors.Is(err, errReplaced) ||
		iamcall.Is(err, iamcall.EntityAlreadyExists, iamcall.NoSuchEntity, iamcall.ConcurrentModification)
}

// confirm reads again what became of the thumbprints.
func (e *ensurer) confirm(ctx context.Context, before observed) error {
	outcome, err := iamcall.Confirm(ctx, e.cfg.Settle, func(ctx context.Context) (iamcall.Outcome, error) {
		have, err := observe(ctx, e.api, e.wanted)
		if err != nil {
			return iamcall.NotYet, err
		}
		return e.judge(before.thumbprints, have.thumbprints), nil
	})
	e.result.Unconfirmed = outcome == iamcall.NotYet
	if outcome == iamcall.Lost {
		return errReplaced
	}
	return err
}

func (e *ensurer) judge(before, now []string) iamcall.Outcome {
	missing, foreign := iamcall.Minus(e.wanted.thumbprints, now), iamcall.Minus(now, e.wanted.thumbprints)
	switch {
	case len(missing) == 0 && (!e.wanted.exact || len(foreign) == 0):
		return iamcall.Kept
	case slices.Equal(before, now):
		return iamcall.NotYet
	}
	return iamcall.Lost
}

func (e *ensurer) stopped(failed Step, err error) error {
	if failed.Action == "" && len(e.result.Steps) == 0 {
		return err
	}
	return &StepError{Step: failed, Done: e.result.Steps, Err: err}
}
