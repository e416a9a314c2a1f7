package mutate_test

import (
	"encoding/json"
	"strings"
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
		"nothing":                             {`"containers":[{"name":"a"}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CauseNotMutated}, true},
		"nothing, and no node":                {`"containers":[{"name":"a","env":` + env("AWS_EC2_METADATA_DISABLED", "True") + `}]`, web, mutate.HasNone, []mutate.Cause{mutate.CauseNotMutated}, true},
		"half":                                {`"containers":[{"name":"a","env":` + env("AWS_ROLE_ARN", role) + `}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CausePartial}, true},
		"another role":                        {`"containers":[{"name":"a","env":` + env("AWS_ROLE_ARN", role+"2", "AWS_WEB_IDENTITY_TOKEN_FILE", file) + `}]`, web, mutate.HasOther, []mutate.Cause{mutate.CauseOtherRole}, false},
		"no mount":                            {volume("sts.amazonaws.com") + `"containers":[{"name":"a","env":` + both + `}]`, web, mutate.Broken, []mutate.Cause{mutate.CauseNoToken}, true},
		"no volume":                           {`"containers":[{"name":"a","env":` + both + `,` + mount + `}]`, web, mutate.Broken, []mutate.Cause{mutate.CauseNoToken}, true},
		"another audience":                    {volume("x") + `"containers":[{"name":"a","env":` + both + `,` + mount + `}]`, web, mutate.Broken, []mutate.Cause{mutate.CauseOtherAudience}, true},
		"a mount in front":                    {volume("sts.amazonaws.com") + `"containers":[{"name":"a","env":` + both + `,"volumeMounts":[{"name":"aws-iam-token","mountPath":"` + mutate.DefaultMountPath + `"},{"name":"x","mountPath":"` + file + `"}]}]`, web, mutate.Broken, []mutate.Cause{mutate.CauseNoToken}, true},
		"a mount of one file":                 {volume("sts.amazonaws.com") + `"containers":[{"name":"a","env":` + both + `,"volumeMounts":[{"name":"aws-iam-token","mountPath":"` + file + `","subPath":"token"}]}]`, web, mutate.HasIdentity, nil, false},
		"the agent instead":                   {`"containers":[{"name":"a","env":` + env("AWS_CONTAINER_CREDENTIALS_FULL_URI", mutate.PodIdentityURI, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/x") + `}]`, web, mutate.HasOther, []mutate.Cause{mutate.CauseOtherMethod}, false},
		"another endpoint":                    {`"containers":[{"name":"a","env":` + env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/x") + `}]`, mutate.Identity{Method: mutate.PodIdentity}, mutate.HasOther, []mutate.Cause{mutate.CauseOtherMethod}, false},
		"an access key":                       {volume("sts.amazonaws.com") + `"containers":[{"name":"a","env":` + env("AWS_ACCESS_KEY_ID", "x", "AWS_SECRET_ACCESS_KEY", "y", "AWS_ROLE_ARN", role, "AWS_WEB_IDENTITY_TOKEN_FILE", file) + `,` + mount + `}]`, web, mutate.HasOther, []mutate.Cause{mutate.CauseStaticCredentials}, false},
		"from a secret":                       {`"containers":[{"name":"a","envFrom":[{"secretRef":{"name":"s"}}]}]`, web, mutate.Unknown, []mutate.Cause{mutate.CauseNotMutated, mutate.CauseReference}, true},
		"by reference":                        {`"containers":[{"name":"a","env":` + env("AWS_ROLE_ARN", "$(ROLE)", "AWS_WEB_IDENTITY_TOKEN_FILE", file) + `}]`, web, mutate.Unknown, []mutate.Cause{mutate.CauseEmpty, mutate.CauseReference}, true},
		"keys that may be there":              {volume("sts.amazonaws.com") + `"containers":[{"name":"a","env":[{"name":"AWS_ACCESS_KEY_ID","valueFrom":{"secretKeyRef":{"name":"s","key":"k","optional":true}}},{"name":"AWS_SECRET_ACCESS_KEY","valueFrom":{"secretKeyRef":{"name":"s","key":"l","optional":true}}},` + both[1:] + `,` + mount + `}]`, web, mutate.Unknown, []mutate.Cause{mutate.CauseReference}, false},
		"keys that must be there":             {`"containers":[{"name":"a","env":[{"name":"AWS_ACCESS_KEY_ID","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}},{"name":"AWS_SECRET_ACCESS_KEY","valueFrom":{"secretKeyRef":{"name":"s","key":"l"}}}]}]`, web, mutate.HasOther, []mutate.Cause{mutate.CauseStaticCredentials}, false},
		"an empty access key":                 {volume("sts.amazonaws.com") + `"containers":[{"name":"a","env":` + env("AWS_ACCESS_KEY_ID", "", "AWS_SECRET_ACCESS_KEY", "x", "AWS_ROLE_ARN", role, "AWS_WEB_IDENTITY_TOKEN_FILE", file) + `,` + mount + `}]`, web, mutate.HasIdentity, nil, false},
		"an access key alone":                 {volume("sts.amazonaws.com") + `"containers":[{"name":"a","env":` + env("AWS_ACCESS_KEY_ID", "x", "AWS_ROLE_ARN", role, "AWS_WEB_IDENTITY_TOKEN_FILE", file) + `,` + mount + `}]`, web, mutate.HasIdentity, nil, false},
		"a key, and its secret perhaps":       {`"containers":[{"name":"a","env":` + env("AWS_ACCESS_KEY_ID", "x") + `,"envFrom":[{"prefix":"AWS_S","secretRef":{"name":"s"}}]}]`, web, mutate.Unknown, []mutate.Cause{mutate.CauseNotMutated, mutate.CauseReference, mutate.CauseReference}, true},
		"an empty secret over envFrom":        {`"containers":[{"name":"a","env":` + env("AWS_ACCESS_KEY_ID", "x", "AWS_SECRET_ACCESS_KEY", "") + `,"envFrom":[{"prefix":"AWS_S","secretRef":{"name":"s"}}]}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CauseNotMutated}, true},
		"the agent without its token":         {`"containers":[{"name":"a","env":` + env("AWS_CONTAINER_CREDENTIALS_FULL_URI", mutate.PodIdentityURI) + `}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CausePartial}, true},
		"an endpoint by reference":            {`"containers":[{"name":"a","env":[{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]}]`, web, mutate.Unknown, []mutate.Cause{mutate.CausePartial, mutate.CauseReference}, false},
		"one of a pair, and empty":            {`"containers":[{"name":"a","env":` + env("AWS_ROLE_ARN", "") + `}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CauseEmpty}, true},
		"no node, but for a later entry":      {`"containers":[{"name":"a","env":` + env("AWS_EC2_METADATA_DISABLED", "true", "AWS_EC2_METADATA_DISABLED", "") + `}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CauseNotMutated}, true},
		"empty variables in front of envFrom": {`"containers":[{"name":"a","env":` + env("AWS_ROLE_ARN", "", "AWS_ACCESS_KEY_ID", "", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "") + `,"envFrom":[{"secretRef":{"name":"s"}}]}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CauseEmpty}, true},
		"a role by reference, and no token":   {`"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"` + file + `"}]}]`, web, mutate.Unknown, []mutate.Cause{mutate.CauseReference}, false},
		"a token that the pod does not show":  {`"volumes":[{"name":"v","emptyDir":{}}],"containers":[{"name":"a","env":` + env("AWS_ROLE_ARN", role, "AWS_WEB_IDENTITY_TOKEN_FILE", "/own/token") + `,"volumeMounts":[{"name":"v","mountPath":"/own"}]}]`, web, mutate.Unknown, []mutate.Cause{mutate.CauseReference}, false},
		"a part that is not known":            {volume("sts.amazonaws.com") + `"containers":[{"name":"a","env":` + both + `,"volumeMounts":[{"name":"aws-iam-token","mountPath":"` + mutate.DefaultMountPath + `","subPathExpr":"$(X)"}]}]`, web, mutate.Broken, []mutate.Cause{mutate.CauseNoToken}, true},
		"a value after a reference":           {volume("sts.amazonaws.com") + `"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","valueFrom":{"secretKeyRef":{"name":"s","key":"k","optional":true}}},` + both[1:] + `,` + mount + `}]`, web, mutate.HasIdentity, nil, false},
		"another prefix":                      {`"containers":[{"name":"a","envFrom":[{"prefix":"DB_","secretRef":{"name":"s"}}]}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CauseNotMutated}, true},
		"empty variables":                     {`"containers":[{"name":"a","env":` + env("AWS_ROLE_ARN", "", "AWS_WEB_IDENTITY_TOKEN_FILE", "") + `}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CauseEmpty}, true},
		"empty over envFrom":                  {`"containers":[{"name":"a","env":` + env("AWS_ROLE_ARN", "", "AWS_WEB_IDENTITY_TOKEN_FILE", "") + `,"envFrom":[{"prefix":"AWS_R","secretRef":{"name":"s"}}]}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CauseEmpty}, true},
		"perhaps a role":                      {`"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","valueFrom":{"fieldRef":{"fieldPath":"metadata.labels['role']"}}},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"` + file + `"}]}]`, web, mutate.Unknown, []mutate.Cause{mutate.CauseEmpty, mutate.CauseReference}, true},
		"by the name of /run":                 {volume("sts.amazonaws.com") + `"containers":[{"name":"a","env":` + env("AWS_ROLE_ARN", role, "AWS_WEB_IDENTITY_TOKEN_FILE", "/run/secrets/eks.amazonaws.com/serviceaccount/token") + `,` + mount + `}]`, web, mutate.HasIdentity, nil, false},
		"on Windows":                          {volume("sts.amazonaws.com") + `"containers":[{"name":"a","env":` + env("AWS_ROLE_ARN", role, "AWS_WEB_IDENTITY_TOKEN_FILE", `c:/VAR/run/secrets/eks.amazonaws.com/serviceaccount/token`) + `,"volumeMounts":[{"name":"aws-iam-token","mountPath":"D:\\var\\run\\secrets\\eks.amazonaws.com\\serviceaccount\\"}]}]`, web, mutate.HasIdentity, nil, false},
		"a helper on this host":               {`"containers":[{"name":"a","env":` + env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1338/") + `}]`, web, mutate.HasOther, []mutate.Cause{mutate.CauseOtherMethod}, false},
		"an account without":                  {`"containers":[{"name":"a"}]`, mutate.Identity{}, mutate.FallsToNode, []mutate.Cause{mutate.CauseNotMutated, mutate.CauseNoIdentity}, false},
		"a debug container":                   {volume("sts.amazonaws.com") + `"ephemeralContainers":[{"name":"d"}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CauseNotMutated}, true},
		"skipped by annotation":               {`"containers":[{"name":"skipped"}]`, web, mutate.FallsToNode, []mutate.Cause{mutate.CauseNotMutated, mutate.CauseSkipped}, false},
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
	id := mutate.Identity{RoleARN: role, RegionalSTS: false, TokenExpiration: 3600e9}
	annotations, err := m.Annotations(id)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"eks.amazonaws.com/role-arn":               role,
		"eks.amazonaws.com/sts-regional-endpoints": "false", "eks.amazonaws.com/token-expiration": "3600",
	}, annotations)
	sa := account(nil)
	sa.Annotations = annotations
	got, err := m.Identity(sa)
	require.NoError(t, err)
	assert.Equal(t, id, got)

	_, err = m.Annotations(mutate.Identity{Method: mutate.PodIdentity})
	assert.ErrorContains(t, err, "method PodIdentity")
	_, err = m.Annotations(mutate.Identity{RoleARN: "x"})
	assert.ErrorContains(t, err, `role ARN "x"`)
}

