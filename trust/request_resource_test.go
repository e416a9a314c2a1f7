package trust_test

import (
	"fmt"
	"log"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func ExampleRequest_WithResourceTags() {
	policy, err := trust.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},
		"Action":"sts:AssumeRole","Condition":{"StringNotEquals":{"aws:ResourceTag/locked":"true"}}}]}`))
	if err != nil {
		log.Fatal(err)
	}
	request := trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:user/alice"})
	fmt.Println("not knowing the role's tags:", policy.Allows(request))
	fmt.Println("of a role without tags:", policy.Allows(request.WithResourceTags(nil)))
	fmt.Println("of a locked role:", policy.Allows(request.WithResourceTags(map[string]string{"Locked": "true"})))
	// Output:
	// not knowing the role's tags: false
	// of a role without tags: true
	// of a locked role: false
}

func TestTheRolesTagsAreAllKnownOrNone(t *testing.T) {
	t.Parallel()
	user := trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: "arn:aws:iam::111122223333:user/alice"})
	requests := map[string]trust.Request{
		"unknown":    user,
		"none":       user.WithResourceTags(nil),
		"one":        user.WithResourceTags(map[string]string{"Team": "shop"}),
		"one, alone": user.With("aws:ResourceTag/Team", "shop"),
		"twice":      user.WithResourceTags(nil).WithResourceTags(nil),
		"after With": user.With("iam:ResourceTag/x", "y").WithResourceTags(map[string]string{"Team": "shop"}),
		"then With":  user.WithResourceTags(nil).With("aws:ResourceTag/Team", "shop"),
		"two cases":  user.WithResourceTags(map[string]string{"Team": "shop", "team": "shop"}),
		"zero":       trust.Request{}.WithResourceTags(nil),
	}
	for condition, allowed := range map[string][]string{
		``: {"unknown", "none", "one", "one, alone"},
		`,"Condition":{"StringEquals":{"aws:ResourceTag/team":"shop"}}`:          {"one", "one, alone"},
		`,"Condition":{"StringEquals":{"iam:ResourceTag/Team":"shop"}}`:          {"one"},
		`,"Condition":{"StringEquals":{"aws:ResourceTag/Team":"Shop"}}`:          nil,
		`,"Condition":{"StringEqualsIfExists":{"aws:ResourceTag/Team":"other"}}`: {"none"},
		`,"Condition":{"Null":{"iam:ResourceTag/Team":"true"}}`:                  {"none"},
		`,"Condition":{"StringNotEquals":{"aws:ResourceTag/other":"x"}}`:         {"none", "one"},
	} {
		policy, err := trust.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"` + condition + `}]}`))
		require.NoError(t, err)
		for name, q := range requests {
			assert.Equal(t, slices.Contains(allowed, name), policy.Allows(q), "%s: %s", name, condition)
		}
	}
}
