package e2e_test

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/admissionpolicy"
	"github.com/irsa-go/irsa/mutate/azure"
	"github.com/irsa-go/irsa/mutate/google"
)

// cloudSetup is what one cluster wants of one cloud.
type cloudSetup struct {
	policy func(admissionpolicy.Config) (admissionpolicy.Injection, error)
	// plan is the library's.
	plan func(*corev1.ServiceAccount, *corev1.Pod) (mutate.Result, error)
	// volume begins the name of the volume in the policy's pods.
	volume string
}

func inAzure(cfg azure.Config) cloudSetup {
	cfg.TenantID = tenantID
	volume := "azure-workload-identity-reserved-"
	if cfg.Layout == azure.LayoutV1_5 {
		volume = "azure-identity-token"
	}
	return cloudSetup{
		func(c admissionpolicy.Config) (admissionpolicy.Injection, error) {
			return admissionpolicy.Azure(cfg, c)
		},
		func(account *corev1.ServiceAccount, pod *corev1.Pod) (mutate.Result, error) {
			m, err := azure.New(cfg)
			if err != nil {
				return mutate.Result{}, err
			}
			id, err := m.Identity(account)
			if err != nil {
				return mutate.Result{}, err
			}
			return m.Pod(pod, id)
		}, volume,
	}
}

func inGoogle(cfg google.Config) cloudSetup {
	return cloudSetup{
		func(c admissionpolicy.Config) (admissionpolicy.Injection, error) {
			return admissionpolicy.Google(cfg, c)
		},
		func(account *corev1.ServiceAccount, pod *corev1.Pod) (mutate.Result, error) {
			m, err := google.New(cfg)
			if err != nil {
				return mutate.Result{}, err
			}
			id, err := m.Identity(account)
			if err != nil {
				return mutate.Result{}, err
			}
			return m.Pod(pod, id)
		}, "gcp-iam-token",
	}
}

// injectCloud applies the cloud's policy to the namespaces of the group, and makes one, NAME.
func (b *policyBench) injectCloud(t *testing.T, name string, s cloudSetup) {
	t.Helper()
	injection, err := s.policy(admissionpolicy.Config{Name: name})
	require.NoError(t, err)
	injection.Binding.Spec.MatchResources = inGroup(name)
	b.apply(t, injection)
	b.namespace(t, name, map[string]string{"group": name})
}

// cloudSettled is settled for a cloud.
func (b *policyBench) cloudSettled(t *testing.T, namespace string, s cloudSetup) {
	t.Helper()
	b.account(t, namespace, "zz-probe", ofClouds)
	probe := racer(namespace, "zz-probe", asksForAzure)
	eventually(t, "policy of "+namespace+" in force", func() bool {
		pod, err := b.dryRun(t.Context(), probe)
		return err == nil && volumesLike(pod, s.volume) > 0
	})
}

func volumesLike(pod *corev1.Pod, prefix string) (n int) {
	for _, v := range pod.Spec.Volumes {
		if len(v.Name) >= len(prefix) && v.Name[:len(prefix)] == prefix {
			n++
		}
	}
	return n
}

// TestTheCloudsClientsReadWhatThePoliciesGive is the webhook's test without a webhook: AWS's, Azure's
// and Google's policies stand beside each other.
func TestTheCloudsClientsReadWhatThePoliciesGive(t *testing.T) {
	t.Parallel()
	c := newClouds(t, startCluster(t, cluster.Config{}))
	b := &policyBench{testCluster: c.testCluster}
	policies, err := admissionpolicy.New(mutate.Config{}, admissionpolicy.Config{})
	require.NoError(t, err)
	b.apply(t, policies.Injection())
	for _, s := range []cloudSetup{inAzure(azure.Config{}), inGoogle(google.Config{})} {
		injection, err := s.policy(admissionpolicy.Config{})
		require.NoError(t, err)
		b.apply(t, injection)
	}
	c.cloudAccounts(t, map[string]string{"eks.amazonaws.com/role-arn": testRole})
	b.settled(t, cloudNamespace, mutate.Config{})
	b.account(t, cloudNamespace, "zz-clouds", ofClouds)
	eventually(t, "policies of all clouds in force", func() bool {
		pod, err := b.dryRun(t.Context(), cloudPod("zz-clouds", asksForAzure))
		return err == nil && len(pod.Spec.Volumes) == 2
	})
	c.assertClients(t)

	pod, err := c.dryRun(t.Context(), cloudPod("app", asksForAzure))
	require.NoError(t, err)
	assertInjected(t, pod, testRole)
	assertAsDocumented(t, pod, 3)
}

