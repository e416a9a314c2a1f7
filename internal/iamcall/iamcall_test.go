package iamcall_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/iamcall"
)

func answer(code, message string) error {
	return fmt.Errorf("operation error IAM: %w", &smithy.GenericAPIError{Code: code, Message: message})
}

func TestCodesAreReadFromTypedAndPlainErrors(t *testing.T) {
	t.Parallel()
	assert.Equal(t, iamcall.NoSuchEntity, iamcall.Code(&types.NoSuchEntityException{}))
	assert.Equal(t, iamcall.ConcurrentModification, iamcall.Code(&types.ConcurrentModificationException{}))
	assert.Equal(t, "Validation", iamcall.Code(answer("ValidationException", "")))
	assert.Empty(t, iamcall.Code(errors.New("NoSuchEntity")))
	assert.Empty(t, iamcall.Code(nil))
	assert.False(t, iamcall.Is(nil, ""))
	assert.True(t, iamcall.IsInvalidPrincipal(answer("MalformedPolicyDocument", `Invalid principal in policy: "AWS":"x"`)))
	assert.False(t, iamcall.IsInvalidPrincipal(answer("MalformedPolicyDocument", "Syntax errors in policy.")))
	assert.True(t, iamcall.IsTagOnCreateRefused("aws-iso-b", answer("AccessDenied", "")))
	assert.False(t, iamcall.IsTagOnCreateRefused("aws-us-gov", answer("AccessDenied", "")))
	assert.False(t, iamcall.IsTagOnCreateRefused("aws-iso", answer("EntityAlreadyExists", "")))
	assert.True(t, iamcall.IsProviderMissing(answer("InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://x")))
	assert.False(t, iamcall.IsProviderMissing(answer("InvalidIdentityToken", "Incorrect token audience")))
}

func TestPatienceIsBoundedAndGrows(t *testing.T) {
	t.Parallel()
	cause := answer("ConcurrentModification", "again")
	for limit, bound := range map[time.Duration]time.Duration{0: time.Minute, 3 * time.Second: 3 * time.Second, -1: 0} {
		synctest.Test(t, func(t *testing.T) {
			p, start, waits := iamcall.NewPatience(limit), time.Now(), 0
			var err error
			for err == nil {
				waits++
				err = p.Wait(t.Context(), cause)
			}
			assert.Equal(t, cause, err, "what was waited for is returned as it is")
			assert.LessOrEqual(t, time.Since(start), bound)
			assert.GreaterOrEqual(t, time.Since(start), bound-6*time.Second)
			assert.Less(t, waits, 30, "not a busy loop")
		})
	}
}

func TestAContextEndsTheWaitAndBothReasonsAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shutdown := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(shutdown)
		cause := answer("ConcurrentModification", "again")
		err := iamcall.NewPatience(0).Wait(ctx, cause)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, shutdown)
		assert.True(t, iamcall.Is(err, iamcall.ConcurrentModification))
	})
}

func TestConfirmReadsUntilItKnows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reads []iamcall.Outcome
		want  iamcall.Outcome
		took  time.Duration
	}{
		"kept at once":   {[]iamcall.Outcome{iamcall.Kept}, iamcall.Kept, 500 * time.Millisecond},
		"old, then kept": {[]iamcall.Outcome{iamcall.NotYet, iamcall.Kept}, iamcall.Kept, 1500 * time.Millisecond},
		"old, then lost": {[]iamcall.Outcome{iamcall.NotYet, iamcall.NotYet, iamcall.Lost}, iamcall.Lost, 3500 * time.Millisecond},
		"old for ever":   {[]iamcall.Outcome{0, 0, 0, iamcall.Kept}, iamcall.NotYet, 3500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start, i := time.Now(), 0
				got, err := iamcall.Confirm(t.Context(), 0, func(context.Context) (iamcall.Outcome, error) {
					i++
					return c.reads[i-1], nil
				})
				require.NoError(t, err)
				assert.Equal(t, c.want, got)
				assert.Equal(t, c.took, time.Since(start))
			})
		})
	}
	got, err := iamcall.Confirm(t.Context(), -1, nil)
	require.NoError(t, err)
	assert.Equal(t, iamcall.Kept, got)
}

func TestTagDiff(t *testing.T) {
	t.Parallel()
	set, foreign := iamcall.TagDiff(
		map[string]string{"same": "1", "other": "1", "Case": "1", "aws:own": "1", "z": "", "y": ""},
		map[string]string{"same": "1", "other": "2", "case": "1", "new": ""},
	)
	assert.Equal(t, map[string]string{"other": "2", "case": "1", "new": ""}, set)
	assert.Equal(t, []string{"y", "z"}, foreign, "AWS's own tags are nobody's to remove, and IAM folds the case of keys")
	tags := map[string]string{"b": "1", "a": "2"}
	assert.Equal(t, tags, iamcall.TagMap(iamcall.Tags(tags)))
	assert.Equal(t, `tags "a"="2", "b"="1"`, iamcall.QuotedTags("tags ", tags))
}
