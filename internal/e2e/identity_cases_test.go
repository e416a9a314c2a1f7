package e2e_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/internal/identitycases"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/admissionpolicy"
	"github.com/irsa-go/irsa/mutate/webhook"
)

// notForThePolicy are the cases that Required judges otherwise than the webhook, and why: exact, so
// that no other is passed over in silence.
var notForThePolicy = map[string]string{
	"our volume for another audience": "it does not know which audience the account asks for",
}

// identityCases are the pods of the one table, each with an account of its own: annotated or not.
func identityCases(t *testing.T, c *testCluster, namespace, mountPath string) map[string]*corev1.Pod {
	t.Helper()
	c.namespace(t, namespace, map[string]string{"group": namespace})
	c.account(t, namespace, "annotated", map[string]string{"eks.amazonaws.com/role-arn": identitycases.RoleARN})
	c.account(t, namespace, "plain", nil)
	pods := map[string]*corev1.Pod{}
	for _, each := range identitycases.CasesAt(mountPath) {
		pod := &corev1.Pod{}
		require.NoError(t, json.Unmarshal([]byte(each.Pod), pod))
		pod.Namespace, pod.Spec.ServiceAccountName = namespace, "plain"
		if each.Annotated {
			pod.Spec.ServiceAccountName = "annotated"
		}
		pods[each.Name] = pod
	}
	return pods
}

func TestTheWebhookRequiresAnIdentityByTheOneTable(t *testing.T) {
	t.Parallel()
	b := newWebhookBench(t, mutate.EKS("eu-central-1"), webhook.Config{})
	pods := identityCases(t, b.testCluster, "table", mutate.DefaultMountPath)
	for _, c := range identitycases.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			_, err := b.dryRun(t.Context(), pods[c.Name])
			assertAdmitted(t, c.Admitted, err, "the pod requires an AWS identity")
		})
	}
}

func TestThePolicyRequiresAnIdentityByTheOneTable(t *testing.T) {
	t.Parallel()
	b := &policyBench{testCluster: startCluster(t, cluster.Config{})}
	for name, mountPath := range map[string]string{"table": mutate.DefaultMountPath, "table-in-run": "/run/aws"} {
		t.Run(name, func(t *testing.T) { requireByTheOneTable(t, b, name, mountPath) })
	}
}

// TestTheRuleRequiresAnIdentityByTheOneTable: pods of accounts that are annotated in the table ask for
// their role by rule here. Both policies lie on the API server's disk, and nothing is waited for.
func TestTheRuleRequiresAnIdentityByTheOneTable(t *testing.T) {
	t.Parallel()
	cfg := mutate.EKS("eu-central-1")
	cfg.RoleRule = rule
	policies, err := admissionpolicy.New(cfg, admissionpolicy.Config{})
	require.NoError(t, err)
	required, err := policies.Required().Static()
	require.NoError(t, err)
	b := &policyBench{testCluster: startCluster(t, onDisk(t, map[string][]any{
		"MutatingAdmissionPolicy": staticInjection(t, policies), "ValidatingAdmissionPolicy": {required.Policy, required.Binding},
	}))}
	pods := identityCases(t, b.testCluster, "table", mutate.DefaultMountPath)
	for _, pod := range pods {
		if pod.Spec.ServiceAccountName == "annotated" {
			maps.Copy(pod.Labels, asksByRule)
		}
	}
	b.assertOneTable(t, pods)
}

func requireByTheOneTable(t *testing.T, b *policyBench, name, mountPath string) {
	t.Helper()
	cfg := mutate.EKS("eu-central-1")
	cfg.MountPath = mountPath
	policies := b.inject(t, name, cfg)
	pods := identityCases(t, b.testCluster, name, mountPath)
	b.validate(t, name, policies.Required())
	b.settled(t, name, cfg)
	eventually(t, "requirement in force", func() bool {
		_, err := b.dryRun(t.Context(), pods["nothing, and no role"])
		return err != nil
	})
	b.assertOneTable(t, pods)
}

