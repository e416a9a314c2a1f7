package mutate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/identitycases"
	"github.com/irsa-go/irsa/mutate"
)

func TestOneRuleSaysWhetherAContainerHasAnIdentity(t *testing.T) {
	t.Parallel()
	for _, mountPath := range []string{mutate.DefaultMountPath, "/run/aws"} {
		cfg := mutate.EKS("eu-central-1")
		cfg.MountPath = mountPath
		m := newMutator(t, cfg)
		for _, c := range identitycases.CasesAt(mountPath) {
			t.Run(mountPath+" "+c.Name, func(t *testing.T) {
				t.Parallel()
				assertStands(t, m, c)
			})
		}
	}
}

func assertStands(t *testing.T, m *mutate.Mutator, c identitycases.Case) {
	t.Helper()
	sa := account(nil)
	if c.Annotated {
		sa = account(map[string]string{"role-arn": identitycases.RoleARN})
	}
	reading, err := m.Read(request([]byte(c.Pod)))
	require.NoError(t, err)
	reviewed := reading.Review(sa)
	require.NoError(t, reviewed.Err)
	assert.Equal(t, c.Admitted, reviewed.Result.Complete(), "%v", reviewed.Result.Incomplete())

	var pod corev1.Pod
	require.NoError(t, json.Unmarshal(apply(t, []byte(c.Pod), reviewed.Result), &pod))
	d, err := m.Diagnose(&pod, reviewed.Identity)
	require.NoError(t, err)
	require.Len(t, d.Containers, 1)
	found := d.Containers[0]
	assert.Equal(t, c.Standing, found.Standing, found.Message)
	if !c.Admitted {
		require.Len(t, reviewed.Result.Incomplete(), 1)
		found = reviewed.Result.Incomplete()[0] // which knows of conflicts too
		assert.Equal(t, c.Standing, found.Standing, found.Message)
	}
	if c.Cause == "" {
		assert.Empty(t, found.Causes)
	} else {
		assert.Contains(t, found.Causes, c.Cause)
	}
}

func TestAPatchIsNotAppliedToAnotherPod(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	r, err := m.RawPod([]byte(simplePod), mutate.Identity{RoleARN: role})
	require.NoError(t, err)
	for _, other := range []string{``, `null`, `[]`, `{}`, `{"spec":1}`, `{"spec":{"containers":[]}}`, `{"spec":{"containers":{}}}`,
		`{"spec":{"containers":[{"env":[]}]}}`, `{"spec":{"containers":[{"name":"a"}`} {
		patched, err := r.Apply([]byte(other))
		assert.ErrorContains(t, err, "mutate: apply: /spec", other)
		assert.Nil(t, patched)
	}
	pod := []byte(simplePod)
	same, err := mutate.Result{}.Apply(pod)
	require.NoError(t, err)
	assert.Equal(t, pod, same)
	assert.NotSame(t, &pod[0], &same[0])
}

func TestAContainerWithAnIdentityOfItsOwnGetsNoMountThatCannotBe(t *testing.T) {
	t.Parallel()
	const own = `"env":[{"name":"AWS_ROLE_ARN","value":"x"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/own"}]`
	m, sa := newMutator(t, mutate.EKS("eu-central-1")), account(map[string]string{"role-arn": role})
	for name, c := range map[string]struct{ pod, subresource string }{
		"the volume's name is taken":    {`{"spec":{"volumes":[{"name":"aws-iam-token","emptyDir":{}}],"containers":[{"name":"a",` + own + `}]}}`, ""},
		"a running pod has no volume":   {`{"spec":{"containers":[{"name":"a"}],"ephemeralContainers":[{"name":"d",` + own + `}]}}`, "ephemeralcontainers"},
		"something else is at the path": {`{"spec":{"containers":[{"name":"a",` + own + `,"volumeMounts":[{"name":"v","mountPath":"` + mutate.DefaultMountPath + `"}]}]}}`, ""},
	} {
		req := request([]byte(c.pod))
		if req.SubResource = c.subresource; c.subresource != "" {
			req.Operation, req.OldObject.Raw = admissionv1.Update, []byte(`{}`)
		}
		reading, err := m.Read(req)
		require.NoError(t, err)
		r := reading.Review(sa).Result
		require.Len(t, r.Containers, 1, name)
		assert.Equal(t, mutate.ReasonPresent, r.Containers[0].Reason, name)
		assert.Contains(t, string(r.PatchJSON()), "AWS_REGION", name)
		assert.NotContains(t, string(r.PatchJSON()), "/volumeMounts/-", name)
	}
}

