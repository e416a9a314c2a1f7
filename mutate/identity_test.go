package mutate_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

func TestAnAccountGivesTheIdentityThatItsAnnotationsSay(t *testing.T) {
	t.Parallel()
	composing := mutate.Config{RoleAccountID: "111122223333"}
	for name, c := range map[string]struct {
		cfg         mutate.Config
		annotations map[string]string
		want        mutate.Identity
	}{
		"none":                       {mutate.Config{}, nil, mutate.Identity{}},
		"no role":                    {mutate.Config{}, map[string]string{"audience": "x", "token-expiration": "?"}, mutate.Identity{}},
		"an empty role":              {mutate.Config{}, map[string]string{"role-arn": ""}, mutate.Identity{}},
		"a role":                     {mutate.Config{}, map[string]string{"role-arn": role}, mutate.Identity{RoleARN: role}},
		"an empty audience":          {mutate.Config{}, map[string]string{"role-arn": role, "audience": ""}, mutate.Identity{RoleARN: role}},
		"everything":                 {mutate.Config{}, map[string]string{"role-arn": role, "audience": "x", "sts-regional-endpoints": "T", "token-expiration": "900"}, mutate.Identity{RoleARN: role, Audience: "x", RegionalSTS: true, TokenExpiration: 15 * time.Minute}},
		"a short expiration":         {mutate.Config{}, map[string]string{"role-arn": role, "token-expiration": "-1"}, mutate.Identity{RoleARN: role, TokenExpiration: 10 * time.Minute}},
		"EKS":                        {mutate.EKS("eu-central-1"), map[string]string{"role-arn": role}, mutate.Identity{RoleARN: role, RegionalSTS: true}},
		"EKS, and not regional":      {mutate.EKS("eu-central-1"), map[string]string{"role-arn": role, "sts-regional-endpoints": "0"}, mutate.Identity{RoleARN: role}},
		"the config's defaults":      {mutate.Config{Audience: "a", TokenExpiration: time.Hour}, map[string]string{"role-arn": role}, mutate.Identity{RoleARN: role, Audience: "a", TokenExpiration: time.Hour}},
		"a role by name":             {composing, map[string]string{"role-arn": "reader"}, mutate.Identity{RoleARN: role}},
		"a role by path":             {composing, map[string]string{"role-arn": "team/reader"}, mutate.Identity{RoleARN: "arn:aws:iam::111122223333:role/team/reader"}},
		"an ARN where names do":      {composing, map[string]string{"role-arn": "arn:aws-cn:iam::444455556666:role/x"}, mutate.Identity{RoleARN: "arn:aws-cn:iam::444455556666:role/x"}},
		"the region's partition":     {mutate.Config{RoleAccountID: "111122223333", Region: "us-gov-west-1"}, map[string]string{"role-arn": "reader"}, mutate.Identity{RoleARN: "arn:aws-us-gov:iam::111122223333:role/reader"}},
		"a partition of its own":     {mutate.Config{RoleAccountID: "111122223333", Region: "us-gov-west-1", RolePartition: "aws-cn"}, map[string]string{"role-arn": "reader"}, mutate.Identity{RoleARN: "arn:aws-cn:iam::111122223333:role/reader"}},
		"bad ones, and only warned":  {mutate.Config{BadAnnotations: mutate.WarnAllBad}, map[string]string{"role-arn": role, "sts-regional-endpoints": "yes", "token-expiration": "1h", "audience": "\x00"}, mutate.Identity{RoleARN: role}},
		"Pod Identity over its role": {mutate.Config{PodIdentityAccounts: []mutate.Target{{Namespace: "team-a", ServiceAccount: "reader"}}}, map[string]string{"role-arn": "?", "audience": "x", "token-expiration": "7200"}, mutate.Identity{Method: mutate.PodIdentity, TokenExpiration: 2 * time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, err := newMutator(t, c.cfg).Identity(account(c.annotations))
			require.NoError(t, err)
			assert.Equal(t, c.want, id)
			assert.Equal(t, c.want.IsZero(), id.IsZero())
		})
	}
}

