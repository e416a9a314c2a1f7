package arn_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/arn"
)

func TestParseRole(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]arn.Role{
		"arn:aws:iam::111122223333:role/reader":          {"aws", "111122223333", "/", "reader"},
		"arn:aws-cn:iam::111122223333:role/a/b/re.a@der": {"aws-cn", "111122223333", "/a/b/", "re.a@der"},
	} {
		r, err := arn.ParseRole(s)
		require.NoError(t, err)
		assert.Equal(t, want, r)
		assert.Equal(t, s, r.String())
	}
	for s, reason := range map[string]string{
		"":                                      `it is not an ARN, want "arn:PARTITION:iam::ACCOUNT:role/NAME"`,
		"reader":                                `it is not an ARN, want "arn:PARTITION:iam::ACCOUNT:role/NAME"`,
		"ARN:aws:iam::111122223333:role/reader": "want \"arn:",
		"arn:aws:iam::111122223333":             "want \"arn:",
		"arn::iam::111122223333:role/reader":    "partition is empty",
		"arn:aws-test:iam::111122223333:role/reader":                "partition \"aws-test\" is unknown",
		"arn:aws:sts::111122223333:role/reader":                     "service is \"sts\"",
		"arn:aws:iam:eu-west-1:111122223333:role/r":                 "region is \"eu-west-1\"",
		"arn:aws:iam::11112222333:role/reader":                      "not twelve digits",
		"arn:aws:iam::11112222333x:role/reader":                     "not twelve digits",
		"arn:aws:iam::111122223333:user/reader":                     "resource is \"user/reader\"",
		"arn:aws:iam::111122223333:role/":                           "resource is \"role/\"",
		"arn:aws:iam::111122223333:role/a/":                         "role name is empty",
		"arn:aws:iam::111122223333:role/re ader":                    "characters other than",
		"arn:aws:iam::111122223333:role/reader\n":                   "characters other than",
		"arn:aws:iam::111122223333:role/é/reader":                   "path",
		"arn:aws:iam::1:role/" + strings.Repeat("a", 3000):          "more than 2048",
		"arn:aws:iam::111122223333:role/" + strings.Repeat("a", 65): "more than 64",
	} {
		r, err := arn.ParseRole(s)
		require.ErrorContains(t, err, reason, "%q", s)
		assert.Zero(t, r)
	}
}

func TestAManagedPolicyByItsNameIsToldWhatAnARNLooksLike(t *testing.T) {
	t.Parallel()
	_, err := arn.ParsePolicy("AmazonS3ReadOnlyAccess")
	require.EqualError(t, err, `it is not an ARN, want "arn:PARTITION:iam::ACCOUNT:policy/NAME"`)
}

func TestARoleNameIsNotAnARNOrAPath(t *testing.T) {
	t.Parallel()
	for name, reason := range map[string]string{
		"arn:aws:iam::111122223333:role/team/reader": `is an ARN: want the name alone, "reader"`,
		"team/reader": `has a path: want the name alone, "reader"`,
		"team/":       "characters other than",
	} {
		require.ErrorContains(t, arn.CheckRoleName(name), reason)
	}
	require.NoError(t, arn.CheckRoleName("reader"))
}

func TestZeroValuesPrintAsNothing(t *testing.T) {
	t.Parallel()
	assert.Empty(t, arn.ARN{}.String())
	assert.Empty(t, arn.Role{}.String())
}

func FuzzParseIsTheInverseOfString(f *testing.F) {
	f.Add("arn:aws:iam::111122223333:oidc-provider/host/path")
	f.Add("arn:aws:sts::111122223333:assumed-role/a/b:c")
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := arn.Parse(s); err == nil {
			assert.Equal(t, s, a.String())
		}
		if r, err := arn.ParseRole(s); err == nil {
			assert.Equal(t, s, r.String())
		}
	})
}

func TestCheckSessionName(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"a": false, "ab": true, "web_1+=,.@-": true, "a b": false, "a/b": false, "": false,
		strings.Repeat("x", 64): true, strings.Repeat("x", 65): false,
	} {
		assert.Equal(t, ok, arn.CheckSessionName(name) == nil, "%q", name)
	}
}

func TestParseCluster(t *testing.T) {
	t.Parallel()
	c, err := arn.ParseCluster("arn:aws-cn:eks:cn-north-1:111122223333:cluster/shop_1-a")
	require.NoError(t, err)
	assert.Equal(t, arn.Cluster{Partition: "aws-cn", Region: "cn-north-1", AccountID: "111122223333", Name: "shop_1-a"}, c)
	for _, s := range []string{
		"", "shop", "arn:aws:eks:eu-west-1:111122223333:cluster/", "arn:aws:eks:eu-west-1:111122223333:cluster/a/b",
		"arn:aws:eks:eu-west-1:111122223333:cluster/-a", "arn:aws:eks:eu-west-1:111122223333:cluster/*",
		"arn:aws:eks:eu-west-1:111122223333:nodegroup/a", "arn:aws:eks::111122223333:cluster/a", "arn:aws:eks:*:111122223333:cluster/a",
		"arn:aws:eks:eu-west-1:1:cluster/a", "arn:aws-x:eks:eu-west-1:111122223333:cluster/a", "arn:aws:ecs:eu-west-1:111122223333:cluster/a",
		"arn:aws:eks:eu-west-1:111122223333:cluster/" + strings.Repeat("a", 101),
	} {
		c, err := arn.ParseCluster(s)
		require.ErrorContains(t, err, `want "arn:`, "%q", s)
		assert.Zero(t, c)
	}
}
