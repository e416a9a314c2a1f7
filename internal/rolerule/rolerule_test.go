package rolerule_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/internal/rolerule"
)

var (
	plain = rolerule.RoleRule{AccountID: "111122223333"}
	blue  = rolerule.RoleRule{AccountID: "111122223333", Partition: "aws-cn", Path: "/clusters/blue/", NamePrefix: "blue_"}
)

func TestARNs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule               rolerule.RoleRule
		namespace, account string
		want               string
	}{
		"short":      {plain, "team-a", "app", "arn:aws:iam::111122223333:role/irsa/team-a/team-a.app"},
		"with dots":  {plain, "team-a", "app.v1", "arn:aws:iam::111122223333:role/irsa/team-a/team-a.app.v1"},
		"all set":    {blue, "team-a", "app", "arn:aws-cn:iam::111122223333:role/clusters/blue/team-a/blue_team-a.app"},
		"64 exactly": {plain, "n", strings.Repeat("a", 62), "arn:aws:iam::111122223333:role/irsa/n/n." + strings.Repeat("a", 62)},
		"one more":   {plain, "n", strings.Repeat("a", 62) + "z", "arn:aws:iam::111122223333:role/irsa/n/aa/+n." + strings.Repeat("a", 60) + "z"},
		"long": {plain, "n", strings.Repeat("a", 30) + strings.Repeat("b", 30) + strings.Repeat("c", 30), "arn:aws:iam::111122223333:role/irsa/n/a" +
			strings.Repeat("b", 28) + "/+n." + strings.Repeat("a", 29) + "bb" + strings.Repeat("c", 30)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.rule.ARN(c.namespace, c.account)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestWhatCannotBeARule(t *testing.T) {
	t.Parallel()
	for field, rules := range map[string][]rolerule.RoleRule{
		"AccountID":  {{}, {AccountID: "1"}, {AccountID: "11112222333x"}},
		"Partition":  {{AccountID: "111122223333", Partition: "elsewhere"}},
		"Path":       {{AccountID: "111122223333", Path: "/"}, {AccountID: "111122223333", Path: "irsa"}, {AccountID: "111122223333", Path: "irsa/"}, {AccountID: "111122223333", Path: "/irsa"}, {AccountID: "111122223333", Path: "/" + strings.Repeat("a", 127) + "/"}, {AccountID: "111122223333", Path: "/a//b/"}, {AccountID: "111122223333", Path: "/*/"}, {AccountID: "111122223333", Path: "/" + strings.Repeat("a", 200) + "/"}},
		"NamePrefix": {{AccountID: "111122223333", NamePrefix: "blue"}, {AccountID: "111122223333", NamePrefix: "blue-"}, {AccountID: "111122223333", NamePrefix: "b*_"}, {AccountID: "111122223333", NamePrefix: strings.Repeat("a", 20) + "_"}},
	} {
		for _, r := range rules {
			assert.ErrorContains(t, r.Check(), field)
			got, err := r.ARN("team-a", "app")
			assert.ErrorContains(t, err, field)
			assert.Empty(t, got)
		}
	}
	for want, names := range map[string][2]string{
		`namespace ""`: {"", "app"}, `namespace "Team"`: {"Team", "app"}, `namespace "team.a"`: {"team.a", "app"},
		`service account ""`: {"team-a", ""}, `service account "../x"`: {"team-a", "../x"},
	} {
		_, err := plain.ARN(names[0], names[1])
		assert.ErrorContains(t, err, want)
	}
}

func TestTheLongestThatIsARule(t *testing.T) {
	t.Parallel()
	for _, r := range []rolerule.RoleRule{
		{AccountID: "111122223333", Path: "/" + strings.Repeat("a", 126) + "/", NamePrefix: strings.Repeat("a", 19) + "_"},
		{AccountID: "111122223333", Path: "/a/", NamePrefix: "_"},
	} {
		require.NoError(t, r.Check())
		assert.False(t, r.IsZero())
		role, err := r.ARN(strings.Repeat("n", 63), strings.Repeat("a", 253))
		require.NoError(t, err)
		_, err = arn.ParseRole(role)
		assert.NoError(t, err, "IAM takes it")
	}
	assert.True(t, rolerule.RoleRule{}.IsZero())
}

func TestOtherARNsAreNobodys(t *testing.T) {
	t.Parallel()
	for _, role := range []string{
		"", "arn:aws:iam::111122223333:role/irsa/team-a/app", "arn:aws:iam::111122223333:role/irsa/team-a/team-b.app",
		"arn:aws:iam::111122223333:role/team-a/team-a.app", "arn:aws:iam::444455556666:role/irsa/team-a/team-a.app",
		"arn:aws:iam::111122223333:role/irsa/team-a/x/team-a.app", "arn:aws:iam::111122223333:role/irsa/team-a/team-a.App",
		"arn:aws:iam::111122223333:role/irsa/team-a/x/+" + strings.Repeat("a", 63), "arn:aws:iam::111122223333:role/irsa/team-a/+team-a.app",
		"arn:aws:iam::111122223333:role/irsa/team-a", "arn:aws:iam::111122223333:role/irsa/team-a/", "team-a/team-a.app",
		"arn:aws:iam::111122223333:role/irsa/+" + strings.Repeat("a", 63), "arn:aws:iam::111122223333:role/irsa/n/a/b/+" + strings.Repeat("a", 63),
	} {
		_, _, ok := plain.Account(role)
		assert.False(t, ok, role)
	}
}

// FuzzNoTwoAccountsHaveOneRole: the account can be told from the ARN, which IAM accepts.
func FuzzNoTwoAccountsHaveOneRole(f *testing.F) {
	f.Add("team-a", "app", "blue_")
	f.Add("team-a", "app.app", "")
	f.Add(strings.Repeat("n", 63), strings.Repeat("a", 253), "")
	f.Add(strings.Repeat("n", 63), strings.Repeat("a.", 100)+"a", "twenty-characters-+_")
	f.Add("a", "b.c", "+")
	f.Fuzz(func(t *testing.T, namespace, account, prefix string) {
		r := rolerule.RoleRule{AccountID: "111122223333", NamePrefix: prefix}
		role, err := r.ARN(namespace, account)
		if err != nil {
			require.Empty(t, role)
			if r.Check() == nil {
				require.False(t, kubename.CheckNamespace(namespace) == nil && kubename.CheckServiceAccount(account) == nil)
			}
			return
		}
		parsed, err := arn.ParseRole(role)
		require.NoError(t, err)
		require.Equal(t, role, parsed.String())
		gotNamespace, gotAccount, ok := r.Account(role)
		require.True(t, ok)
		require.Equal(t, namespace, gotNamespace)
		require.Equal(t, account, gotAccount)
	})
}

// FuzzAccountIsTheInverse: what is told from any text is what the text is made from.
func FuzzAccountIsTheInverse(f *testing.F) {
	f.Add("arn:aws:iam::111122223333:role/irsa/team-a/team-a.app")
	f.Add("arn:aws:iam::111122223333:role/irsa/n/aa/+n." + strings.Repeat("a", 61))
	f.Fuzz(func(t *testing.T, role string) {
		for _, r := range []rolerule.RoleRule{plain, blue, {}} {
			if namespace, account, ok := r.Account(role); ok {
				again, err := r.ARN(namespace, account)
				require.NoError(t, err)
				require.Equal(t, role, again)
			}
		}
	})
}
