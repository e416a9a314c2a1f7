package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/irsa-go/irsa/mutate/webhook"
)

func TestTheCacheAndTheAPIServerAreReadThroughTheirClients(t *testing.T) {
	t.Parallel()
	fresh := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Namespace: "team-a", Name: "app", Annotations: map[string]string{"eks.amazonaws.com/role-arn": "live"},
	}}
	stale := fresh.DeepCopy()
	stale.Annotations = nil
	accounts := webhook.CachedAccounts{
		Cache: get(fake.NewClientBuilder().WithObjects(stale).Build()),
		Live:  get(fake.NewClientBuilder().WithObjects(fresh).Build()),
	}
	got, err := accounts.ServiceAccount(t.Context(), "team-a", "app")
	require.NoError(t, err)
	assert.Equal(t, fresh.Annotations, got.Annotations)
	_, err = accounts.ServiceAccount(t.Context(), "team-a", "other")
	assert.True(t, apierrors.IsNotFound(err), "the webhook waits for such an account, when it is told to")
}

func TestThePrintedManifestsAreComplete(t *testing.T) {
	t.Parallel()
	var printed strings.Builder
	require.NoError(t, printManifests(&printed, options{port: 9443, service: types.NamespacedName{Namespace: "kube-system", Name: "irsa"}}))
	assert.Equal(t, 2, strings.Count(printed.String(), "kind: MutatingWebhookConfiguration"))
	for _, part := range []string{"failurePolicy: Fail", "failurePolicy: Ignore", "kind: ClusterRole\n", "kind: Service\n", "kind: Certificate\n", "targetPort: 9443"} {
		assert.Contains(t, printed.String(), part)
	}
}
