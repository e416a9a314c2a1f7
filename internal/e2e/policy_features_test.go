package e2e_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/admissionpolicy"
)

// featuresShownElsewhere names the tests of the features that the creation of one pod does not show.
var featuresShownElsewhere = map[string]string{
	"annotation-domain":    "TestThePolicyFollowsTheAnnotationDomain",
	"ephemeral-containers": "TestThePolicyInjectsEphemeralContainers",
	"reinvocation":         "TestThePolicyReachesTheSidecarOfALaterWebhook",
	"skip-label":           "TestThePolicyFollowsTheAnnotationDomain",
	"fresh-accounts":       "TestNoPodGetsInUnmutatedWhereAnIdentityIsRequired",
	"warnings":             "TestThePolicyCannotWarn",
	"role-by-rule":         "TestTheRuleOnDiskIsInForceBeforeTheFirstPod",
	"on-disk":              "TestTheRuleOnDiskIsInForceBeforeTheFirstPod",
	"identity-required":    "TestThePolicyRequiresAnIdentityByTheOneTable",
	"required-audience":    "TestThePolicyRequiresAnIdentityByTheOneTable",
	"proxy":                "TestTheRequirementDoesNotSeeAProxy",
	"large-pods":           "TestThePoliciesBearLargePods and TestTheWebhookAnswersEveryPodThatEtcdStores",
	"defaults":             "TestNewRefusesWhatAPolicyCannotDo of the package",
	"pod-identity":         "TestNewRefusesWhatAPolicyCannotDo of the package",
}

// TestThePolicyDoesWhatItClaims holds the list of features against pods: those that are claimed come
// out as the library's, those that are not come out otherwise, and no feature is without a case.
func TestThePolicyDoesWhatItClaims(t *testing.T) {
	t.Parallel()
	newPolicyBench(t).assertFeatures(t)
}

func (b *policyBench) assertFeatures(t *testing.T) {
	t.Helper()
	claimed := map[string]bool{}
	for _, feature := range admissionpolicy.Features() {
		claimed[feature.Name] = feature.Policy
		assert.True(t, len(comparedFeatures[feature.Name]) > 0 || featuresShownElsewhere[feature.Name] != "", "feature %s is shown nowhere", feature.Name)
	}
	groups := map[string]featureGroup{} // by the configuration, as text
	accounts := map[string]*corev1.ServiceAccount{}
	for feature, cases := range comparedFeatures {
		require.Contains(t, claimed, feature)
		for _, c := range cases {
			group := b.groupOf(t, groups, c.cfg)
			accounts[feature+c.name] = b.account(t, group, accountName(feature, c.name), annotationsOf(c.cfg, c.account))
		}
	}
	for _, group := range groups {
		b.settled(t, group.name, group.cfg)
	}
	for feature, cases := range comparedFeatures {
		for _, c := range cases {
			t.Run(feature+"/"+c.name, func(t *testing.T) {
				b.assertFeature(t, c, accounts[feature+c.name], claimed[feature])
			})
		}
	}
}

// annotationsOf are annotations with the prefix of a configuration.
func annotationsOf(cfg mutate.Config, all annotations) map[string]string {
	keyed := map[string]string{}
	for name, value := range all {
		keyed[cfg.AnnotationKey(name)] = value
	}
	return keyed
}

// of is the pod of a case, for this account.
func (c featureCase) of(account *corev1.ServiceAccount) *corev1.Pod {
	pod := racer(account.Namespace, account.Name, nil)
	pod.Name, pod.GenerateName = "pod", ""
	if c.pod != nil {
		c.pod(pod)
	}
	return pod
}

func (b *policyBench) assertFeature(t *testing.T, c featureCase, account *corev1.ServiceAccount, claimed bool) {
	pod := c.of(account)
	got, err := b.dryRun(t.Context(), pod)
	if c.denied != "" {
		require.ErrorContains(t, err, c.denied)
		mutator, failed := mutate.New(c.cfg)
		require.NoError(t, failed)
		id, failed := mutator.Identity(account)
		if failed == nil {
			_, failed = mutator.Pod(pod, id)
		}
		assert.Error(t, failed, "the library refuses it too")
		return
	}
	require.NoError(t, err)
	want := b.expectation.of(t, c.cfg, account, pod)
	if claimed {
		assertSamePod(t, want, got)
	} else {
		assert.NotEqual(t, fieldsOf(t, want), fieldsOf(t, got), "it is as the library's: the feature may be claimed")
	}
}

