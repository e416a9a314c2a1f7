package iamprovider_test

import (
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/iamfault"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/trust/trusttest"
)

func TestEnsureCreatesTheProviderOnceAndThenWritesNothing(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	s := spec(t)
	s.Thumbprints = []string{strings.ToUpper(thumbA), thumbA, thumbB}
	s.ClientIDs = []string{"sts.amazonaws.com", "other", "sts.amazonaws.com"}
	s.Tags = map[string]string{"team": "a", "cluster": "b"}

	r := b.ensure(t, s)
	assert.True(t, r.Created)
	assert.Equal(t, providerARN, r.ARN)
	assert.Equal(t, []string{"CreateOpenIDConnectProvider"}, b.wire.Writes())
	assert.Zero(t, b.Calls("ListOpenIDConnectProviders"))

	have := b.stored(t)
	assert.Equal(t, []string{"sts.amazonaws.com", "other"}, have.ClientIDList)
	assert.Equal(t, []string{thumbA, thumbB}, have.ThumbprintList)
	assert.Len(t, have.Tags, 2)

	b.wire.Writes()
	r = b.ensure(t, s)
	assert.False(t, r.Created)
	assert.Empty(t, r.Steps)
	assert.Empty(t, b.wire.Writes())
	s.Exact = true
	b.ensure(t, s)
	assert.Empty(t, b.wire.Writes())
}

func TestEnsureAddsByDefaultAndRemovesOnlyWhenExact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		first := spec(t)
		first.ClientIDs = []string{"old"}
		first.Tags = map[string]string{"old": "1", "both": "1"}
		b.ensure(t, first)
		b.wire.Writes()

		second := spec(t)
		second.ClientIDs = []string{"new"}
		second.Thumbprints = []string{thumbB}
		second.Tags = map[string]string{"both": "2"}
		plan, err := iamprovider.Plan(t.Context(), b, second)
		require.NoError(t, err)
		assert.Empty(t, b.wire.Writes(), "a plan writes nothing")
		assert.Equal(t, `OIDC provider `+providerARN+`
  + add client id "new"
  + add thumbprint "`+thumbB+`"
  + set tags "both"="2"
  ! foreign-thumbprint: the provider has the thumbprint "`+thumbA+`", which is not asked for; it stays`, plan.String())

		b.ensure(t, second)
		have := b.stored(t)
		assert.Equal(t, []string{"old", "new"}, have.ClientIDList)
		assert.Equal(t, []string{thumbA, thumbB}, have.ThumbprintList)
		assert.Len(t, have.Tags, 2)

		second.Exact = true
		b.wire.Writes()
		r := b.ensure(t, second)
		assert.Equal(t, []string{"UpdateOpenIDConnectProviderThumbprint", "RemoveClientIDFromOpenIDConnectProvider", "UntagOpenIDConnectProvider"}, b.wire.Writes())
		for _, step := range r.Steps {
			assert.True(t, step.Removes, step.Text)
		}
		have = b.stored(t)
		assert.Equal(t, []string{"new"}, have.ClientIDList)
		assert.Equal(t, []string{thumbB}, have.ThumbprintList)
		assert.Len(t, have.Tags, 1)
	})
}

func TestWithoutThumbprintsThoseThatAreThereStayEvenWhenExact(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, spec(t))
	b.wire.Writes()
	s := spec(t)
	s.Thumbprints, s.Exact = nil, true
	b.ensure(t, s)
	assert.Empty(t, b.wire.Writes())
	assert.Equal(t, []string{thumbA}, b.stored(t).ThumbprintList)
}

