package trusttest_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust/trusttest"
)

const (
	// trustDocument has what form and percent encodings confuse.
	trustDocument = `{"Version":"2012-10-17","Statement":[{"Sid":"a1","Effect":"Allow",` +
		`"Principal":{"Federated":"` + providerARN + `"},"Action":"sts:AssumeRoleWithWebIdentity",` +
		`"Condition":{"StringEquals":{"oidc.example.com/cluster:sub":"a+b %20 ü&c"}}}]}`
	otherTrustDocument = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}}`
	permissions        = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::a+b/*"}]}`
	readOnly           = "arn:aws:iam::aws:policy/ReadOnlyAccess"
	lambdaRole         = "arn:aws:iam::aws:policy/service-role/AWSLambdaRole"
)

// roleInput is complete, as changed by edit.
func roleInput(edit ...func(*iam.CreateRoleInput)) *iam.CreateRoleInput {
	in := &iam.CreateRoleInput{RoleName: aws.String("app"), AssumeRolePolicyDocument: aws.String(trustDocument)}
	for _, change := range edit {
		change(in)
	}
	return in
}

func createRole(t *testing.T, client *iam.Client, edit ...func(*iam.CreateRoleInput)) *types.Role {
	t.Helper()
	out, err := client.CreateRole(t.Context(), roleInput(edit...))
	require.NoError(t, err)
	return out.Role
}

func getRole(t *testing.T, client *iam.Client, name string) *types.Role {
	t.Helper()
	out, err := client.GetRole(t.Context(), &iam.GetRoleInput{RoleName: &name})
	require.NoError(t, err)
	return out.Role
}

func assertDocument(t *testing.T, want string, encoded *string) {
	t.Helper()
	require.NotNil(t, encoded)
	got, err := url.PathUnescape(*encoded)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.NotContains(t, *encoded, "+", "encoded by RFC 3986, not as a form")
	assert.NotContains(t, *encoded, `"`)
}

func TestARoleIsCreatedReadAndDeleted(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC)
	_, client := newIAM(t, trusttest.Config{Now: func() time.Time { return now }})

	created := createRole(t, client, func(in *iam.CreateRoleInput) {
		in.Path, in.Description, in.MaxSessionDuration = aws.String("/team/shop/"), aws.String("for <the> cart & more"), aws.Int32(7200)
		in.PermissionsBoundary, in.Tags = aws.String(readOnly), someTags("team", "shop")
	})
	assert.Equal(t, "arn:aws:iam::111122223333:role/team/shop/app", *created.Arn)
	assert.Regexp(t, `^AROA[A-Z2-7]{17}$`, *created.RoleId)
	assert.Equal(t, now.Truncate(time.Second), *created.CreateDate)
	assertDocument(t, trustDocument, created.AssumeRolePolicyDocument)
	assert.Equal(t, someTags("team", "shop"), created.Tags)

	got := getRole(t, client, "app")
	assert.Equal(t, created.RoleId, got.RoleId)
	assert.Equal(t, "/team/shop/", *got.Path)
	assert.Equal(t, "for <the> cart & more", *got.Description)
	assert.EqualValues(t, 7200, *got.MaxSessionDuration)
	assert.Equal(t, readOnly, *got.PermissionsBoundary.PermissionsBoundaryArn)
	assert.Equal(t, someTags("team", "shop"), got.Tags)
	require.NotNil(t, got.RoleLastUsed)
	assert.Nil(t, got.RoleLastUsed.LastUsedDate, "never used")
	assertDocument(t, trustDocument, got.AssumeRolePolicyDocument)

	_, err := client.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("app")})
	require.NoError(t, err)
	again := createRole(t, client)
	assert.NotEqual(t, created.RoleId, again.RoleId, "another role, whatever its name")
}

