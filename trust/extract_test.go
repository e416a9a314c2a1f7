package trust_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/trust"
)

func ExampleExtract() {
	plan := []byte(`{
  "format_version": "1.2",
  "resource_changes": [{
    "address": "module.shop.aws_iam_role.cart", "mode": "managed", "type": "aws_iam_role",
    "change": {"actions": ["create"], "after_unknown": {}, "after": {"assume_role_policy":
      "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},\"Action\":\"sts:AssumeRole\"}}"}}
  }, {
    "address": "aws_iam_role.mail", "mode": "managed", "type": "aws_iam_role",
    "change": {"actions": ["create"], "after_unknown": {"assume_role_policy": true}, "after": {}}
  }]
}`)
	roles, err := trust.Extract(plan)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, role := range roles {
		if role.Err != nil {
			fmt.Printf("line %d: %s: %v\n", role.Line, role.Name, role.Err)
			continue
		}
		for _, finding := range role.Policy.Lint() {
			fmt.Printf("line %d: %s: %v\n", role.Line, role.Name, finding)
		}
	}
	// Output:
	// line 6: module.shop.aws_iam_role.cart: /Statement/Principal/AWS: error: principal-star: AWS "*" is every AWS account; it does not admit a web identity either. Name the accounts or roles that are meant.
	// line 9: aws_iam_role.mail: trust: policy: /resource_changes/1/change/after_unknown/assume_role_policy is not known yet: Terraform knows it after apply
}

const plainTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func TestExtractFindsEveryRole(t *testing.T) {
	t.Parallel()
	text := quoted(plainTrust)
	change := func(address, kind, rest string) string {
		return `{"address":"` + address + `","mode":"managed","type":"` + kind + `","change":{` + rest + `}}`
	}
	for name, c := range map[string]struct {
		doc   string
		roles map[string]string // by name: the place
	}{
		"a policy":           {plainTrust, map[string]string{"": ""}},
		"a list of policies": {`[` + plainTrust + `,` + plainTrust + `]`, map[string]string{"": "/1"}},
		"a plan": {`{"resource_changes":[` + change("a.b", "aws_iam_role", `"after":{"assume_role_policy":`+text+`}`) + `,` +
			change("c.d", "awscc_iam_role", `"after":{"assume_role_policy_document":`+text+`}`) + `,` +
			change("gone", "aws_iam_role", `"after":null`) + `,` + change("other", "aws_s3_bucket", `"after":{"assume_role_policy":"x"}`) +
			`,{"address":"data.e","mode":"data","type":"aws_iam_role","change":{"after":{"assume_role_policy":"x"}}}]}`,
			map[string]string{"a.b": "/resource_changes/0/change/after/assume_role_policy", "c.d": "/resource_changes/1/change/after/assume_role_policy_document"}},
		"a plan's values": {`{"planned_values":{"root_module":{"child_modules":[{"child_modules":[{"resources":[{"address":"module.x.aws_iam_role.r","mode":"managed","type":"aws_iam_role","values":{"assume_role_policy":` + text + `}}]}]}]}}}`,
			map[string]string{"module.x.aws_iam_role.r": "/planned_values/root_module/child_modules/0/child_modules/0/resources/0/values/assume_role_policy"}},
		"a state": {`{"format_version":"1.0","terraform_version":"1.9.0","values":{"root_module":{"resources":[{"address":"aws_iam_role.r[0]","mode":"managed","type":"aws_iam_role","values":{"assume_role_policy":` + text + `}}]}}}`,
			map[string]string{"aws_iam_role.r[0]": "/values/root_module/resources/0/values/assume_role_policy"}},
		"a state file": {`{"version":4,"terraform_version":"1.9.0","resources":[{"module":"module.m","mode":"managed","type":"aws_iam_role","name":"r","instances":[{"index_key":"a","attributes":{"assume_role_policy":` + text + `}},{"index_key":1,"attributes":{"assume_role_policy":` + text + `}}]},{"mode":"managed","type":"aws_s3_bucket","name":"b","instances":[{"attributes":{"assume_role_policy":"x"}}]},{"mode":"managed","type":"aws_iam_role","name":"s","instances":[{"attributes":{"assume_role_policy":` + text + `}}]}]}`,
			map[string]string{`module.m.aws_iam_role.r["a"]`: "/resources/0/instances/0/attributes/assume_role_policy",
				"module.m.aws_iam_role.r[1]": "/resources/0/instances/1/attributes/assume_role_policy", "aws_iam_role.s": "/resources/2/instances/0/attributes/assume_role_policy"}},
		"a plan's values beside no changes": {`{"resource_changes":null,"planned_values":{"root_module":{"resources":[{"address":"a.b","mode":"managed","type":"aws_iam_role","values":{"assume_role_policy":` + text + `}}]}}}`,
			map[string]string{"a.b": "/planned_values/root_module/resources/0/values/assume_role_policy"}},
		"a plan that defers some": {`{"format_version":"1.2","resource_changes":[],"deferred_changes":[{"reason":"provider_config_unknown","resource_change":` + change("a.b", "aws_iam_role", `"after":{"assume_role_policy":`+text+`}`) + `}]}`,
			map[string]string{"a.b": "/deferred_changes/0/resource_change/change/after/assume_role_policy"}},
		"what all functions of a template have": {`{"Globals":{"Function":{"AssumeRolePolicyDocument":` + plainTrust + `}},"Resources":{}}`,
			map[string]string{"Globals.Function": "/Globals/Function/AssumeRolePolicyDocument"}},
		"Crossplane, a RoleList": {`{"apiVersion":"iam.aws.upbound.io/v1beta1","kind":"RoleList","items":[{"metadata":{"name":"r"},"spec":{"forProvider":{"assumeRolePolicy":` + text + `}}}]}`,
			map[string]string{"r": "/items/0/spec/forProvider/assumeRolePolicy"}},
		"an empty state": {`{"format_version":"1.0"}`, nil},
		"a template": {`{"Resources":{"Role":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":` + plainTrust + `}},"B":{"Type":"AWS::S3::Bucket"},"F":{"Type":"AWS::Serverless::Function","Properties":{"AssumeRolePolicyDocument":` + text + `}},"G":{"Type":"AWS::Serverless::Function"}}}`,
			map[string]string{"Role": "/Resources/Role/Properties/AssumeRolePolicyDocument", "F": "/Resources/F/Properties/AssumeRolePolicyDocument"}},
		"get-role":      {`{"Role":{"RoleName":"r","AssumeRolePolicyDocument":` + plainTrust + `}}`, map[string]string{"r": "/Role/AssumeRolePolicyDocument"}},
		"get-role, raw": {`{"Role":{"RoleName":"r","AssumeRolePolicyDocument":"` + url.PathEscape(plainTrust) + `"}}`, map[string]string{"r": "/Role/AssumeRolePolicyDocument"}},
		"list-roles":    {`{"Roles":[{"RoleName":"r","AssumeRolePolicyDocument":` + plainTrust + `}],"IsTruncated":false}`, map[string]string{"r": "/Roles/0/AssumeRolePolicyDocument"}},
		"get-account-authorization-details": {`{"UserDetailList":[],"RoleDetailList":[{"RoleName":"r","AssumeRolePolicyDocument":` + plainTrust + `},{"RoleName":"s","AssumeRolePolicyDocument":"` + url.QueryEscape(plainTrust) + `"}]}`,
			map[string]string{"r": "/RoleDetailList/0/AssumeRolePolicyDocument", "s": "/RoleDetailList/1/AssumeRolePolicyDocument"}},
		"ACK": {`{"apiVersion":"iam.services.k8s.aws/v1alpha1","kind":"Role","metadata":{"namespace":"ack","name":"r"},"spec":{"assumeRolePolicyDocument":` + text + `}}`,
			map[string]string{"ack/r": "/spec/assumeRolePolicyDocument"}},
		"Crossplane, a List": {`{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"iam.aws.upbound.io/v1beta1","kind":"Role","metadata":{"name":"r"},"spec":{"forProvider":{"assumeRolePolicy":` + text + `}}},` +
			`{"apiVersion":"iam.aws.crossplane.io/v1beta1","kind":"Role","metadata":{"name":"s"},"spec":{"forProvider":{"assumeRolePolicyDocument":` + text + `}}},` +
			`{"apiVersion":"iam.aws.m.upbound.io/v1beta1","kind":"Role","metadata":{"name":"t","namespace":"n"},"spec":{"initProvider":{"assumeRolePolicy":` + text + `}}},` +
			`{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"no"}}]}`,
			map[string]string{"r": "/items/0/spec/forProvider/assumeRolePolicy", "s": "/items/1/spec/forProvider/assumeRolePolicyDocument", "n/t": "/items/2/spec/initProvider/assumeRolePolicy"}},
		"another Kubernetes object":          {`{"apiVersion":"v1","kind":"ConfigMap"}`, nil},
		"documents of several kinds, a list": {`[{"Role":{"RoleName":"r","AssumeRolePolicyDocument":` + plainTrust + `}},{"Resources":{}}]`, map[string]string{"r": "/0/Role/AssumeRolePolicyDocument"}},
		"names to escape":                    {`{"Resources":{"a/b~c":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":` + plainTrust + `}}}}`, map[string]string{"a/b~c": "/Resources/a~1b~0c/Properties/AssumeRolePolicyDocument"}},
	} {
		found, err := trust.Extract([]byte(c.doc))
		require.NoError(t, err, name)
		places := map[string]string{}
		for _, e := range found {
			require.NoError(t, e.Err, name)
			assert.Equal(t, plainTrust, e.Policy.Document(), name)
			places[e.Name] = e.Path
		}
		if c.roles == nil {
			c.roles = map[string]string{}
		}
		assert.Equal(t, c.roles, places, name)
	}
}

