package trust_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func TestPodIdentity(t *testing.T) {
	t.Parallel()
	cart := trust.PodIdentitySession{
		AccountID: "111122223333", ClusterARN: "arn:aws:eks:eu-west-1:111122223333:cluster/blue", ClusterName: "blue",
		Namespace: "shop", ServiceAccount: "cart", PodName: "cart-0", PodUID: "u",
	}
	untagged, stranger, elsewhere := cart, cart, cart
	untagged.DisableSessionTags = true
	stranger.ServiceAccount = "mail"
	elsewhere.ClusterARN = "arn:aws:eks:eu-west-1:111122223333:cluster/green"
	for name, c := range map[string]struct {
		grant trust.PodIdentityGrant
		want  [4]bool // cart, without tags, another account, another cluster
	}{
		"any":             {trust.PodIdentityGrant{}, [4]bool{true, true, true, true}},
		"a cluster":       {trust.PodIdentityGrant{ClusterARNs: []string{cart.ClusterARN}}, [4]bool{true, true, true, false}},
		"an AWS account":  {trust.PodIdentityGrant{AccountID: "111122223333"}, [4]bool{true, true, true, true}},
		"another":         {trust.PodIdentityGrant{AccountID: "444455556666"}, [4]bool{}},
		"a namespace":     {trust.PodIdentityGrant{Namespaces: []string{"x", "shop"}}, [4]bool{true, false, true, true}},
		"service account": {trust.PodIdentityGrant{Subjects: []trust.Subject{account(t, "shop", "cart")}}, [4]bool{true, false, false, true}},
		"no cross product": {trust.PodIdentityGrant{Subjects: []trust.Subject{account(t, "shop", "mail"), account(t, "post", "cart")}},
			[4]bool{false, false, true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy, err := trust.NewPodIdentity(c.grant)
			require.NoError(t, err)
			for i, s := range []trust.PodIdentitySession{cart, untagged, stranger, elsewhere} {
				q := trust.PodIdentity(s)
				assert.Equal(t, c.want[i], policy.Allows(q), "%d: %s", i, policy.Evaluate(q))
			}
			assert.False(t, policy.Allows(token(provider(t, blue), account(t, "shop", "cart"))), "no web identity")
			assert.NoError(t, policy.Validate())
			assert.Empty(t, policy.Lint())
		})
	}
	for want, g := range map[string]trust.PodIdentityGrant{
		`account id "1"`:                       {AccountID: "1"},
		`cluster ARN "blue": it is not an ARN`: {ClusterARNs: []string{"blue"}},
		`cluster/*": want "arn:PARTITION:eks`:  {ClusterARNs: []string{"arn:aws:eks:eu-west-1:111122223333:cluster/*"}},
		"it is not in account 444455556666":    {AccountID: "444455556666", ClusterARNs: []string{cart.ClusterARN}},
		`namespace "*"`:                        {Namespaces: []string{"*"}},
		`subject "" is not a service account`:  {Subjects: []trust.Subject{{}}},
		"it has both namespaces and subjects":  {Namespaces: []string{"a"}, Subjects: []trust.Subject{account(t, "a", "b")}},
	} {
		policy, err := trust.NewPodIdentity(g)
		assert.ErrorContains(t, err, want)
		assert.Nil(t, policy, want)
	}
}
