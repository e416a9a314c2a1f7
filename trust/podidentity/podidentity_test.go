package podidentity_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/podidentity"
	"github.com/irsa-go/irsa/trust/trusttest"
)

func TestEnsureMakesWhatPlanSaysAndASecondCallMakesNothing(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	spec := podidentity.Spec{Target: b.target("checkout"), RoleARN: reader, Tags: map[string]string{"team": "shop"}}

	changes, err := podidentity.Plan(t.Context(), b, spec)
	require.NoError(t, err)
	assert.Equal(t, "service account shop/checkout of cluster blue\n  + create association with role "+reader, changes.String())
	assert.Zero(t, b.account.Calls("CreatePodIdentityAssociation"))

	result, err := podidentity.Ensure(t.Context(), b, spec, podidentity.Config{})
	require.NoError(t, err)
	assert.True(t, result.Created)
	assert.Equal(t, changes.Steps, result.Steps)
	read, err := podidentity.Read(t.Context(), b, spec.Target)
	require.NoError(t, err)
	assert.Equal(t, read, result.Association, "what Ensure returns is what there is")
	assert.Equal(t, reader, read.RoleARN)
	assert.Equal(t, map[string]string{"team": "shop"}, read.Tags)

	before := b.account.Calls("")
	result, err = podidentity.Ensure(t.Context(), b, spec, podidentity.Config{})
	require.NoError(t, err)
	assert.False(t, result.Created)
	assert.Empty(t, result.Steps)
	assert.Equal(t, read, result.Association)
	assert.Equal(t, 2, b.account.Calls("")-before, "one list, one describe")
	changes, err = podidentity.Plan(t.Context(), b, spec)
	require.NoError(t, err)
	assert.True(t, changes.Empty())
}

func TestEnsureAdoptsAndChangesOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	_, err := b.CreatePodIdentityAssociation(t.Context(), &eks.CreatePodIdentityAssociationInput{
		ClusterName: aws.String("blue"), Namespace: aws.String("shop"), ServiceAccount: aws.String("checkout"),
		RoleArn: aws.String(reader), Tags: map[string]string{"by": "hand", "team": "old"},
	})
	require.NoError(t, err)
	for name, c := range []struct {
		change func(*podidentity.Spec)
		want   []string
	}{
		{func(s *podidentity.Spec) { s.RoleARN = writer }, []string{"change role " + reader + " to " + writer}},
		{func(s *podidentity.Spec) { s.TargetRoleARN = reader }, []string{"change settings, target role " + reader}},
		{func(s *podidentity.Spec) { s.TargetRoleARN = "" }, []string{"change settings"}},
		{func(s *podidentity.Spec) { s.DisableSessionTags, s.Policy = true, `{"Version":"2012-10-17"}` }, []string{"change settings, a session policy, without session tags"}},
		{func(s *podidentity.Spec) { s.DisableSessionTags, s.Policy = false, "" }, []string{"change settings"}},
		{func(s *podidentity.Spec) { s.Tags = map[string]string{"team": "shop"} }, []string{`set tags "team"="shop"`}},
		{func(s *podidentity.Spec) { s.ForeignTags = podidentity.Remove }, []string{`remove tags "by"`}},
	} {
		spec := podidentity.Spec{Target: b.target("checkout"), RoleARN: writer}
		if name > 5 {
			spec.Tags = map[string]string{"team": "shop"}
		}
		c.change(&spec)
		result, err := podidentity.Ensure(t.Context(), b, spec, podidentity.Config{})
		require.NoError(t, err)
		var steps []string
		for _, s := range result.Steps {
			steps = append(steps, s.Text)
		}
		assert.Equal(t, c.want, steps)
		read, err := podidentity.Read(t.Context(), b, spec.Target)
		require.NoError(t, err)
		assert.Equal(t, read, result.Association)
		assert.Equal(t, spec.TargetRoleARN != "", read.ExternalID != "", "EKS chooses an external id for a target role")
	}
}