// A gate must not pass over a role because its policy cannot be read.
func TestExtractNamesEveryRoleThatItCannotRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ doc, path, message string }{
		"a template's Ref": {`{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":{"Ref":"Provider"}},"Action":"sts:AssumeRoleWithWebIdentity"}]}}}}}`,
			"/Resources/R/Properties/AssumeRolePolicyDocument", "/Resources/R/Properties/AssumeRolePolicyDocument/Statement/0/Principal/Federated is not known yet: CloudFormation fills in Ref"},
		"a template's Fn::Sub":      {`{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":{"Fn::Sub":"x"}}}}}`, "/Resources/R/Properties/AssumeRolePolicyDocument", "CloudFormation fills in Fn::Sub"},
		"a template's Fn::If":       {`{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{"Fn::If":["A",{},{}]}}}}`, "/Resources/R/Properties", "CloudFormation fills in Fn::If"},
		"a template's loop":         {`{"Resources":{"Fn::ForEach::Roles":["X",["a"],{}]}}`, "/Resources/Fn::ForEach::Roles", "CloudFormation fills in Fn::ForEach::Roles"},
		"a template without one":    {`{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{}}}}`, "/Resources/R", "has no AssumeRolePolicyDocument"},
		"a plan before apply":       {`{"resource_changes":[{"address":"a.b","mode":"managed","type":"aws_iam_role","change":{"after":{},"after_unknown":{"assume_role_policy":true}}}]}`, "/resource_changes/0/change/after_unknown/assume_role_policy", "after apply"},
		"a plan without one":        {`{"resource_changes":[{"address":"a.b","mode":"managed","type":"aws_iam_role","change":{"after":{"assume_role_policy":null}}}]}`, "/resource_changes/0", "has no assume_role_policy"},
		"a role without one":        {`{"Role":{"RoleName":"r"}}`, "/Role", "has no AssumeRolePolicyDocument"},
		"a Kubernetes role without": {`{"apiVersion":"iam.aws.upbound.io/v1beta1","kind":"Role","metadata":{"name":"r"},"spec":{}}`, "", "has no spec.forProvider.assumeRolePolicy"},
		"a broken policy":           {`{"Role":{"RoleName":"r","AssumeRolePolicyDocument":"{"}}`, "/Role/AssumeRolePolicyDocument", "the document ends in the middle"},
		"no percent-encoding":       {`{"Role":{"RoleName":"r","AssumeRolePolicyDocument":"%7B%zz"}}`, "/Role/AssumeRolePolicyDocument", "not percent-encoded"},
		"a policy as a number":      {`{"Role":{"RoleName":"r","AssumeRolePolicyDocument":5}}`, "/Role/AssumeRolePolicyDocument", "a policy is a JSON object"},
		"a policy as a list":        {`{"Role":{"RoleName":"r","AssumeRolePolicyDocument":[]}}`, "/Role/AssumeRolePolicyDocument", "a policy is a JSON object"},
	} {
		found, err := trust.Extract([]byte(c.doc))
		require.NoError(t, err, name)
		require.Len(t, found, 1, name)
		assert.Nil(t, found[0].Policy, name)
		assert.Equal(t, c.path, found[0].Path, name)
		assert.ErrorContains(t, found[0].Err, c.message, name)
		assert.True(t, strings.HasPrefix(found[0].Err.Error(), "trust: policy: "), found[0].Err.Error())
	}
	found, err := trust.Extract([]byte(`{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":{"Fn::Sub":"x"}}}}}`))
	require.NoError(t, err)
	var unresolved *trust.UnresolvedError
	require.ErrorAs(t, found[0].Err, &unresolved)
	assert.Equal(t, "/Resources/R/Properties/AssumeRolePolicyDocument", unresolved.Path)
}

// "Condition" is a member of a statement, and no function of CloudFormation's where it stands.
func TestAConditionIsNotAnIntrinsicFunction(t *testing.T) {
	t.Parallel()
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-x"}}}]}`
	found, err := trust.Extract([]byte(`{"Resources":{"R":{"Type":"AWS::IAM::Role","Condition":"C","Properties":{"AssumeRolePolicyDocument":` + policy + `}}}}`))
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.NoError(t, found[0].Err)
	assert.Equal(t, policy, found[0].Policy.Document())
}

