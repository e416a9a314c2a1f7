package mutate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
)

const simplePod = `{"metadata":{"name":"p"},"spec":{"serviceAccountName":"reader","containers":[{"name":"a"}]}}`

func TestAReviewPatchesAPodThatIsCreated(t *testing.T) {
	t.Parallel()
	m, id := newMutator(t, mutate.Config{}), mutate.Identity{RoleARN: role}
	dryRun := true
	for _, dry := range []*bool{nil, &dryRun} {
		req := request([]byte(simplePod))
		req.DryRun = dry
		resp := m.Review(req, id)
		assert.Equal(t, req.UID, resp.UID)
		assert.True(t, resp.Allowed)
		require.NotNil(t, resp.PatchType)
		assert.Equal(t, admissionv1.PatchTypeJSONPatch, *resp.PatchType)
		want, err := m.RawPod([]byte(simplePod), id)
		require.NoError(t, err)
		assert.Equal(t, string(want.PatchJSON()), string(resp.Patch))

		again := request(apply(t, []byte(simplePod), want))
		resp = m.Review(again, id)
		assert.True(t, resp.Allowed)
		assert.Nil(t, resp.Patch)
		assert.Nil(t, resp.PatchType)
	}
}

func TestAReviewLeavesOtherRequestsAlone(t *testing.T) {
	t.Parallel()
	m, id := newMutator(t, mutate.Config{}), mutate.Identity{RoleARN: role}
	for name, change := range map[string]func(*admissionv1.AdmissionRequest){
		"another resource":     func(r *admissionv1.AdmissionRequest) { r.Resource.Resource = "deployments"; r.Resource.Group = "apps" },
		"another group":        func(r *admissionv1.AdmissionRequest) { r.Resource.Group = "example.com" },
		"another version":      func(r *admissionv1.AdmissionRequest) { r.Resource.Version = "v2" },
		"another kind":         func(r *admissionv1.AdmissionRequest) { r.Kind.Kind = "Binding" },
		"update":               func(r *admissionv1.AdmissionRequest) { r.Operation = admissionv1.Update },
		"delete":               func(r *admissionv1.AdmissionRequest) { r.Operation = admissionv1.Delete },
		"connect":              func(r *admissionv1.AdmissionRequest) { r.Operation, r.SubResource = admissionv1.Connect, "exec" },
		"binding":              func(r *admissionv1.AdmissionRequest) { r.SubResource = "binding" },
		"status":               func(r *admissionv1.AdmissionRequest) { r.Operation, r.SubResource = admissionv1.Update, "status" },
		"creating ephemerally": func(r *admissionv1.AdmissionRequest) { r.SubResource = "ephemeralcontainers" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := request([]byte(`not even JSON`))
			change(req)
			assert.Equal(t, &admissionv1.AdmissionResponse{UID: req.UID, Allowed: true}, m.Review(req, id))
			target, err := mutate.RequestTarget(req)
			require.NoError(t, err)
			assert.True(t, target.IsZero())
			reading, err := m.Read(req)
			require.NoError(t, err)
			assert.True(t, reading.Review(nil).Response.Allowed)
		})
	}
	req := request([]byte(`not even JSON`))
	assert.Equal(t, &admissionv1.AdmissionResponse{UID: req.UID, Allowed: true}, m.Review(req, mutate.Identity{}))
}

func TestRequestTarget(t *testing.T) {
	t.Parallel()
	for pod, want := range map[string]mutate.Target{
		simplePod: {Namespace: "team-a", ServiceAccount: "reader"},
		`{}`:      {Namespace: "team-a", ServiceAccount: "default"},
		`{"spec":{"serviceAccount":"old","serviceAccountName":""}}`:                                         {Namespace: "team-a", ServiceAccount: "old"},
		`{"spec":{"serviceAccountName":"new","serviceAccount":"old"}}`:                                      {Namespace: "team-a", ServiceAccount: "new"},
		`{"metadata":{"namespace":"team-b"},"spec":{"serviceAccountName":"x"}}`:                             {Namespace: "team-a", ServiceAccount: "x"},
		`{"spec":{"serviceAccountName":"x"},"metadata":{"annotations":{"kubernetes.io/config.mirror":""}}}`: {},
	} {
		got, err := mutate.RequestTarget(request([]byte(pod)))
		require.NoError(t, err)
		assert.Equal(t, want, got, pod)
	}
	ephemeral := request([]byte(simplePod))
	ephemeral.Operation, ephemeral.SubResource = admissionv1.Update, "ephemeralcontainers"
	ephemeral.OldObject.Raw = []byte(simplePod)
	got, err := mutate.RequestTarget(ephemeral)
	require.NoError(t, err)
	assert.Equal(t, "team-a/reader", got.String())
	byKind := request([]byte(simplePod))
	byKind.Resource = metav1.GroupVersionResource{}
	got, err = mutate.RequestTarget(byKind)
	require.NoError(t, err)
	assert.False(t, got.IsZero())
}

