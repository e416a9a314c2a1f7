package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/admissionpolicy"
	"github.com/irsa-go/irsa/mutate/webhook"
)

var (
	rule       = mutate.RoleRule{AccountID: "111122223333", NamePrefix: "blue_"}
	asksByRule = map[string]string{"eks.amazonaws.com/role-by-rule": "true"}
)

// onDisk is a cluster's configuration with these objects on its disk, by the plugin that reads them.
func onDisk(t *testing.T, objects map[string][]any) cluster.Config {
	t.Helper()
	dir := t.TempDir()
	config := "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n"
	for plugin, values := range objects {
		folder := filepath.Join(dir, plugin)
		require.NoError(t, os.Mkdir(folder, 0o700))
		config += fmt.Sprintf("- name: %[1]s\n  configuration:\n    apiVersion: apiserver.config.k8s.io/v1\n    kind: %[1]sConfiguration\n    staticManifestsDir: %[2]s\n", plugin, folder)
		for i, value := range values {
			document, err := json.Marshal(value)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.json", i)), document, 0o600))
		}
	}
	file := filepath.Join(dir, "admission.yaml")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	return cluster.Config{ExtraFlags: []string{"--admission-control-config-file=" + file}}
}

// staticRule is the injection by rule, from the API server's disk.
func staticRule(t *testing.T, cfg mutate.Config) cluster.Config {
	t.Helper()
	policies, err := admissionpolicy.New(cfg, admissionpolicy.Config{})
	require.NoError(t, err)
	return onDisk(t, map[string][]any{"MutatingAdmissionPolicy": staticInjection(t, policies)})
}

func staticInjection(t *testing.T, policies *admissionpolicy.Policies) []any {
	t.Helper()
	injection, err := policies.InjectionByRule()
	require.NoError(t, err)
	injection, err = injection.Static()
	require.NoError(t, err)
	return []any{injection.Policy, injection.Binding}
}

// TestTheRuleOnDiskIsInForceBeforeTheFirstPod: nothing is applied and nothing is waited for. The roles
// are the library's, whatever the length of their names.
func TestTheRuleOnDiskIsInForceBeforeTheFirstPod(t *testing.T) {
	t.Parallel()
	cfg := mutate.EKS("eu-central-1")
	cfg.RoleRule = rule
	b := &policyBench{testCluster: startCluster(t, staticRule(t, cfg)), expectation: &expectation{plain: startCluster(t, cluster.Config{})}}
	long := strings.Repeat("n", 30) + strings.Repeat("m", 33)
	for _, names := range [][2]string{
		{"team-a", "app"}, {"team-a", "app.v1"}, {"n", strings.Repeat("a", 57)}, {"n", strings.Repeat("a", 58)},
		{long, strings.Repeat("a.", 60) + "b"}, {long, strings.Repeat("a", 253)}, {long, "x"},
	} {
		b.namespace(t, names[0], nil)
		b.account(t, names[0], names[1], nil)
		pod := racer(names[0], names[1], asksByRule)
		pod.Name, pod.GenerateName = "app", ""
		got, err := b.dryRun(t.Context(), pod)
		require.NoError(t, err)
		role, err := rule.ARN(names[0], names[1])
		require.NoError(t, err)
		assertInjected(t, got, role)
		assertSamePod(t, b.expectation.byRule(t, cfg, pod), got)

		pod.Labels = nil
		got, err = b.dryRun(t.Context(), pod)
		require.NoError(t, err)
		assert.False(t, hasVolume(got), "it does not ask")
	}
	for range 100 { // names of all lengths, for which the role alone is compared
		namespace, account := randomName(63, "-"), randomName(253, "-.")
		b.namespace(t, namespace, nil)
		b.account(t, namespace, account, nil)
		pod := racer(namespace, account, asksByRule)
		pod.Name, pod.GenerateName = "app", ""
		got, err := b.dryRun(t.Context(), pod)
		require.NoError(t, err)
		role, err := rule.ARN(namespace, account)
		require.NoError(t, err)
		assertInjected(t, got, role)
	}
	policies, err := b.client.AdmissionregistrationV1().MutatingAdmissionPolicies().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Empty(t, policies.Items, "it is not in the API, where it could be changed")
}

// randomName is a name of up to most characters, with those between between letters.
func randomName(most int, between string) string {
	var b strings.Builder
	for n := 2 + rand.IntN(most-2); b.Len() < n; {
		if b.Len() > 0 && b.Len() < n-1 && rand.IntN(4) == 0 {
			b.WriteByte(between[rand.IntN(len(between))])
		}
		b.WriteByte('a' + byte(rand.IntN(26)))
	}
	return b.String()[:min(most, b.Len())]
}

// TestTheRuleMissesNoPodThatIsAsNewAsItsAccount creates 1,000 pods, each at the same moment as its
// account. The API server itself refuses a pod whose account it does not find, and is asked again then.
func TestTheRuleMissesNoPodThatIsAsNewAsItsAccount(t *testing.T) {
	t.Parallel()
	c := startCluster(t, staticRule(t, mutate.Config{RoleRule: rule}))
	c.namespace(t, "race", nil)
	const times, atOnce = 1000, 16
	var next, injected, again atomic.Int64
	var group sync.WaitGroup
	for range atOnce {
		group.Go(func() {
			for i := next.Add(1); i <= times; i = next.Add(1) {
				refused, err := c.race(t.Context(), fmt.Sprintf("account-%04d", i))
				again.Add(refused)
				if assert.NoError(t, err) {
					injected.Add(1)
				}
			}
		})
	}
	group.Wait()
	assert.EqualValues(t, times, injected.Load())
	t.Logf("%d pods at the same moment as their accounts, %d injected; the API server itself refused %d times for want of the account",
		times, injected.Load(), again.Load())
}

