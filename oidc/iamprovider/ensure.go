package iamprovider

import (
	"context"
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
		have, changes, err := e.look(ctx)
		if err != nil {
			return Result{}, e.stopped(Step{}, err)
		}
		e.result.Warnings = changes.Warnings
		if changes.Empty() {
			return e.result, nil
		}
		failed, err := e.apply(ctx, changes)
		if err == nil {
			done, err := e.finished(ctx, have, changes)
			if err != nil {
				return Result{}, e.stopped(Step{}, err)
			}
			if done {
				return e.result, nil
			}
			err = fmt.Errorf("another writer keeps replacing the thumbprints")
			if err := e.patience.Wait(ctx, err); err != nil {
				return Result{}, e.stopped(Step{}, err)
			}
			continue
		}
		if !isPassing(err) {
			return Result{}, e.stopped(failed, err)
		}
		if err := e.patience.Wait(ctx, err); err != nil {
			return Result{}, e.stopped(failed, err)
		}
	}
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
		if err := s.run(ctx, e.api); err != nil {
			return s, err
		}
		e.result.Steps = append(e.result.Steps, s)
		e.result.Created = e.result.Created || c.Create
	}
	return Step{}, nil
}

// isPassing recognises what another look at the provider may cure: it appeared meanwhile,
// vanished meanwhile or is not seen everywhere yet, or somebody edits it at the same moment.
func isPassing(err error) bool {
	return iamcall.Is(err, iamcall.EntityAlreadyExists, iamcall.NoSuchEntity, iamcall.ConcurrentModification)
}

// finished says whether all steps have worked out, or another round is needed.
func (e *ensurer) finished(ctx context.Context, before observed, c Changes) (bool, error) {
	if !slices.ContainsFunc(c.Steps, func(s Step) bool { return s.Action == "iam:UpdateOpenIDConnectProviderThumbprint" }) {
		return true, nil
	}
	outcome, err := iamcall.Confirm(ctx, e.cfg.Settle, func(ctx context.Context) (iamcall.Outcome, error) {
		have, err := observe(ctx, e.api, e.wanted)
		if err != nil {
			return iamcall.NotYet, err
		}
		return e.judge(before.thumbprints, have.thumbprints), nil
	})
	e.result.Unconfirmed = outcome == iamcall.NotYet
	return outcome != iamcall.Lost, err
}

func (e *ensurer) judge(before, now []string) iamcall.Outcome {
	missing, foreign := minus(e.wanted.thumbprints, now), minus(now, e.wanted.thumbprints)
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