func TestMalformedPodsAreRefusedWithWhereAndNothingOfTheirContent(t *testing.T) {
	t.Parallel()
	m, id := newMutator(t, mutate.Config{}), mutate.Identity{RoleARN: role}
	for name, c := range map[string]struct{ pod, pointer string }{
		"empty":                {``, ""},
		"null":                 {`null`, ""},
		"an array":             {`[]`, ""},
		"cut off":              {`{"spec":{"containers":[{"name":"s3cret"`, "/spec/containers/0"},
		"a name twice":         {`{"spec":{"containers":[],"containers":[]}}`, "/spec/containers"},
		"twice where skipped":  {`{"status":{"s3cret":1,"s3cret":2}}`, "/status/s3cret"},
		"twice in env":         {`{"spec":{"containers":[{"env":[{"name":"s3cret","name":"AWS_REGION"}]}]}}`, "/spec/containers/0/env/0/name"},
		"invalid UTF-8":        {"{\"x\":\"s3cret\xff\"}", "/x"},
		"spec of another type": {`{"spec":"s3cret"}`, "/spec"},
		"containers an object": {`{"spec":{"containers":{"s3cret":1}}}`, "/spec/containers"},
		"a container null":     {`{"spec":{"containers":[null]}}`, "/spec/containers/0"},
		"a name a number":      {`{"spec":{"containers":[{"name":5}]}}`, "/spec/containers/0/name"},
		"an env entry a text":  {`{"spec":{"containers":[{"env":["s3cret"]}]}}`, "/spec/containers/0/env/0"},
		"a mount a number":     {`{"spec":{"containers":[{"volumeMounts":[1]}]}}`, "/spec/containers/0/volumeMounts/0"},
		"labels an array":      {`{"metadata":{"labels":[]}}`, "/metadata/labels"},
		"an expiration a text": {`{"spec":{"volumes":[{"projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":"s3cret"}}]}}]}}`, "/spec/volumes/0/projected/sources/0/serviceAccountToken/expirationSeconds"},
		"something behind":     {`{} s3cret`, ""},
		"deep":                 {`{"x":` + strings.Repeat(`[`, 20000) + strings.Repeat(`]`, 20000) + `}`, "/x" + strings.Repeat("/0", 127)},
		"very many":            {`{"spec":{"containers":[` + strings.Repeat(`{},`, 40000) + `{}]}}`, "/spec/containers/32767"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := m.RawPod([]byte(c.pod), id)
			assert.Zero(t, r)
			var syntax *mutate.SyntaxError
			require.ErrorAs(t, err, &syntax)
			assert.Equal(t, c.pointer, syntax.Pointer)
			assert.Positive(t, syntax.Line)
			assert.Positive(t, syntax.Column)
			assert.NotEmpty(t, syntax.Reason)

			resp := m.Review(request([]byte(c.pod)), id)
			assert.False(t, resp.Allowed)
			assert.Nil(t, resp.Patch)
			require.NotNil(t, resp.Result)
			assert.EqualValues(t, 400, resp.Result.Code)
			assert.Equal(t, metav1.StatusReasonBadRequest, resp.Result.Reason)
			assert.NotContains(t, resp.Result.Message, "s3cret")

		})
	}
}