func TestBadAnnotationsOfAnAccountAreErrorsThatSayAllOfIt(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	id, err := m.Identity(account(map[string]string{
		"role-arn": "reader", "sts-regional-endpoints": "yes", "token-expiration": "4294967297", "audience": "\n",
	}))
	assert.Zero(t, id)
	assert.ErrorIs(t, err, mutate.ErrBadAnnotation)
	for _, part := range []string{
		`service account "team-a/reader"`, `eks.amazonaws.com/role-arn: "reader" is not an ARN`,
		`eks.amazonaws.com/sts-regional-endpoints is "yes", want "true" or "false"`,
		`eks.amazonaws.com/token-expiration is "4294967297", want whole seconds, 600 to 4294967296`,
		`eks.amazonaws.com/audience is "\n"`,
	} {
		assert.ErrorContains(t, err, part)
	}
	for _, bad := range []string{"arn:aws:iam::111122223333:role/$(HOME)/x", "arn:aws:iam::111122223333:role/a$$b/x", "arn:aws:iam::1:role/x", "arn:aws:iam::111122223333:user/x", " " + role, "arn:"} {
		_, err := m.Identity(account(map[string]string{"role-arn": bad}))
		assert.ErrorIs(t, err, mutate.ErrBadAnnotation, bad)
	}
	const dollar = "arn:aws:iam::111122223333:role/$a$b/x"
	id, err = m.Identity(account(map[string]string{"role-arn": dollar}))
	require.NoError(t, err, "Kubernetes leaves it as it is")
	assert.Equal(t, dollar, id.RoleARN)
	composing := newMutator(t, mutate.Config{RoleAccountID: "111122223333", BadAnnotations: mutate.WarnAllBad})
	for _, bad := range []string{"/reader", "$(HOME)/reader", "a$$b/reader", "a b", "x/", "é", "*"} {
		_, err := composing.Identity(account(map[string]string{"role-arn": bad}))
		assert.ErrorIs(t, err, mutate.ErrBadAnnotation, bad)
	}
}

func TestBadAnnotationsAreWarningsWhereTheConfigSaysSo(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{BadAnnotations: mutate.WarnAllBad})
	warnings := m.AccountWarnings(account(map[string]string{"role-arn": role, "token-expiration": "1h"}))
	require.Len(t, warnings, 1)
	assert.Equal(t, mutate.CodeBadAnnotation, warnings[0].Code)
	assert.Equal(t, "/metadata/annotations/eks.amazonaws.com~1token-expiration", warnings[0].Path)

	strict := newMutator(t, mutate.Config{BadAnnotations: mutate.RefuseAllBad})
	pod := []byte(`{"metadata":{"annotations":{"eks.amazonaws.com/token-expiration":"1h","eks.amazonaws.com/skip-containers":"\"a"}},"spec":{"containers":[{"name":"a"}]}}`)
	r, err := strict.RawPod(pod, mutate.Identity{RoleARN: role})
	assert.Zero(t, r)
	assert.ErrorIs(t, err, mutate.ErrBadAnnotation)
	assert.ErrorContains(t, err, "token-expiration")
	assert.ErrorContains(t, err, "skip-containers")
}

func TestAnIdentityThatCannotBeInjectedIsAnError(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	for want, id := range map[string]mutate.Identity{
		"a WebIdentity needs a RoleARN":                       {Audience: "x"},
		`role ARN "reader"`:                                   {RoleARN: "reader"},
		`role ARN "arn:aws:iam::111122223333:role/$(HOME)/x"`: {RoleARN: "arn:aws:iam::111122223333:role/$(HOME)/x"},
		"a PodIdentity has no RoleARN":                        {Method: mutate.PodIdentity, RoleARN: role},
		"method 7 is unknown":                                 {Method: 7, RoleARN: role},
		`audience "\xff" must be printable`:                   {RoleARN: role, Audience: "\xff"},
		"token expiration 1193046h28m16.000000001s exceeds":   {RoleARN: role, TokenExpiration: mutate.MaxTokenExpiration + 1},
		"Switch 3 is unknown":                                 {RoleARN: role, UseFIPSEndpoint: 3},
		"SessionName 4 is unknown":                            {RoleARN: role, SessionName: 4},
	} {
		r, err := m.RawPod([]byte(`{"spec":{"containers":[{"name":"a"}]}}`), id)
		assert.ErrorContains(t, err, want)
		assert.Zero(t, r, want)
		r, err = m.Pod(&corev1.Pod{}, id)
		assert.ErrorContains(t, err, want)
		assert.Zero(t, r, want)
	}
}

