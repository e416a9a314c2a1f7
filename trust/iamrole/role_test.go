package iamrole_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/iamfault"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

func TestReadShowsARoleAsItIs(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, full(t))
	calls := b.Calls("")
	r, err := iamrole.Read(t.Context(), b, "reader")
	require.NoError(t, err)
	assert.Equal(t, 5, b.Calls("")-calls, "the role, its two lists, and two documents")
	assert.True(t, r.Trust.Equal(policy(t, "a:one")))
	assert.Equal(t, policy(t, "a:one").Document(), r.TrustDocument)
	want := iamrole.Role{
		ARN: "arn:aws:iam::111122223333:role/apps/reader", Path: "/apps/", Name: "reader",
		Description: "reads+writes 100%", MaxSessionDuration: 2 * time.Hour, PermissionsBoundary: ownPolicy,
		InlinePolicies:  map[string]string{"get": permit, "put": permitPut},
		ManagedPolicies: []string{viewOnly, ownPolicy}, Tags: map[string]string{"Team": "a", "env": "b"},
	}
	assert.Equal(t, want.ARN+want.Path+want.Name+want.Description+want.PermissionsBoundary, r.ARN+r.Path+r.Name+r.Description+r.PermissionsBoundary)
	assert.Equal(t, want.MaxSessionDuration, r.MaxSessionDuration)
	assert.Equal(t, want.InlinePolicies, r.InlinePolicies)
	assert.Equal(t, want.ManagedPolicies, r.ManagedPolicies)
	assert.Equal(t, want.Tags, r.Tags)

	paged, err := iamrole.Read(t.Context(), onePerPage{b.Client}, "reader")
	require.NoError(t, err)
	assert.Equal(t, r.InlinePolicies, paged.InlinePolicies)
	assert.Equal(t, r.ManagedPolicies, paged.ManagedPolicies)
}

func TestReadOfABareRoleHasNothing(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, spec(t))
	r, err := iamrole.Read(t.Context(), b, "reader")
	require.NoError(t, err)
	assert.Empty(t, r.Description+r.PermissionsBoundary)
	assert.Empty(t, r.InlinePolicies)
	assert.Empty(t, r.ManagedPolicies)
	assert.Empty(t, r.Tags)
	assert.Equal(t, time.Hour, r.MaxSessionDuration)
}

func TestReadShowsATrustPolicyThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, spec(t))
	b.wire.Inner = rewrite{b.Transport(), `{"Statement":[],"Statement":[]}`}
	r, err := iamrole.Read(t.Context(), b, "reader")
	require.NoError(t, err)
	assert.Nil(t, r.Trust)
	var syntax *trust.SyntaxError
	require.ErrorAs(t, r.TrustError, &syntax)
	assert.Equal(t, `{"Statement":[],"Statement":[]}`, r.TrustDocument)
}

func TestReadSaysWhyItHasNoRole(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	for name, want := range map[string]string{"": "the role name is empty", "a b": `role name "a b"`} {
		r, err := iamrole.Read(t.Context(), b, name)
		require.ErrorContains(t, err, want)
		assert.Zero(t, r)
	}
	r, err := iamrole.Read(t.Context(), b, "reader")
	require.ErrorIs(t, err, iamrole.ErrNotFound)
	assert.Zero(t, r)
	_, err = iamrole.Read(t.Context(), nil, "reader")
	require.ErrorIs(t, err, iamrole.ErrNoClient)
	b.ensure(t, full(t))
	for _, action := range []string{"GetRole", "ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies"} {
		b.SetFault(trusttest.Fault{Failure: trusttest.InternalFailure, Actions: []string{action}})
		r, err := iamrole.Read(t.Context(), b, "reader")
		require.ErrorContains(t, err, "InternalFailure", action)
		assert.Zero(t, r, "half a role is none")
	}
	b.SetFault(trusttest.Fault{})
	b.wire.Before = func(action string, _ url.Values) *iamfault.Refusal {
		if action == "ListRolePolicies" { // gone since GetRole
			return &iamfault.Refusal{Status: 404, Code: "NoSuchEntity", Message: "The role with name reader cannot be found."}
		}
		return nil
	}
	_, err = iamrole.Read(t.Context(), b, "reader")
	require.ErrorIs(t, err, iamrole.ErrNotFound)
}

