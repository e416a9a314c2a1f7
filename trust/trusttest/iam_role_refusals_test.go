package trusttest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust/trusttest"
)

type iamCall = func(context.Context, *iam.Client) error

// onRole calls every operation that takes an existing role.
func onRole(name string) map[string]iamCall {
	role := &name
	policy, document, arn := aws.String("inline"), aws.String(permissions), aws.String(readOnly)
	return map[string]iamCall{
		"get": func(ctx context.Context, c *iam.Client) error {
			_, err := c.GetRole(ctx, &iam.GetRoleInput{RoleName: role})
			return err
		},
		"delete": func(ctx context.Context, c *iam.Client) error {
			_, err := c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: role})
			return err
		},
		"update": func(ctx context.Context, c *iam.Client) error {
			_, err := c.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: role})
			return err
		},
		"update the trust policy": func(ctx context.Context, c *iam.Client) error {
			_, err := c.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: role, PolicyDocument: aws.String(trustDocument)})
			return err
		},
		"put a policy":    puttingPolicy(name, *policy, *document),
		"attach a policy": attaching(name, *arn),
		"detach a policy": detaching(name, *arn),
		"get a policy":    gettingPolicy(name, *policy),
		"delete a policy": deletingPolicy(name, *policy),
		"list policies": func(ctx context.Context, c *iam.Client) error {
			_, err := c.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: role})
			return err
		},
		"list attachments": func(ctx context.Context, c *iam.Client) error {
			_, err := c.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: role})
			return err
		},
		"list tags": func(ctx context.Context, c *iam.Client) error {
			_, err := c.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: role})
			return err
		},
		"tag": tagging(name, "k", "v"),
		"untag": func(ctx context.Context, c *iam.Client) error {
			_, err := c.UntagRole(ctx, &iam.UntagRoleInput{RoleName: role, TagKeys: []string{"k"}})
			return err
		},
	}
}

func creatingRole(edit func(*iam.CreateRoleInput)) iamCall {
	return func(ctx context.Context, c *iam.Client) error {
		_, err := c.CreateRole(ctx, roleInput(func(in *iam.CreateRoleInput) { in.RoleName = aws.String("new") }, edit))
		return err
	}
}

func puttingPolicy(role, name, document string) iamCall {
	return func(ctx context.Context, c *iam.Client) error {
		_, err := c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &role, PolicyName: &name, PolicyDocument: &document})
		return err
	}
}

func gettingPolicy(role, name string) iamCall {
	return func(ctx context.Context, c *iam.Client) error {
		_, err := c.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &role, PolicyName: &name})
		return err
	}
}

func deletingPolicy(role, name string) iamCall {
	return func(ctx context.Context, c *iam.Client) error {
		_, err := c.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: &name})
		return err
	}
}

func attaching(role, arn string) iamCall {
	return func(ctx context.Context, c *iam.Client) error {
		_, err := c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: &arn})
		return err
	}
}

func detaching(role, arn string) iamCall {
	return func(ctx context.Context, c *iam.Client) error {
		_, err := c.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &role, PolicyArn: &arn})
		return err
	}
}

func tagging(role string, pairs ...string) iamCall {
	return func(ctx context.Context, c *iam.Client) error {
		_, err := c.TagRole(ctx, &iam.TagRoleInput{RoleName: &role, Tags: someTags(pairs...)})
		return err
	}
}

func TestIAMRefusesRolesThatAreNotThere(t *testing.T) {
	t.Parallel()
	tests := map[string]refusal{}
	for name, call := range onRole("nobody") {
		tests[name] = refusal{call, 404, "NoSuchEntity", "The role with name nobody cannot be found."}
	}
	for name, call := range onRole("no/body") {
		tests[name+", what"] = refusal{call, 400, "ValidationError", "1 validation error detected: Value at 'roleName' " +
			`failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`}
	}
	runRefusals(t, tests)
}

