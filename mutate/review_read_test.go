package mutate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/mutate"
)

// reviewDocument is a review, its members in the order of parts.
func reviewDocument(parts ...string) string {
	return `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{` + strings.Join(parts, ",") + `}}`
}

// The parts of a review.
const (
	partUID       = `"uid":"u-1"`
	partKind      = `"kind":{"group":"","version":"v1","kind":"Pod"}`
	partResource  = `"resource":{"group":"","version":"v1","resource":"pods"}`
	partNamespace = `"namespace":"team-a"`
	partCreate    = `"operation":"CREATE"`
	partUpdate    = `"operation":"UPDATE"`
	partEphemeral = `"subResource":"ephemeralcontainers"`
	partUser      = `"userInfo":{"username":"someone","groups":["a"]}`
	partOld       = `"oldObject":null`
)

// checkReadReview asserts that reading a review at once is reading it in two steps.
func checkReadReview(t *testing.T, m *mutate.Mutator, body []byte) {
	t.Helper()
	at, err := m.ReadReview(body)
	if err != nil {
		require.Nil(t, at)
		return
	}
	sa := account(map[string]string{"role-arn": role})
	steps, err := m.Read(at.Request())
	if err != nil {
		require.True(t, at.Target().IsZero())
		require.Equal(t, mutate.DenyError(at.Request(), err), at.Review(sa).Response)
		return
	}
	require.Equal(t, steps.Target(), at.Target())
	require.Equal(t, steps.Review(sa), at.Review(sa))
	require.Equal(t, steps.Review(account(nil)), at.Review(account(nil)))
}

func FuzzReadReview(f *testing.F) {
	for _, pod := range rawPods {
		object := `"object":` + pod
		f.Add([]byte(reviewDocument(partUID, partKind, partResource, partNamespace, partCreate, partUser, object, partOld)))
		f.Add([]byte(reviewDocument(object, partUID, partResource, partCreate, partNamespace)))
		f.Add([]byte(reviewDocument(partUID, partKind, partResource, partUpdate, partEphemeral, object, `"oldObject":{}`)))
	}
	m := newMutator(f, mutate.EKS("eu-central-1"))
	f.Fuzz(func(t *testing.T, body []byte) { checkReadReview(t, m, body) })
}

func TestAReviewMayHaveItsMembersInAnyOrder(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.EKS("eu-central-1"))
	const pod = `"object":{"spec":{"serviceAccountName":"reader","volumes":[` + volumeOfOurs + `],"containers":[{"name":"a"}],"ephemeralContainers":[{"name":"d"}]}}`
	for _, c := range []struct {
		path  string // where the patch begins; "": there is none
		parts []string
	}{
		{"/spec/containers/0/env", []string{partUID, partKind, partResource, partNamespace, partCreate, partUser, pod, partOld}},
		{"/spec/containers/0/env", []string{pod, partOld, partUser, partCreate, partNamespace, partResource, partKind, partUID}},
		{"/spec/containers/0/env", []string{partUID, partCreate, partResource, pod, partNamespace}},
		{"/spec/ephemeralContainers/0/env", []string{partUID, partEphemeral, partResource, partUpdate, partNamespace, pod, `"oldObject":{}`}},
		{"/spec/ephemeralContainers/0/env", []string{partUID, `"oldObject":{}`, partResource, partUpdate, partNamespace, pod, partEphemeral}},
		{"", []string{partUID, partResource, partCreate, pod, `"subResource":"binding"`}},
		{"", []string{partUID, partResource, partUpdate, pod}},
		{"", []string{partUID, `"resource":{"group":"apps","version":"v1","resource":"deployments"}`, partCreate, pod}},
	} {
		body := []byte(reviewDocument(c.parts...))
		reading, err := m.ReadReview(body)
		require.NoError(t, err)
		assert.Equal(t, "admission.k8s.io/v1", reading.APIVersion())
		assert.EqualValues(t, "u-1", reading.Request().UID)
		resp := reading.Review(account(map[string]string{"role-arn": role})).Response
		assert.True(t, resp.Allowed)
		assert.EqualValues(t, "u-1", resp.UID)
		if c.path == "" {
			assert.Nil(t, resp.Patch)
		} else {
			assert.Contains(t, string(resp.Patch), `[{"op":"add","path":"`+c.path+`"`)
		}
		checkReadReview(t, m, body)
	}
}