func TestAnEndlessListIsAnError(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, full(t))
	for name, marker := range map[string]*string{"without a marker": nil, "with the same marker": aws.String("x")} {
		_, err := iamrole.Read(t.Context(), endless{b.Client, marker}, "reader")
		require.ErrorContains(t, err, "the same page again", name)
	}
}

type endless struct {
	*iam.Client
	marker *string
}

func (e endless) ListRolePolicies(context.Context, *iam.ListRolePoliciesInput, ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error) {
	return &iam.ListRolePoliciesOutput{IsTruncated: true, Marker: e.marker}, nil
}

func TestADescriptionAndABoundaryAreCleared(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, full(t))
	b.wire.Writes()
	s := iamrole.Spec{Name: "reader", ClearDescription: true, ClearPermissionsBoundary: true, Tags: map[string]string{"new": ""}}
	plan, err := iamrole.Plan(t.Context(), b, s)
	require.NoError(t, err)
	assert.Equal(t, `role reader (arn:aws:iam::111122223333:role/apps/reader)
  + set description "" and maximum session duration 2h0m0s
  + set tags "new"=""
  - remove permissions boundary "`+ownPolicy+`"`, plan.String())
	b.ensure(t, s)
	assert.Equal(t, []string{"UpdateRole", "TagRole", "DeleteRolePermissionsBoundary"}, b.wire.Writes())
	r, err := iamrole.Read(t.Context(), b, "reader")
	require.NoError(t, err)
	assert.Empty(t, r.Description)
	assert.Empty(t, r.PermissionsBoundary)
	assert.Equal(t, 2*time.Hour, r.MaxSessionDuration, "UpdateRole would make it one hour if it were left out")
	b.ensure(t, s)
	assert.Empty(t, b.wire.Writes(), "what is clear stays so without a write")
	s.Name, s.Trust = "fresh", policy(t, "a:one")
	b.ensure(t, s)
	assert.Equal(t, []string{"CreateRole"}, b.wire.Writes(), "a new role has neither")
}

func TestARoleWhoseNameDiffersInCaseIsToldAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		s := spec(t)
		s.Name = "READER"
		b.ensure(t, s)
		b.wire.Writes()
		start := time.Now()
		r, err := iamrole.Ensure(t.Context(), b, spec(t), iamrole.Config{})
		assert.Zero(t, r)
		require.ErrorIs(t, err, iamrole.ErrOtherCase)
		assert.ErrorContains(t, err, `"READER"`)
		assert.Less(t, time.Since(start), time.Second)
		assert.Equal(t, []string{"CreateRole", "CreateRole"}, b.wire.Writes())

		// Whoever may not list roles is told what IAM says, after all patience.
		b.wire.Before = func(action string, _ url.Values) *iamfault.Refusal {
			if action == "ListRoles" {
				return &iamfault.Refusal{Status: 403, Code: "AccessDenied", Message: "no"}
			}
			return nil
		}
		_, err = iamrole.Ensure(t.Context(), b, spec(t), iamrole.Config{})
		require.ErrorContains(t, err, "EntityAlreadyExists")
		require.NotErrorIs(t, err, iamrole.ErrOtherCase)
	})
}

// folding is an IAM that finds roles by names in another case.
type folding struct{ *iam.Client }

func (f folding) GetRole(ctx context.Context, in *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	return f.Client.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(strings.ToLower(*in.RoleName))})
}

func TestARoleFoundByANameInAnotherCaseIsNotTouched(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, spec(t))
	b.wire.Writes()
	s := spec(t)
	s.Name = "Reader"
	_, err := iamrole.Ensure(t.Context(), folding{b.Client}, s, iamrole.Config{})
	require.ErrorIs(t, err, iamrole.ErrOtherCase)
	_, err = iamrole.Delete(t.Context(), folding{b.Client}, "Reader", iamrole.DeleteConfig{SkipOwnerCheck: true})
	require.ErrorIs(t, err, iamrole.ErrOtherCase)
	_, err = iamrole.Grant(t.Context(), folding{b.Client}, "Reader", grant(t, "a:two"), iamrole.Config{})
	require.ErrorIs(t, err, iamrole.ErrOtherCase)
	assert.Empty(t, b.wire.Writes())
}

func TestATagLimitIsToldBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	s := spec(t)
	s.Tags = map[string]string{}
	for i := range 50 {
		s.Tags["old"+string(rune('A'+i/26))+string(rune('a'+i%26))] = ""
	}
	b.ensure(t, s)
	b.wire.Writes()
	s.Tags = map[string]string{"new": ""}
	var limit *iamrole.LimitError
	_, err := iamrole.Ensure(t.Context(), b, s, iamrole.Config{})
	require.ErrorAs(t, err, &limit)
	assert.Equal(t, iamrole.LimitError{Field: "Tags", Count: 51, Message: "The number of tags has reached the maximum limit."}, *limit)
	s.ForeignTags = iamrole.Remove
	b.ensure(t, s)
	assert.Equal(t, []string{"UntagRole", "TagRole"}, b.wire.Writes(), "room is made first")
}

// inProfile is an IAM in which the role is in an instance profile.
type inProfile struct{ *iam.Client }

func (inProfile) ListInstanceProfilesForRole(context.Context, *iam.ListInstanceProfilesForRoleInput, ...func(*iam.Options)) (*iam.ListInstanceProfilesForRoleOutput, error) {
	return &iam.ListInstanceProfilesForRoleOutput{InstanceProfiles: []types.InstanceProfile{{InstanceProfileName: aws.String("nodes")}}}, nil
}

func TestDeleteRemovesWhatItMustAndIsContentWhenThereIsNothing(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, full(t))
	b.wire.Writes()
	owner := iamrole.DeleteConfig{Owner: map[string]string{"Team": "a"}}
	calls := b.Calls("")
	d, err := iamrole.Delete(t.Context(), b, "reader", owner)
	require.NoError(t, err)
	assert.Equal(t, "arn:aws:iam::111122223333:role/apps/reader", d.ARN)
	want := []string{"DetachRolePolicy", "DetachRolePolicy", "DeleteRolePolicy", "DeleteRolePolicy", "DeleteRole"}
	assert.Equal(t, want, b.wire.Writes())
	assert.Equal(t, 4+len(want), b.Calls("")-calls, "one look, and the writes")
	require.Len(t, d.Steps, len(want))
	for i, s := range d.Steps {
		assert.Equal(t, "iam:"+want[i], s.Action)
		assert.True(t, s.Removes)
	}
	calls = b.Calls("")
	d, err = iamrole.Delete(t.Context(), b, "reader", owner)
	require.NoError(t, err)
	assert.Zero(t, d)
	assert.Equal(t, 1, b.Calls("")-calls)
}

func TestDeleteWaitsForAnotherChangeUnlessToldNotTo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, trusttest.Config{})
		b.ensure(t, spec(t))
		b.SetFault(trusttest.Fault{Failure: trusttest.ConcurrentModification, Actions: []string{"DeleteRole"}, Times: 2})
		_, err := iamrole.Delete(t.Context(), b, "reader", iamrole.DeleteConfig{SkipOwnerCheck: true, Patience: -1})
		step := new(iamrole.StepError)
		require.ErrorAs(t, err, &step)
		d, err := iamrole.Delete(t.Context(), b, "reader", iamrole.DeleteConfig{SkipOwnerCheck: true})
		require.NoError(t, err)
		assert.Len(t, d.Steps, 1)
	})
}

