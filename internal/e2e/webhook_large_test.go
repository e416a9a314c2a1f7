package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
)

// TestTheWebhookAnswersEveryPodThatEtcdStores sends pods that the API server makes six times as large
// on their way to the webhook, as protobuf: as JSON they would exceed what it reads itself.
func TestTheWebhookAnswersEveryPodThatEtcdStores(t *testing.T) {
	t.Parallel()
	b := newWebhookBench(t, mutate.EKS("eu-central-1"), webhook.Config{})
	b.namespace(t, "large", nil)
	b.account(t, "large", "app", map[string]string{"eks.amazonaws.com/role-arn": testRole})
	b.account(t, "large", "nobody", nil)
	cfg := b.RESTConfig()
	cfg.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(cfg)
	require.NoError(t, err)
	protobuf := &testCluster{Cluster: b.Cluster, client: client}

	for name, change := range map[string]func(*corev1.Pod){
		"1.3 MiB of what JSON writes as six bytes": func(p *corev1.Pod) {
			p.Spec.Containers[0].Env = env("PAGE", strings.Repeat("<", 1_300_000))
		},
		"50 containers of 300 variables": func(p *corev1.Pod) {
			p.Spec.Containers = largePods("large", "app")["50 containers of 300 variables"].Spec.Containers
		},
	} {
		t.Run(name, func(t *testing.T) {
			pod := racer("large", "app", requiresIdentity)
			change(pod)
			got, err := protobuf.create(t.Context(), pod)
			require.NoError(t, err)
			assertInjected(t, got, testRole)

			pod = racer("large", "nobody", nil)
			change(pod)
			before := b.reviews.Load()
			got, err = protobuf.create(t.Context(), pod)
			require.NoError(t, err, "an account without a role is not denied for its pod's size")
			assert.False(t, hasVolume(got))
			assert.Greater(t, b.reviews.Load(), before)
		})
	}
}

// TestTheWebhookAnswersPodsThatAreNestedAsDeepAsTheAPIServerSends: it reads 10,000 levels, which only
// managedFields can have, and puts two around them. What is deeper it cannot send to any webhook, and
// the failure policy decides.
func TestTheWebhookAnswersPodsThatAreNestedAsDeepAsTheAPIServerSends(t *testing.T) {
	t.Parallel()
	for version, binary := range binaries {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			b := newWebhookBenchAt(t, startClusterOf(t, binary, cluster.Config{}), mutate.EKS("eu-central-1"), webhook.Config{})
			b.namespace(t, "deep", nil)
			b.account(t, "deep", "app", map[string]string{"eks.amazonaws.com/role-arn": testRole})
			b.account(t, "deep", "nobody", nil)
			for _, levels := range []int{9_998, 9_999, 10_000} {
				got, err := b.create(t.Context(), nested(racer("deep", "app", requiresIdentity), levels))
				require.NoError(t, err, levels)
				assertInjected(t, got, testRole)
				got, err = b.create(t.Context(), nested(racer("deep", "nobody", nil), levels))
				require.NoError(t, err, "an account without a role is not denied for its pod's shape")
				assert.False(t, hasVolume(got))
			}
			before := b.reviews.Load()
			_, err := b.create(t.Context(), nested(racer("deep", "app", requiresIdentity), 10_001))
			assert.ErrorContains(t, err, "failed calling webhook")
			got, err := b.create(t.Context(), nested(racer("deep", "app", nil), 10_001))
			require.NoError(t, err)
			assert.False(t, hasVolume(got))
			assert.Equal(t, before, b.reviews.Load(), "the webhook was not called")
		})
	}
}

// nested gives the pod so many levels as JSON.
func nested(pod *corev1.Pod, levels int) *corev1.Pod {
	levels -= 5 // the pod, its metadata, the list, the entry, and the innermost
	pod.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: "deep", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(strings.Repeat(`{"f:a":`, levels) + "{}" + strings.Repeat("}", levels)),
	}}
	return pod
}
