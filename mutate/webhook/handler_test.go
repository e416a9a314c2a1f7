package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
)

const (
	role = "arn:aws:iam::111122223333:role/reader"
	pod  = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"serviceAccountName":"reader","containers":[{"name":"main","image":"i"}]}}`
)

// serving is a handler with one account in the namespace team-a.
func serving(t testing.TB, cfg webhook.Config, lookup webhook.AccountsFunc) *webhook.Handler {
	t.Helper()
	m, err := mutate.New(mutate.Config{})
	require.NoError(t, err)
	h, err := webhook.New(m, lookup, cfg)
	require.NoError(t, err)
	return h
}

// annotated looks up any account, with this role.
func annotated(roleARN string) webhook.AccountsFunc {
	return func(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
		sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		if roleARN != "" {
			sa.Annotations = map[string]string{"eks.amazonaws.com/role-arn": roleARN}
		}
		return sa, nil
	}
}

func failing(err error) webhook.AccountsFunc {
	return func(context.Context, string, string) (*corev1.ServiceAccount, error) { return nil, err }
}

// reviewOf is a request to create a pod, as an API server sends it.
func reviewOf(version, object string) string {
	return `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/` + version + `","request":{"uid":"u-1",` +
		`"kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},` +
		`"requestKind":{"group":"","version":"v1","kind":"Pod"},"name":"p","namespace":"team-a","operation":"CREATE",` +
		`"userInfo":{"username":"u"},"object":` + object + `,"oldObject":null,"dryRun":false,"options":null}}`
}

func post(t testing.TB, h http.Handler, body string) (int, *admissionv1.AdmissionReview, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/mutate?timeout=10s", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return w.Code, nil, w.Body.String()
	}
	var review admissionv1.AdmissionReview
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &review))
	require.NotNil(t, review.Response)
	return w.Code, &review, ""
}

func TestBothVersionsAreAnsweredInKindWithAPatchThatApplies(t *testing.T) {
	t.Parallel()
	h := serving(t, webhook.Config{}, annotated(role))
	for _, version := range []string{"v1", "v1beta1"} {
		_, review, _ := post(t, h, reviewOf(version, pod))
		require.NotNil(t, review)
		assert.Equal(t, "admission.k8s.io/"+version, review.APIVersion)
		assert.Equal(t, "AdmissionReview", review.Kind)
		assert.EqualValues(t, "u-1", review.Response.UID)
		assert.True(t, review.Response.Allowed)
		require.NotNil(t, review.Response.PatchType)
		assert.Equal(t, admissionv1.PatchTypeJSONPatch, *review.Response.PatchType)

		patch, err := jsonpatch.DecodePatch(review.Response.Patch)
		require.NoError(t, err)
		patched, err := patch.Apply([]byte(pod))
		require.NoError(t, err)
		var got corev1.Pod
		require.NoError(t, json.Unmarshal(patched, &got))
		assert.Equal(t, corev1.EnvVar{Name: "AWS_ROLE_ARN", Value: role}, got.Spec.Containers[0].Env[0])
		assert.Equal(t, mutate.VolumeName, got.Spec.Volumes[0].Name)
	}
}

func TestABodyThatIsNotAReviewIsRefused(t *testing.T) {
	t.Parallel()
	h := serving(t, webhook.Config{}, annotated(role))
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"no JSON":           {"{", 400},
		"nothing":           {"", 400},
		"another kind":      {`{"kind":"Pod","apiVersion":"v1"}`, 400},
		"another version":   {strings.Replace(reviewOf("v1", pod), "k8s.io/v1", "k8s.io/v2", 1), 400},
		"no request":        {`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}`, 400},
		"no uid":            {strings.Replace(reviewOf("v1", pod), `"u-1"`, `""`, 1), 400},
		"a name twice":      {strings.Replace(reviewOf("v1", pod), `"name":"p","namespace"`, `"uid":"u-2","namespace"`, 1), 400},
		"far too long":      {strings.Repeat(" ", 20<<20), 413},
		"malformed request": {`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":[]}`, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, _, message := post(t, h, c.body)
			assert.Equal(t, c.want, status)
			assert.True(t, strings.HasPrefix(message, "webhook: "), message)
		})
	}
}

