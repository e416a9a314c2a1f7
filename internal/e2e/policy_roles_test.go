package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/admissionpolicy"
)

const (
	otherRole = "arn:aws:iam::111122223333:role/other"
	teamRole  = "arn:aws:iam::111122223333:role/team-a/reader"
)

func newRolesBench(t *testing.T) *policyBench {
	t.Helper()
	b := &policyBench{testCluster: startCluster(t, cluster.Config{})}
	policies := b.inject(t, "team-a", mutate.Config{})
	roles, err := policies.Roles(map[string]admissionpolicy.AllowedRoles{
		"team-a": {ARNs: []string{testRole}, Paths: []string{"arn:aws:iam::111122223333:role/team-a/"}, Audiences: []string{"own-audience"}},
	})
	require.NoError(t, err)
	b.namespace(t, "team-b", map[string]string{"group": "team-a"})
	b.account(t, "team-a", "old", map[string]string{"eks.amazonaws.com/role-arn": otherRole}) // before the policy
	b.account(t, "team-a", "nobody", nil)
	old := racer("team-a", "nobody", nil)
	old.Name, old.GenerateName, old.Finalizers = "old", "", []string{"example.com/hold"}
	old.Spec.Containers[0].Env = env("AWS_ROLE_ARN", otherRole)
	_, err = b.create(t.Context(), old)
	require.NoError(t, err)
	b.validate(t, "team-a", roles)
	b.settled(t, "team-a", mutate.Config{})
	eventually(t, "allowed roles in force", func() bool {
		_, err := b.client.CoreV1().ServiceAccounts("team-a").Create(t.Context(), &corev1.ServiceAccount{
			ObjectMeta: metav1.ObjectMeta{Name: "probe", Annotations: map[string]string{"eks.amazonaws.com/role-arn": otherRole}},
		}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err != nil
	})
	return b
}

func TestTheAllowedRolesHoldForServiceAccounts(t *testing.T) {
	t.Parallel()
	b := newRolesBench(t)
	accounts := b.client.CoreV1().ServiceAccounts
	for name, c := range map[string]struct {
		namespace, role string
		refused         bool
	}{
		"its own role":                      {"team-a", testRole, false},
		"a role under its path":             {"team-a", teamRole, false},
		"no role":                           {"team-a", "", false},
		"another role":                      {"team-a", otherRole, true},
		"another account's role":            {"team-a", "arn:aws:iam::444455556666:role/app", true},
		"the path with another case":        {"team-a", "arn:aws:iam::111122223333:role/Team-A/reader", true},
		"a role that begins as its own":     {"team-a", testRole + "-admin", true},
		"a namespace that may name nothing": {"team-b", testRole, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := accounts(c.namespace).Create(t.Context(), &corev1.ServiceAccount{
				ObjectMeta: metav1.ObjectMeta{GenerateName: "new-", Annotations: map[string]string{"eks.amazonaws.com/role-arn": c.role}},
			}, metav1.CreateOptions{})
			if c.refused {
				assert.ErrorContains(t, err, "namespace "+c.namespace+" may not name the role "+c.role)
				return
			}
			assert.NoError(t, err)
		})
	}
	for audience, refused := range map[string]bool{"": false, "sts.amazonaws.com": false, "own-audience": false, "another": true, "Own-audience": true} {
		t.Run("the audience "+audience, func(t *testing.T) {
			_, err := accounts("team-a").Create(t.Context(), &corev1.ServiceAccount{
				ObjectMeta: metav1.ObjectMeta{GenerateName: "new-", Annotations: map[string]string{"eks.amazonaws.com/audience": audience}},
			}, metav1.CreateOptions{})
			if refused {
				assert.ErrorContains(t, err, "namespace team-a may not name the audience "+audience)
				return
			}
			assert.NoError(t, err)
		})
	}
	t.Run("an account that had its role before may change otherwise", func(t *testing.T) {
		old, err := accounts("team-a").Get(t.Context(), "old", metav1.GetOptions{})
		require.NoError(t, err)
		old.Labels = map[string]string{"changed": "yes"}
		old, err = accounts("team-a").Update(t.Context(), old, metav1.UpdateOptions{})
		require.NoError(t, err)
		old.Annotations["eks.amazonaws.com/role-arn"] = otherRole + "2"
		_, err = accounts("team-a").Update(t.Context(), old, metav1.UpdateOptions{})
		assert.ErrorContains(t, err, "may not name the role")
	})
}

