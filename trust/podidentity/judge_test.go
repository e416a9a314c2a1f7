package podidentity_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/podidentity"
)

func chain(t *testing.T, g trust.ChainGrant) *trust.Policy {
	t.Helper()
	p, err := trust.NewChain(g)
	require.NoError(t, err)
	return p
}

func grant(t *testing.T, g trust.PodIdentityGrant) *trust.Policy {
	t.Helper()
	p, err := trust.NewPodIdentity(g)
	require.NoError(t, err)
	return p
}

func TestPlanSaysWhatTheTrustPoliciesMakeOfTheAssociation(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	const target = "arn:aws:iam::444455556666:role/target"
	shop := grant(t, trust.PodIdentityGrant{AccountID: "111122223333", Namespaces: []string{"shop"}})
	for name, c := range map[string]struct {
		spec podidentity.Spec
		want podidentity.Code
		says string
	}{
		"everything fits": {podidentity.Spec{Trust: shop}, "", ""},
		"another namespace": {
			podidentity.Spec{Trust: grant(t, trust.PodIdentityGrant{Namespaces: []string{"mail"}})},
			podidentity.CodeRoleRefuses, "kubernetes-namespace is shop, the policy wants mail",
		},
		"an IRSA role": {
			podidentity.Spec{Trust: chain(t, trust.ChainGrant{RoleARNs: []string{writer}})},
			podidentity.CodeRoleRefuses, "does not admit EKS Pod Identity",
		},
		"tags that are asked for and disabled": {
			podidentity.Spec{Trust: shop, DisableSessionTags: true},
			podidentity.CodeTagsMissing, "asks for session tags, which the association disables",
		},
		"a session policy, which disables them": {
			podidentity.Spec{Trust: shop, Policy: `{}`, DisableSessionTags: true}, podidentity.CodeTagsMissing, "",
		},
		"disabled tags that nobody asks for": {
			podidentity.Spec{Trust: grant(t, trust.PodIdentityGrant{AccountID: "111122223333"}), DisableSessionTags: true}, "", "",
		},
		"a target that trusts every session of the role": {
			podidentity.Spec{Trust: shop, TargetRoleARN: target, TargetTrust: chain(t, trust.ChainGrant{RoleARNs: []string{reader}, TagSession: true})},
			podidentity.CodeTargetOpen, "does not ask for the association's external id",
		},
		"a target without sts:TagSession": {
			podidentity.Spec{Trust: shop, TargetRoleARN: target, TargetTrust: chain(t, trust.ChainGrant{RoleARNs: []string{reader}, ExternalID: "EKS_X"})},
			podidentity.CodeTargetRefuses, "external id, which EKS chooses",
		},
		"a target that trusts another role": {
			podidentity.Spec{Trust: shop, TargetRoleARN: target, TargetTrust: chain(t, trust.ChainGrant{RoleARNs: []string{writer}, TagSession: true})},
			podidentity.CodeTargetRefuses, "",
		},
	} {
		c.spec.Target, c.spec.RoleARN = b.target("checkout"), reader
		changes, err := podidentity.Plan(t.Context(), b, c.spec)
		require.NoError(t, err, name)
		if c.want == "" {
			assert.Empty(t, changes.Warnings, name)
			continue
		}
		require.Len(t, changes.Warnings, 1, name)
		assert.Equal(t, c.want, changes.Warnings[0].Code, name)
		assert.Contains(t, changes.String(), c.says, name)
	}
}

func TestATargetRoleIsJudgedWithTheExternalIDOfTheAssociation(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.role(t, "target", chain(t, trust.ChainGrant{RoleARNs: []string{reader}}))
	spec := podidentity.Spec{Target: b.target("checkout"), RoleARN: reader, TargetRoleARN: "arn:aws:iam::111122223333:role/target"}
	made, err := podidentity.Ensure(t.Context(), b, spec, podidentity.Config{})
	require.NoError(t, err)
	require.NotEmpty(t, made.Association.ExternalID)

	for name, c := range map[string]struct {
		policy trust.ChainGrant
		want   []podidentity.Code
	}{
		"right":               {trust.ChainGrant{ExternalID: made.Association.ExternalID, TagSession: true}, nil},
		"without TagSession":  {trust.ChainGrant{ExternalID: made.Association.ExternalID}, []podidentity.Code{podidentity.CodeTargetRefuses}},
		"another external id": {trust.ChainGrant{ExternalID: "EKS_OTHER", TagSession: true}, []podidentity.Code{podidentity.CodeTargetRefuses}},
	} {
		c.policy.RoleARNs = []string{reader}
		spec.TargetTrust = chain(t, c.policy)
		result, err := podidentity.Ensure(t.Context(), b, spec, podidentity.Config{})
		require.NoError(t, err, name)
		var codes []podidentity.Code
		for _, w := range result.Warnings {
			codes = append(codes, w.Code)
		}
		assert.Equal(t, c.want, codes, name)
	}
}