// race creates an account and a pod at once, and says how often the pod was refused for want of the
// account, and whether it got in without its role.
func (c *testCluster) race(ctx context.Context, name string) (refused int64, err error) {
	made := make(chan error, 1)
	go func() {
		_, err := c.client.CoreV1().ServiceAccounts("race").Create(ctx, &corev1.ServiceAccount{
			ObjectMeta: metav1.ObjectMeta{Namespace: "race", Name: name},
		}, metav1.CreateOptions{})
		made <- err
	}()
	pod, err := c.create(ctx, racer("race", name, asksByRule))
	for deadline := time.Now().Add(time.Minute); err != nil && strings.Contains(err.Error(), "not found") && time.Now().Before(deadline); refused++ {
		pod, err = c.create(ctx, racer("race", name, asksByRule))
	}
	if err := errors.Join(err, <-made); err != nil {
		return refused, err
	}
	role, err := rule.ARN("race", name)
	if err == nil && (!hasVolume(pod) || roleOf(pod.Spec.Containers, "app") != role || roleOf(pod.Spec.InitContainers, "init") != role) {
		err = fmt.Errorf("pod of %s got in without its role", name)
	}
	return refused, err
}

// TestTheGuardOnDiskHoldsTheAdmissionObjects: what is named cannot be changed through the API, by the
// cluster's administrator either; anything else can.
func TestTheGuardOnDiskHoldsTheAdmissionObjects(t *testing.T) {
	t.Parallel()
	policies, err := admissionpolicy.New(mutate.Config{RoleRule: rule}, admissionpolicy.Config{})
	require.NoError(t, err)
	guard, err := policies.Guard("pod-identity-webhook")
	require.NoError(t, err)
	guard, err = guard.Static()
	require.NoError(t, err)
	b := &policyBench{testCluster: startCluster(t, onDisk(t, map[string][]any{"ValidatingAdmissionPolicy": {guard.Policy, guard.Binding}}))}
	b.inject(t, admissionpolicy.DefaultName, mutate.Config{})
	b.inject(t, "another", mutate.Config{})
	b.validate(t, "irsa", policies.Required())
	admission := b.client.AdmissionregistrationV1()
	injections := admission.MutatingAdmissionPolicies()

	hook, err := webhook.Default(webhook.ManifestConfig{Service: types.NamespacedName{Namespace: "kube-system", Name: "pod-identity-webhook"}})
	require.NoError(t, err)
	hook, err = admission.MutatingWebhookConfigurations().Create(t.Context(), hook, metav1.CreateOptions{})
	require.NoError(t, err, "it may be created")
	hook.Labels = map[string]string{"applied": "again"}
	hook, err = admission.MutatingWebhookConfigurations().Update(t.Context(), hook, metav1.UpdateOptions{})
	require.NoError(t, err, "its content is the same")
	ignore := admissionregistrationv1.Ignore
	hook.Webhooks[0].NamespaceSelector, hook.Webhooks[0].FailurePolicy = &metav1.LabelSelector{MatchLabels: map[string]string{"no": "where"}}, &ignore
	_, changed := admission.MutatingWebhookConfigurations().Update(t.Context(), hook, metav1.UpdateOptions{})

	ours, err := injections.Get(t.Context(), "irsa", metav1.GetOptions{})
	require.NoError(t, err)
	ours.Labels = map[string]string{"applied": "again"}
	ours, err = injections.Update(t.Context(), ours, metav1.UpdateOptions{})
	require.NoError(t, err, "its content is the same")
	ours.Spec.Mutations = ours.Spec.Mutations[:1]
	_, err = injections.Update(t.Context(), ours, metav1.UpdateOptions{})
	for what, err := range map[string]error{
		"changing the webhook":       changed,
		"changing the injection":     err,
		"deleting the injection":     injections.Delete(t.Context(), "irsa", metav1.DeleteOptions{}),
		"deleting all injections":    injections.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{FieldSelector: "metadata.name=irsa"}),
		"deleting its binding":       admission.MutatingAdmissionPolicyBindings().Delete(t.Context(), "irsa", metav1.DeleteOptions{}),
		"deleting what is required":  admission.ValidatingAdmissionPolicies().Delete(t.Context(), "irsa-required", metav1.DeleteOptions{}),
		"deleting the binding of it": admission.ValidatingAdmissionPolicyBindings().Delete(t.Context(), "irsa-required", metav1.DeleteOptions{}),
	} {
		assert.ErrorContains(t, err, "guarded by a policy on the disk", what)
	}
	assert.NoError(t, injections.Delete(t.Context(), "another", metav1.DeleteOptions{}))
	_, err = injections.Get(t.Context(), "irsa", metav1.GetOptions{})
	assert.NoError(t, err)
}
