package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/admissionpolicy"
)

const testRole = "arn:aws:iam::111122223333:role/app"

// policyBench is an API server with policies beside one without.
type policyBench struct {
	*testCluster
	expectation *expectation
}

func newPolicyBench(t *testing.T) *policyBench {
	t.Helper()
	return &policyBench{
		testCluster: startCluster(t, cluster.Config{}),
		expectation: &expectation{plain: startCluster(t, cluster.Config{})},
	}
}

// inject applies the injection of a configuration to the namespaces with the label group=NAME, makes
// one, NAME, and waits until a pod there is injected.
func (b *policyBench) inject(t *testing.T, name string, cfg mutate.Config) *admissionpolicy.Policies {
	t.Helper()
	policies, err := admissionpolicy.New(cfg, admissionpolicy.Config{Name: name})
	require.NoError(t, err)
	injection := policies.Injection()
	injection.Binding.Spec.MatchResources = inGroup(name)
	b.apply(t, injection)
	b.namespace(t, name, map[string]string{"group": name})
	return policies
}

func (b *policyBench) apply(t *testing.T, injection admissionpolicy.Injection) {
	t.Helper()
	admission := b.client.AdmissionregistrationV1()
	_, err := admission.MutatingAdmissionPolicies().Create(t.Context(), injection.Policy, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = admission.MutatingAdmissionPolicyBindings().Create(t.Context(), injection.Binding, metav1.CreateOptions{})
	require.NoError(t, err)
}

// validate applies a validating policy to the namespaces of the group.
func (b *policyBench) validate(t *testing.T, group string, v admissionpolicy.Validation) {
	t.Helper()
	v.Binding.Spec.MatchResources = inGroup(group)
	admission := b.client.AdmissionregistrationV1()
	_, err := admission.ValidatingAdmissionPolicies().Create(t.Context(), v.Policy, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = admission.ValidatingAdmissionPolicyBindings().Create(t.Context(), v.Binding, metav1.CreateOptions{})
	require.NoError(t, err)
}

// settled waits until the API server's caches have every account made in the namespace so far: watches
// keep their order, so that one that is made now comes last.
func (b *policyBench) settled(t *testing.T, namespace string, cfg mutate.Config) {
	t.Helper()
	b.account(t, namespace, "zz-probe", map[string]string{cfg.AnnotationKey(mutate.AnnotationRoleARN): testRole})
	probe := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "probe"},
		Spec:       corev1.PodSpec{ServiceAccountName: "zz-probe", Containers: []corev1.Container{{Name: "app", Image: "app"}}},
	}
	eventually(t, "policy of "+namespace+" in force", func() bool {
		pod, err := b.dryRun(t.Context(), probe)
		return err == nil && roleOf(pod.Spec.Containers, "app") == testRole
	})
}

// TestThePolicyMakesThePodsThatTheLibraryMakes sends the corpus and the project's own pods through the
// policy.
func TestThePolicyMakesThePodsThatTheLibraryMakes(t *testing.T) {
	t.Parallel()
	b := newPolicyBench(t)
	cfg := mutate.EKS("eu-central-1")
	b.inject(t, "pods", cfg)
	account := b.account(t, "pods", "app", map[string]string{cfg.AnnotationKey(mutate.AnnotationRoleARN): testRole})
	b.settled(t, "pods", cfg)
	b.expectation.ensure(t, "pods", "app")
	injected := 0
	for _, m := range manifests(t) {
		t.Run(m.name, func(t *testing.T) {
			pod := prepared(m, "pods", "app")
			if refusal := refusedAsTheyAre[m.name]; refusal != "" {
				_, err := b.expectation.plain.dryRun(t.Context(), pod)
				require.ErrorContains(t, err, refusal)
				return
			}
			want := b.expectation.of(t, cfg, account, pod)
			got, err := b.dryRun(t.Context(), pod)
			require.NoError(t, err)
			assertSamePod(t, want, got)
			if hasVolume(got) {
				injected++
			}
		})
	}
	assert.Positive(t, injected)
}

