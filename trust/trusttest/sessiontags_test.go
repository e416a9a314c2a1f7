package trusttest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust/trusttest"
)

// chain is an account in which roles are assumed one from another.
type chain struct {
	account *trusttest.Account
	iam     *iam.Client
}

func newChain(t *testing.T, cfg trusttest.Config) chain {
	account, client := newIAM(t, cfg)
	return chain{account, client}
}

// role makes a role that trusts the account's own principals for the actions, under a condition.
func (c chain) role(t *testing.T, name, actions, condition string, tags ...iamtypes.Tag) string {
	t.Helper()
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	document := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":[%s]%s}]}`, actions, condition)
	out, err := c.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &document, Tags: tags})
	require.NoError(t, err)
	return *out.Role.Arn
}

// as is a client of STS with credentials; nil is the administrator's.
func (c chain) as(keys *types.Credentials) *sts.Client {
	cfg := c.account.AWSConfig()
	if keys != nil {
		cfg.Credentials = credentials.NewStaticCredentialsProvider(*keys.AccessKeyId, *keys.SecretAccessKey, *keys.SessionToken)
	}
	return sts.NewFromConfig(cfg)
}

func (c chain) assume(ctx context.Context, keys *types.Credentials, role string, change ...func(*sts.AssumeRoleInput)) (*sts.AssumeRoleOutput, error) {
	in := &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("session")}
	for _, f := range change {
		f(in)
	}
	return c.as(keys).AssumeRole(ctx, in)
}