// As EKS, a container that has both variables is left alone, even where they are what it would get.
func TestAContainerWithTheVariablesAndNoTokenIsNotAConflict(t *testing.T) {
	t.Parallel()
	r, err := newMutator(t, mutate.Config{}).RawPod([]byte(`{"spec":{"volumes":[{"name":"aws-iam-token","emptyDir":{}}],"containers":[{"name":"a","env":[
		{"name":"AWS_ROLE_ARN","value":"`+role+`"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"`+mutate.DefaultMountPath+`/token"}]}]}}`), mutate.Identity{RoleARN: role})
	require.NoError(t, err)
	assert.Equal(t, mutate.ReasonPresent, r.Containers[0].Reason)
	assert.True(t, warned(r, mutate.CodeNoToken), "%v", r.Warnings)
	assert.False(t, r.Complete())
}

func TestAValueOfReferencesAloneMayBeEmpty(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	for value, complete := range map[string]bool{"$(ROLE)": false, "$(A)$(B)": false, "$(A)x": true, "arn:aws:iam::$(ACCOUNT):role/x": true, "x$(ROLE)": true} {
		reading, err := m.Read(request([]byte(`{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","value":"` + value +
			`"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/own/token"}]}]}}`)))
		require.NoError(t, err)
		assert.Equal(t, complete, reading.Review(account(nil)).Result.Complete(), value)
	}
}

func TestAForeignMountIsSeenInWindowsSpelling(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	for _, path := range []string{`C:\\var\\run\\secrets\\eks.amazonaws.com\\serviceaccount`, `c:/VAR/run/secrets/eks.amazonaws.com/serviceaccount/`} {
		r, err := m.RawPod([]byte(`{"spec":{"os":{"name":"windows"},"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"`+path+`"}]}]}}`), mutate.Identity{RoleARN: role})
		require.NoError(t, err)
		assert.Equal(t, mutate.Conflict, r.Containers[0].Outcome, path)
	}
}

func TestWhatIsCompleteWithoutAnIdentityOfTheAccounts(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	const own = `"volumes":[{"name":"v","projected":{"sources":[{"serviceAccountToken":{"path":"token"}}]}}],"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","value":"x"},`
	for name, c := range map[string]struct {
		pod      string
		complete bool
	}{
		"all are skipped":                  {`{"metadata":{"annotations":{"eks.amazonaws.com/skip-containers":"a"}},"spec":{"containers":[{"name":"a"}]}}`, true},
		"one is not skipped":               {`{"metadata":{"annotations":{"eks.amazonaws.com/skip-containers":"a"}},"spec":{"containers":[{"name":"a"},{"name":"b"}]}}`, false},
		"a mount beside the file's":        {`{"spec":{` + own + `{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/ownx/token"}],"volumeMounts":[{"name":"v","mountPath":"/own"}]}]}}`, true},
		"a mount above, without the token": {`{"spec":{` + own + `{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/own/x/token"}],"volumeMounts":[{"name":"v","mountPath":"/own"}]}]}}`, false},
		"a token for another audience":     {`{"spec":{"volumes":[{"name":"v","projected":{"sources":[{"serviceAccountToken":{"path":"token","audience":"vault"}}]}}],"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","value":"x"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/own/token"}],"volumeMounts":[{"name":"v","mountPath":"/own"}]}]}}`, true},
		"a mount of no volume":             {`{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","value":"x"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/own/token"}],"volumeMounts":[{"name":"v","mountPath":"/own"}]}]}}`, false},
		"a file from another source":       {`{"spec":{"volumes":[{"name":"v","projected":{"sources":[{"serviceAccountToken":{"path":"other"}},{"configMap":{"name":"c"}}]}}],"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","value":"x"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/own/token"}],"volumeMounts":[{"name":"v","mountPath":"/own"}]}]}}`, true},
		"a file whose name is not shown":   {`{"spec":{` + own + `{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/own/$(NAME)"}],"volumeMounts":[{"name":"v","mountPath":"/own"}]}]}}`, true},
		"a file not shown, a mount of all": {`{"spec":{` + own + `{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/own/$(NAME)"}],"volumeMounts":[{"name":"v","mountPath":"/"}]}]}}`, true},
		"an endpoint without a token":      {`{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"http://127.0.0.1:9911/creds"}]}]}}`, true},
		"it cannot be read":                {`{"spec":{"serviceAccountName":"reader","containers":{}}}`, false},
	} {
		reading, err := m.Read(request([]byte(c.pod)))
		require.NoError(t, err)
		assert.Equal(t, c.complete, reading.Review(account(nil)).Result.Complete(), name)
	}
	const twoAtOnePlace = `{"spec":{"volumes":[{"name":"with","projected":{"sources":[{"serviceAccountToken":{"path":"token"}}]}},{"name":"without","projected":{"sources":[{"serviceAccountToken":{"path":"other"}}]}}],` +
		`"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","value":"x"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/own/token"}],"volumeMounts":[{"name":"FIRST","mountPath":"/own/"},{"name":"SECOND","mountPath":"//own"}]}]}}`
	for second, complete := range map[string]bool{"with": true, "without": false} {
		first := map[string]string{"with": "without", "without": "with"}[second]
		reading, err := m.Read(request([]byte(strings.NewReplacer("FIRST", first, "SECOND", second).Replace(twoAtOnePlace))))
		require.NoError(t, err)
		assert.Equal(t, complete, reading.Review(account(nil)).Result.Complete(), "the mount that comes later covers the other: %s", second)
	}
	none := request([]byte(`{"spec":{"ephemeralContainers":[{"name":"d"}]}}`))
	none.Operation, none.SubResource, none.OldObject.Raw = admissionv1.Update, "ephemeralcontainers", none.Object.Raw
	reading, err := m.Read(none)
	require.NoError(t, err)
	assert.True(t, reading.Review(account(map[string]string{"role-arn": role})).Result.Complete(), "no container is new")
}