func TestSpecsThatEKSRefusesAreRefusedWithAllTheirProblems(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	_, err := podidentity.Plan(t.Context(), b, podidentity.Spec{
		Target:  podidentity.Target{ClusterARN: "blue", Namespace: "Shop", ServiceAccount: "check/out"},
		RoleARN: "reader", TargetRoleARN: "arn:aws:iam::1:role/x", Policy: `[]`, ForeignTags: 7,
	})
	for _, want := range []string{
		"podidentity: ", `cluster ARN "blue"`, `namespace "Shop"`, `service account "check/out"`, `RoleARN "reader"`,
		"TargetRoleARN", "not a JSON object", "only with DisableSessionTags", "ForeignTags is 7",
	} {
		assert.ErrorContains(t, err, want)
	}
	for name, cluster := range map[string]string{
		"of another service": "arn:aws:iam:eu-central-1:111122223333:cluster/blue",
		"without a region":   "arn:aws:eks::111122223333:cluster/blue",
		"without a name":     "arn:aws:eks:eu-central-1:111122223333:cluster/",
		"with a pattern":     "arn:aws:eks:eu-central-1:111122223333:cluster/*",
		"of no account":      "arn:aws:eks:eu-central-1:1111:cluster/blue",
		"of no partition":    "arn:aws-moon:eks:eu-central-1:111122223333:cluster/blue",
	} {
		_, err := podidentity.Read(t.Context(), b, podidentity.Target{ClusterARN: cluster, Namespace: "shop", ServiceAccount: "x"})
		assert.ErrorContains(t, err, `want "arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME"`, name)
	}
	_, err = podidentity.Plan(t.Context(), b, podidentity.Spec{Target: b.target("checkout"), RoleARN: "arn:aws:iam::444455556666:role/reader"})
	assert.ErrorContains(t, err, "set TargetRoleARN")
	assert.Zero(t, b.account.Calls("ListPodIdentityAssociations"))
	_, err = podidentity.Plan(t.Context(), nil, podidentity.Spec{Target: b.target("checkout"), RoleARN: reader})
	assert.ErrorIs(t, err, podidentity.ErrNoClient)
}

func TestDeleteIsContentWhenThereIsNothing(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	_, err := podidentity.Ensure(t.Context(), b, podidentity.Spec{Target: b.target("checkout"), RoleARN: reader}, podidentity.Config{})
	require.NoError(t, err)
	require.NoError(t, podidentity.Delete(t.Context(), b, b.target("checkout")))
	_, err = podidentity.Read(t.Context(), b, b.target("checkout"))
	require.ErrorIs(t, err, podidentity.ErrNotFound)
	require.NoError(t, podidentity.Delete(t.Context(), b, b.target("checkout")))
	assert.Equal(t, 1, b.account.Calls("DeletePodIdentityAssociation"))
	other := podidentity.Target{ClusterARN: b.arn + "x", Namespace: "shop", ServiceAccount: "checkout"}
	assert.ErrorContains(t, podidentity.Delete(t.Context(), b, other), "ResourceNotFoundException", "another cluster is not nothing")
}

func TestListGivesEveryAssociationOnEveryPage(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	const many = 101 // EKS gives 100 a page
	for i := range many {
		namespace := []string{"shop", "mail"}[i%2]
		_, err := b.CreatePodIdentityAssociation(t.Context(), &eks.CreatePodIdentityAssociationInput{
			ClusterName: aws.String("blue"), Namespace: &namespace, ServiceAccount: aws.String(string(rune('a'+i%26)) + string(rune('a'+i/26))), RoleArn: aws.String(reader),
		})
		require.NoError(t, err)
	}
	all, err := podidentity.List(t.Context(), b, b.arn, "")
	require.NoError(t, err)
	assert.Len(t, all, many)
	assert.Equal(t, 2, b.account.Calls("ListPodIdentityAssociations"))
	some, err := podidentity.List(t.Context(), b, b.arn, "mail")
	require.NoError(t, err)
	assert.Len(t, some, many/2)
}

// owned answers as if an add-on owned every association.
type owned struct{ podidentity.API }