// TestThePolicyMakesTheRecordedPods sends the pods with recorded results of the EKS webhook through
// policies of their configurations.
func TestThePolicyMakesTheRecordedPods(t *testing.T) {
	t.Parallel()
	cases := recorded(t)
	b := newPolicyBench(t)
	groups := map[mutateKey]string{}
	for _, c := range cases {
		if _, there := groups[c.key()]; !there {
			groups[c.key()] = fmt.Sprintf("recorded-%d", len(groups))
			b.inject(t, groups[c.key()], c.config())
		}
	}
	accounts := make([]*corev1.ServiceAccount, len(cases))
	for i, c := range cases {
		accounts[i] = b.account(t, groups[c.key()], c.Name, c.ServiceAccountAnnotations)
	}
	for key, group := range groups {
		b.settled(t, group, mutate.Config{Region: key.region, MountPath: key.mountPath})
	}
	for i, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			pod := prepared(manifest{name: c.Name, pod: &c.Pod}, groups[c.key()], c.Name)
			for label, value := range pod.Labels { // some are there for their characters, and no label's
				pod.Labels[label] = strings.ReplaceAll(value, "~", "-")
			}
			got, err := b.dryRun(t.Context(), pod)
			require.NoError(t, err)
			assertSamePod(t, b.expectation.of(t, c.config(), accounts[i], pod), got)
		})
	}
}

func hasVolume(pod *corev1.Pod) bool {
	for _, v := range pod.Spec.Volumes {
		if v.Name == mutate.VolumeName {
			return true
		}
	}
	return false
}

// TestNoPodGetsInUnmutatedWhereAnIdentityIsRequired creates pods at the same moment as their accounts,
// which the injection alone would miss now and then.
func TestNoPodGetsInUnmutatedWhereAnIdentityIsRequired(t *testing.T) {
	t.Parallel()
	b := newPolicyBench(t)
	policies := b.inject(t, "race", mutate.Config{})
	b.validate(t, "race", policies.Required())
	b.settled(t, "race", mutate.Config{})
	required := map[string]string{"eks.amazonaws.com/" + mutate.LabelRequireIdentity: mutate.LabelRequireIdentityValue}
	b.account(t, "race", "nobody", nil)
	eventually(t, "requirement in force", func() bool {
		_, err := b.dryRun(t.Context(), racer("race", "nobody", required))
		return err != nil
	})

	const times = 200
	admitted, denied, missed := 0, 0, 0
	for i := range times {
		name := fmt.Sprintf("account-%03d", i)
		for first := true; ; first = false {
			if first {
				b.account(t, "race", name, map[string]string{"eks.amazonaws.com/role-arn": testRole})
			}
			pod, err := b.create(t.Context(), racer("race", name, required))
			if err != nil { // its controller tries again
				require.ErrorContains(t, err, "have no AWS identity")
				denied++
				continue
			}
			admitted++
			assertInjected(t, pod, testRole)
			break
		}
		// The same without the label, for the record: what the race lets through.
		unlabelled := fmt.Sprintf("unlabelled-%03d", i)
		b.account(t, "race", unlabelled, map[string]string{"eks.amazonaws.com/role-arn": testRole})
		pod, err := b.create(t.Context(), racer("race", unlabelled, nil))
		require.NoError(t, err)
		if !hasVolume(pod) {
			missed++
		}
	}
	assert.Equal(t, times, admitted)
	t.Logf("of %d labelled pods, %d were denied first and none got in unmutated; of as many without the label %d did", times, denied, missed)
}

func racer(namespace, account string, labels map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: account + "-", Labels: labels},
		Spec: corev1.PodSpec{
			ServiceAccountName: account,
			InitContainers:     []corev1.Container{{Name: "init", Image: "init"}},
			Containers:         []corev1.Container{{Name: "app", Image: "app"}},
		},
	}
}

// updateEphemeral adds an ephemeral container to a pod that is there.
func (c *testCluster) updateEphemeral(ctx context.Context, pod *corev1.Pod, container corev1.EphemeralContainerCommon) (*corev1.Pod, error) {
	changed := pod.DeepCopy()
	changed.Spec.EphemeralContainers = append(changed.Spec.EphemeralContainers, corev1.EphemeralContainer{EphemeralContainerCommon: container})
	return c.client.CoreV1().Pods(pod.Namespace).UpdateEphemeralContainers(ctx, pod.Name, changed, metav1.UpdateOptions{})
}