func TestClientIDsAreAddedBeforeAnyIsRemoved(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	s := spec(t)
	s.ClientIDs = []string{"old"}
	b.ensure(t, s)
	s.ClientIDs, s.Exact = []string{"new"}, true
	b.wire.Writes()
	fewest := 9
	b.wire.After = func(action string) {
		if action == "GetOpenIDConnectProvider" {
			return
		}
		out, err := iam.NewFromConfig(b.AWSConfig()).GetOpenIDConnectProvider(t.Context(), &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(providerARN)})
		if assert.NoError(t, err) {
			fewest = min(fewest, len(out.ClientIDList))
		}
	}
	b.ensure(t, s)
	assert.Equal(t, []string{"AddClientIDToOpenIDConnectProvider", "RemoveClientIDFromOpenIDConnectProvider"}, b.wire.Writes())
	assert.Equal(t, 1, fewest, "never without an audience")
}

func TestEnsureAdoptsAProviderThatAppearsMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		other := iam.NewFromConfig(b.AWSConfig())
		var once atomic.Bool
		b.wire.Before = func(action string, _ url.Values) *iamfault.Refusal {
			if action == "CreateOpenIDConnectProvider" && once.CompareAndSwap(false, true) {
				s := spec(t)
				s.ClientIDs = []string{"theirs"}
				_, err := iamprovider.Ensure(t.Context(), other, s, iamprovider.Config{})
				assert.NoError(t, err)
			}
			return nil
		}
		r := b.ensure(t, spec(t))
		assert.False(t, r.Created)
		assert.Equal(t, []string{"theirs", "sts.amazonaws.com"}, b.stored(t).ClientIDList)
	})
}

func TestTwoWritersOfThumbprintsLoseNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		b.ensure(t, spec(t))
		other := iam.NewFromConfig(b.AWSConfig())
		done := make(chan error, 1)
		var once atomic.Bool
		b.wire.Before = func(action string, _ url.Values) *iamfault.Refusal {
			if action == "UpdateOpenIDConnectProviderThumbprint" && once.CompareAndSwap(false, true) {
				// The other writer reads what we have read, and writes just before us.
				s := spec(t)
				s.Thumbprints = []string{thumbC}
				go func() {
					_, err := iamprovider.Ensure(t.Context(), other, s, iamprovider.Config{})
					done <- err
				}()
				synctest.Wait()
			}
			return nil
		}
		s := spec(t)
		s.Thumbprints = []string{thumbB}
		r := b.ensure(t, s)
		require.NoError(t, <-done)
		assert.False(t, r.Unconfirmed)
		assert.ElementsMatch(t, []string{thumbA, thumbB, thumbC}, b.stored(t).ThumbprintList)
	})
}

func TestAnIsolatedPartitionThatCannotTagOnCreateIsTaggedAfterwards(t *testing.T) {
	t.Parallel()
	for partition, works := range map[string]bool{"aws-iso-b": true, "aws": false} {
		b := newBox(t, trusttest.Config{Partition: partition})
		b.wire.Before = func(action string, form url.Values) *iamfault.Refusal {
			if action == "CreateOpenIDConnectProvider" && form.Has("Tags.member.1.Key") {
				return &iamfault.Refusal{Status: 403, Code: "AccessDenied", Message: "tagging is not supported"}
			}
			return nil
		}
		s := spec(t)
		s.Partition, s.Tags = partition, map[string]string{"a": "b"}
		r, err := iamprovider.Ensure(t.Context(), b, s, iamprovider.Config{})
		if !works {
			var step *iamprovider.StepError
			require.ErrorAs(t, err, &step)
			assert.Equal(t, "iam:CreateOpenIDConnectProvider", step.Step.Action)
			assert.Equal(t, []string{"CreateOpenIDConnectProvider"}, b.wire.Writes(), "no second attempt with less")
			continue
		}
		require.NoError(t, err)
		assert.True(t, r.Created)
		assert.Equal(t, []string{"CreateOpenIDConnectProvider", "CreateOpenIDConnectProvider", "TagOpenIDConnectProvider"}, b.wire.Writes())
		out, err := b.GetOpenIDConnectProvider(t.Context(), &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String(r.ARN)})
		require.NoError(t, err)
		assert.Len(t, out.Tags, 1)
	}
}
