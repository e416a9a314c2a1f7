package iamrole_test

import (
	"context"
	"errors"
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
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

func TestGrantAndRevokeChangeTheLiveRoleAndNothingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		s := spec(t)
		// What other tools have written stays, in their own words.
		foreign := `{"Sid":"Theirs+","Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com"]},"Action":"sts:AssumeRole"}`
		foreign = strings.Replace(foreign, "Theirs+", "Theirs", 1)
		document, err := trust.Parse([]byte(strings.Replace(s.Trust.Document(), `"Statement":[`, `"Statement":[`+foreign+",", 1)))
		require.NoError(t, err)
		s.Trust = document
		b.ensure(t, s)
		b.wire.Writes()

		e, err := iamrole.Grant(t.Context(), b, "reader", grant(t, "a:two"), iamrole.Config{})
		require.NoError(t, err)
		assert.Equal(t, roleARN, e.ARN)
		assert.True(t, e.Changed)
		assert.False(t, e.Unconfirmed)
		assert.True(t, e.Before.Equal(document))
		assert.True(t, e.After.Equal(b.trust(t)))
		assert.True(t, b.admits(t, "a:one") && b.admits(t, "a:two"))
		assert.Contains(t, b.trust(t).Document(), foreign)
		assert.Equal(t, []string{"UpdateAssumeRolePolicy"}, b.wire.Writes())

		e, err = iamrole.Grant(t.Context(), b, "reader", grant(t, "a:two"), iamrole.Config{})
		require.NoError(t, err)
		assert.False(t, e.Changed)
		assert.Same(t, e.Before, e.After)
		assert.Empty(t, b.wire.Writes())

		e, err = iamrole.Revoke(t.Context(), b, "reader", grant(t, "a:one", "a:two"), iamrole.Config{})
		require.NoError(t, err)
		assert.True(t, e.Changed)
		assert.False(t, b.admits(t, "a:one") || b.admits(t, "a:two"))
		assert.Equal(t, `{"Version":"2012-10-17","Statement":[`+foreign+`]}`, b.trust(t).Document())
	})
}

func TestRevokeOfTheLastGrantLeavesARoleThatAdmitsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		b.ensure(t, spec(t))
		for range 2 { // the second time there is nothing to revoke
			e, err := iamrole.Revoke(t.Context(), b, "reader", grant(t, "a:one"), iamrole.Config{})
			require.NoError(t, err)
			assert.False(t, e.Unconfirmed)
			assert.False(t, b.admits(t, "a:one"))
			assert.NotContains(t, b.trust(t).Document(), `"Allow"`)
			require.NoError(t, b.trust(t).Validate())
		}
		_, err := iamrole.Grant(t.Context(), b, "reader", grant(t, "a:two"), iamrole.Config{})
		require.NoError(t, err, "what stands in its place is in nobody's way")
		assert.True(t, b.admits(t, "a:two"))
	})
}

func TestEditsThatWouldNotDoWhatTheySayAreRefused(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	g := grant(t)
	pattern, err := trust.ParsePattern("system:serviceaccount:a:*")
	require.NoError(t, err)
	g.Patterns = []trust.Pattern{pattern}
	document, err := trust.New(g)
	require.NoError(t, err)
	b.ensure(t, iamrole.Spec{Name: "reader", Trust: document})
	b.wire.Writes()

	var edit *trust.EditError
	_, err = iamrole.Revoke(t.Context(), b, "reader", grant(t, "a:one"), iamrole.Config{})
	require.ErrorAs(t, err, &edit)
	_, err = iamrole.Grant(t.Context(), b, "reader", grant(t), iamrole.Config{})
	require.ErrorAs(t, err, &edit)
	_, err = iamrole.Grant(t.Context(), b, "reader", trust.Grant{}, iamrole.Config{})
	require.ErrorContains(t, err, "trust: WithGrant: the grant names nobody")
	_, err = iamrole.Grant(t.Context(), b, "missing", grant(t, "a:one"), iamrole.Config{})
	require.ErrorIs(t, err, iamrole.ErrNotFound)
	_, err = iamrole.Grant(t.Context(), b, "not a name", grant(t, "a:one"), iamrole.Config{})
	require.ErrorContains(t, err, `role name "not a name"`)
	assert.Empty(t, b.wire.Writes())
}