func TestABodyOfUnknownLengthIsBoundedToo(t *testing.T) {
	t.Parallel()
	h := serving(t, webhook.Config{}, annotated(role))
	for body, want := range map[string]int{strings.Repeat(" ", 20<<20): 413, reviewOf("v1", pod): 200} {
		r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader(body)))
		require.EqualValues(t, -1, r.ContentLength)
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.Equal(t, want, w.Code)
	}
}

func TestMethodAndContentTypeAreChecked(t *testing.T) {
	t.Parallel()
	h := serving(t, webhook.Config{}, annotated(role))
	for _, c := range []struct {
		method, contentType string
		want                int
	}{
		{http.MethodGet, "application/json", 405},
		{http.MethodPost, "text/plain", 415},
		{http.MethodPost, "", 415},
	} {
		r := httptest.NewRequest(c.method, "/", strings.NewReader(reviewOf("v1", pod)))
		r.Header.Set("Content-Type", c.contentType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.Equal(t, c.want, w.Code)
	}
}

func TestAnAccountThatCannotBeHonouredIsDeniedWhateverTheFailMode(t *testing.T) {
	t.Parallel()
	for _, open := range []bool{false, true} {
		h := serving(t, webhook.Config{InsecureFailOpen: open}, annotated("no-arn"))
		_, review, _ := post(t, h, reviewOf("v1", pod))
		assert.False(t, review.Response.Allowed)
		assert.EqualValues(t, 422, review.Response.Result.Code)
		assert.Contains(t, review.Response.Result.Message, "eks.amazonaws.com/role-arn")
		assert.Empty(t, review.Response.Patch)
	}
}

func TestAnAccountThatCannotBeLookedUpFollowsTheFailMode(t *testing.T) {
	t.Parallel()
	gone := apierrors.NewNotFound(schema.GroupResource{Resource: "serviceaccounts"}, "reader")
	for _, lookup := range []error{errors.New("connection refused"), webhook.ErrNotFound, gone} {
		var verdicts []webhook.Verdict
		see := func(_ context.Context, e webhook.Event) {
			assert.ErrorIs(t, e.Err, lookup)
			verdicts = append(verdicts, e.Verdict)
		}
		_, closed, _ := post(t, serving(t, webhook.Config{OnReview: see}, failing(lookup)), reviewOf("v1", pod))
		assert.False(t, closed.Response.Allowed)
		assert.EqualValues(t, 503, closed.Response.Result.Code)

		_, open, _ := post(t, serving(t, webhook.Config{OnReview: see, InsecureFailOpen: true}, failing(lookup)), reviewOf("v1", pod))
		assert.True(t, open.Response.Allowed)
		assert.Empty(t, open.Response.Patch)
		assert.Len(t, open.Response.Warnings, 1)

		_, required, _ := post(t, serving(t, webhook.Config{OnReview: see, InsecureFailOpen: true, RequireIdentity: true}, failing(lookup)), reviewOf("v1", pod))
		assert.False(t, required.Response.Allowed)
		assert.Equal(t, []webhook.Verdict{webhook.Denied, webhook.FailedOpen, webhook.Denied}, verdicts)
	}
}

func TestAnAccountOtherThanTheOneAskedForIsNotUsed(t *testing.T) {
	t.Parallel()
	for name, sa := range map[string]*corev1.ServiceAccount{
		"another namespace": {ObjectMeta: metav1.ObjectMeta{Namespace: "team-b", Name: "reader"}},
		"another name":      {ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "writer"}},
		"none":              nil,
	} {
		if sa != nil {
			sa.Annotations = map[string]string{"eks.amazonaws.com/role-arn": role}
		}
		h := serving(t, webhook.Config{}, func(context.Context, string, string) (*corev1.ServiceAccount, error) { return sa, nil })
		_, review, _ := post(t, h, reviewOf("v1", pod))
		assert.False(t, review.Response.Allowed, name)
		assert.Empty(t, review.Response.Patch, name)
	}
}