func TestPodIdentityBehindAProxyIsWarnedAbout(t *testing.T) {
	t.Parallel()
	agent := mutate.Identity{Method: mutate.PodIdentity}
	proxy := `{"name":"HTTP_PROXY","value":"http://proxy:3128"}`
	for env, broken := range map[string]bool{
		proxy: true,
		`{"name":"all_proxy","value":"http://proxy:3128"}`:                                    true,
		`{"name":"HTTPS_PROXY","value":"http://proxy:3128"}`:                                  false,
		`{"name":"HTTP_PROXY","value":""}`:                                                    false,
		proxy + `,{"name":"NO_PROXY","value":""}`:                                             true,
		proxy + `,{"name":"NO_PROXY","value":"10.0.0.0/8,.svc"}`:                              true,
		proxy + `,{"name":"NO_PROXY","value":".svc, 169.254.170.23"}`:                         false,
		proxy + `,{"name":"no_proxy","value":"169.254.170.23:80"}`:                            false,
		proxy + `,{"name":"NO_PROXY","value":"169.254.0.0/16"}`:                               false,
		proxy + `,{"name":"NO_PROXY","value":"*"}`:                                            false,
		proxy + `,{"name":"NO_PROXY","value":"[fd00:ec2::23]"}`:                               true,
		proxy + `,{"name":"NO_PROXY","valueFrom":{"configMapKeyRef":{"name":"c","key":"k"}}}`: false,
	} {
		doc := `{"spec":{"containers":[{"name":"a","env":[` + env + `]}]}}`
		m := newMutator(t, mutate.Config{})
		r, err := m.RawPod([]byte(doc), agent)
		require.NoError(t, err)
		assert.Equal(t, mutate.Injected, r.Containers[0].Outcome, env)
		d, err := m.Diagnose(decoded(t, doc, m, agent), agent)
		require.NoError(t, err)
		if !broken {
			assert.Empty(t, r.Warnings, env)
			assert.True(t, d.OK(), env)
			continue
		}
		require.Len(t, r.Warnings, 1, env)
		assert.Equal(t, mutate.CodeProxy, r.Warnings[0].Code)
		assert.Equal(t, mutate.Broken, d.Containers[0].Standing)
		assert.Equal(t, []mutate.Cause{mutate.CauseProxy}, d.Containers[0].Causes)

		web, err := m.RawPod([]byte(doc), mutate.Identity{RoleARN: role})
		require.NoError(t, err)
		assert.Empty(t, web.Warnings, "STS is reached through the proxy")

		own, err := m.Read(request([]byte(strings.Replace(doc, `"env":[`, `"env":[{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"`+
			mutate.PodIdentityURI+`"},{"name":"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE","value":"/own/token"},`, 1))))
		require.NoError(t, err)
		assert.False(t, own.Review(account(nil)).Result.Complete(), "its own, behind the proxy: %s", env)
	}
	local := `{"spec":{"containers":[{"name":"a","env":[` + proxy + `,{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"http://127.0.0.1/"},{"name":"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE","value":"/own"}]}]}}`
	own, err := newMutator(t, mutate.Config{}).Read(request([]byte(local)))
	require.NoError(t, err)
	assert.True(t, own.Review(account(nil)).Result.Complete(), "loopback is not asked for through a proxy")
	six := newMutator(t, mutate.Config{PodIdentityIPv6: true})
	d, err := six.Diagnose(decoded(t, `{"spec":{"containers":[{"name":"a","env":[`+proxy+`,{"name":"NO_PROXY","value":"[fd00:ec2::23]"}]}]}}`, six, agent), agent)
	require.NoError(t, err)
	assert.True(t, d.OK())
}
