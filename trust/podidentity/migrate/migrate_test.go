package migrate_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/podidentity"
	"github.com/irsa-go/irsa/trust/podidentity/migrate"
)

// move goes on one step at a time, planning anew before each, and returns the kinds of the steps.
func (b *bench) move(t *testing.T, to mutate.Method, cfg migrate.Config) (kinds []migrate.Kind) {
	t.Helper()
	bound, err := trust.Join(b.irsa(t, "checkout"), b.podIdentity(t, "checkout"))
	require.NoError(t, err)
	for range 10 {
		plan, err := migrate.New(to, b.read(t), cfg)
		require.NoError(t, err)
		require.Equal(t, trust.Holds, b.state.Trust.Within(bound).Outcome, "nobody else is ever admitted")
		if !cfg.AllowGap {
			b.assertEveryPodWorks(t)
		}
		if len(plan.Steps) == 0 {
			return kinds
		}
		step := plan.Next()[0]
		require.NoError(t, step.Run(t.Context(), b.Client))
		require.NoError(t, step.Run(t.Context(), b.Client), "a second time it is done already")
		if step.Kind == migrate.Restart {
			require.Len(t, step.Pods, 2)
			b.restart(t)
		}
		kinds = append(kinds, step.Kind)
	}
	t.Fatal("the plan does not end: ", kinds)
	return nil
}

// assertEveryPodWorks says that what each pod uses is there at AWS.
func (b *bench) assertEveryPodWorks(t *testing.T) {
	t.Helper()
	for _, pod := range b.state.Pods[:2] {
		byRole := false
		for _, v := range pod.Spec.Containers[0].Env {
			byRole = byRole || v.Name == mutate.EnvRoleARN
		}
		if byRole {
			assert.True(t, b.state.Trust.Allows(trust.WebIdentity(b.state.Provider, trust.Claims{"sub": "system:serviceaccount:shop:checkout", "aud": "sts.amazonaws.com"})))
			continue
		}
		assert.NotNil(t, b.state.Association)
		assert.True(t, b.state.Trust.Allows(trust.PodIdentity(trust.PodIdentitySession{ClusterARN: b.state.ClusterARN, Namespace: "shop", ServiceAccount: "checkout"})))
	}
}

func TestAnAccountGoesThereAndBackInStepsThatCanBeStopped(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	before := b.read(t).Trust
	assert.Equal(t, []migrate.Kind{migrate.AdmitBoth, migrate.Associate, migrate.Restart, migrate.Unannotate, migrate.AdmitOne}, b.move(t, mutate.PodIdentity, cfg))
	assert.Empty(t, b.state.Account.Annotations)
	assert.True(t, b.state.Trust.Equal(b.podIdentity(t, "checkout")))

	b.annotated = true
	assert.Equal(t, []migrate.Kind{migrate.AdmitBoth, migrate.Annotate, migrate.Restart, migrate.Dissociate, migrate.AdmitOne}, b.move(t, mutate.WebIdentity, cfg))
	assert.Nil(t, b.state.Association)
	assert.True(t, b.state.Trust.Equal(before))
}

func TestWithEKSsOwnWebhookTheWayBackTakesAGapThatWasAllowed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.move(t, mutate.PodIdentity, cfg)
	gap := cfg
	gap.AllowGap = true
	assert.Equal(t, []migrate.Kind{migrate.AdmitBoth, migrate.Annotate, migrate.Dissociate, migrate.Restart, migrate.AdmitOne}, b.move(t, mutate.WebIdentity, gap))
}