func TestRolesAreListedInPages(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	var want []string
	for i := range 7 {
		name := fmt.Sprintf("role-%d", i)
		createRole(t, client, func(in *iam.CreateRoleInput) {
			in.RoleName, in.Path, in.Tags = &name, aws.String(fmt.Sprintf("/half-%d/", i%2)), someTags("k", "v")
		})
		want = append(want, name)
	}
	list := func(in *iam.ListRolesInput) (names []string, sizes []int) {
		for pages := iam.NewListRolesPaginator(client, in); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			require.NoError(t, err)
			sizes = append(sizes, len(page.Roles))
			for _, role := range page.Roles {
				names = append(names, *role.RoleName)
				assert.Nil(t, role.Tags, "IAM leaves them out of lists")
				assertDocument(t, trustDocument, role.AssumeRolePolicyDocument)
			}
		}
		return names, sizes
	}

	names, sizes := list(&iam.ListRolesInput{MaxItems: aws.Int32(3)})
	assert.Equal(t, want, names)
	assert.Equal(t, []int{3, 3, 1}, sizes)
	names, sizes = list(&iam.ListRolesInput{PathPrefix: aws.String("/half-1/"), MaxItems: aws.Int32(3)})
	assert.Equal(t, []string{"role-1", "role-3", "role-5"}, names)
	assert.Equal(t, []int{3}, sizes)
	names, _ = list(&iam.ListRolesInput{PathPrefix: aws.String("/nowhere/")})
	assert.Empty(t, names)
}

func TestARoleIsUpdated(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	name := createRole(t, client, func(in *iam.CreateRoleInput) { in.Description = aws.String("first") }).RoleName

	_, err := client.UpdateRole(t.Context(), &iam.UpdateRoleInput{RoleName: name, MaxSessionDuration: aws.Int32(43200)})
	require.NoError(t, err)
	got := getRole(t, client, *name)
	assert.EqualValues(t, 43200, *got.MaxSessionDuration)
	assert.Equal(t, "first", *got.Description, "not named, not changed")

	_, err = client.UpdateRole(t.Context(), &iam.UpdateRoleInput{RoleName: name, Description: aws.String("second")})
	require.NoError(t, err)
	got = getRole(t, client, *name)
	assert.EqualValues(t, 43200, *got.MaxSessionDuration, "not named, not changed")
	assert.Equal(t, "second", *got.Description)

	_, err = client.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: aws.String(otherTrustDocument)})
	require.NoError(t, err)
	assertDocument(t, otherTrustDocument, getRole(t, client, *name).AssumeRolePolicyDocument)
}

func TestInlinePoliciesOfARole(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	role := createRole(t, client).RoleName
	list := func() (names []string) {
		for pages := iam.NewListRolePoliciesPaginator(client, &iam.ListRolePoliciesInput{RoleName: role, MaxItems: aws.Int32(2)}); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			require.NoError(t, err)
			assert.LessOrEqual(t, len(page.PolicyNames), 2)
			names = append(names, page.PolicyNames...)
		}
		return names
	}
	for _, name := range []string{"write", "read", "list", "read"} {
		_, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: role, PolicyName: &name, PolicyDocument: aws.String(permissions)})
		require.NoError(t, err)
	}

	assert.Equal(t, []string{"list", "read", "write"}, list())
	got, err := client.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: role, PolicyName: aws.String("read")})
	require.NoError(t, err)
	assert.Equal(t, "app", *got.RoleName)
	assert.Equal(t, "read", *got.PolicyName)
	assertDocument(t, permissions, got.PolicyDocument)

	_, err = client.DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: role, PolicyName: aws.String("read")})
	require.NoError(t, err)
	assert.Equal(t, []string{"list", "write"}, list())
}