func (b *policyBench) assertOneTable(t *testing.T, pods map[string]*corev1.Pod) {
	t.Helper()
	for _, c := range identitycases.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			_, err := b.dryRun(t.Context(), pods[c.Name])
			_, otherwise := notForThePolicy[c.Name]
			assertAdmitted(t, c.Admitted != otherwise, err, "have no AWS identity")
		})
	}
}

// TestADebuggerHasAnIdentityWhereOneIsRequired: one that is added to a pod without the volume of the
// token is refused, by the webhook and by the policy.
func TestADebuggerHasAnIdentityWhereOneIsRequired(t *testing.T) {
	t.Parallel()
	b := &policyBench{testCluster: startCluster(t, cluster.Config{})}
	policies := b.inject(t, "debug", mutate.Config{})
	b.account(t, "debug", "app", map[string]string{"eks.amazonaws.com/role-arn": testRole})
	b.account(t, "debug", "nobody", nil)
	b.settled(t, "debug", mutate.Config{})
	b.validate(t, "debug", policies.Required())
	eventually(t, "requirement in force", func() bool {
		_, err := b.dryRun(t.Context(), racer("debug", "nobody", requiresIdentity))
		return err != nil
	})
	b.assertDebuggers(t, "debug")

	w := newWebhookBench(t, mutate.Config{}, webhook.Config{})
	w.namespace(t, "debug", nil)
	w.account(t, "debug", "app", map[string]string{"eks.amazonaws.com/role-arn": testRole})
	w.assertDebuggers(t, "debug")
}

func (c *testCluster) assertDebuggers(t *testing.T, namespace string) {
	t.Helper()
	for _, labels := range []map[string]string{nil, {"eks.amazonaws.com/skip-pod-identity-webhook": ""}} {
		pod, err := c.create(t.Context(), racer(namespace, "app", labels))
		require.NoError(t, err)
		pod, err = c.updateEphemeral(t.Context(), pod, corev1.EphemeralContainerCommon{Name: "before", Image: "debug"})
		require.NoError(t, err)
		pod.Labels = requiresIdentity
		pod, err = c.client.CoreV1().Pods(namespace).Update(t.Context(), pod, metav1.UpdateOptions{})
		require.NoError(t, err)
		_, err = c.updateEphemeral(t.Context(), pod, corev1.EphemeralContainerCommon{Name: "after", Image: "debug"})
		if labels == nil {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "AWS identity", "the pod has no volume")
		assert.ErrorContains(t, err, "after")
		assert.NotContains(t, err.Error(), "before")
	}
}

// TestTheRequirementDoesNotSeeAProxy: where the webhook knows that the agent is out of reach, the policy
// does not.
func TestTheRequirementDoesNotSeeAProxy(t *testing.T) {
	t.Parallel()
	proxied := func(namespace string) *corev1.Pod {
		pod := racer(namespace, "plain", requiresIdentity)
		pod.Spec.InitContainers = nil
		containerEnv(mutate.EnvCredentialsURI, mutate.PodIdentityURI, mutate.EnvCredentialsAuth, "/own/token", "HTTP_PROXY", "http://proxy.example.com")(pod)
		return pod
	}
	w := newWebhookBench(t, mutate.Config{}, webhook.Config{})
	w.namespace(t, "proxy", nil)
	w.account(t, "proxy", "plain", nil)
	_, err := w.dryRun(t.Context(), proxied("proxy"))
	assert.ErrorContains(t, err, "the pod requires an AWS identity")

	b := &policyBench{testCluster: startCluster(t, cluster.Config{})}
	policies := b.inject(t, "proxy", mutate.Config{})
	b.account(t, "proxy", "plain", nil)
	b.validate(t, "proxy", policies.Required())
	eventually(t, "requirement in force", func() bool {
		_, err := b.dryRun(t.Context(), racer("proxy", "plain", requiresIdentity))
		return err != nil
	})
	_, err = b.dryRun(t.Context(), proxied("proxy"))
	assert.NoError(t, err)
}

func assertAdmitted(t *testing.T, want bool, err error, refusal string) {
	t.Helper()
	if want {
		assert.NoError(t, err)
		return
	}
	assert.ErrorContains(t, err, refusal)
}