func TestTheOldWayIsNotTakenFromAPodThatMayUseIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 2 {
		plan, err := migrate.New(mutate.PodIdentity, b.read(t), cfg)
		require.NoError(t, err)
		for _, s := range plan.Next() {
			require.NoError(t, s.Run(t.Context(), b.Client))
		}
	}
	old := b.state.Pods[0]
	b.restart(t)
	unknown := b.state.Pods[1]
	unknown.Spec.Containers = []corev1.Container{*unknown.Spec.Containers[0].DeepCopy()}
	for i, v := range unknown.Spec.Containers[0].Env {
		if v.Name == mutate.EnvCredentialsURI {
			unknown.Spec.Containers[0].Env[i] = corev1.EnvVar{Name: v.Name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "k"}}}
		}
	}
	for name, p := range map[string]corev1.Pod{"by the old way": old, "by a value that does not show": unknown} {
		s := b.read(t)
		s.Pods = []corev1.Pod{p, b.state.Pods[1]}
		plan, err := migrate.New(mutate.PodIdentity, s, cfg)
		require.NoError(t, err, name)
		require.Len(t, plan.Next(), 1, name)
		assert.Equal(t, migrate.Restart, plan.Next()[0].Kind, name)
		assert.Len(t, plan.Next()[0].Pods, 1, name)

		s.Pods[0].Status.Phase = corev1.PodSucceeded
		plan, err = migrate.New(mutate.PodIdentity, s, cfg)
		require.NoError(t, err)
		assert.Equal(t, migrate.Unannotate, plan.Next()[0].Kind, "a pod that is over uses nothing")
	}
}

func TestWherePodIdentityDoesNotRunIRSAStays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*corev1.Pod)
		want   string
	}{
		"a node of Fargate":    {func(p *corev1.Pod) { p.Spec.NodeName = "fargate" }, "pod checkout-1 runs on Fargate"},
		"a profile of Fargate": {func(p *corev1.Pod) { p.Labels = map[string]string{"eks.amazonaws.com/fargate-profile": "x"} }, "runs on Fargate"},
		"a hybrid node":        {func(p *corev1.Pod) { p.Spec.NodeName = "hybrid" }, "runs on a hybrid node"},
		"a Windows node":       {func(p *corev1.Pod) { p.Spec.NodeName = "windows" }, "runs on Windows"},
		"a Windows pod":        {func(p *corev1.Pod) { p.Spec.OS = &corev1.PodOS{Name: corev1.Windows} }, "runs on Windows"},
		"a Windows selector":   {func(p *corev1.Pod) { p.Spec.NodeSelector = map[string]string{"kubernetes.io/os": "windows"} }, "runs on Windows"},
		"an unknown node":      {func(p *corev1.Pod) { p.Spec.NodeName = "gone" }, "not among the nodes given"},
		"a node of Linux":      {func(p *corev1.Pod) { p.Spec.NodeName = "linux" }, ""},
		"another account":      {func(p *corev1.Pod) { p.Spec.NodeName, p.Spec.ServiceAccountName = "fargate", "" }, ""},
	} {
		s := newBench(t).state
		s.Nodes = []corev1.Node{
			{ObjectMeta: metav1.ObjectMeta{Name: "fargate", Labels: map[string]string{"eks.amazonaws.com/compute-type": "fargate"}}},
			{ObjectMeta: metav1.ObjectMeta{Name: "hybrid", Labels: map[string]string{"eks.amazonaws.com/compute-type": "hybrid"}}},
			{ObjectMeta: metav1.ObjectMeta{Name: "windows", Labels: map[string]string{"kubernetes.io/os": "windows"}}},
			{ObjectMeta: metav1.ObjectMeta{Name: "linux", Labels: map[string]string{"kubernetes.io/os": "linux"}}},
		}
		c.change(&s.Pods[0])
		plan, err := migrate.New(mutate.PodIdentity, s, cfg)
		require.NoError(t, err, name)
		assert.Contains(t, plan.Stays, c.want, name)
		assert.Equal(t, c.want == "", plan.Stays == "", name)
		assert.Equal(t, c.want == "", len(plan.Steps) > 0, name)
	}
}

