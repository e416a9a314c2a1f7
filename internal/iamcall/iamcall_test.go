package iamcall_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

func TestTagsAreComparedWithoutCaseAndAWSsOwnStay(t *testing.T) {
	t.Parallel()
	have := map[string]string{"a": "1", "B": "1", "old": "1", "aws:x": "1"}
	want := map[string]string{"a": "2", "b": "1"}
	change, err := iamcall.CompareTags(have, want, true)
	require.NoError(t, err)
	assert.Equal(t, iamcall.TagChange{Set: want, Last: []string{"old"}}, change)
	change, err = iamcall.CompareTags(have, want, false)
	require.NoError(t, err)
	assert.Equal(t, iamcall.TagChange{Set: want}, change)
	assert.Equal(t, have, iamcall.TagMap(iamcall.Tags(have)))
	assert.Equal(t, `tags "a"="2", "b"="1"`, iamcall.QuotedTags("tags ", want))
}

func numbered(prefix string, n int) map[string]string {
	tags := map[string]string{}
	for i := range n {
		tags[fmt.Sprintf("%s%02d", prefix, i)] = ""
	}
	return tags
}

func TestTagsMakeRoomOnlyWhereTheyMust(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		have, want int
		exact      bool
		first      int // removed before
		last       int // removed afterwards
		over       int // of the *LimitError
	}{
		"room for both":              {25, 25, true, 0, 25, 0},
		"no room for both":           {25, 26, true, 25, 0, 0},
		"both full":                  {50, 50, true, 50, 0, 0},
		"full, and the rest stays":   {50, 1, false, 0, 0, 51},
		"full with nothing to add":   {50, 0, false, 0, 0, 0},
		"exactly full without exact": {25, 25, false, 0, 0, 0},
	} {
		change, err := iamcall.CompareTags(numbered("old", c.have), numbered("new", c.want), c.exact)
		if c.over > 0 {
			var limit *iamcall.LimitError
			require.ErrorAs(t, err, &limit, name)
			assert.Equal(t, iamcall.LimitError{Field: "Tags", Count: c.over, Message: "The number of tags has reached the maximum limit."}, *limit, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Len(t, change.First, c.first, name)
		assert.Len(t, change.Last, c.last, name)
		assert.Len(t, change.Set, c.want, name)
	}
}

func TestTagsThatIAMRefusesAreReported(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tags map[string]string
		want string
	}{
		"no key":             {map[string]string{"": "x"}, "its key has 0 characters"},
		"a long key":         {map[string]string{strings.Repeat("k", 129): ""}, "its key has 129 characters"},
		"a long value":       {map[string]string{"k": strings.Repeat("v", 257)}, "its value has 257 characters"},
		"AWS's own":          {map[string]string{"AWS:k": ""}, "AWS's own"},
		"a key in two cases": {map[string]string{"k": "", "K": ""}, "does not tell keys apart by case"},
		"a comma in a key":   {map[string]string{"a,b": ""}, "characters other than"},
		"a line in a value":  {map[string]string{"k": "a\nb"}, "characters other than"},
		"a star in a value":  {map[string]string{"k": "*"}, "characters other than"},
		"broken UTF-8":       {map[string]string{"k": "\xff"}, "characters other than"},
		"one too many":       {numbered("k", 51), "51 tags, at most 50"},
	} {
		assert.ErrorContains(t, iamcall.CheckTags(c.tags), c.want, name)
	}
	assert.NoError(t, iamcall.CheckTags(map[string]string{"Kosten stelle": "Größe_.:/=+-@ 7", strings.Repeat("ü", 128): strings.Repeat("ł", 256)}))
	assert.NoError(t, iamcall.CheckTags(numbered("k", 50)))
}

// call is a write that does what f does.
func call(name string, f func() error) iamcall.Write[int] {
	return iamcall.Write[int]{Step: iamcall.Step{Action: "iam:" + name, Text: name}, Run: func(context.Context, int) error { return f() }}
}

func TestConvergeLooksAgainUntilAPlanIsCarriedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		passing, looks := errors.New("passing"), 0
		steps, err := iamcall.Converge[int]{
			Patience: iamcall.NewPatience(time.Minute),
			Passing:  func(err error) bool { return errors.Is(err, passing) },
			Plan: func(context.Context) ([]iamcall.Write[int], error) {
				looks++
				switch looks {
				case 1:
					return nil, passing
				case 2:
					return []iamcall.Write[int]{call("a", func() error { return nil }), call("b", func() error { return passing })}, nil
				case 3:
					return []iamcall.Write[int]{call("c", func() error { return &iamcall.Unfinished{} }), call("never", nil)}, nil
				case 4:
					return []iamcall.Write[int]{call("d", func() error { return &iamcall.Unfinished{Cause: errors.New("replaced")} }), call("never", nil)}, nil
				}
				return nil, nil
			},
		}.Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 5, looks)
		assert.Equal(t, "iamcall:\n  + a\n  + c\n  + d", iamcall.PlanText("iamcall:", steps))
	})
}

func TestConvergeSaysWhereItStopped(t *testing.T) {
	t.Parallel()
	final := errors.New("final")
	run := func(writes []iamcall.Write[int], err error) ([]iamcall.Step, error) {
		return iamcall.Converge[int]{
			Patience: iamcall.NewPatience(-1), Passing: func(error) bool { return false },
			Plan: func(context.Context) ([]iamcall.Write[int], error) { return writes, err },
		}.Run(t.Context())
	}
	steps, err := run(nil, final)
	assert.Nil(t, steps)
	assert.Equal(t, final, err, "nothing was done, so there is no step to name")

	fine := call("fine", func() error { return nil })
	steps, err = run([]iamcall.Write[int]{fine, fine, call("bad", func() error { return final })}, nil)
	assert.Nil(t, steps)
	var step *iamcall.StepError
	require.ErrorAs(t, err, &step)
	require.ErrorIs(t, err, final)
	assert.Equal(t, "iam:bad", step.Step.Action)
	assert.EqualError(t, err, "bad: final (done before: fine; fine)")

	replaced := errors.New("replaced")
	_, err = run([]iamcall.Write[int]{call("kept", func() error { return &iamcall.Unfinished{Cause: replaced} })}, nil)
	require.ErrorIs(t, err, replaced)
	assert.EqualError(t, err, "replaced (done before: kept)", "a write that was made is not what failed")
}