func TestWhosePodItIsIsKnownWhateverElseIsWrongWithIt(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	const named = `"serviceAccountName":"reader"`
	for name, c := range map[string]struct{ pod, want string }{
		"containers an object": {`{"spec":{"containers":{},` + named + `}}`, `at "/spec/containers": want an array`},
		"a container null":     {`{"spec":{"containers":[null],` + named + `}}`, `at "/spec/containers/0": want an object`},
		"labels an array":      {`{"metadata":{"labels":[]},"spec":{` + named + `}}`, `at "/metadata/labels": want an object`},
		"its first name":       {`{"spec":{"volumes":1,"serviceAccount":"reader"}}`, `at "/spec/volumes": want an array`},
		"very many":            {`{"spec":{"containers":[` + strings.Repeat(`{},`, 40000) + `{}],` + named + `}}`, "more than 32768 containers"},
		"too large":            {`{"x":"` + strings.Repeat(`\u003c`, 3<<19) + `","spec":{` + named + `}}`, "pod: too large: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, err := mutate.RequestTarget(request([]byte(c.pod)))
			require.NoError(t, err)
			assert.Equal(t, "reader", target.ServiceAccount)

			reading, err := m.Read(request([]byte(c.pod)))
			require.NoError(t, err)
			none := reading.Review(account(nil))
			assert.True(t, none.Response.Allowed, "an account without a role is not refused")
			assert.NoError(t, none.Err)
			some := reading.Review(account(map[string]string{"role-arn": role}))
			assert.False(t, some.Response.Allowed)
			assert.ErrorContains(t, some.Err, c.want)
		})
	}
	for name, pod := range map[string]string{
		"cut off":              `{"spec":{` + named,
		"spec of another type": `{"spec":"reader"}`,
		"a name twice":         `{"spec":{` + named + `,` + named + `}}`,
		"an account a number":  `{"spec":{"serviceAccountName":5}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, err := mutate.RequestTarget(request([]byte(pod)))
			var syntax *mutate.SyntaxError
			assert.ErrorAs(t, err, &syntax)
			assert.Zero(t, target)
		})
	}
}

// The API server spells three characters as six bytes each. Whatever etcd stores must be read.
func TestAPodOfEtcdsWholeSizeIsRead(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	pod := &corev1.Pod{Spec: corev1.PodSpec{ServiceAccountName: "reader", Containers: []corev1.Container{{
		Name: "main", Env: []corev1.EnvVar{{Name: "HTML", Value: strings.Repeat("<>&", 1<<19-1000)}},
	}}}}
	raw, err := json.Marshal(pod)
	require.NoError(t, err)
	require.Greater(t, len(raw), 8<<20)
	resp := m.Review(request(raw), mutate.Identity{RoleARN: role})
	assert.True(t, resp.Allowed)
	assert.NotEmpty(t, resp.Patch)

	larger := append(raw[:len(raw)-1], `,"x":"`+strings.Repeat("x", 1<<20)+`"}`...)
	_, err = m.RawPod(larger, mutate.Identity{RoleARN: role})
	assert.ErrorIs(t, err, mutate.ErrTooLarge)
	resp = m.Review(request(larger), mutate.Identity{RoleARN: role})
	assert.False(t, resp.Allowed)
	assert.EqualValues(t, 413, resp.Result.Code)
	assert.Equal(t, metav1.StatusReasonRequestEntityTooLarge, resp.Result.Reason)
}

func TestAReviewRefusesAnAccountThatCannotBeHonoured(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	reading, err := m.Read(request([]byte(simplePod)))
	require.NoError(t, err)
	bad := reading.Review(account(map[string]string{"role-arn": "reader"}))
	assert.False(t, bad.Response.Allowed)
	assert.EqualValues(t, 422, bad.Response.Result.Code)
	assert.ErrorIs(t, bad.Err, mutate.ErrBadAnnotation)

	none := reading.Review(account(nil))
	assert.True(t, none.Response.Allowed)
	assert.Nil(t, none.Response.Patch)

	good := reading.Review(account(map[string]string{"role-arn": role}))
	assert.True(t, good.Response.Allowed)
	assert.Equal(t, good.Result.PatchJSON(), good.Response.Patch)
	assert.Equal(t, mutate.Identity{RoleARN: role}, good.Identity)

	assert.EqualValues(t, 403, m.Review(request([]byte(simplePod)), mutate.Identity{RoleARN: "x"}).Result.Code)
	assert.False(t, reading.Review(nil).Response.Allowed)

	lax := newMutator(t, mutate.Config{BadAnnotations: mutate.WarnAllBad})
	reading, err = lax.Read(request([]byte(simplePod)))
	require.NoError(t, err)
	warned := reading.Review(account(map[string]string{"role-arn": role, "token-expiration": "x"}))
	assert.True(t, warned.Response.Allowed)
	assert.Len(t, warned.Response.Warnings, 1)
}

func TestWarningsOfAReviewKeepWithinTheLimits(t *testing.T) {
	t.Parallel()
	m, id := newMutator(t, mutate.Config{}), mutate.Identity{RoleARN: role}
	containers := strings.Repeat(`{"name":"`+strings.Repeat("é", 300)+`\n","env":[{"name":"AWS_ROLE_ARN"}]},`, 60)
	resp := m.Review(request([]byte(`{"spec":{"containers":[`+strings.TrimSuffix(containers, ",")+`]}}`)), id)
	require.True(t, resp.Allowed)
	require.NotEmpty(t, resp.Warnings)
	total := 0
	for _, w := range resp.Warnings {
		assert.LessOrEqual(t, len([]rune(w)), 256)
		assert.NotContains(t, w, "\n")
		total += len([]rune(w))
	}
	assert.LessOrEqual(t, total, 4096)
	assert.Regexp(t, `^and \d+ more warnings$`, resp.Warnings[len(resp.Warnings)-1])
}