// cloudCase shows one feature of the clouds' policies on one pod.
type cloudCase struct {
	name    string
	setup   string // of cloudSetups
	account map[string]string
	pod     func(*corev1.Pod)
	denied  string
}

// TestTheCloudsPoliciesDoWhatTheyClaim is TestThePolicyDoesWhatItClaims for Azure and Google.
func TestTheCloudsPoliciesDoWhatTheyClaim(t *testing.T) {
	t.Parallel()
	for version, binary := range binaries {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			(&policyBench{
				testCluster: startClusterOf(t, binary, cluster.Config{}),
				expectation: &expectation{plain: startClusterOf(t, binary, cluster.Config{})},
			}).assertCloudFeatures(t)
		})
	}
}

func (b *policyBench) assertCloudFeatures(t *testing.T) {
	t.Helper()
	claimed := map[string]bool{}
	for _, f := range admissionpolicy.CloudFeatures() {
		claimed[f.Name] = f.Policy
		assert.True(t, len(cloudCases[f.Name]) > 0 || cloudFeaturesShownElsewhere[f.Name] != "", "feature %s is shown nowhere", f.Name)
	}
	for name, s := range cloudSetups {
		b.injectCloud(t, name, s)
	}
	accounts := map[string]*corev1.ServiceAccount{}
	for feature, cases := range cloudCases {
		require.Contains(t, claimed, feature)
		for _, c := range cases {
			accounts[feature+c.name] = b.account(t, c.setup, accountName(feature, c.name), c.account)
		}
	}
	for name, s := range cloudSetups {
		b.cloudSettled(t, name, s)
	}
	for feature, cases := range cloudCases {
		for _, c := range cases {
			t.Run(feature+"/"+c.name, func(t *testing.T) {
				b.assertCloudFeature(t, c, accounts[feature+c.name], claimed[feature])
			})
		}
	}
}

func (b *policyBench) assertCloudFeature(t *testing.T, c cloudCase, account *corev1.ServiceAccount, claimed bool) {
	pod := racer(account.Namespace, account.Name, asksForAzure)
	pod.Name, pod.GenerateName = "pod", ""
	if c.pod != nil {
		c.pod(pod)
	}
	got, err := b.dryRun(t.Context(), pod)
	if c.denied != "" {
		require.ErrorContains(t, err, c.denied)
		_, err := cloudSetups[c.setup].plan(account, pod)
		assert.Error(t, err, "the library refuses it too")
		return
	}
	require.NoError(t, err)
	want := b.expectation.with(t, pod, func(pod *corev1.Pod) (mutate.Result, error) { return cloudSetups[c.setup].plan(account, pod) })
	if claimed {
		assert.JSONEq(t, withoutVolumeName(t, want), withoutVolumeName(t, got))
	} else {
		assert.NotEqual(t, fieldsOf(t, want), fieldsOf(t, got), "it is as the library's: the feature may be claimed")
	}
}

var volumeOfAzure = regexp.MustCompile(`azure-workload-identity-reserved-[a-z0-9]+`)

// withoutVolumeName is a pod without the name that follows from the pod's, which is a feature of its own.
func withoutVolumeName(t *testing.T, pod *corev1.Pod) string {
	t.Helper()
	document, err := json.Marshal(fieldsOf(t, pod))
	require.NoError(t, err)
	return volumeOfAzure.ReplaceAllString(string(document), "azure-workload-identity-reserved-x")
}