func passing(tags map[string]string, transitive ...string) func(*sts.AssumeRoleInput) {
	return func(in *sts.AssumeRoleInput) {
		for key, value := range tags {
			in.Tags = append(in.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
		}
		in.TransitiveTagKeys = transitive
	}
}

func naming(source string) func(*sts.AssumeRoleInput) {
	return func(in *sts.AssumeRoleInput) { in.SourceIdentity = &source }
}

const (
	plainly    = `"sts:AssumeRole"`
	withTags   = `"sts:AssumeRole","sts:TagSession"`
	withSource = `"sts:AssumeRole","sts:SetSourceIdentity"`
	withAll    = `"sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"`
)

func TestTransitiveTagsGoThroughAChainAndNeedTagSession(t *testing.T) {
	t.Parallel()
	c := newChain(t, trusttest.Config{})
	first := c.role(t, "first", withTags, "")
	tagged, err := c.assume(t.Context(), nil, first, passing(map[string]string{"Team": "shop", "Once": "x"}, "team"))
	require.NoError(t, err)
	untagged, err := c.assume(t.Context(), nil, first)
	require.NoError(t, err)
	local, err := c.assume(t.Context(), nil, first, passing(map[string]string{"Team": "shop"}))
	require.NoError(t, err)

	plain := c.role(t, "plain", plainly, "")
	for name, keys := range map[string]*types.Credentials{"no tags": untagged.Credentials, "no transitive tags": local.Credentials} {
		_, err = c.assume(t.Context(), keys, plain)
		require.NoError(t, err, name)
	}
	_, err = c.assume(t.Context(), tagged.Credentials, plain)
	assertDenied(t, err, "AccessDenied", 403, "is not authorized to perform: sts:TagSession on resource: "+plain)

	// Of the calling session all tags are known, of the next one the transitive.
	for condition, want := range map[string][3]bool{ // tagged, local, untagged
		`{"StringEquals":{"aws:PrincipalTag/Team":"shop"}}`:    {true, true, false},
		`{"StringEquals":{"aws:principaltag/ONCE":"x"}}`:       {true, false, false},
		`{"StringEquals":{"aws:RequestTag/Team":"shop"}}`:      {true, false, false},
		`{"StringEquals":{"aws:RequestTag/Once":"x"}}`:         {false, false, false},
		`{"Null":{"aws:PrincipalTag/Team":"true"}}`:            {false, false, true},
		`{"StringEquals":{"aws:PrincipalTag/Team":"another"}}`: {false, false, false},
	} {
		role := c.role(t, fmt.Sprintf("r%x", []byte(condition)[len(condition)-20:]), withTags, condition)
		for i, keys := range []*types.Credentials{tagged.Credentials, local.Credentials, untagged.Credentials} {
			_, err := c.assume(t.Context(), keys, role)
			assertAllowed(t, want[i], err, fmt.Sprintf("%s, session %d", condition, i))
		}
	}

	second := c.role(t, "second", withTags, "")
	third := c.role(t, "third", withTags, `{"StringEquals":{"aws:PrincipalTag/Team":"shop","aws:RequestTag/Team":"shop","aws:RequestTag/More":"y"}}`)
	chained, err := c.assume(t.Context(), tagged.Credentials, second, passing(map[string]string{"More": "y"}, "More"))
	require.NoError(t, err)
	_, err = c.assume(t.Context(), chained.Credentials, third)
	require.NoError(t, err, "what is transitive stays so to the end of the chain")
	_, err = c.assume(t.Context(), tagged.Credentials, second, passing(map[string]string{"TEAM": "other"}))
	assertDenied(t, err, "InvalidParameterValue", 400, "conflicts with a transitive tag key from the calling session")
}

func TestASourceIdentityStaysAndNeedsItsAction(t *testing.T) {
	t.Parallel()
	c := newChain(t, trusttest.Config{})
	named, err := c.assume(t.Context(), nil, c.role(t, "first", withSource, ""), naming("alice"))
	require.NoError(t, err)
	assert.Equal(t, "alice", *named.SourceIdentity)
	plain := c.role(t, "plain", plainly, "")
	_, err = c.assume(t.Context(), named.Credentials, plain)
	assertDenied(t, err, "AccessDenied", 403, "is not authorized to perform: sts:SetSourceIdentity on resource: "+plain)

	second := c.role(t, "second", withSource, `{"StringEquals":{"aws:SourceIdentity":"alice","sts:SourceIdentity":"alice"}}`)
	for name, change := range map[string]func(*sts.AssumeRoleInput){"inherited": func(*sts.AssumeRoleInput) {}, "named again": naming("alice")} {
		out, err := c.assume(t.Context(), named.Credentials, second, change)
		require.NoError(t, err, name)
		assert.Equal(t, "alice", *out.SourceIdentity, name)
	}
	_, err = c.assume(t.Context(), named.Credentials, second, naming("mallory"))
	assertDenied(t, err, "ValidationError", 400, "The source identity is already set for this assume role session")
	_, err = c.assume(t.Context(), nil, second, naming("mallory"))
	assertDenied(t, err, "AccessDenied", 403, "sts:AssumeRole")
}

func TestTagsOfATokenStayInTheSession(t *testing.T) {
	t.Parallel()
	c := newTokens(t, trusttest.Config{})
	role := c.createRole(t, "app", `"sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"`)
	out, err := c.assume(t, role, map[string]any{
		"https://aws.amazon.com/tags": map[string]any{
			"principal_tags": map[string]any{"Team": []string{"shop"}}, "transitive_tag_keys": []string{"Team"},
		},
		"https://aws.amazon.com/source_identity": "alice",
	})
	require.NoError(t, err)
	assert.Equal(t, "alice", *out.SourceIdentity)
	next := chain{c.account, c.iam}
	plain := next.role(t, "plain", plainly, "")
	_, err = next.assume(t.Context(), out.Credentials, plain)
	assertDenied(t, err, "AccessDenied", 403, "sts:AssumeRole")
	second := next.role(t, "second", withAll, `{"StringEquals":{"aws:PrincipalTag/Team":"shop","aws:SourceIdentity":"alice"}}`)
	chained, err := next.assume(t.Context(), out.Credentials, second)
	require.NoError(t, err)
	assert.Equal(t, "alice", *chained.SourceIdentity)
}

func TestTheRolesTagsAndAccountAreConditionKeys(t *testing.T) {
	t.Parallel()
	c := newChain(t, trusttest.Config{})
	tags := []iamtypes.Tag{{Key: aws.String("Locked"), Value: aws.String("no")}}
	for i, test := range []struct {
		condition string
		want      bool
	}{
		{`{"StringEquals":{"aws:ResourceTag/Locked":"no"}}`, true},
		{`{"StringEquals":{"iam:ResourceTag/locked":"no"}}`, true},
		{`{"StringEquals":{"aws:ResourceTag/Locked":"NO"}}`, false},
		{`{"StringNotEquals":{"aws:ResourceTag/Locked":"no"}}`, false},
		{`{"StringNotEquals":{"iam:ResourceTag/Locked":"no"}}`, false},
		{`{"StringEquals":{"aws:ResourceTag/other":"no"}}`, false},
		{`{"StringNotEquals":{"aws:ResourceTag/other":"no"}}`, true},
		{`{"StringEqualsIfExists":{"iam:ResourceTag/other":"no"}}`, true},
		{`{"StringEquals":{"aws:ResourceAccount":"111122223333"}}`, true},
		{`{"StringEquals":{"aws:ResourceAccount":"444455556666"}}`, false},
		{`{"StringNotEquals":{"aws:ResourceAccount":"111122223333"}}`, false},
	} {
		role := c.role(t, fmt.Sprint("r", i), plainly, test.condition, tags...)
		_, err := c.assume(t.Context(), nil, role)
		assertAllowed(t, test.want, err, test.condition)
	}
	// The tags are those of the moment.
	role := c.role(t, "changing", plainly, `{"StringEquals":{"aws:ResourceTag/Locked":"no"}}`, tags...)
	_, err := c.iam.TagRole(t.Context(), &iam.TagRoleInput{RoleName: aws.String("changing"), Tags: []iamtypes.Tag{{Key: aws.String("locked"), Value: aws.String("yes")}}})
	require.NoError(t, err)
	_, err = c.assume(t.Context(), nil, role)
	assertDenied(t, err, "AccessDenied", 403, "sts:AssumeRole")
}

func TestAWebIdentityIsRefusedByTheRolesTags(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]bool{"no": true, "yes": false} {
		c := newTokens(t, trusttest.Config{})
		role := c.createRole(t, "app", `"sts:AssumeRoleWithWebIdentity"`, `"StringEquals":{"aws:ResourceTag/locked":"no"}`)
		_, err := c.iam.TagRole(t.Context(), &iam.TagRoleInput{RoleName: aws.String("app"), Tags: []iamtypes.Tag{{Key: aws.String("locked"), Value: &tag}}})
		require.NoError(t, err)
		_, err = c.assume(t, role, nil)
		assertAllowed(t, want, err, tag)
	}
}

