package iamrole_test

import (
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