func TestRequiringAnIdentityDeniesPodsThatDoNotGetIt(t *testing.T) {
	t.Parallel()
	cfg := webhook.Config{RequireIdentity: true}
	_, none, _ := post(t, serving(t, cfg, annotated("")), reviewOf("v1", pod))
	assert.False(t, none.Response.Allowed)
	assert.EqualValues(t, 403, none.Response.Result.Code)

	partial := strings.Replace(pod, `"image":"i"`, `"env":[{"name":"AWS_ROLE_ARN","value":"x"}]`, 1)
	_, conflict, _ := post(t, serving(t, cfg, annotated(role)), reviewOf("v1", partial))
	assert.False(t, conflict.Response.Allowed)
	assert.Contains(t, conflict.Response.Result.Message, "partial-identity")
	assert.NotEmpty(t, conflict.Response.Warnings)

	_, all, _ := post(t, serving(t, cfg, annotated(role)), reviewOf("v1", pod))
	assert.True(t, all.Response.Allowed)
	assert.NotEmpty(t, all.Response.Patch)
}

// TestRequiringAnIdentityIsAboutDebuggersToo: into a pod that has no volume for the token, none comes.
func TestRequiringAnIdentityIsAboutDebuggersToo(t *testing.T) {
	t.Parallel()
	h := serving(t, webhook.Config{RequireIdentity: true}, annotated(role))
	const volume = `"volumes":[{"name":"aws-iam-token","projected":{"sources":[{"serviceAccountToken":{"audience":"sts.amazonaws.com","path":"token"}}]}}],`
	for with, allowed := range map[string]bool{volume: true, "": false} {
		old := `{"spec":{"serviceAccountName":"reader",` + with + `"containers":[{"name":"a"}],"ephemeralContainers":[{"name":"d1"}]}}`
		body := reviewOf("v1", strings.Replace(old, `{"name":"d1"}`, `{"name":"d1"},{"name":"d2"}`, 1))
		body = strings.NewReplacer(`"oldObject":null`, `"oldObject":`+old, `"CREATE"`, `"UPDATE","subResource":"ephemeralcontainers"`).Replace(body)
		_, review, _ := post(t, h, body)
		assert.Equal(t, allowed, review.Response.Allowed)
		if !allowed {
			assert.Contains(t, review.Response.Result.Message, `container "d2"`)
			assert.Contains(t, review.Response.Result.Message, "no-volume")
		}
	}
}

func TestRequestsThatAreNotAboutPodsAskForNoAccount(t *testing.T) {
	t.Parallel()
	h := serving(t, webhook.Config{RequireIdentity: true}, func(context.Context, string, string) (*corev1.ServiceAccount, error) {
		panic("an account was asked for")
	})
	for _, change := range [][2]string{
		{`"CREATE"`, `"DELETE"`},
		{`"resource":"pods"`, `"resource":"secrets"`},
		{`"name":"p"`, `"subResource":"binding","name":"p"`},
	} {
		_, review, _ := post(t, h, strings.Replace(reviewOf("v1", pod), change[0], change[1], 1))
		assert.True(t, review.Response.Allowed)
		assert.Empty(t, review.Response.Patch)
	}
}

func TestAMalformedPodIsRefusedAndNotQuoted(t *testing.T) {
	t.Parallel()
	h := serving(t, webhook.Config{}, annotated(role))
	_, review, _ := post(t, h, reviewOf("v1", `{"spec":{"containers":{"s3cret":"s3cret"}}}`))
	assert.False(t, review.Response.Allowed)
	assert.EqualValues(t, 400, review.Response.Result.Code)
	assert.NotContains(t, review.Response.Result.Message, "s3cret")
}

