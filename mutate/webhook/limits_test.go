package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
)

// htmlPod is a pod of size bytes in etcd that the API server writes as six times as many.
func htmlPod(t testing.TB, size int) string {
	t.Helper()
	raw, err := json.Marshal(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Annotations: map[string]string{"page": strings.Repeat("<", size)}},
		Spec:       corev1.PodSpec{ServiceAccountName: "reader", Containers: []corev1.Container{{Name: "main", Image: "i"}}},
	})
	require.NoError(t, err)
	return string(raw)
}

func TestEveryPodThatEtcdStoresIsAnsweredByItsAccount(t *testing.T) {
	t.Parallel()
	for _, size := range []int{3_257_028 / 6, 7 << 20 / 6, 3<<19 - 1000} {
		object := htmlPod(t, size)
		_, none, _ := post(t, serving(t, webhook.Config{}, annotated("")), reviewOf("v1", object))
		require.NotNil(t, none)
		assert.True(t, none.Response.Allowed)
		assert.Empty(t, none.Response.Patch)

		_, some, _ := post(t, serving(t, webhook.Config{}, annotated(role)), reviewOf("v1", object))
		require.NotNil(t, some)
		assert.True(t, some.Response.Allowed)
		assert.NotEmpty(t, some.Response.Patch)
	}
}

func TestAnAccountWithoutARoleIsNotDeniedForThePodsSizeOrShape(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ object, want string }{
		"larger than etcd stores": {htmlPod(t, 3<<19), "pod: too large: "},
		"of another shape":        {`{"spec":{"containers":{"s3cret":1},"serviceAccountName":"reader"}}`, `at "/spec/containers": want an array`},
		"too many containers":     {`{"spec":{"serviceAccountName":"reader","containers":[` + strings.Repeat(`{},`, 40000) + `{}]}}`, "more than 32768 containers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, none, _ := post(t, serving(t, webhook.Config{}, annotated("")), reviewOf("v1", c.object))
			require.NotNil(t, none)
			assert.True(t, none.Response.Allowed)

			var event webhook.Event
			see := func(_ context.Context, e webhook.Event) { event = e }
			_, some, _ := post(t, serving(t, webhook.Config{OnReview: see, InsecureFailOpen: true}, annotated(role)), reviewOf("v1", c.object))
			require.NotNil(t, some)
			assert.False(t, some.Response.Allowed)
			assert.ErrorContains(t, event.Err, c.want)
			assert.Equal(t, webhook.Denied, event.Verdict)
			assert.Equal(t, map[bool]int32{true: 413, false: 400}[errors.Is(event.Err, mutate.ErrTooLarge)], some.Response.Result.Code)
			assert.NotContains(t, some.Response.Result.Message, "s3cret")
		})
	}
}

// An HTTP error is not an answer: under failurePolicy Ignore, the pod would get in.
func TestAReviewThatIsTooLargeIsDeniedInTheReview(t *testing.T) {
	t.Parallel()
	huge := reviewOf("v1", htmlPod(t, 4<<20))
	var events []webhook.Event
	h := serving(t, webhook.Config{OnReview: func(_ context.Context, e webhook.Event) { events = append(events, e) }}, annotated(role))
	for _, length := range []int64{int64(len(huge)), -1} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(huge))
		r.ContentLength = length
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, http.StatusOK, w.Code)
		assert.JSONEq(t, `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"u-1","allowed":false,
			"status":{"metadata":{},"status":"Failure","code":413,"reason":"RequestEntityTooLarge",
			"message":"webhook: the review is too large: it exceeds 19922944 bytes"}}}`, w.Body.String())
	}
	for _, e := range events {
		assert.ErrorIs(t, e.Err, mutate.ErrTooLarge)
		assert.Equal(t, webhook.Denied, e.Verdict)
	}
}

