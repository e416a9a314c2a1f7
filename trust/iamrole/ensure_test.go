package iamrole_test

import (
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

func TestEnsureCreatesTheRoleOnceAndThenWritesNothing(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	r := b.ensure(t, full(t))
	assert.True(t, r.Created)
	assert.Equal(t, "arn:aws:iam::111122223333:role/apps/reader", r.ARN)
	assert.Equal(t, []string{"CreateRole", "PutRolePolicy", "PutRolePolicy", "AttachRolePolicy", "AttachRolePolicy"}, b.wire.Writes())

	out, err := b.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("reader")})
	require.NoError(t, err)
	assert.Equal(t, "reads+writes 100%", *out.Role.Description)
	assert.EqualValues(t, 7200, *out.Role.MaxSessionDuration)
	assert.Equal(t, ownPolicy, *out.Role.PermissionsBoundary.PermissionsBoundaryArn)
	assert.Len(t, out.Role.Tags, 2)
	assert.True(t, b.trust(t).Equal(policy(t, "a:one")))

	b.wire.Writes()
	again := full(t)
	again.InlinePolicies["get"] = strings.ReplaceAll(permit, ",", " ,\n") // the same JSON
	again.ForeignInlinePolicies, again.ForeignManagedPolicies, again.ForeignTags = iamrole.Remove, iamrole.Remove, iamrole.Remove
	r = b.ensure(t, again)
	assert.False(t, r.Created)
	assert.Empty(t, r.Steps)
	assert.Empty(t, b.wire.Writes())
	assert.Equal(t, "arn:aws:iam::111122223333:role/apps/reader", r.ARN)
}

func TestThePlanSaysWhatEnsureThenDoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		b.ensure(t, full(t))
		b.wire.Writes()
		s := iamrole.Spec{
			Name: "reader", Trust: policy(t, "a:two"), MaxSessionDuration: 3 * time.Hour, PermissionsBoundary: viewOnly,
			InlinePolicies: map[string]string{"get": permitPut, "new": permit}, Tags: map[string]string{"env": "c"},
			ForeignInlinePolicies: iamrole.Remove, ForeignManagedPolicies: iamrole.Remove, ForeignTags: iamrole.Remove,
		}
		plan, err := iamrole.Plan(t.Context(), b, s)
		require.NoError(t, err)
		assert.Empty(t, b.wire.Writes(), "a plan writes nothing")
		text := plan.String()
		for _, want := range []string{
			"role reader (arn:aws:iam::111122223333:role/apps/reader)\n",
			"+ set permissions boundary \"" + viewOnly + "\" instead of \"" + ownPolicy + "\"\n",
			"+ set description \"reads+writes 100%\" and maximum session duration 3h0m0s\n",
			"+ change the trust policy; ", "system:serviceaccount:a:two",
			"+ change inline policy \"get\"\n", "+ add inline policy \"new\"\n", "+ set tags \"env\"=\"c\"\n",
			"- detach policy \"" + viewOnly + "\"\n", "- delete inline policy \"put\"\n", "- remove tags \"Team\"",
		} {
			assert.Contains(t, text, want)
		}
		b.wire.Writes()
		r := b.ensure(t, s)
		require.Len(t, r.Steps, len(plan.Steps))
		writes := b.wire.Writes()
		require.Len(t, writes, len(plan.Steps))
		for i := range r.Steps {
			assert.Equal(t, plan.Steps[i].Text, r.Steps[i].Text)
			assert.Equal(t, "iam:"+writes[i], r.Steps[i].Action)
		}
		assert.False(t, b.admits(t, "a:one"))
		assert.True(t, b.admits(t, "a:two"))
		plan, err = iamrole.Plan(t.Context(), b, s)
		require.NoError(t, err)
		assert.True(t, plan.Empty())
		out, err := b.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("reader")})
		require.NoError(t, err)
		assert.Equal(t, "reads+writes 100%", *out.Role.Description, "what the spec leaves empty stays")
		assert.EqualValues(t, 10800, *out.Role.MaxSessionDuration)
	})
}