func TestTheVolumeThatAPodGetsHasNothingButTheToken(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	for file, complete := range map[string]bool{"token": true, "other": false} {
		reading, err := m.Read(request([]byte(`{"spec":{"containers":[{"name":"a","env":[{"name":"AWS_ROLE_ARN","value":"` + role + `"},{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/own/` + file +
			`"}],"volumeMounts":[{"name":"aws-iam-token","mountPath":"/own"}]},{"name":"b"}]}}`)))
		require.NoError(t, err)
		r := reading.Review(account(map[string]string{"role-arn": role})).Result
		assert.Contains(t, string(r.PatchJSON()), "/spec/volumes", file)
		assert.Equal(t, complete, r.Complete(), "%s: %v", file, r.Incomplete())
	}
}

func TestADiagnosisSaysWhatStandsInTheWay(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	const (
		role      = `{"name":"AWS_ROLE_ARN","value":"arn:aws:iam::111122223333:role/reader"},`
		file      = `{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"/own/token"},`
		agent     = `{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"http://169.254.170.23/v1/credentials"},`
		auth      = `{"name":"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE","value":"/own/token"},`
		proxy     = `{"name":"HTTP_PROXY","value":"http://proxy:3128"},`
		elsewhere = `,"valueFrom":{"configMapKeyRef":{"name":"c","key":"k"}}},`
		perhaps   = `,"valueFrom":{"configMapKeyRef":{"name":"c","key":"k","optional":true}}},`
	)
	web, pods := mutate.Identity{RoleARN: "arn:aws:iam::111122223333:role/reader"}, mutate.Identity{Method: mutate.PodIdentity}
	for name, c := range map[string]struct {
		id       mutate.Identity
		env      string
		envFrom  string
		audience string // of the token at /own/token; "": there is none
		standing mutate.Standing
		causes   []mutate.Cause
		message  string
	}{
		"static keys that may be there": {web, role + file + `{"name":"AWS_ACCESS_KEY_ID"` + perhaps + `{"name":"AWS_SECRET_ACCESS_KEY"` + perhaps, "", "sts.amazonaws.com",
			mutate.Unknown, []mutate.Cause{mutate.CauseReference}, "SDKs prefer AWS_ACCESS_KEY_ID, which is set if what it refers to is there; else it has the identity"},
		"an agent's variables that are empty": {pods, `{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":""},{"name":"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE","value":""},`, "", "",
			mutate.FallsToNode, []mutate.Cause{mutate.CauseEmpty}, "its identity variables are set but empty, which SDKs take as absent"},
		"a role that envFrom may hold": {web, file, "AWS_ROLE_", "sts.amazonaws.com",
			mutate.Unknown, []mutate.Cause{mutate.CausePartial, mutate.CauseReference}, "only one of two identity variables is set in env; envFrom may or may not hold them"},
		"an endpoint that envFrom may hold": {pods, auth, "AWS_CONTAINER_CREDENTIALS_", "pods.eks.amazonaws.com",
			mutate.Unknown, []mutate.Cause{mutate.CausePartial, mutate.CauseReference}, "only one of two identity variables is set in env; envFrom may or may not hold them"},
		"an endpoint that is not shown": {pods, `{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI"` + elsewhere, "", "",
			mutate.Unknown, []mutate.Cause{mutate.CausePartial, mutate.CauseReference}, "only one of two identity variables is set, and its value is not in the pod"},
		"a proxy beside a web identity": {web, role + file + agent + auth + proxy, "", "sts.amazonaws.com", mutate.HasIdentity, nil, "it has the identity"},
		"another role, with a token": {mutate.Identity{RoleARN: "arn:aws:iam::111122223333:role/writer"}, role + file, "", "sts.amazonaws.com",
			mutate.HasOther, []mutate.Cause{mutate.CauseOtherRole}, `its role is "arn:aws:iam::111122223333:role/reader"`},
		"another role, without a token": {mutate.Identity{RoleARN: "arn:aws:iam::111122223333:role/writer"}, role + `{"name":"AWS_WEB_IDENTITY_TOKEN_FILE","value":"` + mutate.DefaultMountPath + `/token"},`, "", "",
			mutate.HasOther, []mutate.Cause{mutate.CauseOtherRole}, `its role is "arn:aws:iam::111122223333:role/reader", and no service account token is mounted at "` + mutate.DefaultMountPath + `/token"`},
		"an identity that its account has not": {mutate.Identity{}, role + file, "", "sts.amazonaws.com", mutate.HasOther, []mutate.Cause{mutate.CauseNoIdentity}, "it has an identity, although its account has none"},
		"a proxy for the agent": {pods, agent + auth + proxy, "", "pods.eks.amazonaws.com",
			mutate.Broken, []mutate.Cause{mutate.CauseProxy}, "it asks a proxy for the agent's credentials: NO_PROXY must hold the agent's address"},
		"a proxy, and another variable that would exempt": {pods, agent + auth + proxy + `{"name":"AWS_ROLE_ARN","value":"*"},`, "", "pods.eks.amazonaws.com",
			mutate.Broken, []mutate.Cause{mutate.CauseProxy}, "it asks a proxy for the agent's credentials: NO_PROXY must hold the agent's address"},
		"a proxy that is not asked": {pods, agent + auth + proxy + `{"name":"NO_PROXY","value":"localhost,169.254.170.23"},`, "", "pods.eks.amazonaws.com",
			mutate.HasIdentity, nil, "it has the identity"},
		"a proxy that is not asked, by network": {pods, agent + auth + proxy + `{"name":"NO_PROXY","value":"localhost 169.254.0.0/16"},`, "", "pods.eks.amazonaws.com",
			mutate.HasIdentity, nil, "it has the identity"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			container := `"name":"a","env":[` + strings.TrimSuffix(c.env, ",") + `],"volumeMounts":[{"name":"v","mountPath":"/own"}]`
			if c.envFrom != "" {
				container += `,"envFrom":[{"prefix":"` + c.envFrom + `","secretRef":{"name":"s"}}]`
			}
			source := `{"emptyDir":{},"name":"v"}`
			if c.audience != "" {
				source = `{"name":"v","projected":{"sources":[{"serviceAccountToken":{"path":"token","audience":"` + c.audience + `"}}]}}`
			}
			var pod corev1.Pod
			require.NoError(t, json.Unmarshal([]byte(`{"spec":{"volumes":[`+source+`],"containers":[{`+container+`}]}}`), &pod))
			d, err := m.Diagnose(&pod, c.id)
			require.NoError(t, err)
			found := d.Containers[0]
			assert.Equal(t, c.standing, found.Standing, found.Message)
			assert.Equal(t, c.causes, found.Causes)
			assert.Equal(t, c.message, found.Message)
		})
	}
}

func TestAnEndpointThatIsNotTheAgentsIsNotAskedThroughTheProxyByRule(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	for uri, complete := range map[string]bool{
		"https://10.1.2.3/creds": true, "http://creds.example/creds": true, "http://[::1": true, "http://127.0.0.1:80/creds": true, "http://10.1.2.3/creds": false,
	} {
		reading, err := m.Read(request([]byte(`{"spec":{"volumes":[{"name":"v","emptyDir":{}}],"containers":[{"name":"a","volumeMounts":[{"name":"v","mountPath":"/own"}],"env":[{"name":"HTTP_PROXY","value":"http://proxy:3128"},` +
			`{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI","value":"` + uri + `"},{"name":"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE","value":"/own/token"}]}]}}`)))
		require.NoError(t, err)
		assert.Equal(t, complete, reading.Review(account(nil)).Result.Complete(), uri)
	}
}