// The other writer reads what we have read, and writes in the moment before us: IAM would let
// our write undo theirs without a word.
func TestTwoWritersOfOneTrustPolicyLoseNothing(t *testing.T) {
	t.Parallel()
	edits := map[string]func(context.Context, box, *iam.Client) error{
		"grant": func(ctx context.Context, b box, c *iam.Client) error {
			_, err := iamrole.Grant(ctx, c, "reader", grant(t, "a:theirs"), iamrole.Config{})
			return err
		},
		"revoke": func(ctx context.Context, b box, c *iam.Client) error {
			_, err := iamrole.Revoke(ctx, c, "reader", grant(t, "a:one"), iamrole.Config{})
			return err
		},
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBox(t, trusttest.Config{})
				s := spec(t)
				s.Trust = policy(t, "a:zero", "a:one")
				b.ensure(t, s)
				done := make(chan error, 1)
				var once atomic.Bool
				b.wire.Before = func(action string, _ url.Values) *iamfault.Refusal {
					if action == "UpdateAssumeRolePolicy" && once.CompareAndSwap(false, true) {
						go func() { done <- edit(t.Context(), b, b.direct()) }()
						synctest.Wait()
					}
					return nil
				}
				_, err := iamrole.Grant(t.Context(), b, "reader", grant(t, "a:ours"), iamrole.Config{})
				require.NoError(t, err)
				require.NoError(t, <-done)
				assert.True(t, b.admits(t, "a:zero"))
				assert.True(t, b.admits(t, "a:ours"))
				assert.Equal(t, name == "grant", b.admits(t, "a:theirs"))
				assert.Equal(t, name == "grant", b.admits(t, "a:one"))
			})
		})
	}
}

func TestManyWritersAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		b.ensure(t, spec(t))
		b.SetFault(trusttest.Fault{Latency: 20 * time.Millisecond, Actions: []string{"UpdateAssumeRolePolicy"}})
		const writers = 8
		var wait sync.WaitGroup
		for i := range writers {
			wait.Go(func() {
				_, err := iamrole.Grant(t.Context(), b, "reader", grant(t, fmt.Sprintf("a:w%d", i)), iamrole.Config{})
				assert.NoError(t, err)
			})
		}
		wait.Wait()
		for i := range writers {
			assert.True(t, b.admits(t, fmt.Sprintf("a:w%d", i)), i)
		}
		assert.True(t, b.admits(t, "a:one"))
	})
}

func TestGrantRetriesConcurrentModificationFromAFreshRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		b.ensure(t, spec(t))
		var once atomic.Bool
		b.wire.Before = func(action string, _ url.Values) *iamfault.Refusal {
			if action != "UpdateAssumeRolePolicy" || !once.CompareAndSwap(false, true) {
				return nil
			}
			_, err := b.direct().UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{
				RoleName: aws.String("reader"), PolicyDocument: aws.String(policy(t, "a:one", "a:theirs").Document()),
			})
			assert.NoError(t, err)
			return &iamfault.Refusal{Status: 409, Code: "ConcurrentModification", Message: "again, please"}
		}
		_, err := iamrole.Grant(t.Context(), b, "reader", grant(t, "a:ours"), iamrole.Config{})
		require.NoError(t, err)
		assert.True(t, b.admits(t, "a:theirs") && b.admits(t, "a:ours"))
	})
}