func TestDeleteLeavesAloneWhatIsNotTheCallers(t *testing.T) {
	t.Parallel()
	b := newBox(t, trusttest.Config{})
	b.ensure(t, full(t)) // tags Team=a, env=b
	for _, path := range []string{"/aws-reserved/sso/", "/aws-service-role/x/"} {
		_, err := b.CreateRole(t.Context(), &iam.CreateRoleInput{
			RoleName: aws.String("svc" + strings.Trim(strings.ReplaceAll(path, "/", ""), "-")), Path: aws.String(path),
			AssumeRolePolicyDocument: aws.String(policy(t, "a:one").Document()),
		})
		require.NoError(t, err)
	}
	b.wire.Writes()
	for name, c := range map[string]struct {
		role string
		api  iamrole.Deleter
		cfg  iamrole.DeleteConfig
		want error
		says string
	}{
		"no owner":                  {"reader", b, iamrole.DeleteConfig{}, iamrole.ErrNotOwned, "Owner names no tags"},
		"no owner, an empty map":    {"reader", b, iamrole.DeleteConfig{Owner: map[string]string{}}, iamrole.ErrNotOwned, "Owner names no tags"},
		"another owner":             {"reader", b, iamrole.DeleteConfig{Owner: map[string]string{"Team": "b"}}, iamrole.ErrNotOwned, `it lacks the tag "Team"="b"`},
		"a value in another case":   {"reader", b, iamrole.DeleteConfig{Owner: map[string]string{"Team": "A"}}, iamrole.ErrNotOwned, `it lacks the tag "Team"="A"`},
		"a tag that is missing":     {"reader", b, iamrole.DeleteConfig{Owner: map[string]string{"cluster": ""}}, iamrole.ErrNotOwned, `it lacks the tag "cluster"`},
		"one of two tags":           {"reader", b, iamrole.DeleteConfig{Owner: map[string]string{"Team": "a", "env": "c"}}, iamrole.ErrNotOwned, `it lacks the tag "env"="c"`},
		"an AWS service's":          {"svcaws-reservedsso", b, iamrole.DeleteConfig{SkipOwnerCheck: true}, iamrole.ErrProtected, `role "svcaws-reservedsso": the role belongs to an AWS service`},
		"a service-linked role":     {"svcaws-service-rolex", b, iamrole.DeleteConfig{SkipOwnerCheck: true}, iamrole.ErrProtected, `role "svcaws-service-rolex": the role belongs to an AWS service`},
		"in an instance profile":    {"reader", inProfile{b.Client}, iamrole.DeleteConfig{SkipOwnerCheck: true}, iamrole.ErrInstanceProfile, `in an instance profile: "nodes"`},
		"without a client":          {"reader", nil, iamrole.DeleteConfig{SkipOwnerCheck: true}, iamrole.ErrNoClient, "the IAM client is nil"},
		"a name that cannot be one": {"a/b", b, iamrole.DeleteConfig{SkipOwnerCheck: true}, nil, `role name "a/b" has a path`},
	} {
		d, err := iamrole.Delete(t.Context(), c.api, c.role, c.cfg)
		require.ErrorContains(t, err, c.says, name)
		if c.want != nil {
			require.ErrorIs(t, err, c.want, name)
		}
		assert.Zero(t, d)
		assert.Empty(t, b.wire.Writes(), name)
	}
	_, err := iamrole.Delete(t.Context(), b, "reader", iamrole.DeleteConfig{SkipOwnerCheck: true})
	require.NoError(t, err, "told to, whoever made it")
}

func TestDeleteGoesOnWhereItWasStopped(t *testing.T) {
	t.Parallel()
	owner := iamrole.DeleteConfig{Owner: map[string]string{"env": "b"}}
	for cut := range 5 {
		b := newBox(t, trusttest.Config{})
		b.ensure(t, full(t))
		b.wire.Writes()
		made := 0
		b.wire.Before = func(action string, _ url.Values) *iamfault.Refusal {
			if strings.HasPrefix(action, "De") {
				if made++; made == cut+1 {
					return &iamfault.Refusal{Status: 500, Code: "ServiceFailure", Message: "down"}
				}
			}
			return nil
		}
		_, err := iamrole.Delete(t.Context(), b, "reader", owner)
		var step *iamrole.StepError
		require.ErrorAs(t, err, &step)
		assert.Len(t, step.Done, cut)
		b.wire.Before = nil
		_, err = iamrole.Delete(t.Context(), b, "reader", owner)
		require.NoError(t, err)
		_, err = iamrole.Read(t.Context(), b, "reader")
		require.ErrorIs(t, err, iamrole.ErrNotFound)
	}
}

