package iamprovider_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/trust/trusttest"
)

func TestConcurrentModificationIsRetriedAndEndsWithPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		b.SetFault(trusttest.Fault{Failure: trusttest.ConcurrentModification, Actions: []string{"CreateOpenIDConnectProvider"}, Times: 3})
		assert.True(t, b.ensure(t, spec(t)).Created)

		s := spec(t)
		s.ClientIDs = []string{"more"}
		b.SetFault(trusttest.Fault{Failure: trusttest.ConcurrentModification, Actions: []string{"AddClientIDToOpenIDConnectProvider"}})
		start := time.Now()
		r, err := iamprovider.Ensure(t.Context(), b, s, iamprovider.Config{Patience: 20 * time.Second})
		assert.Zero(t, r)
		var step *iamprovider.StepError
		require.ErrorAs(t, err, &step)
		assert.Equal(t, `add client id "more"`, step.Step.Text)
		assert.InDelta(t, 17.5, time.Since(start).Seconds(), 2.6, "bounded")
	})
}

func TestOtherFailuresAreNotRetried(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	for failure, code := range map[trusttest.Failure]string{trusttest.Throttling: "Throttling", trusttest.InternalFailure: "InternalFailure"} {
		b.SetFault(trusttest.Fault{Failure: failure})
		_, err := iamprovider.Ensure(t.Context(), b, spec(t), iamprovider.Config{})
		require.ErrorContains(t, err, "api error "+code)
	}
	assert.Equal(t, 2, b.Calls(""))
}

func TestACancelledContextLosesNothing(t *testing.T) {
	t.Parallel()
	s := spec(t)
	s.ClientIDs, s.Thumbprints = []string{"x", "y", "sts.amazonaws.com"}, []string{thumbB}
	s.Tags, s.Exact = map[string]string{"k": "v"}, true
	for cut := 1; ; cut++ {
		b := newBox(t, trusttest.Config{})
		b.ensure(t, spec(t))
		ctx, cancel := context.WithCancel(t.Context())
		writes := 0
		b.wire.After = func(action string) {
			if !strings.HasPrefix(action, "Get") {
				if writes++; writes == cut {
					cancel()
				}
			}
		}
		r, err := iamprovider.Ensure(ctx, b, s, iamprovider.Config{Settle: -1})
		cancel()
		b.wire.After = nil
		if writes < cut {
			require.NoError(t, err)
			require.Greater(t, cut, 4, "the cuts went through every step")
			return
		}
		if err != nil { // a cut behind the last write may come too late
			require.ErrorIs(t, err, context.Canceled)
			assert.Zero(t, r)
		}
		have := b.stored(t)
		assert.Contains(t, have.ClientIDList, "sts.amazonaws.com", "what worked before and after works in between")
		b.ensure(t, s)
		have = b.stored(t)
		assert.ElementsMatch(t, s.ClientIDs, have.ClientIDList)
		assert.Equal(t, s.Thumbprints, have.ThumbprintList)
	}
}

func TestManyEnsuresOfOneProviderAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		b.SetFault(trusttest.Fault{Latency: 10 * time.Millisecond})
		var wait sync.WaitGroup
		for i := range 5 {
			wait.Go(func() {
				s := spec(t)
				s.ClientIDs = []string{fmt.Sprint("client", i)}
				s.Thumbprints = []string{strings.Repeat(fmt.Sprint(i), 40)}
				s.Tags = map[string]string{fmt.Sprint("tag", i): ""}
				_, err := iamprovider.Ensure(t.Context(), b, s, iamprovider.Config{})
				assert.NoError(t, err)
			})
		}
		wait.Wait()
		have := b.stored(t)
		assert.Len(t, have.ClientIDList, 5)
		assert.Len(t, have.ThumbprintList, 5)
		assert.Len(t, have.Tags, 5)
	})
}

func TestAProviderOfAnotherURLUnderTheARNIsNotTouched(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, spec(t))
	b.wire.Writes()
	_, err := iamprovider.Ensure(t.Context(), otherURL{b.Client}, spec(t), iamprovider.Config{})
	require.ErrorIs(t, err, iamprovider.ErrOtherIssuer)
	assert.Empty(t, b.wire.Writes())
}

// otherURL is an IAM that folds the case of the ARN it is asked for.
type otherURL struct{ *iam.Client }

func (o otherURL) GetOpenIDConnectProvider(ctx context.Context, in *iam.GetOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.GetOpenIDConnectProviderOutput, error) {
	out, err := o.Client.GetOpenIDConnectProvider(ctx, in)
	if err == nil {
		out.Url = aws.String(strings.ToUpper(*out.Url))
	}
	return out, err
}
