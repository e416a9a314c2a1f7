package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/admissionpolicy"
)

// largePods are pods at the end of what the API server's CEL is asked to look at.
func largePods(namespace, account string) map[string]*corev1.Pod {
	long := racer(namespace, account, asksByRule)
	for i := range 60 {
		long.Spec.Containers[0].Env = append(long.Spec.Containers[0].Env, corev1.EnvVar{Name: fmt.Sprintf("SETTING_%d", i), Value: strings.Repeat("x", 1000)})
	}
	many := racer(namespace, account, asksByRule)
	many.Spec.Containers = nil
	for i := range 50 {
		c := corev1.Container{Name: fmt.Sprintf("c-%d", i), Image: "app"}
		for k := range 300 {
			c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprintf("SETTING_%d", k), Value: "x"})
		}
		many.Spec.Containers = append(many.Spec.Containers, c)
	}
	for _, pod := range []*corev1.Pod{long, many} {
		withAnnotations(allChosen)(pod)
	}
	return map[string]*corev1.Pod{"60 KB": long, "50 containers of 300 variables": many}
}

// TestThePoliciesBearLargePods: the injection, by annotation and by rule, and the requirement stay
// within what CEL may cost (https://kubernetes.io/docs/reference/using-api/cel/#runtime-cost-budget).
func TestThePoliciesBearLargePods(t *testing.T) {
	t.Parallel()
	for version, binary := range binaries {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			b := &policyBench{
				testCluster: startClusterOf(t, binary, cluster.Config{}),
				expectation: &expectation{plain: startClusterOf(t, binary, cluster.Config{})},
			}
			cfg := allOn
			cfg.Region, cfg.RegionalSTS, cfg.RoleRule, cfg.BadAnnotations = "eu-central-1", true, rule, mutate.RefuseAllBad
			policies := b.inject(t, "large", cfg)
			b.validate(t, "large", policies.Required())
			account := b.account(t, "large", "app", annotationsOf(cfg, annotated(allChosen)))
			b.settled(t, "large", cfg)
			b.injectByRule(t, "by-rule", policies)
			for name, pod := range largePods("large", "app") {
				pod.Labels = requiresIdentity
				began := time.Now()
				got, err := b.dryRun(t.Context(), pod)
				require.NoError(t, err, name)
				t.Logf("%s by annotation: %v", name, time.Since(began).Round(time.Millisecond))
				assertSamePod(t, b.expectation.of(t, cfg, account, pod), got)
			}
			b.account(t, "by-rule", "app", nil)
			for name, pod := range largePods("by-rule", "app") {
				began := time.Now()
				got, err := b.dryRun(t.Context(), pod)
				require.NoError(t, err, name)
				t.Logf("%s by rule: %v", name, time.Since(began).Round(time.Millisecond))
				assertSamePod(t, b.expectation.byRule(t, cfg, pod), got)
			}
		})
	}
}

// injectByRule applies the injection by rule through the API, for one namespace.
func (b *policyBench) injectByRule(t *testing.T, name string, policies *admissionpolicy.Policies) {
	t.Helper()
	injection, err := policies.InjectionByRule()
	require.NoError(t, err)
	injection.Binding.Spec.MatchResources = inGroup(name)
	b.apply(t, injection)
	b.namespace(t, name, map[string]string{"group": name})
	b.account(t, name, "probe", nil)
	eventually(t, "rule of "+name+" in force", func() bool {
		pod, err := b.dryRun(t.Context(), racer(name, "probe", asksByRule))
		return err == nil && hasVolume(pod)
	})
}

// TestTheFeaturesHoldOnTheOldestKubernetes: what the list of features claims, on the first version
// that has these policies.
func TestTheFeaturesHoldOnTheOldestKubernetes(t *testing.T) {
	t.Parallel()
	binary := binaries[oldest]
	if binary == "" {
		t.Skip("the oldest API server is not built")
	}
	b := &policyBench{
		testCluster: startClusterOf(t, binary, cluster.Config{}),
		expectation: &expectation{plain: startClusterOf(t, binary, cluster.Config{})},
	}
	require.Equal(t, oldest, b.Version)
	b.assertFeatures(t)
}

func TestTheOldestKubernetesHoldsTheOneTableToo(t *testing.T) {
	t.Parallel()
	binary := binaries[oldest]
	if binary == "" {
		t.Skip("the oldest API server is not built")
	}
	requireByTheOneTable(t, &policyBench{testCluster: startClusterOf(t, binary, cluster.Config{})}, "table", mutate.DefaultMountPath)
}
