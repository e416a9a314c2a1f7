package iamprovider

import (
	"context"
	"fmt"

	"github.com/irsa-go/irsa/internal/iamcall"
	"github.com/irsa-go/irsa/oidc"
)

// Result is what Ensure has done. It is a plain value.
type Result struct {
	// ARN is the provider's. For a trust policy, trust.ParseProviderARN reads it.
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
// In an isolated partition, which may be unable to tag what it creates, the provider is created
// without tags and tagged afterwards.
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
	e := &ensurer{API: api, wanted: w, cfg: cfg, result: Result{ARN: w.arn}}
	e.result.Steps, err = iamcall.Converge[*ensurer]{
		Client: e, Patience: iamcall.NewPatience(cfg.Patience), Passing: isPassing, Plan: e.plan,
	}.Run(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("iamprovider: %s: %w", w.arn, err)
	}
	return e.result, nil
}

// ensurer is one call of Ensure.
type ensurer struct {
	API
	wanted wanted
	cfg    Config
	result Result
}

func (e *ensurer) plan(ctx context.Context) ([]write, error) {
	have, err := observe(ctx, e, e.wanted)
	if err != nil {
		return nil, err
	}
	c, err := compare(e.wanted, have)
	e.result.Warnings = c.warnings
	return c.writes, err
}

// isPassing recognises what another look at the provider may cure: it appeared meanwhile,
// vanished meanwhile or is not seen everywhere yet, or somebody edits it at the same moment.
func isPassing(err error) bool {
	return iamcall.Is(err, iamcall.EntityAlreadyExists, iamcall.NoSuchEntity, iamcall.ConcurrentModification)
}
