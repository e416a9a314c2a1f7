package mutate_test

import (
	"fmt"
	"log"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/mutate"
)

const ruleRole = "arn:aws:iam::111122223333:role/irsa/team-a/team-a.reader"

var ruled = mutate.Config{RoleRule: mutate.RoleRule{AccountID: "111122223333"}}

func asking(value string) []byte {
	return []byte(strings.Replace(simplePod, `"name":"p"`, `"name":"p","labels":{"eks.amazonaws.com/role-by-rule":"`+value+`"}`, 1))
}

func TestTheRoleFollowsFromTheTargetAlone(t *testing.T) {
	t.Parallel()
	target := mutate.Target{Namespace: "team-a", ServiceAccount: "reader"}
	id, err := newMutator(t, ruled).IdentityByRule(target)
	require.NoError(t, err)
	assert.Equal(t, mutate.Identity{RoleARN: ruleRole}, id)

	all := ruled
	all.RegionalSTS, all.Audience, all.TokenExpiration = true, "own", time.Hour
	id, err = newMutator(t, all).IdentityByRule(target)
	require.NoError(t, err)
	assert.Equal(t, mutate.Identity{RoleARN: ruleRole, RegionalSTS: true, Audience: "own", TokenExpiration: time.Hour}, id)
}

func TestNobodyHasARoleByRule(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg    mutate.Config
		target mutate.Target
		want   string
	}{
		"without a rule":      {mutate.Config{}, mutate.Target{Namespace: "team-a", ServiceAccount: "reader"}, "RoleRule is not set"},
		"without a namespace": {ruled, mutate.Target{ServiceAccount: "reader"}, `namespace ""`},
		"without a name":      {ruled, mutate.Target{Namespace: "team-a"}, `service account ""`},
		"with a path":         {ruled, mutate.Target{Namespace: "team-a", ServiceAccount: "../x"}, `service account "../x"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, err := newMutator(t, c.cfg).IdentityByRule(c.target)
			assert.ErrorContains(t, err, c.want)
			assert.Zero(t, id)
		})
	}
	_, err := (*mutate.Mutator)(nil).IdentityByRule(mutate.Target{})
	assert.ErrorContains(t, err, "not made by New")
}

func TestAReviewFollowsTheRuleForPodsThatAsk(t *testing.T) {
	t.Parallel()
	every, without, other, podIdentity := ruled, mutate.Config{}, ruled, ruled
	every.RoleRuleForEveryPod = true
	other.AnnotationDomain = "aws.example.com"
	podIdentity.PodIdentityAccounts = []mutate.Target{{Namespace: "team-a", ServiceAccount: "reader"}}
	for name, c := range map[string]struct {
		cfg    mutate.Config
		pod    []byte
		byRule bool
	}{
		"asked for":                  {ruled, asking("true"), true},
		"not asked for":              {ruled, []byte(simplePod), false},
		"another value":              {ruled, asking("yes"), false},
		"another domain":             {other, asking("true"), false},
		"every pod":                  {every, []byte(simplePod), true},
		"asked for, without a rule":  {without, asking("true"), false},
		"an account of pod identity": {podIdentity, asking("true"), false},
		"a pod that cannot be read":  {ruled, []byte(strings.Replace(string(asking("true")), `[{"name":"a"}]`, `{}`, 1)), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reading, err := newMutator(t, c.cfg).Read(request(c.pod))
			require.NoError(t, err)
			assert.Equal(t, !c.byRule, reading.NeedsAccount())
			reviewed := reading.Review(account(map[string]string{"role-arn": role}))
			switch {
			case reviewed.Err != nil:
				assert.False(t, reviewed.Response.Allowed)
				assert.Contains(t, name, "cannot be read")
			case c.byRule:
				assert.Equal(t, ruleRole, reviewed.Identity.RoleARN)
				assert.Contains(t, string(reviewed.Response.Patch), ruleRole)
			default:
				assert.NotEqual(t, ruleRole, reviewed.Identity.RoleARN)
			}
		})
	}
}

func TestARuleIsChecked(t *testing.T) {
	t.Parallel()
	_, err := mutate.New(mutate.Config{RoleRule: mutate.RoleRule{AccountID: "1", Path: "x"}})
	assert.ErrorContains(t, err, "RoleRule: AccountID")
	assert.ErrorContains(t, err, "Path")
	_, err = mutate.New(mutate.Config{RoleRuleForEveryPod: true})
	assert.ErrorContains(t, err, "RoleRuleForEveryPod")
}

// No service account is looked up: iamrole.SpecByRule makes the role of the same name.
func ExampleMutator_IdentityByRule() {
	mutator, err := mutate.New(mutate.Config{RoleRule: mutate.RoleRule{AccountID: "111122223333"}})
	if err != nil {
		log.Fatal(err)
	}
	id, err := mutator.IdentityByRule(mutate.Target{Namespace: "shop", ServiceAccount: "cart"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(id.RoleARN)
	// Output: arn:aws:iam::111122223333:role/irsa/shop/shop.cart
}