func TestForeignThingsStayByDefault(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, full(t))
	b.wire.Writes()
	b.ensure(t, iamrole.Spec{Name: "reader", Tags: map[string]string{"Team": "a"}, InlinePolicies: map[string]string{"get": permit}, ManagedPolicies: []string{viewOnly}})
	assert.Empty(t, b.wire.Writes())
}

func TestEnsureAdoptsARoleThatAppearsMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		var once atomic.Bool
		b.wire.Before = func(action string, _ url.Values) *iamfault.Refusal {
			if action == "CreateRole" && once.CompareAndSwap(false, true) {
				s := iamrole.Spec{Name: "reader", Trust: policy(t, "z:theirs"), InlinePolicies: map[string]string{"theirs": permit}}
				_, err := iamrole.Ensure(t.Context(), b.direct(), s, iamrole.Config{})
				assert.NoError(t, err)
			}
			return nil
		}
		s := spec(t)
		s.InlinePolicies = map[string]string{"get": permit}
		r := b.ensure(t, s)
		assert.False(t, r.Created)
		assert.Equal(t, roleARN, r.ARN)
		assert.True(t, b.admits(t, "a:one"))
		assert.False(t, b.admits(t, "z:theirs"), "the trust policy is the spec's as a whole")
		_, err := b.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: aws.String("reader"), PolicyName: aws.String("theirs")})
		assert.NoError(t, err)
	})
}

func TestANewProviderThatIAMDoesNotKnowYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		b.SetFault(trusttest.Fault{ProviderPropagation: 20 * time.Second})
		_, err := b.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{
			Url: aws.String(issuerURL), ClientIDList: []string{"sts.amazonaws.com"}, ThumbprintList: []string{strings.Repeat("a", 40)},
		})
		require.NoError(t, err)
		start := time.Now()
		_, err = iamrole.Ensure(t.Context(), b, spec(t), iamrole.Config{Patience: 2 * time.Second})
		require.ErrorContains(t, err, "Invalid principal in policy")
		assert.LessOrEqual(t, time.Since(start), 2*time.Second)

		assert.True(t, b.ensure(t, spec(t)).Created)
		assert.InDelta(t, 22, time.Since(start).Seconds(), 3)
	})
}

func TestADeletedPrincipalIsReportedAndNeverRetried(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	const dead = "AROAABCDEFGHIJKLMNOPQ"
	withDead, err := trust.Parse([]byte(strings.Replace(policy(t, "a:one").Document(), `"Statement":[`,
		`"Statement":[{"Effect":"Allow","Principal":{"AWS":"`+dead+`"},"Action":"sts:AssumeRole"},`, 1)))
	require.NoError(t, err)
	s := spec(t)
	s.Trust = withDead
	_, err = iamrole.Ensure(t.Context(), b, s, iamrole.Config{})
	var deleted *iamrole.DeletedPrincipalError
	require.ErrorAs(t, err, &deleted)
	assert.Equal(t, []string{dead}, deleted.IDs)
	assert.Zero(t, b.Calls(""))

	// A live role whose principal has been deleted since.
	b.ensure(t, spec(t))
	b.wire.Writes()
	b.wire.Inner = rewrite{b.Transport(), withDead.Document()}
	for _, edit := range []func() (iamrole.Edit, error){
		func() (iamrole.Edit, error) {
			return iamrole.Grant(t.Context(), b, "reader", grant(t, "a:two"), iamrole.Config{})
		},
		func() (iamrole.Edit, error) {
			return iamrole.Revoke(t.Context(), b, "reader", grant(t, "a:one"), iamrole.Config{})
		},
	} {
		_, err := edit()
		require.ErrorAs(t, err, &deleted)
		assert.Empty(t, b.wire.Writes(), "nothing is tried that cannot work")
	}
}