func TestAReviewWhosePodCannotBeReadIsRefusedByReview(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.Config{})
	for pod, want := range map[string]string{
		`null`: "want an object", `[]`: "want an object", `{"spec":"s3cret"}`: `at "/spec": want an object`,
		`{"spec":{"serviceAccountName":1}}`: `at "/spec/serviceAccountName": want a string`,
	} {
		reading, err := m.ReadReview([]byte(reviewDocument(partUID, partResource, partCreate, `"object":`+pod)))
		require.NoError(t, err)
		assert.True(t, reading.Target().IsZero())
		reviewed := reading.Review(nil)
		assert.ErrorContains(t, reviewed.Err, want)
		assert.False(t, reviewed.Response.Allowed)
		assert.EqualValues(t, 400, reviewed.Response.Result.Code)
		assert.NotContains(t, reviewed.Response.Result.Message, "s3cret")
	}
	const unreadable = "the body cannot be read as the JSON of an AdmissionReview"
	for name, c := range map[string]struct{ body, want string }{
		"nothing":         {``, unreadable},
		"cut off":         {strings.TrimSuffix(reviewDocument(partUID, partResource, partCreate, `"object":{}`), "}"), unreadable},
		"a pod cut off":   {`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u","object":{"s3cret":`, unreadable},
		"another kind":    {strings.Replace(reviewDocument(partUID), "AdmissionReview", "Pod", 1), `kind is not "AdmissionReview"`},
		"another version": {strings.Replace(reviewDocument(partUID), "/v1", "/v2", 1), "apiVersion is neither"},
		"no request":      {`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":null}`, "it has no request"},
		"no uid":          {reviewDocument(partCreate), "the request has no uid"},
		"a uid twice":     {reviewDocument(partUID, partUID), unreadable},
	} {
		reading, err := m.ReadReview([]byte(c.body))
		assert.Nil(t, reading, name)
		require.ErrorContains(t, err, c.want, name)
		assert.NotContains(t, err.Error(), "s3cret")
	}
	_, err := (*mutate.Mutator)(nil).ReadReview([]byte(reviewDocument(partUID)))
	assert.ErrorContains(t, err, "not made by New")
}

// TestAPodThatIsNestedAsDeepAsCanBeIsAnsweredByItsAccount: the API server puts two levels around the
// 10,000 that it reads itself.
func TestAPodThatIsNestedAsDeepAsCanBeIsAnsweredByItsAccount(t *testing.T) {
	t.Parallel()
	m := newMutator(t, mutate.EKS("eu-central-1"))
	deep := func(levels int, inner string) string { // the pod and four of its members are five of them
		return `{"metadata":{"managedFields":[{"fieldsV1":` + strings.Repeat(`{"f:\"}[":`, levels-5) + inner + strings.Repeat("}", levels-5) +
			`}]},"spec":{"serviceAccountName":"reader","containers":[{"name":"main"}]}}`
	}
	for _, levels := range []int{9_998, 9_999, 10_000, 10_001, 50_000} {
		pod := deep(levels, `{"f:a":0}`)
		at, err := m.ReadReview([]byte(reviewDocument(partUID, partKind, partResource, partNamespace, partCreate, `"object":`+pod, partOld)))
		require.NoError(t, err, levels)
		assert.Equal(t, mutate.Target{Namespace: "team-a", ServiceAccount: "reader"}, at.Target())
		none := at.Review(account(nil))
		assert.True(t, none.Response.Allowed)
		assert.Empty(t, none.Response.Patch)

		some := at.Review(account(map[string]string{"role-arn": role}))
		require.True(t, some.Response.Allowed, levels)
		flat, err := m.RawPod([]byte(deep(5, "{}")), some.Identity)
		require.NoError(t, err)
		assert.Equal(t, string(flat.PatchJSON()), string(some.Response.Patch))

		req := *at.Request()
		req.Object.Raw = []byte(pod)
		apart, err := m.Read(&req)
		require.NoError(t, err)
		assert.True(t, apart.Review(account(nil)).Response.Allowed)
		assert.Equal(t, levels <= 10_000, apart.Review(account(map[string]string{"role-arn": role})).Response.Allowed, levels)
	}

	// What is cut off is refused, there too, and so is what is wrong above.
	for _, pod := range []string{
		strings.Repeat(`{"f:a":`, 20_000),
		strings.Replace(deep(20_000, "{}"), `"spec"`, `"metadata":{},"spec"`, 1),
	} {
		_, err := m.ReadReview([]byte(reviewDocument(partUID, partKind, partResource, partNamespace, partCreate, `"object":`+pod)))
		assert.ErrorContains(t, err, "the body cannot be read as the JSON")
	}
}