func TestAnOldReadIsNotTakenForALostEdit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		b.ensure(t, spec(t))
		b.wire.Writes()
		b.wire.Inner = rewrite{b.Transport(), b.trust(t).Document()} // as it was, for ever
		e, err := iamrole.Grant(t.Context(), b, "reader", grant(t, "a:two"), iamrole.Config{})
		require.NoError(t, err)
		assert.True(t, e.Changed)
		assert.True(t, e.Unconfirmed)
		assert.Equal(t, []string{"UpdateAssumeRolePolicy"}, b.wire.Writes(), "written once")
		assert.True(t, b.admits(t, "a:two"))

		r, err := iamrole.Ensure(t.Context(), b, iamrole.Spec{Name: "reader", Trust: policy(t, "a:three")}, iamrole.Config{})
		require.NoError(t, err)
		assert.True(t, r.Unconfirmed)
		assert.True(t, b.admits(t, "a:three"))
	})
}

func TestACancelledEditLeavesTheOldPolicyOrTheNew(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"GetRole", "UpdateAssumeRolePolicy"} {
		for _, after := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				b := newBox(t, trusttest.Config{})
				b.ensure(t, spec(t))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if after {
					b.wire.After = func(a string) {
						if a == action {
							cancel()
						}
					}
				} else {
					b.wire.Before = func(a string, _ url.Values) *iamfault.Refusal {
						if a == action {
							cancel()
						}
						return nil
					}
				}
				e, err := iamrole.Grant(ctx, b, "reader", grant(t, "a:two"), iamrole.Config{})
				require.ErrorIs(t, err, context.Canceled)
				assert.Zero(t, e)
				b.wire.Before, b.wire.After = nil, nil
				assert.True(t, b.admits(t, "a:one"))
				_, err = iamrole.Grant(t.Context(), b, "reader", grant(t, "a:two"), iamrole.Config{})
				require.NoError(t, err)
				assert.True(t, b.admits(t, "a:two"))
			})
		}
	}
}

func TestADeadlineEndsTheWaitForAPrincipal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		b.ensure(t, spec(t))
		b.wire.Before = func(action string, _ url.Values) *iamfault.Refusal {
			if action != "UpdateAssumeRolePolicy" {
				return nil
			}
			return &iamfault.Refusal{Status: 400, Code: "MalformedPolicyDocument", Message: "Invalid principal in policy"}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := iamrole.Grant(ctx, b, "reader", grant(t, "a:two"), iamrole.Config{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "Invalid principal in policy", "the reason for waiting is told")
		assert.Equal(t, 3*time.Second, time.Since(start))
	})
}

func TestThePercentSignAndThePlusOfALiveDocumentSurvive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		s := spec(t)
		document, err := trust.Parse([]byte(strings.Replace(s.Trust.Document(), `"Statement":[`,
			`"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"a+b%2B c"}}},`, 1)))
		require.NoError(t, err)
		s.Trust = document
		b.ensure(t, s)
		_, err = iamrole.Grant(t.Context(), b, "reader", grant(t, "a:two"), iamrole.Config{})
		require.NoError(t, err)
		assert.Contains(t, b.trust(t).Document(), `"a+b%2B c"`)
		b.wire.Writes()
		_, err = iamrole.Grant(t.Context(), b, "reader", grant(t, "a:two"), iamrole.Config{})
		require.NoError(t, err)
		assert.Empty(t, b.wire.Writes())
	})
}

func TestEditTrustWritesWhatItsFunctionMakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		b.ensure(t, spec(t))
		b.wire.Writes()
		pods := func(p *trust.Policy) (*trust.Policy, error) { return p.WithPodIdentity(trust.PodIdentityGrant{}) }
		for _, want := range []bool{true, false} {
			e, err := iamrole.EditTrust(t.Context(), b, "reader", pods, iamrole.Config{})
			require.NoError(t, err)
			assert.Equal(t, want, e.Changed)
		}
		assert.Equal(t, []string{"UpdateAssumeRolePolicy"}, b.wire.Writes())
		assert.True(t, b.admits(t, "a:one"))

		refusal := errors.New("not that one")
		_, err := iamrole.EditTrust(t.Context(), b, "reader", func(*trust.Policy) (*trust.Policy, error) { return nil, refusal }, iamrole.Config{})
		require.ErrorIs(t, err, refusal)
		assert.Empty(t, b.wire.Writes())
	})
}
