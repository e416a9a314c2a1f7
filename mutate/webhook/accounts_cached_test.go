package webhook_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
)

var errBroken = errors.New("no answer")

const cachedRole, liveRole = "arn:aws:iam::111122223333:role/cached", "arn:aws:iam::111122223333:role/live"

func TestCachedAccountsAskTheAPIServerWhereTheCacheMayBeBehind(t *testing.T) {
	t.Parallel()
	nothing := func(context.Context, string, string) (*corev1.ServiceAccount, error) { return nil, nil }
	for name, c := range map[string]struct {
		cache, live webhook.AccountsFunc
		want        string
	}{
		"the cache has the role":        {annotated(cachedRole), failing(errBroken), cachedRole},
		"the cache has no account":      {failing(webhook.ErrNotFound), annotated(liveRole), liveRole},
		"the cache has no role yet":     {annotated(""), annotated(liveRole), liveRole},
		"the cache does not answer":     {failing(errBroken), annotated(liveRole), liveRole},
		"the cache answers nothing":     {nothing, annotated(liveRole), liveRole},
		"there is no role in either":    {annotated(""), annotated(""), ""},
		"the role was taken away since": {failing(webhook.ErrNotFound), annotated(""), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			accounts := webhook.CachedAccounts{Cache: c.cache, Live: c.live}
			got, err := accounts.ServiceAccount(t.Context(), "team-a", "reader")
			require.NoError(t, err)
			assert.Equal(t, c.want, got.Annotations["eks.amazonaws.com/role-arn"])

			m, err := mutate.New(mutate.Config{})
			require.NoError(t, err)
			h, err := webhook.New(m, accounts, webhook.Config{})
			require.NoError(t, err)
			_, review, _ := post(t, h, reviewOf("v1", pod))
			assert.Equal(t, c.want != "", len(review.Response.Patch) > 0)
		})
	}
}

func TestCachedAccountsReportWhatTheAPIServerSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		accounts webhook.CachedAccounts
		want     error
	}{
		"there is no account":          {webhook.CachedAccounts{Cache: failing(webhook.ErrNotFound), Live: failing(webhook.ErrNotFound)}, webhook.ErrNotFound},
		"no role, and it is down":      {webhook.CachedAccounts{Cache: annotated(""), Live: failing(errBroken)}, errBroken},
		"a role of another annotation": {webhook.CachedAccounts{Cache: annotated(cachedRole), Live: failing(errBroken), AnnotationDomain: "aws.example.com"}, errBroken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.accounts.ServiceAccount(t.Context(), "team-a", "reader")
			assert.ErrorIs(t, err, c.want)
		})
	}
	for _, half := range []webhook.CachedAccounts{{}, {Cache: annotated(role)}, {Live: annotated(role)}} {
		_, err := half.ServiceAccount(t.Context(), "team-a", "reader")
		assert.ErrorContains(t, err, "needs both Cache and Live")
	}
}
