package e2e_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/admissionpolicy"
)

// TestTheRuleDoesWhatItClaims sends the pods of the list of features, which ask for their role by rule,
// through the policy by rule. Whatever their accounts' annotations say, they come out as the library's;
// what neither the policy nor the rule claims comes out otherwise.
func TestTheRuleDoesWhatItClaims(t *testing.T) {
	t.Parallel()
	b := newPolicyBench(t)
	groups := map[string]string{} // by the configuration, as text
	for _, feature := range admissionpolicy.Features() {
		for _, c := range comparedFeatures[feature.Name] {
			c.cfg.RoleRule = rule
			group := b.ruleGroup(t, groups, c.cfg)
			account := b.account(t, group, accountName(feature.Name, c.name), annotationsOf(c.cfg, c.account))
			t.Run(feature.Name+"/"+c.name, func(t *testing.T) {
				b.assertByRule(t, c, account, feature.Rule || feature.Policy)
			})
		}
	}
}

// ruleGroup returns the namespace with the policy by rule of a configuration, made when it is first
// asked for.
func (b *policyBench) ruleGroup(t *testing.T, groups map[string]string, cfg mutate.Config) string {
	t.Helper()
	key := fmt.Sprintf("%+v", cfg)
	if groups[key] == "" {
		groups[key] = fmt.Sprintf("rules-%d", len(groups))
		policies, err := admissionpolicy.New(cfg, admissionpolicy.Config{Name: groups[key]})
		require.NoError(t, err)
		b.injectByRule(t, groups[key], policies)
	}
	return groups[key]
}

func (b *policyBench) assertByRule(t *testing.T, c featureCase, account *corev1.ServiceAccount, claimed bool) {
	t.Helper()
	pod := c.of(account)
	pod.Labels = asksByRule
	got, err := b.dryRun(t.Context(), pod)
	if refusedByRule(t, c.cfg, pod) { // for an annotation of the pod
		require.NotEmpty(t, c.denied)
		assert.ErrorContains(t, err, c.denied)
		return
	}
	require.NoError(t, err)
	want := b.expectation.byRule(t, c.cfg, pod)
	if claimed {
		assertSamePod(t, want, got)
		return
	}
	assert.NotEqual(t, fieldsOf(t, want), fieldsOf(t, got), "it is as the library's: the feature may be claimed")
}

// refusedByRule says whether the library refuses the pod, whatever its account says.
func refusedByRule(t *testing.T, cfg mutate.Config, pod *corev1.Pod) bool {
	t.Helper()
	mutator, err := mutate.New(cfg)
	require.NoError(t, err)
	id, err := mutator.IdentityByRule(mutate.Target{Namespace: pod.Namespace, ServiceAccount: pod.Spec.ServiceAccountName})
	require.NoError(t, err)
	_, err = mutator.Pod(pod, id)
	return err != nil
}

// TestTheRuleReachesEveryContainer: a later webhook's sidecar and debug containers, too, and no pod with
// the label to be skipped.
func TestTheRuleReachesEveryContainer(t *testing.T) {
	t.Parallel()
	b := &policyBench{testCluster: startCluster(t, cluster.Config{})}
	cfg := mutate.EKS("eu-central-1")
	cfg.RoleRule, cfg.AnnotationDomain = rule, "aws.example.com"
	policies, err := admissionpolicy.New(cfg, admissionpolicy.Config{})
	require.NoError(t, err)
	injection, err := policies.InjectionByRule()
	require.NoError(t, err)
	b.apply(t, injection)
	b.namespace(t, "team-a", nil)
	b.account(t, "team-a", "app", nil)
	asks := map[string]string{"aws.example.com/role-by-rule": "true"}
	role, err := rule.ARN("team-a", "app")
	require.NoError(t, err)
	eventually(t, "rule in force", func() bool {
		pod, err := b.dryRun(t.Context(), racer("team-a", "app", asks))
		return err == nil && hasVolume(pod)
	})

	skipped := maps.Clone(asks)
	skipped["aws.example.com/skip-pod-identity-webhook"] = ""
	for name, labels := range map[string]map[string]string{"skipped": skipped, "another domain": asksByRule} {
		pod, err := b.dryRun(t.Context(), racer("team-a", "app", labels))
		require.NoError(t, err)
		assert.False(t, hasVolume(pod), name)
	}

	pod, err := b.create(t.Context(), racer("team-a", "app", asks))
	require.NoError(t, err)
	pod, err = b.updateEphemeral(t.Context(), pod, corev1.EphemeralContainerCommon{Name: "debug", Image: "debug"})
	require.NoError(t, err)
	debug := corev1.Container(pod.Spec.EphemeralContainers[0].EphemeralContainerCommon)
	assert.Equal(t, role, roleOf([]corev1.Container{debug}, "debug"))

	b.registerSidecars(t)
	b.assertLateSidecarInjected(t, racer("team-a", "app", asks), role)
}