func TestAccountsAndPodsChooseForThemselves(t *testing.T) {
	t.Parallel()
	const (
		name, metadata = "AWS_ROLE_SESSION_NAME", "AWS_EC2_METADATA_DISABLED"
		dual, fips     = "AWS_USE_DUALSTACK_ENDPOINT", "AWS_USE_FIPS_ENDPOINT"
	)
	all := mutate.Config{SessionName: mutate.SessionNamePodUID, DisableEC2Metadata: true, UseDualStackEndpoint: true, UseFIPSEndpoint: true}
	no := map[string]string{"session-name": "none", "disable-ec2-metadata": "false", "use-dualstack-endpoint": "false", "use-fips-endpoint": "false"}
	yes := map[string]string{"session-name": "pod-uid", "disable-ec2-metadata": "true", "use-dualstack-endpoint": "true", "use-fips-endpoint": "true"}
	every := []string{name, metadata, dual, fips}
	for title, c := range map[string]struct {
		cfg          mutate.Config
		account, pod map[string]string
		want         []string
	}{
		"nobody":                 {},
		"the cluster":            {cfg: all, want: every},
		"the account":            {account: yes, want: every},
		"the pod":                {pod: yes, want: every},
		"none, said aloud":       {cfg: mutate.Config{SessionName: mutate.SessionNameOmitted}},
		"not for this account":   {cfg: all, account: no},
		"not for this pod":       {cfg: all, account: yes, pod: no},
		"for this pod after all": {cfg: all, account: no, pod: yes, want: every},
		"one of them":            {account: map[string]string{"use-fips-endpoint": "true"}, pod: map[string]string{"session-name": "pod-name"}, want: []string{name, fips}},
	} {
		m := newMutator(t, c.cfg)
		sa := account(c.account)
		sa.Annotations = maps.Clone(sa.Annotations)
		if sa.Annotations == nil {
			sa.Annotations = map[string]string{}
		}
		sa.Annotations["eks.amazonaws.com/role-arn"] = role
		id, err := m.Identity(sa)
		require.NoError(t, err)
		pod := corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a"}}}, ObjectMeta: account(c.pod).ObjectMeta}
		r, err := m.Pod(&pod, id)
		require.NoError(t, err)
		var got []string
		for _, known := range every {
			if strings.Contains(string(r.PatchJSON()), known) {
				got = append(got, known)
			}
		}
		assert.Equal(t, c.want, got, title)

		annotations, err := m.Annotations(id)
		require.NoError(t, err)
		sa.Annotations = annotations
		again, err := m.Identity(sa)
		require.NoError(t, err)
		same, err := m.Pod(&pod, again)
		require.NoError(t, err)
		assert.Equal(t, r, same, "%s: annotations are the inverse", title)
	}
	strict := newMutator(t, mutate.Config{BadAnnotations: mutate.RefuseAllBad})
	_, err := strict.Identity(account(map[string]string{"role-arn": role, "session-name": "me", "use-fips-endpoint": "yes"}))
	require.ErrorIs(t, err, mutate.ErrBadAnnotation)
	assert.ErrorContains(t, err, `"pod-uid", "pod-name" or "none"`)
	assert.ErrorContains(t, err, `"true" or "false"`)
	_, err = strict.RawPod([]byte(`{"metadata":{"annotations":{"eks.amazonaws.com/disable-ec2-metadata":""}}}`), mutate.Identity{RoleARN: role})
	assert.ErrorIs(t, err, mutate.ErrBadAnnotation)
}

func TestNothingPanicsOnNilAndZeroValues(t *testing.T) {
	t.Parallel()
	id := mutate.Identity{RoleARN: role}
	for _, m := range []*mutate.Mutator{nil, {}} {
		const want = "the Mutator was not made by New"
		_, err := m.Identity(&corev1.ServiceAccount{})
		assert.ErrorContains(t, err, want)
		_, err = m.Pod(&corev1.Pod{}, id)
		assert.ErrorContains(t, err, want)
		_, err = m.RawPod([]byte(`{}`), id)
		assert.ErrorContains(t, err, want)
		_, err = m.Annotations(id)
		assert.ErrorContains(t, err, want)
		_, err = m.Diagnose(&corev1.Pod{}, id)
		assert.ErrorContains(t, err, want)
		_, err = m.Read(request([]byte(`{}`)))
		assert.ErrorContains(t, err, want)
		assert.False(t, m.Review(request([]byte(`{}`)), id).Allowed)
		assert.Empty(t, m.AccountWarnings(nil))
	}
	m := newMutator(t, mutate.Config{})
	_, err := m.Identity(nil)
	assert.ErrorContains(t, err, "service account: it is nil")
	_, err = m.Pod(nil, id)
	assert.ErrorContains(t, err, "pod: it is nil")
	_, err = m.Diagnose(nil, id)
	assert.ErrorContains(t, err, "the pod is nil")
	assert.EqualValues(t, 400, m.Review(nil, id).Result.Code)
	assert.EqualValues(t, 400, m.Review(nil, mutate.Identity{}).Result.Code)
	_, err = mutate.RequestTarget(nil)
	assert.ErrorContains(t, err, "request: it is nil")
	var r mutate.Result
	assert.False(t, r.Changed())
	assert.Nil(t, r.PatchJSON())
	assert.Nil(t, r.Operations())
	assert.False(t, r.Complete())
	assert.Empty(t, r.Incomplete())
}

func TestAnAnnotatedAccountGivesTheIdentityWhateverTheDefaultsSay(t *testing.T) {
	t.Parallel()
	yes := true
	defaults := []mutate.Default{{Namespace: "team-a", ServiceAccount: "*", RoleARN: role, Audience: "theirs", RegionalSTS: &yes, TokenExpiration: time.Hour}}
	for _, whole := range []bool{false, true} {
		m := newMutator(t, mutate.Config{Defaults: defaults, WholeDefaults: whole})
		for _, id := range []mutate.Identity{
			{RoleARN: role}, {RoleARN: role, Audience: "mine", TokenExpiration: 2 * time.Hour}, {RoleARN: role, RegionalSTS: true, Audience: "theirs", TokenExpiration: time.Hour},
		} {
			annotations, err := m.Annotations(id)
			require.NoError(t, err)
			annotated := account(nil)
			annotated.Annotations = annotations
			again, err := m.Identity(annotated)
			require.NoError(t, err)
			assert.Equal(t, effective(id), effective(again), "%v", annotations)
		}
	}
}
