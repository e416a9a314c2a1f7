package e2e_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

var randomPods = flag.Int("random", 40, "how many random pods and accounts each configuration of a policy is tried with")

// TestThePoliciesDoWithRandomPodsWhatTheLibraryDoes holds the two against each other in combinations that
// nobody has written down.
func TestThePoliciesDoWithRandomPodsWhatTheLibraryDoes(t *testing.T) {
	t.Parallel()
	b := newPolicyBench(t)
	t.Run("pods", b.assertRandomPods)
	t.Run("accounts", b.assertRandomAccounts)
	t.Run("clouds", b.assertRandomCloudPods)
}

func (b *policyBench) assertRandomPods(t *testing.T) {
	for name, cfg := range map[string]mutate.Config{
		"random-zero": {},
		"random-eks":  {Region: "eu-central-1", RegionalSTS: true, SessionName: mutate.SessionNamePodName, DisableEC2Metadata: true, UseFIPSEndpoint: true},
	} {
		b.inject(t, name, cfg)
		account := b.account(t, name, "app", map[string]string{cfg.AnnotationKey(mutate.AnnotationRoleARN): testRole})
		b.settled(t, name, cfg)
		required := name + "-required"
		b.require(t, required, cfg, account.Annotations)
		mutator, err := mutate.New(cfg)
		require.NoError(t, err)
		id, err := mutator.Identity(account)
		require.NoError(t, err)
		d := dice{rand.New(rand.NewPCG(uint64(len(name)), uint64(*randomPods)))}
		compared := 0
		b.expectation.ensure(t, name, "app")
		for i := range *randomPods {
			pod := d.pod(name, "app", cfg)
			if _, err := b.expectation.plain.dryRun(t.Context(), pod); err != nil {
				continue // nobody can make it
			}
			document, err := json.Marshal(pod)
			require.NoError(t, err)
			want := b.expectation.of(t, cfg, account, pod)
			got, err := b.dryRun(t.Context(), pod)
			require.NoError(t, err, "%s %d: %s", name, i, document)
			if !assertSamePod(t, want, got) {
				t.Fatalf("%s %d: %s", name, i, document)
			}
			compared++
			pod.Namespace, pod.Labels = required, requiresIdentity
			admitted, err := b.expectation.plain.dryRun(t.Context(), pod)
			require.NoError(t, err)
			result, err := mutator.Pod(admitted, id)
			require.NoError(t, err)
			_, err = b.dryRun(t.Context(), pod)
			if complete := result.Complete(); complete != (err == nil) {
				t.Errorf("%s %d: complete %v %v, policy says %v: %s", name, i, complete, result.Incomplete(), err, document)
			}
		}
		assert.Greater(t, compared, *randomPods/10)
		t.Logf("%s: %d of %d", name, compared, *randomPods)
	}
}

// require makes a namespace of the configuration whose pods may require an identity, with an account.
func (b *policyBench) require(t *testing.T, name string, cfg mutate.Config, account map[string]string) {
	t.Helper()
	policies := b.inject(t, name, cfg)
	b.validate(t, name, policies.Required())
	b.account(t, name, "app", account)
	b.account(t, name, "nobody", nil)
	b.settled(t, name, cfg)
	eventually(t, "requirement in force", func() bool {
		_, err := b.dryRun(t.Context(), racer(name, "nobody", requiresIdentity))
		return err != nil
	})
	b.expectation.ensure(t, name, "app")
}

func (b *policyBench) assertRandomCloudPods(t *testing.T) {
	for name, s := range cloudSetups {
		b.injectCloud(t, name, s)
		account := b.account(t, name, "app", ofClouds)
		b.cloudSettled(t, name, s)
		b.expectation.ensure(t, name, "app")
		d := dice{rand.New(rand.NewPCG(uint64(len(name)), uint64(*randomPods)))}
		compared, denied := 0, 0
		for i := range *randomPods {
			pod := d.cloudPodOf(name, s.volume)
			admitted, err := b.expectation.plain.dryRun(t.Context(), pod)
			if err != nil {
				continue // nobody can make it
			}
			document, err := json.Marshal(pod)
			require.NoError(t, err)
			got, err := b.dryRun(t.Context(), pod)
			_, refused := s.plan(account, admitted)
			if (refused != nil) != (err != nil) {
				t.Fatalf("%s %d: library %v, policy %v: %s", name, i, refused, err, document)
			}
			if compared++; err != nil {
				denied++
				continue
			}
			want := b.expectation.with(t, pod, func(pod *corev1.Pod) (mutate.Result, error) { return s.plan(account, pod) })
			if !assert.JSONEq(t, withoutVolumeName(t, want), withoutVolumeName(t, got)) {
				t.Fatalf("%s %d: %s", name, i, document)
			}
		}
		assert.Greater(t, compared, *randomPods/10)
		t.Logf("%s: %d of %d, %d denied", name, compared, *randomPods, denied)
	}
}

func (b *policyBench) assertRandomAccounts(t *testing.T) {
	for name, cfg := range map[string]mutate.Config{
		"accounts-zero": {},
		"accounts-warn": {BadAnnotations: mutate.WarnAllBad, Region: "eu-central-1", RegionalSTS: true, Audience: "mine", RoleAccountID: "444455556666"},
		"accounts-all":  {BadAnnotations: mutate.RefuseAllBad, SessionName: mutate.SessionNamePodUID},
	} {
		b.inject(t, name, cfg)
		mutator, err := mutate.New(cfg)
		require.NoError(t, err)
		d := dice{rand.New(rand.NewPCG(uint64(len(name)), uint64(*randomPods)))}
		accounts := make([]*corev1.ServiceAccount, *randomPods)
		for i := range accounts {
			accounts[i] = b.account(t, name, fmt.Sprintf("account-%d", i), d.account(cfg))
		}
		b.settled(t, name, cfg)
		denied := 0
		for i, account := range accounts {
			pod := racer(name, account.Name, nil)
			pod.Name, pod.GenerateName = "pod", ""
			if i%2 == 1 {
				pod.Annotations = d.account(cfg)
			}
			id, refused := mutator.Identity(account)
			if refused == nil {
				_, refused = mutator.Pod(pod, id)
			}
			got, err := b.dryRun(t.Context(), pod)
			if (refused != nil) != (err != nil) {
				t.Errorf("%s %d: library %v, policy %v: %q %q", name, i, refused, err, account.Annotations, pod.Annotations)
				continue
			}
			if err != nil {
				denied++
				continue
			}
			if want := b.expectation.of(t, cfg, account, pod); !assertSamePod(t, want, got) {
				t.Errorf("%s %d: %q %q", name, i, account.Annotations, pod.Annotations)
			}
		}
		t.Logf("%s: %d, %d of them denied", name, len(accounts), denied)
	}
}