func TestASessionOfADeletedRoleIsNotOneOfItsSuccessor(t *testing.T) {
	t.Parallel()
	c := newChain(t, trusttest.Config{})
	first := c.role(t, "first", plainly, "")
	old, err := c.assume(t.Context(), nil, first)
	require.NoError(t, err)
	_, err = c.iam.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("first")})
	require.NoError(t, err)
	second := c.role(t, "second", plainly, "")
	_, err = c.assume(t.Context(), old.Credentials, second)
	assertDenied(t, err, "AccessDenied", 403, "sts:AssumeRole")
	c.role(t, "first", plainly, "")
	_, err = c.assume(t.Context(), old.Credentials, second)
	assertDenied(t, err, "AccessDenied", 403, "sts:AssumeRole")
	renewed, err := c.assume(t.Context(), nil, first)
	require.NoError(t, err)
	_, err = c.assume(t.Context(), renewed.Credentials, second)
	require.NoError(t, err)
}

func TestARoleOfAnotherPartitionIsNotThisOne(t *testing.T) {
	t.Parallel()
	c := newTokens(t, trusttest.Config{})
	role := c.createRole(t, "app", `"sts:AssumeRoleWithWebIdentity"`)
	_, err := c.assume(t, role, nil)
	require.NoError(t, err)
	other := strings.Replace(role, "arn:aws:", "arn:aws-cn:", 1)
	_, err = c.assume(t, other, nil)
	assertDenied(t, err, "InvalidIdentityToken", 400, "No OpenIDConnect provider found in your account for ")
	next := chain{c.account, c.iam}
	plain := next.role(t, "plain", plainly, "")
	_, err = next.assume(t.Context(), nil, strings.Replace(plain, "arn:aws:", "arn:aws-us-gov:", 1))
	assertDenied(t, err, "AccessDenied", 403, "sts:AssumeRole")
}

func TestATokenFromTheFutureIsRefused(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Second)
	c := newTokens(t, trusttest.Config{Now: func() time.Time { return now }})
	role := c.createRole(t, "app", `"sts:AssumeRoleWithWebIdentity"`)
	for issued, want := range map[time.Duration]bool{
		-time.Hour: true, 0: true, 5 * time.Minute: true, 5*time.Minute + time.Second: false, time.Hour: false,
	} {
		_, err := c.assume(t, role, map[string]any{"iat": now.Add(issued).Unix(), "exp": now.Add(2 * time.Hour).Unix()})
		if want {
			require.NoError(t, err, issued)
			continue
		}
		assertDenied(t, err, "InvalidIdentityToken", 400, "The ID Token provided is not a valid JWT")
	}
	for expires, want := range map[time.Duration]bool{-time.Second: false, 0: false, time.Second: true} {
		_, err := c.assume(t, role, map[string]any{"iat": now.Add(-time.Hour).Unix(), "exp": now.Add(expires).Unix()})
		if want {
			require.NoError(t, err, expires)
			continue
		}
		assertDenied(t, err, "ExpiredTokenException", 400, "Token expired")
	}
}

func TestATokenThatIsTooOldIsRefusedBeforeItExpires(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Second)
	c := newTokens(t, trusttest.Config{Now: func() time.Time { return now }})
	role := c.createRole(t, "app", `"sts:AssumeRoleWithWebIdentity"`)
	claims := map[string]any{"iat": now.Add(-24 * time.Hour).Unix(), "exp": now.Add(time.Hour).Unix()}
	_, err := c.assume(t, role, claims)
	require.NoError(t, err)
	claims["iat"] = now.Add(-441398 * time.Second).Unix()
	_, err = c.assume(t, role, claims)
	assertDenied(t, err, "ExpiredTokenException", 400, "Token too old: 441398")
}
