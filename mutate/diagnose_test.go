package mutate_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

// decoded is a pod from JSON, after the mutation where one is given.
func decoded(t *testing.T, doc string, m *mutate.Mutator, id mutate.Identity) *corev1.Pod {
	t.Helper()
	raw := []byte(doc)
	if m != nil {
		r, err := m.RawPod(raw, id)
		require.NoError(t, err)
		raw = apply(t, raw, r)
	}
	var pod corev1.Pod
	require.NoError(t, json.Unmarshal(raw, &pod))
	return &pod
}

func TestWhatIsInjectedIsDiagnosedAsSuch(t *testing.T) {
	t.Parallel()
	for _, id := range lawIdentities {
		for _, cfg := range []mutate.Config{{}, {MountPath: "/custom", PodIdentityIPv6: true}} {
			for _, os := range []string{"linux", "windows"} {
				m := newMutator(t, cfg)
				pod := decoded(t, `{"spec":{"os":{"name":"`+os+`"},"initContainers":[{"name":"i"}],"containers":[{"name":"a"}]}}`, m, id)
				d, err := m.Diagnose(pod, id)
				require.NoError(t, err)
				require.Len(t, d.Containers, 2)
				assert.Equal(t, mutate.InitContainer, d.Containers[0].Kind)
				assert.True(t, d.OK(), "%v", d)
				assert.Empty(t, d.Missed())
			}
		}
	}
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	const file = mutate.DefaultMountPath + "/token"
	env := func(pairs ...string) string {
		var list []corev1.EnvVar
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, corev1.EnvVar{Name: pairs[i], Value: pairs[i+1]})
		}
		doc, err := json.Marshal(list)
		require.NoError(t, err)
		return string(doc)
	}
	both := env("AWS_ROLE_ARN", role, "AWS_WEB_IDENTITY_TOKEN_FILE", file)
	mount := `"volumeMounts":[{"name":"aws-iam-token","mountPath":"` + mutate.DefaultMountPath + `"}]`
	volume := func(audience string) string {
		return `"volumes":[{"name":"aws-iam-token","projected":{"sources":[{"serviceAccountToken":{"audience":"` + audience + `","path":"token"}}]}}],`
	}
	web := mutate.Identity{RoleARN: role}
	for name, c := range map[string]struct {
		spec     string
		id       mutate.Identity
		standing mutate.Standing
		causes   []mutate.Cause
		missed   bool
	}{
		"nothing":               {`"containers":[{"name":"a"}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CauseNotMutated}, true},
		"nothing, and no node":  {`"containers":[{"name":"a","env":` + env("AWS_EC2_METADATA_DISABLED", "True") + `}]`, web, mutate.HasNone, []mutate.Cause{mutate.CauseNotMutated}, true},
		"half":                  {`"containers":[{"name":"a","env":` + env("AWS_ROLE_ARN", role) + `}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CausePartial}, true},
		"another role":          {`"containers":[{"name":"a","env":` + env("AWS_ROLE_ARN", role+"2", "AWS_WEB_IDENTITY_TOKEN_FILE", file) + `}]`, web, mutate.HasOther, []mutate.Cause{mutate.CauseOtherRole}, false},
		"no mount":              {volume("sts.amazonaws.com") + `"containers":[{"name":"a","env":` + both + `}]`, web, mutate.Broken, []mutate.Cause{mutate.CauseNoToken}, true},
		"no volume":             {`"containers":[{"name":"a","env":` + both + `,` + mount + `}]`, web, mutate.Broken, []mutate.Cause{mutate.CauseNoToken}, true},
		"another audience":      {volume("x") + `"containers":[{"name":"a","env":` + both + `,` + mount + `}]`, web, mutate.Broken, []mutate.Cause{mutate.CauseOtherAudience}, true},
		"a mount in front":      {volume("sts.amazonaws.com") + `"containers":[{"name":"a","env":` + both + `,"volumeMounts":[{"name":"aws-iam-token","mountPath":"` + mutate.DefaultMountPath + `"},{"name":"x","mountPath":"` + file + `"}]}]`, web, mutate.Broken, []mutate.Cause{mutate.CauseNoToken}, true},
		"a mount of one file":   {volume("sts.amazonaws.com") + `"containers":[{"name":"a","env":` + both + `,"volumeMounts":[{"name":"aws-iam-token","mountPath":"` + file + `","subPath":"token"}]}]`, web, mutate.HasIdentity, nil, false},
		"the agent instead":     {`"containers":[{"name":"a","env":` + env("AWS_CONTAINER_CREDENTIALS_FULL_URI", mutate.PodIdentityURI, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/x") + `}]`, web, mutate.HasOther, []mutate.Cause{mutate.CauseOtherMethod}, false},
		"another endpoint":      {`"containers":[{"name":"a","env":` + env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/x") + `}]`, mutate.Identity{Method: mutate.PodIdentity}, mutate.HasOther, []mutate.Cause{mutate.CauseOtherMethod}, false},
		"an access key":         {volume("sts.amazonaws.com") + `"containers":[{"name":"a","env":` + env("AWS_ACCESS_KEY_ID", "x", "AWS_ROLE_ARN", role, "AWS_WEB_IDENTITY_TOKEN_FILE", file) + `,` + mount + `}]`, web, mutate.HasOther, []mutate.Cause{mutate.CauseStaticCredentials}, false},
		"from a secret":         {`"containers":[{"name":"a","envFrom":[{"secretRef":{"name":"s"}}]}]`, web, mutate.Unknown, []mutate.Cause{mutate.CauseReference}, false},
		"by reference":          {`"containers":[{"name":"a","env":` + env("AWS_ROLE_ARN", "$(ROLE)", "AWS_WEB_IDENTITY_TOKEN_FILE", file) + `}]`, web, mutate.Unknown, []mutate.Cause{mutate.CauseReference}, false},
		"an account without":    {`"containers":[{"name":"a"}]`, mutate.Identity{}, mutate.FallsToNode, []mutate.Cause{mutate.CauseNotMutated, mutate.CauseNoIdentity}, false},
		"a debug container":     {volume("sts.amazonaws.com") + `"ephemeralContainers":[{"name":"d"}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CauseNotMutated}, true},
		"skipped by annotation": {`"containers":[{"name":"skipped"}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CauseNotMutated, mutate.CauseSkipped}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMutator(t, mutate.Config{})
			pod := decoded(t, `{"metadata":{"annotations":{"eks.amazonaws.com/skip-containers":"skipped"}},"spec":{`+c.spec+`}}`, nil, c.id)
			d, err := m.Diagnose(pod, c.id)
			require.NoError(t, err)
			require.Len(t, d.Containers, 1)
			assert.Equal(t, c.standing, d.Containers[0].Standing, d.Containers[0].Message)
			assert.Equal(t, c.causes, d.Containers[0].Causes)
			assert.NotEmpty(t, d.Containers[0].Message)
			assert.Equal(t, c.missed, len(d.Missed()) == 1)
		})
	}
}

func TestAnnotatingAnAccountIsTheInverseOfReadingIt(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.EKS("eu-central-1"))
	sa := account(map[string]string{"audience": "old", "token-expiration": "700", "role-arn": "old"})
	sa.Annotations["other"] = "kept"
	id := mutate.Identity{RoleARN: role, RegionalSTS: false, TokenExpiration: 3600e9}
	annotated, err := m.Annotate(sa, id)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"other": "kept", "eks.amazonaws.com/role-arn": role,
		"eks.amazonaws.com/sts-regional-endpoints": "false", "eks.amazonaws.com/token-expiration": "3600",
	}, annotated.Annotations)
	assert.Equal(t, "old", sa.Annotations["eks.amazonaws.com/role-arn"], "the account given is not changed")
	got, err := m.Identity(annotated)
	require.NoError(t, err)
	assert.Equal(t, id, got)

	none, err := m.Annotate(annotated, mutate.Identity{})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"other": "kept"}, none.Annotations)

	patch, err := m.ApplyPatch(mutate.Target{Namespace: "team-a", ServiceAccount: "reader"}, mutate.Identity{RoleARN: role, RegionalSTS: true})
	require.NoError(t, err)
	assert.JSONEq(t, `{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"namespace":"team-a","name":"reader","annotations":{"eks.amazonaws.com/role-arn":"`+role+`"}}}`, string(patch))

	_, err = m.ApplyPatch(mutate.Target{Namespace: "A", ServiceAccount: "reader"}, id)
	assert.Error(t, err)
	_, err = m.Annotations(mutate.Identity{Method: mutate.PodIdentity})
	assert.Error(t, err)
	_, err = m.Annotations(mutate.Identity{RoleARN: "x"})
	assert.Error(t, err)
}

func TestResolvedWritesOutEveryDefault(t *testing.T) {
	t.Parallel()
	c, err := mutate.Config{RoleAccountID: "111122223333", Region: "cn-north-1"}.Resolved()
	require.NoError(t, err)
	assert.Equal(t, mutate.Config{
		Region: "cn-north-1", Audience: mutate.DefaultAudience, TokenExpiration: mutate.DefaultTokenExpiration,
		MountPath: mutate.DefaultMountPath, AnnotationDomain: mutate.DefaultAnnotationDomain,
		RoleAccountID: "111122223333", RolePartition: "aws-cn", PodIdentityMountPath: mutate.PodIdentityDefaultMountPath,
	}, c)
	_, err = mutate.Config{Region: "x"}.Resolved()
	assert.Error(t, err)
}
