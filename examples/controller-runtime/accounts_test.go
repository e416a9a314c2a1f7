package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

const role = "eks.amazonaws.com/role-arn"

func account(roleARN string) *corev1.ServiceAccount {
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "app"}}
	if roleARN != "" {
		sa.Annotations = map[string]string{role: roleARN}
	}
	return sa
}

func readerOf(objects ...client.Object) client.Reader {
	return fake.NewClientBuilder().WithObjects(objects...).Build()
}

// broken is a cache that has not synced in time, or an API server that is down.
type broken struct{ client.Reader }

var errBroken = errors.New("no answer")

func (broken) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errBroken
}

func TestAccountsAsksTheAPIServerWhereTheCacheMayBeBehind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cached, live client.Reader
		want         string
	}{
		"the cache has the role":        {readerOf(account("cached")), broken{}, "cached"},
		"the cache has no account":      {readerOf(), readerOf(account("live")), "live"},
		"the cache has no role yet":     {readerOf(account("")), readerOf(account("live")), "live"},
		"the cache does not answer":     {broken{}, readerOf(account("live")), "live"},
		"there is no role in either":    {readerOf(account("")), readerOf(account("")), ""},
		"the role was taken away since": {readerOf(), readerOf(account("")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := accounts{c.cached, c.live, role}.ServiceAccount(t.Context(), "team-a", "app")
			require.NoError(t, err)
			assert.Equal(t, c.want, got.Annotations[role])
			assert.Equal(t, "app", got.Name)
		})
	}
}

func TestAccountsReportsWhatTheAPIServerSays(t *testing.T) {
	t.Parallel()
	_, err := accounts{readerOf(), readerOf(), role}.ServiceAccount(t.Context(), "team-a", "app")
	assert.True(t, apierrors.IsNotFound(err), "the webhook waits for such an account, when it is told to")
	_, err = accounts{readerOf(account("")), broken{}, role}.ServiceAccount(t.Context(), "team-a", "app")
	assert.ErrorIs(t, err, errBroken, "an account without a role is not believed while the API server is down")
}

func TestThePrintedManifestsAreBoth(t *testing.T) {
	t.Parallel()
	var printed strings.Builder
	require.NoError(t, printManifests(&printed, options{service: types.NamespacedName{Namespace: "kube-system", Name: "irsa"}}))
	assert.Equal(t, 2, strings.Count(printed.String(), "kind: MutatingWebhookConfiguration"))
	assert.Contains(t, printed.String(), "failurePolicy: Fail")
	assert.Contains(t, printed.String(), "failurePolicy: Ignore")
}