func TestManagedPoliciesOfARole(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	role := createRole(t, client).RoleName
	own := "arn:aws:iam::111122223333:policy/team/Own"
	list := func(prefix *string) (arns []string) {
		in := &iam.ListAttachedRolePoliciesInput{RoleName: role, MaxItems: aws.Int32(2), PathPrefix: prefix}
		for pages := iam.NewListAttachedRolePoliciesPaginator(client, in); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			require.NoError(t, err)
			for _, policy := range page.AttachedPolicies {
				arns = append(arns, *policy.PolicyArn)
				assert.Contains(t, []string{"ReadOnlyAccess", "AWSLambdaRole", "Own"}, *policy.PolicyName)
			}
		}
		return arns
	}
	for _, arn := range []string{readOnly, lambdaRole, own, readOnly} {
		_, err := client.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: role, PolicyArn: &arn})
		require.NoError(t, err, "attaching twice is attaching once")
	}

	assert.ElementsMatch(t, []string{readOnly, lambdaRole, own}, list(nil))
	assert.Equal(t, []string{lambdaRole}, list(aws.String("/service-role/")))
	assert.Empty(t, list(aws.String("/Read")), "a path is not a name")

	_, err := client.DetachRolePolicy(t.Context(), &iam.DetachRolePolicyInput{RoleName: role, PolicyArn: aws.String(lambdaRole)})
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{readOnly, own}, list(nil))
}

func TestRolesAreTagged(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	role := createRole(t, client, func(in *iam.CreateRoleInput) { in.Tags = someTags("team", "shop") }).RoleName

	_, err := client.TagRole(t.Context(), &iam.TagRoleInput{RoleName: role, Tags: someTags("team", "search", "cluster", "blue", "größe", "µ + 1")})
	require.NoError(t, err)
	_, err = client.UntagRole(t.Context(), &iam.UntagRoleInput{RoleName: role, TagKeys: []string{"CLUSTER"}})
	require.NoError(t, err)

	var tags []types.Tag
	for pages := iam.NewListRoleTagsPaginator(client, &iam.ListRoleTagsInput{RoleName: role, MaxItems: aws.Int32(1)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		tags = append(tags, page.Tags...)
	}
	assert.Equal(t, someTags("größe", "µ + 1", "team", "search"), tags)
	assert.ElementsMatch(t, tags, getRole(t, client, "app").Tags)
}

func TestTheAccountSummaryCounts(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	createRole(t, client)
	createProvider(t, client)

	out, err := client.GetAccountSummary(t.Context(), nil)

	require.NoError(t, err)
	assert.EqualValues(t, 1, out.SummaryMap["Roles"])
	assert.EqualValues(t, 1, out.SummaryMap["Providers"])
	assert.EqualValues(t, 2048, out.SummaryMap[string(types.SummaryKeyTypeAssumeRolePolicySizeQuota)])
	assert.EqualValues(t, 1000, out.SummaryMap["RolesQuota"])
}

func TestADeletedPrincipalLeavesItsUniqueID(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	gone := createRole(t, client, func(in *iam.CreateRoleInput) { in.RoleName = aws.String("gone") })
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["` + *gone.Arn + `","444455556666"]},"Action":"sts:AssumeRole"}]}`
	createRole(t, client, func(in *iam.CreateRoleInput) { in.AssumeRolePolicyDocument = &document })

	_, err := client.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: gone.RoleName})
	require.NoError(t, err)

	left, err := url.PathUnescape(*getRole(t, client, "app").AssumeRolePolicyDocument)
	require.NoError(t, err)
	assert.Equal(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["`+*gone.RoleId+`","444455556666"]},"Action":"sts:AssumeRole"}]}`, left)
	_, err = client.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("app"), PolicyDocument: &left})
	assertRefusal(t, err, 400, "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"`+*gone.RoleId+`"`)
}

func TestRolesAndPoliciesListEmptyAsEmpty(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})

	roles, err := client.ListRoles(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, roles.Roles)
	assert.False(t, roles.IsTruncated)
	role := createRole(t, client).RoleName
	profiles, err := client.ListInstanceProfilesForRole(t.Context(), &iam.ListInstanceProfilesForRoleInput{RoleName: role})
	require.NoError(t, err)
	assert.Empty(t, profiles.InstanceProfiles)
}