// TestARequestThatIsKeptHasNoObjects: the memory that they lay in is another review's by then.
func TestARequestThatIsKeptHasNoObjects(t *testing.T) {
	t.Parallel()
	var kept []*admissionv1.AdmissionRequest
	h := serving(t, webhook.Config{OnReview: func(_ context.Context, e webhook.Event) {
		assert.JSONEq(t, pod, string(e.Request.Object.Raw))
		assert.JSONEq(t, "null", string(e.Request.OldObject.Raw))
		kept = append(kept, e.Request)
	}}, annotated(role))
	for range 2 {
		post(t, h, reviewOf("v1", pod))
	}
	require.Len(t, kept, 2)
	for _, req := range kept {
		assert.Equal(t, "p", req.Name)
		assert.Nil(t, req.Object.Raw)
		assert.Nil(t, req.OldObject.Raw)
	}
}

// TestAReviewIsReadApartFromTheOneBefore: a shorter one after a longer one, and one after a body that
// was cut off.
func TestAReviewIsReadApartFromTheOneBefore(t *testing.T) {
	t.Parallel()
	h := serving(t, webhook.Config{}, annotated(role))
	for range 10 {
		for _, object := range []string{pod, htmlPod(t, 5000), `{"spec":`, pod, htmlPod(t, 100_000), pod} {
			status, review, _ := post(t, h, reviewOf("v1", object))
			if object == `{"spec":` {
				assert.Equal(t, http.StatusBadRequest, status)
				continue
			}
			require.NotNil(t, review)
			assert.True(t, review.Response.Allowed)
			assert.NotEmpty(t, review.Response.Patch)
		}
	}
}

// resetStream is the writer of a stream that was reset: it may still read what it was given.
type resetStream struct {
	http.ResponseWriter
	given []byte
}

func (s *resetStream) Write(p []byte) (int, error) {
	s.given = p
	return 0, http.ErrHandlerTimeout
}

func TestAnAnswerThatWasNotWrittenIsNotOverwritten(t *testing.T) {
	t.Parallel()
	h := serving(t, webhook.Config{}, annotated(role))
	for range 20 {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(reviewOf("v1", pod)))
		r.Header.Set("Content-Type", "application/json")
		w := &resetStream{ResponseWriter: httptest.NewRecorder()}
		h.ServeHTTP(w, r)
		want := string(w.given)
		require.NotEmpty(t, want)
		post(t, h, strings.Replace(reviewOf("v1", pod), `"uid":"`, `"uid":"another-`, 1))
		assert.Equal(t, want, string(w.given))
	}
}

func TestAPanicIsAnsweredWith500(t *testing.T) {
	t.Parallel()
	var seen any
	var events []webhook.Event
	h := serving(t, webhook.Config{
		OnPanic:  func(v any, stack []byte) { seen = v; assert.NotEmpty(t, stack) },
		OnReview: func(_ context.Context, e webhook.Event) { events = append(events, e) },
	},
		func(context.Context, string, string) (*corev1.ServiceAccount, error) { panic("s3cret") })
	status, _, message := post(t, h, reviewOf("v1", pod))
	assert.Equal(t, 500, status)
	assert.NotContains(t, message, "s3cret")
	assert.Equal(t, "s3cret", seen)
	require.Len(t, events, 1)
	assert.Equal(t, 500, events[0].Status)
	assert.Equal(t, webhook.Denied, events[0].Verdict)
	require.EqualError(t, events[0].Err, "webhook: a panic")
}

func TestARequestWithoutABodyIsABadRequest(t *testing.T) {
	t.Parallel()
	r, err := http.NewRequest(http.MethodPost, "/", nil)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	serving(t, webhook.Config{}, annotated(role)).ServeHTTP(w, r)
	assert.Equal(t, http.StatusBadRequest, w.Code)
}

func TestAnAccountThatComesInTimeIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		later := func(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
			if time.Since(began) < 500*time.Millisecond {
				return nil, webhook.ErrNotFound
			}
			return annotated(role)(ctx, namespace, name)
		}
		_, review, _ := post(t, serving(t, webhook.Config{Wait: 2 * time.Second}, later), reviewOf("v1", pod))
		assert.True(t, review.Response.Allowed)
		assert.NotEmpty(t, review.Response.Patch)
		assert.Less(t, time.Since(began), 2*time.Second)
	})
}