func TestExtractRefusesOtherDocuments(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ doc, message string }{
		"nothing":              {``, "the document is empty"},
		"no JSON":              {`AWSTemplateFormatVersion: 2010-09-09`, "invalid JSON"},
		"another object":       {`{}`, "it is not a trust policy, nor a document that holds roles"},
		"another in a list":    {`[` + plainTrust + `,{"a":1}]`, "/1: it is not a trust policy"},
		"a list in a list":     {`[[` + plainTrust + `]]`, "/0: it is not a trust policy"},
		"a text":               {`"x"`, "it is not a trust policy"},
		"two documents":        {plainTrust + plainTrust, "something follows the document"},
		"an object with roles": {`{"Roles":[],"apiVersion":"iam.services.k8s.aws/v1alpha1","kind":"Role","spec":{"assumeRolePolicyDocument":"{}"}}`, "it could be the output of an IAM command, or a Kubernetes object"},
		"a template in a list": {`[{"terraform_version":"1","Resources":{}}]`, "/0: it could be a Terraform state, or a CloudFormation template"},
		"a saved plan":         {"PK\x03\x04", `"terraform show -json FILE" prints that`},
		"a line of a log":      {`{"@level":"info"}`, `"terraform show -json FILE" prints that`},
		"a plan's log":         {`{"@level":"info"}` + "\n" + `{"@level":"info"}`, `"terraform show -json FILE" prints that`},
		"a duplicate name":     {`{"Role":{},"Role":{}}`, "twice"},
		"a list that is cut":   {`{"Roles":[],"IsTruncated":true}`, "the list goes on after this page"},
		"a list with a token":  {`{"RoleDetailList":[],"NextToken":"x"}`, "the list goes on after this page"},
		"a document too deep":  {strings.Repeat("[", 200) + strings.Repeat("]", 200), "nested deeper than 128"},
		"a document too large": {`{"x":"` + strings.Repeat(" ", 64<<20) + `"}`, "more than 67108864"},
	} {
		found, err := trust.Extract([]byte(c.doc))
		assert.ErrorContains(t, err, c.message, name)
		assert.ErrorContains(t, err, "trust: extract: ", name)
		assert.Nil(t, found, name)
	}
}

// Positions are those of the file where the policy is an object in it.
func TestFindingsOfAnExtractedPolicySayWhereInTheFile(t *testing.T) {
	t.Parallel()
	doc := "{\"Resources\": {\n  \"é\": {\"Type\": \"AWS::IAM::Role\", \"Properties\": {\"AssumeRolePolicyDocument\": {\"Statement\": {\"Effect\": \"Allow\",\n" +
		"    \"Principal\": {\"AWS\": \"*\"}, \"Action\": \"sts:AssumeRole\"}}}}}}"
	found, err := trust.Extract([]byte(doc))
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, []int{2, 78}, []int{found[0].Line, found[0].Column})
	findings := found[0].Policy.Lint()
	require.Len(t, findings, 1)
	assert.Equal(t, []int{3, 19}, []int{findings[0].Line, findings[0].Column}, "of the name AWS")

	_, err = trust.Extract([]byte("{\n\"a\":1,\"a\":2}"))
	var syntax *trust.SyntaxError
	require.ErrorAs(t, err, &syntax)
	assert.Equal(t, 2, syntax.Line)
	found, err = trust.Extract([]byte("{\"Role\":\n {\"AssumeRolePolicyDocument\": {\"statement\": 1}}}"))
	require.NoError(t, err)
	require.ErrorAs(t, found[0].Err, &syntax)
	assert.Equal(t, []int{2, 32}, []int{syntax.Line, syntax.Column}, "a syntax error is placed in the file too")
}

func FuzzExtractGivesAPolicyOrAReason(f *testing.F) {
	for _, doc := range []string{plainTrust, `{"Resources":{"R":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":` + plainTrust + `}}}}`,
		`{"Role":{"RoleName":"r","AssumeRolePolicyDocument":"%7B%22Statement%22%3A%5B%5D%7D"}}`, `[{"apiVersion":"v1","kind":"List","items":[{"kind":"Role","apiVersion":"iam.services.k8s.aws/v1"}]}]`,
		`{"resource_changes":[{"mode":"managed","type":"aws_iam_role","change":{"after":{"assume_role_policy":"{}"}}}]}`,
		`{"version":4,"terraform_version":"1","resources":[{"mode":"managed","type":"aws_iam_role","instances":[{"index_key":1e5}]}]}`} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		found, err := trust.Extract(doc)
		if err != nil {
			assert.Nil(t, found)
			return
		}
		for _, e := range found {
			assert.Equal(t, e.Policy == nil, e.Err != nil)
			assert.Positive(t, e.Line)
			assert.Positive(t, e.Column)
			for _, finding := range e.Policy.Lint() {
				assert.NotEmpty(t, finding.Code)
			}
		}
	})
}