func TestDeleteMeetsOtherWriters(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]struct {
		before string
		do     func(*testing.T, *iam.Client)
	}{
		"who attach a policy": {"DeleteRole", func(t *testing.T, c *iam.Client) {
			_, err := c.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: aws.String("reader"), PolicyArn: aws.String(viewOnly)})
			assert.NoError(t, err)
		}},
		"who add an inline policy": {"DeleteRole", func(t *testing.T, c *iam.Client) {
			_, err := c.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("reader"), PolicyName: aws.String("x"), PolicyDocument: aws.String(permit)})
			assert.NoError(t, err)
		}},
		"who delete a policy": {"DeleteRolePolicy", func(t *testing.T, c *iam.Client) {
			_, err := c.DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: aws.String("reader"), PolicyName: aws.String("get")})
			assert.NoError(t, err)
		}},
		"who delete the role": {"DetachRolePolicy", func(t *testing.T, c *iam.Client) {
			_, err := iamrole.Delete(t.Context(), c, "reader", iamrole.DeleteConfig{SkipOwnerCheck: true})
			assert.NoError(t, err)
		}},
		"who delete it last": {"DeleteRole", func(t *testing.T, c *iam.Client) {
			_, err := iamrole.Delete(t.Context(), c, "reader", iamrole.DeleteConfig{SkipOwnerCheck: true})
			assert.NoError(t, err)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBox(t, trusttest.Config{})
				b.ensure(t, full(t))
				once := false
				b.wire.Before = func(action string, _ url.Values) *iamfault.Refusal {
					if action == meanwhile.before && !once {
						once = true
						meanwhile.do(t, b.direct())
					}
					return nil
				}
				start := time.Now()
				_, err := iamrole.Delete(t.Context(), b, "reader", iamrole.DeleteConfig{SkipOwnerCheck: true})
				require.NoError(t, err)
				assert.Less(t, time.Since(start), time.Second)
				_, err = iamrole.Read(t.Context(), b, "reader")
				require.ErrorIs(t, err, iamrole.ErrNotFound)
			})
		})
	}
}

func TestNamesFitAndDiffer(t *testing.T) {
	t.Parallel()
	inputs := [][]string{
		{"irsa-", "shop", "cart"}, {"irsa-", "shop-cart"}, {"irsa-", "shop", "Cart"}, {"irsa-", "shop cart"},
		{"irsa-", "shop", "cart", "x"}, {"irs", "a-shop", "cart"}, {"irsa-", "łódź"}, {"irsa-", "łodź"},
		{"irsa-", strings.Repeat("a", 253), "x"}, {"irsa-", strings.Repeat("a", 253), "y"},
		{"", "x"}, {strings.Repeat("p", 47), "x"}, {strings.Repeat("p", 47), "y"}, {"p-", `a" "b`}, {"p-", "a", "b"},
	}
	var names []string
	for _, in := range inputs {
		name, err := iamrole.NameFor(in[0], in[1:]...)
		require.NoError(t, err, in)
		again, err := iamrole.NameFor(in[0], in[1:]...)
		require.NoError(t, err)
		assert.Equal(t, name, again)
		assert.Regexp(t, `^[\w+=,.@-]{1,64}$`, name)
		assert.True(t, strings.HasPrefix(name, in[0]), name)
		assert.False(t, slices.ContainsFunc(names, func(other string) bool { return strings.EqualFold(name, other) }), "%q twice", name)
		names = append(names, name)
	}
	assert.Len(t, names[8], 64, "as much of it as fits")
	for want, in := range map[string][]string{
		`ppp" is not at most 47`: {strings.Repeat("p", 48), "x"}, `prefix "a/"`: {"a/", "x"},
		"no part is given": {"a"}, "part 1 is empty": {"a", "x", ""},
	} {
		got, err := iamrole.NameFor(in[0], in[1:]...)
		require.ErrorContains(t, err, want)
		assert.Empty(t, got)
	}
}
