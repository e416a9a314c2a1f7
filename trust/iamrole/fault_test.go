package iamrole_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/iamfault"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

func TestEnsureRetriesConcurrentModification(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		b.SetFault(trusttest.Fault{Failure: trusttest.ConcurrentModification, Actions: []string{"CreateRole", "PutRolePolicy"}, Times: 4})
		s := spec(t)
		s.InlinePolicies = map[string]string{"get": permit}
		r := b.ensure(t, s)
		assert.True(t, r.Created)
		assert.Len(t, r.Steps, 2)
	})
}

func TestACancelledContextLosesNothing(t *testing.T) {
	t.Parallel()
	before, after := full(t), full(t)
	before.Path = ""
	after.Path = ""
	after.Trust = policy(t, "a:one", "a:two")
	after.Description, after.PermissionsBoundary = "new", viewOnly
	after.InlinePolicies = map[string]string{"get": permitPut, "new": permit}
	after.ManagedPolicies, after.Tags = []string{ownPolicy}, map[string]string{"env": "c"}
	after.ForeignInlinePolicies, after.ForeignManagedPolicies, after.ForeignTags = iamrole.Remove, iamrole.Remove, iamrole.Remove
	for cut := 1; ; cut++ {
		b := newBox(t, trusttest.Config{})
		b.ensure(t, before)
		ctx, cancel := context.WithCancel(t.Context())
		writes := 0
		b.wire.After = func(action string) {
			if !strings.HasPrefix(action, "Get") && !strings.HasPrefix(action, "List") {
				if writes++; writes == cut {
					cancel()
				}
			}
		}
		r, err := iamrole.Ensure(ctx, b, after, iamrole.Config{Settle: -1})
		cancel()
		b.wire.After = nil
		if writes < cut {
			require.NoError(t, err)
			require.Greater(t, cut, 8, "the cuts went through every step")
			return
		}
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
			assert.Zero(t, r)
		}
		assert.True(t, b.admits(t, "a:one"), "who is admitted before and after is admitted in between")
		b.ensure(t, after)
		plan, err := iamrole.Plan(t.Context(), b, after)
		require.NoError(t, err)
		assert.True(t, plan.Empty(), plan.String())
	}
}

func TestEnsureDoesNotWaitForAPolicyThatIsNotThere(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.wire.Before = func(action string, _ url.Values) *iamfault.Refusal {
		if action == "AttachRolePolicy" {
			return &iamfault.Refusal{Status: 404, Code: "NoSuchEntity", Message: "Policy " + ownPolicy + " does not exist or is not attachable."}
		}
		return nil
	}
	s := spec(t)
	s.ManagedPolicies = []string{ownPolicy}
	start := time.Now()
	_, err := iamrole.Ensure(t.Context(), b, s, iamrole.Config{})
	var step *iamrole.StepError
	require.ErrorAs(t, err, &step)
	assert.Equal(t, "iam:AttachRolePolicy", step.Step.Action)
	require.Len(t, step.Done, 1)
	assert.ErrorContains(t, err, "done before: create role")
	assert.Less(t, time.Since(start), 10*time.Second)
}

func TestARoleThatIsNotSeenEverywhereYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		var missing atomic.Int32
		b.wire.Before = func(action string, _ url.Values) *iamfault.Refusal {
			if action != "CreateRole" && missing.Add(1) > 1 && missing.Load() < 6 {
				return &iamfault.Refusal{Status: 404, Code: "NoSuchEntity", Message: "The role with name reader cannot be found."}
			}
			return nil
		}
		s := spec(t)
		s.InlinePolicies = map[string]string{"get": permit}
		r := b.ensure(t, s)
		assert.True(t, r.Created)
		_, err := b.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: aws.String("reader"), PolicyName: aws.String("get")})
		assert.NoError(t, err)
	})
}

func TestManyEnsuresOfOneRoleAtOnceEndWithOneRole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		b.SetFault(trusttest.Fault{Latency: 10 * time.Millisecond})
		var wait sync.WaitGroup
		var created atomic.Int32
		for i := range 6 {
			wait.Go(func() {
				s := spec(t)
				s.InlinePolicies = map[string]string{fmt.Sprint("p", i): permit}
				r, err := iamrole.Ensure(t.Context(), b, s, iamrole.Config{})
				if assert.NoError(t, err) && r.Created {
					created.Add(1)
				}
			})
		}
		wait.Wait()
		assert.EqualValues(t, 1, created.Load())
		out, err := b.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: aws.String("reader")})
		require.NoError(t, err)
		assert.Len(t, out.PolicyNames, 6)
	})
}

func TestTheSDKsOwnRetriesCoverThrottling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		cfg := b.AWSConfig()
		cfg.Retryer = nil // the SDK's standard one
		b.SetFault(trusttest.Fault{Failure: trusttest.Throttling, Actions: []string{"CreateRole"}, Times: 2})
		r, err := iamrole.Ensure(t.Context(), iam.NewFromConfig(cfg), spec(t), iamrole.Config{})
		require.NoError(t, err)
		assert.True(t, r.Created)
		assert.Equal(t, 3, b.Calls("CreateRole"))
	})
}