func TestTheAllowedRolesHoldForPods(t *testing.T) {
	t.Parallel()
	b := newRolesBench(t)
	b.account(t, "team-a", "app", map[string]string{"eks.amazonaws.com/role-arn": testRole})
	b.account(t, "team-a", "audience", map[string]string{"eks.amazonaws.com/role-arn": testRole, "eks.amazonaws.com/audience": "own-audience"})
	eventually(t, "the newest account known", func() bool {
		pod, err := b.dryRun(t.Context(), racer("team-a", "audience", nil))
		return err == nil && hasVolume(pod)
	})
	projection := func(volume, audience, path string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			withTokenVolume(path)(p)
			p.Spec.Volumes[0].Name = volume
			p.Spec.Volumes[0].Projected.Sources[0].ServiceAccountToken.Audience = audience
			p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: volume, MountPath: "/token"}}
		}
	}
	for name, c := range map[string]struct {
		account string
		change  func(*corev1.Pod)
		refused string
	}{
		"injected":                         {"app", nil, ""},
		"without a role":                   {"nobody", nil, ""},
		"injected by an account of before": {"old", nil, "may not name the role of the variable AWS_ROLE_ARN"},
		"with its own role by hand":        {"nobody", containerEnv("AWS_ROLE_ARN", teamRole), ""},
		"with another role by hand":        {"nobody", containerEnv("AWS_ROLE_ARN", otherRole), "may not name the role of the variable"},
		"in an init container": {"nobody", func(p *corev1.Pod) {
			p.Spec.InitContainers[0].Env = env("AWS_ROLE_ARN", otherRole)
		}, "may not name the role of the variable"},
		"with a role from elsewhere": {"nobody", func(p *corev1.Pod) {
			p.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "AWS_ROLE_ARN", ValueFrom: &corev1.EnvVarSource{
				FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"},
			}}}
		}, "must have its value in the pod"},
		"annotated with another role":         {"nobody", podAnnotation("role-arn", otherRole), "may not name the role"},
		"a token for AWS by hand":             {"nobody", projection("mine", "sts.amazonaws.com", "token"), "projects a token for AWS in another way"},
		"a token for EKS by hand":             {"nobody", projection("mine", "pods.eks.amazonaws.com", "token"), "projects a token for AWS in another way"},
		"a token of an account's audience":    {"nobody", projection("mine", "own-audience", "token"), "projects a token for AWS in another way"},
		"injected with its own audience":      {"audience", nil, ""},
		"a token under the injection's name":  {"nobody", projection(mutate.VolumeName, "sts.amazonaws.com", "token"), "projects a token for AWS in another way"},
		"a token in another file":             {"nobody", projection(mutate.VolumeName, "sts.amazonaws.com", "other"), "projects a token for AWS in another way"},
		"a token for somebody else than AWS":  {"nobody", projection("mine", "vault", "token"), ""},
		"a token for AWS, and the role named": {"nobody", both(projection(mutate.VolumeName, "sts.amazonaws.com", "token"), containerEnv("AWS_ROLE_ARN", testRole)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			pod := racer("team-a", c.account, nil)
			if c.change != nil {
				c.change(pod)
			}
			_, err := b.dryRun(t.Context(), pod)
			if c.refused != "" {
				assert.ErrorContains(t, err, c.refused)
				return
			}
			assert.NoError(t, err)
		})
	}
	t.Run("a pod that was there before may change and end", func(t *testing.T) {
		old, err := b.client.CoreV1().Pods("team-a").Get(t.Context(), "old", metav1.GetOptions{})
		require.NoError(t, err)
		old, err = b.updateEphemeral(t.Context(), old, corev1.EphemeralContainerCommon{Name: "debug", Image: "debug"})
		require.NoError(t, err)
		old.Finalizers = nil
		old, err = b.client.CoreV1().Pods("team-a").Update(t.Context(), old, metav1.UpdateOptions{})
		require.NoError(t, err)
		old.Annotations = map[string]string{"eks.amazonaws.com/role-arn": otherRole}
		_, err = b.client.CoreV1().Pods("team-a").Update(t.Context(), old, metav1.UpdateOptions{})
		assert.ErrorContains(t, err, "may not name the role")
	})
	t.Run("in an ephemeral container", func(t *testing.T) {
		pod, err := b.create(t.Context(), racer("team-a", "nobody", nil))
		require.NoError(t, err)
		_, err = b.updateEphemeral(t.Context(), pod, corev1.EphemeralContainerCommon{Name: "debug", Image: "debug", Env: env("AWS_ROLE_ARN", otherRole)})
		assert.ErrorContains(t, err, "may not name the role of the variable")
		_, err = b.updateEphemeral(t.Context(), pod, corev1.EphemeralContainerCommon{Name: "debug", Image: "debug", Env: env("AWS_ROLE_ARN", testRole)})
		assert.NoError(t, err)
	})
}