func TestThePolicyFollowsTheAnnotationDomain(t *testing.T) {
	t.Parallel()
	b := newPolicyBench(t)
	cfg := mutate.Config{AnnotationDomain: "aws.example.com"}
	b.inject(t, "domain", cfg)
	account := b.account(t, "domain", "app", map[string]string{"aws.example.com/role-arn": testRole})
	b.account(t, "domain", "other", map[string]string{"eks.amazonaws.com/role-arn": testRole})
	b.settled(t, "domain", cfg)

	pod := racer("domain", "app", map[string]string{"eks.amazonaws.com/skip-pod-identity-webhook": "another"})
	got, err := b.dryRun(t.Context(), pod)
	require.NoError(t, err)
	assertSamePod(t, b.expectation.of(t, cfg, account, pod), got)
	assert.True(t, hasVolume(got))

	for name, pod := range map[string]*corev1.Pod{
		"another domain's annotation": racer("domain", "other", nil),
		"the label to be skipped":     racer("domain", "app", map[string]string{"aws.example.com/skip-pod-identity-webhook": ""}),
	} {
		got, err := b.dryRun(t.Context(), pod)
		require.NoError(t, err)
		assert.False(t, hasVolume(got), name)
	}
}

func TestThePolicyInjectsEphemeralContainers(t *testing.T) {
	t.Parallel()
	b := newPolicyBench(t)
	cfg := mutate.EKS("eu-central-1")
	b.inject(t, "debug", cfg)
	b.account(t, "debug", "app", map[string]string{"eks.amazonaws.com/role-arn": testRole})
	b.settled(t, "debug", cfg)
	for name, c := range map[string]struct {
		labels map[string]string
		want   string
	}{
		"with the volume":    {nil, testRole},
		"without the volume": {map[string]string{"eks.amazonaws.com/skip-pod-identity-webhook": ""}, ""},
	} {
		pod, err := b.create(t.Context(), racer("debug", "app", c.labels))
		require.NoError(t, err)
		pod.Labels = nil
		pod, err = b.client.CoreV1().Pods("debug").Update(t.Context(), pod, metav1.UpdateOptions{})
		require.NoError(t, err)
		for _, debugger := range []string{"first", "second"} {
			pod, err = b.updateEphemeral(t.Context(), pod, corev1.EphemeralContainerCommon{Name: debugger, Image: "debug"})
			require.NoError(t, err, name)
		}
		for _, container := range pod.Spec.EphemeralContainers {
			assert.Equal(t, c.want, roleOf([]corev1.Container{corev1.Container(container.EphemeralContainerCommon)}, container.Name), name)
			assert.Len(t, container.VolumeMounts, len(c.want)/max(1, len(c.want)), name)
		}
	}
}

// featureGroup is a namespace with a policy of one configuration.
type featureGroup struct {
	name string
	cfg  mutate.Config
}

// groupOf returns the group of a configuration, made when it is first asked for.
func (b *policyBench) groupOf(t *testing.T, groups map[string]featureGroup, cfg mutate.Config) string {
	t.Helper()
	key := fmt.Sprintf("%+v", cfg)
	if _, there := groups[key]; !there {
		groups[key] = featureGroup{fmt.Sprintf("features-%d", len(groups)), cfg}
		b.inject(t, groups[key].name, cfg)
	}
	return groups[key].name
}

// accountName is a name that Kubernetes takes for the words of a case.
func accountName(feature, name string) string {
	return feature + "." + strings.Trim(notInNames.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// TestThePolicyCannotWarn: where the webhook tells the pod's author of a conflict, the policy is silent.
func TestThePolicyCannotWarn(t *testing.T) {
	t.Parallel()
	b := &policyBench{testCluster: startCluster(t, cluster.Config{})}
	b.inject(t, "warn", mutate.Config{})
	account := b.account(t, "warn", "app", map[string]string{"eks.amazonaws.com/role-arn": testRole})
	b.settled(t, "warn", mutate.Config{})
	pod := racer("warn", "app", nil)
	containerEnv("AWS_ROLE_ARN", "own")(pod)

	mutator, err := mutate.New(mutate.Config{})
	require.NoError(t, err)
	id, err := mutator.Identity(account)
	require.NoError(t, err)
	result, err := mutator.Pod(pod, id)
	require.NoError(t, err)
	require.NotEmpty(t, result.Warnings)

	heard := &warnings{}
	cfg := b.RESTConfig()
	cfg.WarningHandler = heard
	client, err := kubernetes.NewForConfig(cfg)
	require.NoError(t, err)
	_, err = (&testCluster{client: client}).dryRun(t.Context(), pod)
	require.NoError(t, err)
	assert.Empty(t, heard.all)
}

type warnings struct{ all []string }

func (w *warnings) HandleWarningHeader(_ int, _ string, text string) { w.all = append(w.all, text) }