func TestIAMRefusesRoles(t *testing.T) {
	t.Parallel()
	type input = iam.CreateRoleInput
	invalid := func(at, constraint string, edit func(*input)) refusal {
		return refusal{creatingRole(edit), 400, "ValidationError",
			"1 validation error detected: Value at '" + at + "' failed to satisfy constraint: Member must " + constraint}
	}
	runRefusals(t, map[string]refusal{
		"a name that is taken": {creatingRole(func(in *input) { in.RoleName = aws.String("app") }),
			409, "EntityAlreadyExists", "Role with name app already exists."},
		"a name that is taken in another case": {creatingRole(func(in *input) { in.RoleName = aws.String("APP") }),
			409, "EntityAlreadyExists", "Role with name APP already exists."},
		"a name of 65 characters": invalid("roleName", "have length less than or equal to 64",
			func(in *input) { in.RoleName = aws.String(strings.Repeat("a", 65)) }),
		"a path without slashes": invalid("path", `satisfy regular expression pattern: (\u002F)|(\u002F[\u0021-\u007E]+\u002F)`,
			func(in *input) { in.Path = aws.String("team") }),
		"a session of less than an hour": invalid("maxSessionDuration", "have value greater than or equal to 3600",
			func(in *input) { in.MaxSessionDuration = aws.Int32(3599) }),
		"a session of more than twelve": invalid("maxSessionDuration", "have value less than or equal to 43200",
			func(in *input) { in.MaxSessionDuration = aws.Int32(43201) }),
		"a description of 1001 characters": invalid("description", "have length less than or equal to 1000",
			func(in *input) { in.Description = aws.String(strings.Repeat("a", 1001)) }),
		"a document with a character beyond Latin-1": invalid("assumeRolePolicyDocument",
			`satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u00FF]+`,
			func(in *input) { in.AssumeRolePolicyDocument = aws.String("€") }),
		"a document of 131073 characters": invalid("assumeRolePolicyDocument", "have length less than or equal to 131072",
			func(in *input) { in.AssumeRolePolicyDocument = aws.String(strings.Repeat("a", 131073)) }),
		"a tag key of 129 characters": invalid("tags.1.member.key", "have length less than or equal to 128",
			func(in *input) { in.Tags = someTags(strings.Repeat("k", 129), "") }),
		"a tag value of 257 characters": invalid("tags.1.member.value", "have length less than or equal to 256",
			func(in *input) { in.Tags = someTags("k", strings.Repeat("v", 257)) }),
		"a boundary that is not a policy": {creatingRole(func(in *input) { in.PermissionsBoundary = aws.String("arn:aws:iam::aws:user/somebody") }),
			400, "ValidationError", "ARN arn:aws:iam::aws:user/somebody is not valid."},
		"attach something that is not a policy": {attaching("app", "arn:aws:iam::aws:role/somebody"),
			400, "ValidationError", "ARN arn:aws:iam::aws:role/somebody is not valid."},
		"attach a policy of another account": {attaching("app", "arn:aws:iam::999999999999:policy/p"),
			404, "NoSuchEntity", "Policy arn:aws:iam::999999999999:policy/p does not exist or is not attachable."},
		"detach what is not attached":               {detaching("app", readOnly), 404, "NoSuchEntity", "Policy " + readOnly + " was not found."},
		"get an inline policy that is not there":    {gettingPolicy("app", "none"), 404, "NoSuchEntity", "The role policy with name none cannot be found."},
		"delete an inline policy that is not there": {deletingPolicy("app", "none"), 404, "NoSuchEntity", "The role policy with name none cannot be found."},
		"delete with an inline policy":              {onRole("app")["delete"], 409, "DeleteConflict", "Cannot delete entity, must delete policies first."},
		"an inline policy beyond the quota": {puttingPolicy("app", "big", strings.Replace(permissions, "s3:Get*", "s3:"+strings.Repeat("a", 10240), 1)),
			409, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role app"},
		"an inline policy that is no JSON": {puttingPolicy("app", "p", "{"), 400, "MalformedPolicyDocument", "Syntax errors in policy."},
		"an inline policy with a principal": {puttingPolicy("app", "p", trustDocument),
			400, "MalformedPolicyDocument", "Policy document should not specify a principal."},
		"an inline policy without a resource": {puttingPolicy("app", "p", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*"}}`),
			400, "MalformedPolicyDocument", "Policy statement must contain resources."},
		"a marker that no page gave": {func(ctx context.Context, c *iam.Client) error {
			_, err := c.ListRoles(ctx, &iam.ListRolesInput{Marker: aws.String("!")})
			return err
		}, 400, "ValidationError", "Invalid Marker."},
		"a path prefix without a slash": {func(ctx context.Context, c *iam.Client) error {
			_, err := c.ListRoles(ctx, &iam.ListRolesInput{PathPrefix: aws.String("team/")})
			return err
		}, 400, "ValidationError", `1 validation error detected: Value at 'pathPrefix' failed to satisfy constraint: ` +
			`Member must satisfy regular expression pattern: \u002F[\u0021-\u007F]*`},
		"a page of more than 1000": {func(ctx context.Context, c *iam.Client) error {
			_, err := c.ListRoles(ctx, &iam.ListRolesInput{MaxItems: aws.Int32(1001)})
			return err
		}, 400, "ValidationError", "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 1000"},
	})
}

func TestIAMRefusesTrustPolicies(t *testing.T) {
	t.Parallel()
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[` + s + `]}` }
	web := func(principal string) string {
		return statement(`{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRoleWithWebIdentity"}`)
	}
	valid := strings.TrimSuffix(strings.TrimPrefix(trustDocument, `{"Version":"2012-10-17","Statement":[`), `]}`)
	tests := map[string][2]string{ // document, message
		"no JSON":                    {"{", "This policy contains invalid Json"},
		"a member twice":             {`{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}`, "This policy contains invalid Json"},
		"an unknown version":         {strings.Replace(trustDocument, "2012-10-17", "2030-01-01", 1), "Policy document must be version 2012-10-17 or greater."},
		"no principal":               {statement(`{"Effect":"Allow","Action":"sts:AssumeRole"}`), "Missing required field Principal"},
		"a principal to exclude":     {statement(`{"Effect":"Allow","NotPrincipal":{"AWS":"*"},"Action":"sts:AssumeRole"}`), "AssumeRole policy must not contain NotPrincipal field."},
		"a resource":                 {strings.Replace(trustDocument, `"Condition"`, `"Resource":"*","Condition"`, 1), "Has prohibited field Resource"},
		"an action of S3":            {strings.Replace(trustDocument, "sts:AssumeRoleWithWebIdentity", "s3:GetObject", 1), "AssumeRole policy may only specify STS AssumeRole actions."},
		"all actions of STS":         {strings.Replace(trustDocument, "sts:AssumeRoleWithWebIdentity", "sts:*", 1), "AssumeRole policy may only specify STS AssumeRole actions."},
		"an action in capitals":      {strings.Replace(trustDocument, "sts:AssumeRoleWithWebIdentity", "STS:assumerolewithwebidentity", 1), "AssumeRole policy may only specify STS AssumeRole actions."},
		"an empty provider":          {web(`{"Federated":""}`), "Federated principals must be valid domain names or SAML metadata ARNs"},
		"a provider left a variable": {web(`{"Federated":"${aws_iam_openid_connect_provider.this.arn}"}`), "Federated principals must be valid domain names or SAML metadata ARNs"},
		"a Sid twice":                {statement(valid + "," + valid), "The Statement Ids in the policy are not unique"},
		"a Sid with a space":         {strings.Replace(trustDocument, `"a1"`, `"a 1"`, 1), "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"},
		"a role that never was":      {statement(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/none"},"Action":"sts:AssumeRole"}`), `Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:role/none"`},
	}
	refusals := map[string]refusal{}
	for name, test := range tests {
		document, message := test[0], test[1]
		refusals["create: "+name] = refusal{creatingRole(func(in *iam.CreateRoleInput) { in.AssumeRolePolicyDocument = &document }), 400, "MalformedPolicyDocument", message}
		refusals["update: "+name] = refusal{func(ctx context.Context, c *iam.Client) error {
			_, err := c.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("app"), PolicyDocument: &document})
			return err
		}, 400, "MalformedPolicyDocument", message}
	}
	runRefusals(t, refusals)
}

// sized is a trust policy of n characters that count, and of white space that does not.
func sized(n int) string {
	short := strings.Replace(trustDocument, "a+b %20 ü&c", "", 1)
	return strings.Replace(trustDocument, "a+b %20 ü&c", strings.Repeat("x", n-len(short)), 1) + strings.Repeat(" \n", 5000)
}

func TestATrustPolicyHas2048CharactersThatCount(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})

	err := creatingRole(func(in *iam.CreateRoleInput) { in.AssumeRolePolicyDocument = aws.String(sized(2048)) })(t.Context(), client)
	require.NoError(t, err)
	err = creatingRole(func(in *iam.CreateRoleInput) { in.AssumeRolePolicyDocument = aws.String(sized(2049)) })(t.Context(), client)
	assertRefusal(t, err, 409, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
}

func TestARoleHasRoomForTenPoliciesAndFiftyTags(t *testing.T) {
	t.Parallel()
	_, client := newIAM(t, trusttest.Config{})
	createRole(t, client)
	for i := range 10 {
		require.NoError(t, attaching("app", fmt.Sprintf("arn:aws:iam::aws:policy/p%d", i))(t.Context(), client))
	}
	for _, key := range many(50, "key-%d") {
		require.NoError(t, tagging("app", key, "")(t.Context(), client))
	}

	assertRefusal(t, attaching("app", readOnly)(t.Context(), client), 409, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")
	assertRefusal(t, tagging("app", "k", "v")(t.Context(), client), 409, "LimitExceeded", "The number of tags has reached the maximum limit.")
	assertRefusal(t, tagging("app", "K", "", "k", "")(t.Context(), client), 400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	assertRefusal(t, onRole("app")["delete"](t.Context(), client), 409, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
	assert.Len(t, getRole(t, client, "app").Tags, 50)
}

func TestARoleOfAnAWSServiceCannotBeChanged(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/aws-service-role/eks.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/"} {
		_, client := newIAM(t, trusttest.Config{})
		createRole(t, client, func(in *iam.CreateRoleInput) { in.Path = &path })
		for name, call := range onRole("app") {
			err := call(t.Context(), client)
			if name == "get" || strings.HasPrefix(name, "list") {
				assert.NoError(t, err, name)
				continue
			}
			if name == "get a policy" {
				assertRefusal(t, err, 404, "NoSuchEntity", "The role policy with name inline cannot be found.")
				continue
			}
			assertRefusal(t, err, 400, "UnmodifiableEntity", "Cannot perform the operation on the protected role 'app' - this role is only modifiable by AWS")
		}
	}
}
