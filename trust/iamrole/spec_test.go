package iamrole_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/iamfault"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

func TestASpecThatIAMWouldRefuseIsRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	invalid, err := trust.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}`))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		change func(*iamrole.Spec)
		want   string
	}{
		"no name":                {func(s *iamrole.Spec) { s.Name = "" }, "role name is empty"},
		"an ARN as name":         {func(s *iamrole.Spec) { s.Name = roleARN }, `is an ARN: want the name alone, "reader"`},
		"a relative path":        {func(s *iamrole.Spec) { s.Path = "apps" }, "must begin and end"},
		"a short account":        {func(s *iamrole.Spec) { s.AccountID = "1" }, "not twelve digits"},
		"an unknown partition":   {func(s *iamrole.Spec) { s.Partition = "aws-x" }, "is unknown"},
		"a long description":     {func(s *iamrole.Spec) { s.Description = strings.Repeat("x", 1001) }, "1001 characters"},
		"a short session":        {func(s *iamrole.Spec) { s.MaxSessionDuration = time.Hour - time.Second }, "59m59s"},
		"a long session":         {func(s *iamrole.Spec) { s.MaxSessionDuration = 12*time.Hour + time.Second }, "12h0m1s"},
		"half a second":          {func(s *iamrole.Spec) { s.MaxSessionDuration = time.Hour + time.Second/2 }, "whole seconds"},
		"a bare boundary":        {func(s *iamrole.Spec) { s.PermissionsBoundary = "own" }, "permissions boundary"},
		"a role as policy":       {func(s *iamrole.Spec) { s.ManagedPolicies = []string{roleARN} }, "managed policy"},
		"a policy name":          {func(s *iamrole.Spec) { s.InlinePolicies = map[string]string{"a b": permit} }, `"a b"`},
		"a document":             {func(s *iamrole.Spec) { s.InlinePolicies = map[string]string{"a": "{"} }, "the document ends in the middle"},
		"a document null":        {func(s *iamrole.Spec) { s.InlinePolicies = map[string]string{"a": "null"} }, "not a JSON object"},
		"a document with a list": {func(s *iamrole.Spec) { s.InlinePolicies = map[string]string{"a": "[]"} }, "not a JSON object"},
		"a member twice": {func(s *iamrole.Spec) {
			s.InlinePolicies = map[string]string{"a": `{"Statement":[{"Effect":"Deny","Effect":"Allow"}]}`}
		}, `line 1, column 32 at "/Statement/0/Effect": this name stands in the object twice`},
		"a reserved path":                 {func(s *iamrole.Spec) { s.Path = "/aws-reserved/x/" }, "belongs to an AWS service"},
		"a service's path":                {func(s *iamrole.Spec) { s.Path = "/aws-service-role/x.amazonaws.com/" }, "belongs to an AWS service"},
		"a description in Polish":         {func(s *iamrole.Spec) { s.Description = "łódź" }, "the description has characters"},
		"a description with a NUL":        {func(s *iamrole.Spec) { s.Description = "a\x00" }, "the description has characters"},
		"a description with U+0085":       {func(s *iamrole.Spec) { s.Description = "a\u0085b" }, "the description has characters"},
		"a description with a hard space": {func(s *iamrole.Spec) { s.Description = "a\u00a0b" }, "the description has characters"},
		"a description to clear":          {func(s *iamrole.Spec) { s.Description, s.ClearDescription = "x", true }, "ClearDescription is set together with"},
		"a boundary to clear": {func(s *iamrole.Spec) {
			s.PermissionsBoundary, s.ClearPermissionsBoundary = ownPolicy, true
		}, "ClearPermissionsBoundary is set together with"},
		"a policy without a name": {func(s *iamrole.Spec) { s.ManagedPolicies = []string{"arn:aws:iam::aws:policy/x/"} }, "policy name"},
		"a tag with a comma":      {func(s *iamrole.Spec) { s.Tags = map[string]string{"a": "b,c"} }, "characters other than"},
		"beyond U+00FF":           {func(s *iamrole.Spec) { s.InlinePolicies = map[string]string{"a": `{"Sid":"ł"}`} }, "U+00FF"},
		"too much together": {func(s *iamrole.Spec) {
			s.InlinePolicies = map[string]string{"a": `{"Sid":"` + strings.Repeat("x", 10240) + `"}`}
		}, "Maximum policy size of 10240 bytes exceeded for role reader"},
		"an empty trust policy": {func(s *iamrole.Spec) { s.Trust = &trust.Policy{} }, "at least one statement"},
		"a bad trust policy":    {func(s *iamrole.Spec) { s.Trust = invalid }, "Missing required field Principal"},
		"a tag":                 {func(s *iamrole.Spec) { s.Tags = map[string]string{"": ""} }, "tag"},
		"neither keep nor not":  {func(s *iamrole.Spec) { s.ForeignTags = 7 }, "ForeignTags is 7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, trusttest.Config{})
			s := spec(t)
			c.change(&s)
			r, err := iamrole.Ensure(t.Context(), b, s, iamrole.Config{})
			require.ErrorContains(t, err, c.want)
			assert.Zero(t, r)
			assert.Zero(t, b.Calls(""))
		})
	}
}

func TestARoleWithoutATrustPolicyCannotBeCreated(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	_, err := iamrole.Plan(t.Context(), b, iamrole.Spec{Name: "reader"})
	require.ErrorIs(t, err, iamrole.ErrNoTrust)
}

func TestAServiceLinkedRoleIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	_, err := b.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("reader"), Path: aws.String("/aws-reserved/sso/"), AssumeRolePolicyDocument: aws.String(policy(t, "a:one").Document()),
	})
	require.NoError(t, err)
	b.wire.Writes()
	_, err = iamrole.Ensure(t.Context(), b, spec(t), iamrole.Config{})
	require.ErrorIs(t, err, iamrole.ErrProtected)
	_, err = iamrole.Grant(t.Context(), b, "reader", grant(t, "a:two"), iamrole.Config{})
	require.ErrorIs(t, err, iamrole.ErrProtected)
	assert.Empty(t, b.wire.Writes())
}

func large(t *testing.T) trust.Grant {
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf("namespace-%02d:a-rather-long-name-%02d", i, i))
	}
	return grant(t, names...)
}

func TestTheAccountsRealQuotaDecides(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	n, err := iamrole.Quota(t.Context(), b)
	require.NoError(t, err)
	assert.Equal(t, 2048, n)

	document, err := trust.New(large(t))
	require.NoError(t, err)
	var size *trust.SizeError
	_, err = iamrole.Ensure(t.Context(), b, iamrole.Spec{Name: "reader", Trust: document}, iamrole.Config{})
	require.ErrorAs(t, err, &size)
	assert.Equal(t, 2048, size.Quota)
	assert.NotContains(t, b.wire.Writes(), "CreateRole")

	b.ensure(t, spec(t))
	assert.Equal(t, 2, b.Calls("GetAccountSummary"), "only asked for when it matters")
	b.wire.Writes()
	_, err = iamrole.Grant(t.Context(), b, "reader", large(t), iamrole.Config{})
	require.ErrorAs(t, err, &size)
	assert.Empty(t, b.wire.Writes())
}

func TestWhoMayNotReadTheQuotaLeavesItToIAM(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, spec(t))
	b.wire.Before = func(action string, _ url.Values) *iamfault.Refusal {
		if action == "GetAccountSummary" {
			return &iamfault.Refusal{Status: 403, Code: "AccessDenied", Message: "no"}
		}
		return nil
	}
	_, err := iamrole.Quota(t.Context(), b)
	require.ErrorContains(t, err, "api error AccessDenied")
	_, err = iamrole.Grant(t.Context(), b, "reader", large(t), iamrole.Config{})
	require.ErrorContains(t, err, "Cannot exceed quota for ACLSizePerRole: 2048")
	assert.False(t, b.admits(t, "namespace-00:a-rather-long-name-00"))
}

func TestPagesOfPoliciesAreAllRead(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	s := spec(t)
	s.InlinePolicies = map[string]string{"a": permit, "b": permit, "c": permit}
	s.ManagedPolicies = []string{viewOnly, ownPolicy}
	b.ensure(t, s)
	r, err := iamrole.Ensure(t.Context(), onePerPage{b.Client},
		iamrole.Spec{Name: "reader", ForeignInlinePolicies: iamrole.Remove, ForeignManagedPolicies: iamrole.Remove}, iamrole.Config{})
	require.NoError(t, err)
	assert.Len(t, r.Steps, 5)
	assert.Equal(t, 3, b.Calls("ListRolePolicies"))
	assert.Equal(t, 2, b.Calls("ListAttachedRolePolicies"))
}

func TestNothingPanicsOnNilAndZeroValues(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, err := iamrole.Plan(ctx, nil, spec(t))
	require.ErrorIs(t, err, iamrole.ErrNoClient)
	_, err = iamrole.Ensure(ctx, nil, spec(t), iamrole.Config{})
	require.ErrorIs(t, err, iamrole.ErrNoClient)
	_, err = iamrole.Grant(ctx, nil, "reader", grant(t, "a:one"), iamrole.Config{})
	require.ErrorIs(t, err, iamrole.ErrNoClient)
	_, err = iamrole.Revoke(ctx, nil, "reader", trust.Grant{}, iamrole.Config{})
	require.ErrorIs(t, err, iamrole.ErrNoClient)
	_, err = iamrole.Quota(ctx, nil)
	require.ErrorIs(t, err, iamrole.ErrNoClient)
	_, err = iamrole.Ensure(ctx, nil, iamrole.Spec{}, iamrole.Config{})
	require.ErrorContains(t, err, "the role name is empty")
	assert.NotEmpty(t, iamrole.Changes{}.String())
	assert.Empty(t, (&iamrole.StepError{}).Error())
}

func TestALivePolicyThatCannotBeReadIsReplacedButNeverEdited(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, spec(t))
	b.wire.Writes()
	b.wire.Inner = rewrite{b.Transport(), `{"Statement":[],"Statement":[]}`}
	var syntax *trust.SyntaxError
	_, err := iamrole.Grant(t.Context(), b, "reader", grant(t, "a:two"), iamrole.Config{})
	require.ErrorAs(t, err, &syntax)
	assert.Empty(t, b.wire.Writes())
	changes, err := iamrole.Plan(t.Context(), b, spec(t))
	require.NoError(t, err)
	assert.Contains(t, changes.String(), "replace the trust policy, which cannot be read")
	changes, err = iamrole.Plan(t.Context(), b, iamrole.Spec{Name: "reader"})
	require.NoError(t, err)
	assert.True(t, changes.Empty(), "without a policy in the spec it is nobody's to replace")
}