func TestWaitingEndsWithTheWaitOrTheCallsTimeout(t *testing.T) {
	t.Parallel()
	for timeout, most := range map[string]time.Duration{"30s": time.Second, "500ms": 400 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			h := serving(t, webhook.Config{Wait: time.Second}, failing(webhook.ErrNotFound))
			r := httptest.NewRequest(http.MethodPost, "/?timeout="+timeout, bytes.NewReader([]byte(reviewOf("v1", pod))))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			assert.Equal(t, most, time.Since(began))
			assert.Contains(t, w.Body.String(), "is not there")
		})
	}
}

func TestEphemeralContainersGetTheIdentityThatTheirPodHas(t *testing.T) {
	t.Parallel()
	h := serving(t, webhook.Config{}, annotated(role))
	volume := `"volumes":[{"name":"aws-iam-token","projected":{"sources":[{"serviceAccountToken":{"audience":"sts.amazonaws.com","expirationSeconds":86400,"path":"token"}}]}}]`
	old := `{"spec":{"serviceAccountName":"reader",` + volume + `,"ephemeralContainers":[{"name":"d1"}]}}`
	object := strings.Replace(old, `{"name":"d1"}`, `{"name":"d1"},{"name":"d2"}`, 1)
	body := reviewOf("v1", object)
	body = strings.Replace(body, `"oldObject":null`, `"oldObject":`+old, 1)
	body = strings.Replace(body, `"CREATE"`, `"UPDATE","subResource":"ephemeralcontainers"`, 1)
	_, review, _ := post(t, h, body)
	require.True(t, review.Response.Allowed)
	assert.Contains(t, string(review.Response.Patch), "/spec/ephemeralContainers/1/env/-")
	assert.NotContains(t, string(review.Response.Patch), "/spec/ephemeralContainers/0")
	assert.NotContains(t, string(review.Response.Patch), "/spec/volumes")
	assert.Empty(t, review.Response.Warnings)
}

func TestAPodThatAsksForItsRoleByRuleNeedsNoAccount(t *testing.T) {
	t.Parallel()
	m, err := mutate.New(mutate.Config{RoleRule: mutate.RoleRule{AccountID: "111122223333"}})
	require.NoError(t, err)
	h, err := webhook.New(m, failing(errors.New("an account was asked for")), webhook.Config{RequireIdentity: true})
	require.NoError(t, err)
	_, asks, _ := post(t, h, reviewOf("v1", strings.Replace(pod, `"name":"p"`, `"name":"p","labels":{"eks.amazonaws.com/role-by-rule":"true"}`, 1)))
	assert.True(t, asks.Response.Allowed)
	assert.Contains(t, string(asks.Response.Patch), "arn:aws:iam::111122223333:role/irsa/team-a/team-a.reader")
	_, other, _ := post(t, h, reviewOf("v1", pod))
	assert.False(t, other.Response.Allowed)
}

func TestNewRefusesWhatCannotServe(t *testing.T) {
	t.Parallel()
	m, err := mutate.New(mutate.Config{})
	require.NoError(t, err)
	_, err = webhook.New(nil, annotated(""), webhook.Config{})
	assert.ErrorContains(t, err, "the mutator is nil")
	_, err = webhook.New(m, nil, webhook.Config{})
	assert.ErrorContains(t, err, "accounts is nil")
	_, err = webhook.New(&mutate.Mutator{}, annotated(""), webhook.Config{})
	assert.ErrorContains(t, err, "the mutator is nil")
	_, err = webhook.New(m, webhook.AccountsFunc(nil), webhook.Config{})
	assert.ErrorContains(t, err, "accounts is nil")
	_, err = webhook.New(m, annotated(""), webhook.Config{Wait: time.Minute})
	assert.ErrorContains(t, err, "Wait is 1m0s")
}