func TestProvidersAndPoliciesOfAnotherAccountAreRefused(t *testing.T) {
	t.Parallel()
	elsewhere := grant(t, "a:one")
	elsewhere.Provider = provider(t, "999988887777")
	foreign, err := trust.New(elsewhere)
	require.NoError(t, err)
	both, err := trust.New(grant(t, "a:one"), elsewhere)
	require.NoError(t, err)

	b := newBox(t, trusttest.Config{})
	for name, s := range map[string]iamrole.Spec{
		"providers of two accounts":         {Name: "reader", Trust: both},
		"a provider that is not the spec's": {Name: "reader", Trust: foreign, AccountID: account},
		"another partition":                 {Name: "reader", Trust: policy(t, "a:one"), Partition: "aws-cn"},
		"a policy of another account":       {Name: "reader", Trust: policy(t, "a:one"), ManagedPolicies: []string{"arn:aws:iam::999988887777:policy/x"}},
		"a boundary of another partition":   {Name: "reader", Trust: policy(t, "a:one"), PermissionsBoundary: "arn:aws-cn:iam::aws:policy/x"},
	} {
		r, err := iamrole.Ensure(t.Context(), b, s, iamrole.Config{})
		require.ErrorIs(t, err, iamrole.ErrOtherAccount, name)
		assert.Zero(t, r)
	}
	assert.Zero(t, b.Calls(""))

	// The credentials are of another account than the policy speaks of.
	r, err := iamrole.Ensure(t.Context(), b, iamrole.Spec{Name: "reader", Trust: foreign}, iamrole.Config{})
	require.ErrorIs(t, err, iamrole.ErrOtherAccount)
	assert.Zero(t, r)
	assert.Equal(t, []string{"CreateRole", "DeleteRole"}, b.wire.Writes())
	_, err = b.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("reader")})
	require.ErrorContains(t, err, "NoSuchEntity", "the role is gone again")

	b.ensure(t, spec(t))
	b.wire.Writes()
	_, err = iamrole.Ensure(t.Context(), b, iamrole.Spec{Name: "reader", Trust: foreign}, iamrole.Config{})
	require.ErrorIs(t, err, iamrole.ErrOtherAccount)
	_, err = iamrole.Ensure(t.Context(), b, iamrole.Spec{Name: "reader", AccountID: "999988887777"}, iamrole.Config{})
	require.ErrorIs(t, err, iamrole.ErrOtherAccount)
	_, err = iamrole.Ensure(t.Context(), b, iamrole.Spec{Name: "reader", ManagedPolicies: []string{"arn:aws:iam::999988887777:policy/x"}}, iamrole.Config{})
	require.ErrorIs(t, err, iamrole.ErrOtherAccount)
	_, err = iamrole.Grant(t.Context(), b, "reader", elsewhere, iamrole.Config{})
	require.ErrorIs(t, err, iamrole.ErrOtherAccount)
	assert.Empty(t, b.wire.Writes())
}

func TestARoleUnderAnotherPathIsNotMoved(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, full(t))
	s := spec(t)
	s.Path = "/other/"
	_, err := iamrole.Ensure(t.Context(), b, s, iamrole.Config{})
	require.ErrorIs(t, err, iamrole.ErrOtherPath)
	assert.ErrorContains(t, err, "/apps/")
}

func TestARoleInAnIsolatedPartitionIsTaggedAfterwards(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{Partition: "aws-iso"})
	b.wire.Before = func(action string, form url.Values) *iamfault.Refusal {
		if action == "CreateRole" && form.Has("Tags.member.1.Key") {
			return &iamfault.Refusal{Status: 400, Code: "InvalidInput", Message: "Tags are not supported"}
		}
		return nil
	}
	p, err := trust.NewProvider("aws-iso", account, issuerURL)
	require.NoError(t, err)
	g := grant(t, "a:one")
	g.Provider = p
	document, err := trust.New(g)
	require.NoError(t, err)
	r := b.ensure(t, iamrole.Spec{Name: "reader", Trust: document, Tags: map[string]string{"a": "b"}, InlinePolicies: map[string]string{"get": permit}})
	assert.True(t, r.Created)
	assert.Equal(t, []string{"CreateRole", "CreateRole", "PutRolePolicy", "TagRole"}, b.wire.Writes())
}