func TestWhatWouldChangeWhatPodsMayDoIsRefused(t *testing.T) {
	t.Parallel()
	target := func(s migrate.State) podidentity.Target {
		return podidentity.Target{ClusterARN: s.ClusterARN, Namespace: "shop", ServiceAccount: "checkout"}
	}
	associated := func(a podidentity.Association) func(*migrate.State) {
		return func(s *migrate.State) { a.Target = target(*s); s.Association = &a }
	}
	for name, c := range map[string]struct {
		to     mutate.Method
		change func(*migrate.State)
		want   string
	}{
		"no role":               {mutate.PodIdentity, func(s *migrate.State) { s.Account = account("checkout") }, "it has no role"},
		"two roles":             {mutate.PodIdentity, associated(podidentity.Association{RoleARN: "arn:aws:iam::111122223333:role/writer"}), "it has two roles"},
		"another's":             {mutate.PodIdentity, func(s *migrate.State) { s.Association = &podidentity.Association{RoleARN: reader} }, "the association belongs to"},
		"a target role":         {mutate.WebIdentity, associated(podidentity.Association{RoleARN: reader, TargetRoleARN: reader}), "target role"},
		"a session policy":      {mutate.WebIdentity, associated(podidentity.Association{RoleARN: reader, Policy: "{}"}), "session policy"},
		"an add-on's":           {mutate.WebIdentity, associated(podidentity.Association{RoleARN: reader, OwnerARN: "arn:x"}), "add-on"},
		"no session tags":       {mutate.PodIdentity, associated(podidentity.Association{RoleARN: reader, DisableSessionTags: true}), "sets no session tags"},
		"no policy":             {mutate.PodIdentity, func(s *migrate.State) { s.Trust = nil }, "trust policy is nil"},
		"no account":            {mutate.PodIdentity, func(s *migrate.State) { s.Account = nil }, "the service account is nil"},
		"no cluster":            {mutate.PodIdentity, func(s *migrate.State) { s.ClusterARN = "blue" }, "cluster ARN"},
		"another provider":      {mutate.PodIdentity, func(s *migrate.State) { s.Provider = trust.Provider{} }, "is not in the account"},
		"a role that is no ARN": {mutate.PodIdentity, func(s *migrate.State) { s.Account.Annotations[annotation] = "reader" }, `role ARN "reader"`},
		"no such method":        {9, func(*migrate.State) {}, "is unknown"},
		"a Deny": {mutate.PodIdentity, func(s *migrate.State) {
			deny, err := trust.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"Service":"pods.eks.amazonaws.com"},"Action":"sts:TagSession"}]}`))
			require.NoError(t, err)
			s.Trust, err = trust.Join(s.Trust, deny)
			require.NoError(t, err)
		}, "would be denied"},
	} {
		s := newBench(t).state
		c.change(&s)
		plan, err := migrate.New(c.to, s, cfg)
		assert.ErrorContains(t, err, c.want, name)
		assert.Zero(t, plan, name)
	}
}

func TestAStatementForMoreStaysAndIsNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	everybody, err := trust.NewPodIdentity(trust.PodIdentityGrant{})
	require.NoError(t, err)
	s := b.state
	s.Trust, err = trust.Join(b.irsa(t, "checkout"), everybody)
	require.NoError(t, err)
	s.Pods = nil
	plan, err := migrate.New(mutate.WebIdentity, s, cfg)
	require.NoError(t, err)
	assert.Empty(t, plan.Steps)
	require.Len(t, plan.Notes, 1)
	assert.Contains(t, plan.String(), "! role "+reader+" keeps admitting the old way")
}

func TestAStepIsNotTakenOverWhatSomebodyElseChanged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	plan, err := migrate.New(mutate.PodIdentity, b.read(t), cfg)
	require.NoError(t, err)
	_, err = b.eks.CreatePodIdentityAssociation(t.Context(), &eks.CreatePodIdentityAssociationInput{
		ClusterName: aws.String("blue"), Namespace: aws.String("shop"), ServiceAccount: aws.String("checkout"), RoleArn: aws.String(b.roleOfOthers(t)),
	})
	require.NoError(t, err)
	require.ErrorIs(t, plan.Steps[1].Run(t.Context(), b.Client), migrate.ErrChanged)
	b.grant(t, "neighbour")
	require.ErrorIs(t, plan.Steps[0].Run(t.Context(), b.Client), migrate.ErrChanged)
	assert.Zero(t, b.aws.Calls("UpdatePodIdentityAssociation"))
	assert.False(t, b.read(t).Trust.Allows(trust.PodIdentity(trust.PodIdentitySession{ClusterARN: b.state.ClusterARN, Namespace: "shop", ServiceAccount: "checkout"})))
}
