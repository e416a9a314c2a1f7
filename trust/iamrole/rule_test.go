package iamrole_test

import (
	"errors"
	"fmt"
	"log"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
)

// The role of a service account under the rule that the cluster's webhook or policy follows, too.
func ExampleSpecByRule() {
	provider, err := trust.NewProvider("aws", "111122223333", "https://issuer.example/clusters/a")
	if err != nil {
		log.Fatal(err)
	}
	spec, err := iamrole.SpecByRule(iamrole.RoleRule{AccountID: "111122223333"}, provider, "shop", "cart")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(spec.Path + spec.Name)
	fmt.Println(spec.Trust.Allows(trust.WebIdentity(provider, trust.Claims{
		"sub": "system:serviceaccount:shop:cart", "aud": "sts.amazonaws.com",
	})))
	// Output:
	// /irsa/shop/shop.cart
	// true
}

func TestTheRoleByRuleIsMadeAndAdmitsItsAccountAlone(t *testing.T) {
	t.Parallel()
	client, closeAccount := open()
	defer closeAccount()
	provider := mustGrant("shop", "cart").Provider
	rule := iamrole.RoleRule{AccountID: "111122223333", NamePrefix: "blue_"}
	for _, account := range []string{"cart", strings.Repeat("a-long-name.", 15) + "x"} {
		spec, err := iamrole.SpecByRule(rule, provider, "shop", account)
		require.NoError(t, err)
		role, err := iamrole.Ensure(t.Context(), client, spec, iamrole.Config{})
		require.NoError(t, err)
		want, err := rule.ARN("shop", account)
		require.NoError(t, err)
		assert.Equal(t, want, fmt.Sprint(role.ARN))

		request := func(namespace, name string) trust.Request {
			return trust.WebIdentity(provider, trust.Claims{"sub": "system:serviceaccount:" + namespace + ":" + name, "aud": "sts.amazonaws.com"})
		}
		assert.True(t, spec.Trust.Allows(request("shop", account)))
		assert.False(t, spec.Trust.Allows(request("other", account)))
		assert.False(t, spec.Trust.Allows(request("shop", "other")))
	}
}

// A role under the rule that a second account was let into.
func ExampleCheckByRule() {
	provider, err := trust.NewProvider("aws", "111122223333", "https://issuer.example/clusters/a")
	if err != nil {
		log.Fatal(err)
	}
	rule := iamrole.RoleRule{AccountID: "111122223333"}
	spec, err := iamrole.SpecByRule(rule, provider, "shop", "cart")
	if err != nil {
		log.Fatal(err)
	}
	widened, err := spec.Trust.WithGrant(mustGrant("shop", "checkout"))
	if err != nil {
		log.Fatal(err)
	}
	const role = "arn:aws:iam::111122223333:role/irsa/shop/shop.cart"
	fmt.Println(iamrole.CheckByRule(rule, provider, role, spec.Trust))
	fmt.Println(errors.Is(iamrole.CheckByRule(rule, provider, role, widened), iamrole.ErrSharedRole))
	// Output:
	// <nil>
	// true
}

func TestARoleByRuleIsItsAccountsAlone(t *testing.T) {
	t.Parallel()
	provider := mustGrant("shop", "cart").Provider
	rule := iamrole.RoleRule{AccountID: "111122223333"}
	const role = "arn:aws:iam::111122223333:role/irsa/shop/shop.cart"
	policyOf := func(grants ...trust.Grant) *trust.Policy {
		policy, err := trust.New(grants...)
		require.NoError(t, err)
		return policy
	}
	pattern, err := trust.ParsePattern("system:serviceaccount:shop:*")
	require.NoError(t, err)
	wide := trust.Grant{Provider: provider, Patterns: []trust.Pattern{pattern}}
	for name, c := range map[string]struct {
		role   string
		policy *trust.Policy
		others bool
		wrong  bool
	}{
		"its own account":        {role, policyOf(mustGrant("shop", "cart")), false, false},
		"another account":        {role, policyOf(mustGrant("shop", "checkout")), true, true},
		"both":                   {role, policyOf(mustGrant("shop", "cart"), mustGrant("other", "cart")), true, true},
		"a pattern":              {role, policyOf(wide), true, true},
		"nobody":                 {role, &trust.Policy{}, false, true},
		"none":                   {role, nil, false, true},
		"a role of another kind": {"arn:aws:iam::111122223333:role/reader", policyOf(wide), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := iamrole.CheckByRule(rule, provider, c.role, c.policy)
			assert.Equal(t, c.wrong, err != nil, "%v", err)
			assert.Equal(t, c.others, errors.Is(err, iamrole.ErrSharedRole), "%v", err)
		})
	}
}

func TestARoleByRuleIsInTheProvidersAccount(t *testing.T) {
	t.Parallel()
	provider := mustGrant("shop", "cart").Provider
	for name, rule := range map[string]iamrole.RoleRule{
		"another account":   {AccountID: "444455556666"},
		"another partition": {AccountID: "111122223333", Partition: "aws-cn"},
		"no rule":           {},
	} {
		spec, err := iamrole.SpecByRule(rule, provider, "shop", "cart")
		assert.Error(t, err, name)
		assert.Zero(t, spec, name)
	}
	_, err := iamrole.SpecByRule(iamrole.RoleRule{AccountID: "111122223333"}, provider, "shop", "Cart")
	assert.Error(t, err)
}
