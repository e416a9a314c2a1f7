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
		wrong  string
	}{
		"its own account":        {role, policyOf(mustGrant("shop", "cart")), false, ""},
		"another account":        {role, policyOf(mustGrant("shop", "checkout")), true, "sub system:serviceaccount:shop:checkout"},
		"both":                   {role, policyOf(mustGrant("shop", "cart"), mustGrant("other", "cart")), true, "sub system:serviceaccount:other:cart"},
		"a pattern":              {role, policyOf(wide), true, "sub system:serviceaccount:shop:x"},
		"nobody":                 {role, &trust.Policy{}, false, "does not admit the account itself"},
		"none":                   {role, nil, false, "it has no trust policy"},
		"a role of another kind": {"arn:aws:iam::111122223333:role/reader", policyOf(wide), false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := iamrole.CheckByRule(rule, provider, c.role, c.policy)
			if c.wrong == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, c.wrong)
			}
			assert.Equal(t, c.others, errors.Is(err, iamrole.ErrSharedRole), "%v", err)
		})
	}
}

func TestARoleByRuleIsInTheProvidersAccount(t *testing.T) {
	t.Parallel()
	provider := mustGrant("shop", "cart").Provider
	for want, rule := range map[string]iamrole.RoleRule{
		"is not in account 444455556666 of partition aws,":    {AccountID: "444455556666"},
		"is not in account 111122223333 of partition aws-cn,": {AccountID: "111122223333", Partition: "aws-cn"},
		`AccountID: account id ""`:                            {},
	} {
		spec, err := iamrole.SpecByRule(rule, provider, "shop", "cart")
		assert.ErrorContains(t, err, want)
		assert.Zero(t, spec, want)
	}
	_, err := iamrole.SpecByRule(iamrole.RoleRule{AccountID: "111122223333"}, provider, "shop", "Cart")
	assert.ErrorContains(t, err, `service account "Cart"`)
}