func both(first, second func(*corev1.Pod)) func(*corev1.Pod) {
	return func(p *corev1.Pod) { first(p); second(p) }
}

// TestTheRequirementRefusesPodsWithoutAnIdentity tries every way to have half of one.
func TestTheRequirementRefusesPodsWithoutAnIdentity(t *testing.T) {
	t.Parallel()
	b := &policyBench{testCluster: startCluster(t, cluster.Config{})}
	policies := b.inject(t, "must", mutate.Config{})
	b.validate(t, "must", policies.Required())
	b.account(t, "must", "app", map[string]string{"eks.amazonaws.com/role-arn": testRole})
	b.account(t, "must", "nobody", nil)
	b.settled(t, "must", mutate.Config{})
	eventually(t, "requirement in force", func() bool {
		_, err := b.dryRun(t.Context(), racer("must", "nobody", requiresIdentity))
		return err != nil
	})
	own := containerEnv("AWS_ROLE_ARN", testRole, "AWS_WEB_IDENTITY_TOKEN_FILE", "/own")
	for name, c := range map[string]struct {
		account string
		change  func(*corev1.Pod)
		without string // the containers named in the refusal; "": admitted
	}{
		"injected":                       {"app", nil, ""},
		"no role":                        {"nobody", nil, "app, init"},
		"half of its own":                {"app", containerEnv("AWS_ROLE_ARN", testRole), "app"},
		"something else at the path":     {"app", foreignMount(mutate.DefaultMountPath), "app"},
		"one is skipped":                 {"app", podAnnotation("skip-containers", "init"), ""},
		"its own in one of two":          {"nobody", own, "init"},
		"its own in one, one is skipped": {"nobody", both(own, podAnnotation("skip-containers", "init")), ""},
		"our file without our volume": {"nobody", both(podAnnotation("skip-containers", "init"),
			containerEnv("AWS_ROLE_ARN", testRole, "AWS_WEB_IDENTITY_TOKEN_FILE", mutate.DefaultMountPath+"/token")), "app"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := racer("must", c.account, requiresIdentity)
			if c.change != nil {
				c.change(pod)
			}
			_, err := b.dryRun(t.Context(), pod)
			if c.without != "" {
				assert.ErrorContains(t, err, "these containers have no AWS identity: "+c.without+".")
				return
			}
			assert.NoError(t, err)
		})
	}
}