// TestTheCloudsPoliciesBearLargePods is TestThePoliciesBearLargePods for Azure and Google.
func TestTheCloudsPoliciesBearLargePods(t *testing.T) {
	t.Parallel()
	for version, binary := range binaries {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			b := &policyBench{testCluster: startClusterOf(t, binary, cluster.Config{}), expectation: &expectation{plain: startClusterOf(t, binary, cluster.Config{})}}
			for _, setup := range []string{"azure-bound", "google-set"} {
				s := cloudSetups[setup]
				b.injectCloud(t, setup, s)
				account := b.account(t, setup, "app", ofClouds)
				b.cloudSettled(t, setup, s)
				for name, pod := range largePods(setup, "app") {
					pod.Labels = asksForAzure
					began := time.Now()
					got, err := b.dryRun(t.Context(), pod)
					require.NoError(t, err, name)
					t.Logf("%s in %s: %v", name, setup, time.Since(began).Round(time.Millisecond))
					want := b.expectation.with(t, pod, func(pod *corev1.Pod) (mutate.Result, error) { return s.plan(account, pod) })
					assert.JSONEq(t, withoutVolumeName(t, want), withoutVolumeName(t, got))
				}
			}
		})
	}
}

// TestTheCloudsPoliciesInjectEphemeralContainers adds them to a pod with the volume and to one without.
func TestTheCloudsPoliciesInjectEphemeralContainers(t *testing.T) {
	t.Parallel()
	b := &policyBench{testCluster: startCluster(t, cluster.Config{})}
	for name, s := range map[string]cloudSetup{"azure": cloudSetups["azure"], "google": cloudSetups["google"]} {
		b.namespace(t, name, map[string]string{"group": name})
		b.account(t, name, "app", ofClouds)
		without, err := b.create(t.Context(), racer(name, "app", asksForAzure))
		require.NoError(t, err)
		b.injectCloud(t, name, s)
		b.cloudSettled(t, name, s)
		with, err := b.create(t.Context(), racer(name, "app", asksForAzure))
		require.NoError(t, err)
		for _, pod := range []*corev1.Pod{without, with} {
			want := volumesLike(pod, s.volume)
			for _, debugger := range []string{"first", "second"} {
				pod, err = b.updateEphemeral(t.Context(), pod, corev1.EphemeralContainerCommon{Name: debugger, Image: "debug"})
				require.NoError(t, err)
			}
			for _, container := range pod.Spec.EphemeralContainers {
				assert.Len(t, container.VolumeMounts, want, "%s %s", name, container.Name)
				assert.Equal(t, want == 1, len(container.Env) > 0)
			}
		}
		assert.Equal(t, 1, volumesLike(with, s.volume))
	}
}

func TestTheCloudsPoliciesReachTheSidecarOfALaterWebhook(t *testing.T) {
	t.Parallel()
	b := &policyBench{testCluster: startCluster(t, cluster.Config{})}
	for name, s := range map[string]cloudSetup{"azure": cloudSetups["azure"], "google": cloudSetups["google"]} {
		b.injectCloud(t, name, s)
		b.cloudSettled(t, name, s)
	}
	b.registerSidecars(t)
	for name, s := range map[string]cloudSetup{"azure": cloudSetups["azure"], "google": cloudSetups["google"]} {
		var pod *corev1.Pod
		eventually(t, "sidecars in force", func() (ok bool) {
			var err error
			pod, err = b.dryRun(t.Context(), racer(name, "zz-probe", asksForAzure))
			return err == nil && len(pod.Spec.Containers) == 2
		})
		assert.Equal(t, 1, volumesLike(pod, s.volume))
		assert.Equal(t, lateSidecar, pod.Spec.Containers[1].Name)
		for _, container := range pod.Spec.Containers {
			mounts := 0
			for _, m := range container.VolumeMounts {
				if len(m.Name) >= len(s.volume) && m.Name[:len(s.volume)] == s.volume {
					mounts++
				}
			}
			assert.Equal(t, 1, mounts, container.Name)
		}
	}
}