func (o owned) DescribePodIdentityAssociation(ctx context.Context, in *eks.DescribePodIdentityAssociationInput, opts ...func(*eks.Options)) (*eks.DescribePodIdentityAssociationOutput, error) {
	out, err := o.API.DescribePodIdentityAssociation(ctx, in, opts...)
	if err == nil {
		out.Association.OwnerArn = aws.String("arn:aws:eks:us-east-1:111122223333:addon/blue/vpc-cni/x")
	}
	return out, err
}

func (o owned) DeletePodIdentityAssociation(context.Context, *eks.DeletePodIdentityAssociationInput, ...func(*eks.Options)) (*eks.DeletePodIdentityAssociationOutput, error) {
	return nil, http.ErrNotSupported
}

func TestWhatAnAddOnOwnsIsLeftToIt(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	spec := podidentity.Spec{Target: b.target("aws-node"), RoleARN: reader}
	_, err := podidentity.Ensure(t.Context(), b, spec, podidentity.Config{})
	require.NoError(t, err)
	_, err = podidentity.Ensure(t.Context(), owned{b}, spec, podidentity.Config{})
	require.NoError(t, err, "nothing differs")
	spec.RoleARN = writer
	_, err = podidentity.Ensure(t.Context(), owned{b}, spec, podidentity.Config{})
	require.ErrorIs(t, err, podidentity.ErrOwned)
	require.ErrorIs(t, podidentity.Delete(t.Context(), owned{b}, spec.Target), podidentity.ErrOwned)
}

func TestEnsureWaitsForARoleThatEKSDoesNotSeeYet(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	_, err := podidentity.Ensure(t.Context(), b, podidentity.Spec{Target: b.target("checkout"), RoleARN: "arn:aws:iam::111122223333:role/absent"}, podidentity.Config{Patience: -1})
	require.ErrorContains(t, err, "Role provided in the request does not exist")
	var step *podidentity.StepError
	require.ErrorAs(t, err, &step)

	late := racing{API: b, before: func() {
		trusted, err := trust.NewPodIdentity(trust.PodIdentityGrant{})
		require.NoError(t, err)
		b.role(t, "late", trusted)
	}}
	_, err = podidentity.Ensure(t.Context(), &late, podidentity.Spec{Target: b.target("checkout"), RoleARN: "arn:aws:iam::111122223333:role/late"}, podidentity.Config{})
	require.NoError(t, err)
	assert.Equal(t, 2, late.creations)
}

// racing lets something happen after the first attempt to create, or before it.
type racing struct {
	podidentity.API
	before    func()
	creations int
	first     bool // happen before the first attempt reaches EKS
}

func (r *racing) CreatePodIdentityAssociation(ctx context.Context, in *eks.CreatePodIdentityAssociationInput, opts ...func(*eks.Options)) (*eks.CreatePodIdentityAssociationOutput, error) {
	r.creations++
	if r.creations == 1 && r.first {
		r.before()
	}
	out, err := r.API.CreatePodIdentityAssociation(ctx, in, opts...)
	if r.creations == 1 && !r.first {
		r.before()
	}
	return out, err
}

func TestEnsureAdoptsWhatAppearsMeanwhile(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	spec := podidentity.Spec{Target: b.target("checkout"), RoleARN: reader}
	other := racing{API: b, first: true, before: func() {
		_, err := podidentity.Ensure(t.Context(), b, spec, podidentity.Config{})
		require.NoError(t, err)
	}}
	result, err := podidentity.Ensure(t.Context(), &other, spec, podidentity.Config{})
	require.NoError(t, err)
	assert.False(t, result.Created)
	assert.Equal(t, reader, result.Association.RoleARN)
}

func TestEKSsOwnRefusalsAreTold(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.account.SetFault(trusttest.Fault{Failure: trusttest.InternalFailure})
	_, err := podidentity.Ensure(t.Context(), b, podidentity.Spec{Target: b.target("checkout"), RoleARN: reader}, podidentity.Config{})
	require.ErrorContains(t, err, "podidentity: service account shop/checkout of cluster blue: list associations:")
}