func TestABodyThatEndsEarlyIsRefused(t *testing.T) {
	t.Parallel()
	h := serving(t, webhook.Config{}, annotated(role))
	body := reviewOf("v1", pod)
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.ContentLength = int64(len(body)) + 10
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	assert.Equal(t, http.StatusBadRequest, w.Code)
}

func TestNamesThatCannotBeAreRefusedForGood(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ namespace, account, want string }{
		"upper case":            {"team-a", "App", `service account "App"`},
		"a path":                {"team-a", "../../x", `service account "../../x"`},
		"no namespace":          {"", "reader", `namespace ""`},
		"a namespace in a path": {"team-a/../team-b", "reader", `namespace "team-a/../team-b"`},
		"a very long name":      {"team-a", strings.Repeat("a", 100_000), `service account "aaaa`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := strings.NewReplacer(`"namespace":"team-a"`, `"namespace":"`+c.namespace+`"`,
				`"serviceAccountName":"reader"`, `"serviceAccountName":"`+c.account+`"`).Replace(reviewOf("v1", pod))
			for _, cfg := range []webhook.Config{{}, {InsecureFailOpen: true}, {RequireIdentity: true}} {
				var event webhook.Event
				cfg.OnReview = func(_ context.Context, e webhook.Event) { event = e }
				h := serving(t, cfg, func(context.Context, string, string) (*corev1.ServiceAccount, error) {
					panic("an account was asked for")
				})
				_, review, _ := post(t, h, body)
				require.NotNil(t, review)
				assert.False(t, review.Response.Allowed)
				assert.EqualValues(t, 422, review.Response.Result.Code)
				assert.NotContains(t, review.Response.Result.Message, "try again")
				assert.Less(t, len(review.Response.Result.Message), 1000)
				assert.Equal(t, webhook.Denied, event.Verdict)
				assert.ErrorContains(t, event.Err, c.want)
			}
		})
	}
}

func TestAMethodThatIsNotAllowedIsToldWhichIs(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	serving(t, webhook.Config{}, annotated(role)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
	assert.Equal(t, "POST", w.Header().Get("Allow"))
}

func TestAnAbortIsLeftToTheServer(t *testing.T) {
	t.Parallel()
	h := serving(t, webhook.Config{OnPanic: func(any, []byte) { t.Error("an abort is not a fault") }},
		func(context.Context, string, string) (*corev1.ServiceAccount, error) { panic(http.ErrAbortHandler) })
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() { post(t, h, reviewOf("v1", pod)) })
}

func TestAPanicOfAHookDoesNotEscape(t *testing.T) {
	t.Parallel()
	again := func(any, []byte) { panic("again") }
	for name, cfg := range map[string]webhook.Config{
		"OnPanic":              {OnPanic: again},
		"OnPanic aborts":       {OnPanic: func(any, []byte) { panic(http.ErrAbortHandler) }},
		"OnReview and OnPanic": {OnPanic: again, OnReview: func(context.Context, webhook.Event) { panic("first") }},
		"both, after another":  {OnPanic: again, OnReview: func(context.Context, webhook.Event) { panic("again") }},
		"none":                 {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := serving(t, cfg, func(context.Context, string, string) (*corev1.ServiceAccount, error) { panic("first") })
			status, _, _ := post(t, h, reviewOf("v1", pod))
			assert.Equal(t, http.StatusInternalServerError, status)
		})
	}
}

// The answer to a review that is not read to its end reaches the caller over both protocols.
func TestTheAnswerToATooLargeReviewArrives(t *testing.T) {
	t.Parallel()
	huge := reviewOf("v1", htmlPod(t, 4<<20))
	for _, http2 := range []bool{false, true} {
		srv := httptest.NewUnstartedServer(serving(t, webhook.Config{}, annotated(role)))
		srv.EnableHTTP2 = http2
		srv.StartTLS()
		for range 3 {
			resp, err := srv.Client().Post(srv.URL, "application/json", strings.NewReader(huge))
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, http2, resp.ProtoMajor == 2)
			assert.Contains(t, string(body), `"code":413`)
		}
		srv.Close()
	}
}
