package google_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/irsa-go/irsa/internal/patchlaws"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/google"
)

func TestAnEphemeralContainerNeedsTheAnnotationToo(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	r, err := m.RawPod([]byte(plain), direct)
	require.NoError(t, err)
	mutated := string(patchlaws.Apply(t, []byte(plain), r))
	for old, patched := range map[string]bool{mutated: true, strings.Replace(mutated, "/external-credentials-json\":", "/x\":", 1): false, plain: false} {
		req := request(strings.Replace(old, `"containers"`, `"ephemeralContainers":[{"name":"d"}],"containers"`, 1))
		req.Operation, req.SubResource, req.OldObject.Raw = admissionv1.Update, "ephemeralcontainers", []byte(old)
		resp := m.Review(req, direct)
		require.True(t, resp.Allowed)
		assert.Equal(t, patched, resp.Patch != nil)
		assert.Equal(t, patched, len(resp.Warnings) == 0)
		assert.NotContains(t, string(resp.Patch), `"path":"/metadata`)
	}
}

func TestAReviewAnswersForPodsAlone(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	resp := m.Review(request(plain), direct)
	require.True(t, resp.Allowed)
	r, err := m.RawPod([]byte(plain), direct)
	require.NoError(t, err)
	assert.Equal(t, string(r.PatchJSON()), string(resp.Patch))
	assert.Nil(t, m.Review(request(plain), google.Identity{}).Patch)
	assert.Equal(t, int32(400), m.Review(request(`[]`), direct).Result.Code)
}

func TestWhatGoogleMustKnowOfACluster(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	got, err := m.PoolProvider("https://oidc.example.com/cluster-1/", direct)
	require.NoError(t, err)
	assert.Equal(t, google.OIDCSettings{IssuerURI: "https://oidc.example.com/cluster-1/", AllowedAudiences: []string{"https://iam.googleapis.com/" + provider}}, got.OIDC)
	other := direct
	other.Audience = "sts.googleapis.com"
	got, err = m.PoolProvider("https://oidc.example.com", other)
	require.NoError(t, err)
	assert.Equal(t, []string{"sts.googleapis.com"}, got.OIDC.AllowedAudiences)
	for _, bad := range []struct {
		issuer string
		id     google.Identity
		want   string
	}{{"http://x", direct, `must begin with "https://"`}, {"https://x", google.Identity{}, "Provider: want projects/"}} {
		got, err := m.PoolProvider(bad.issuer, bad.id)
		require.ErrorContains(t, err, bad.want)
		assert.Zero(t, got)
	}
	reader := mutate.Target{Namespace: "team-a", ServiceAccount: "reader"}
	principal, err := direct.Principal(reader)
	require.NoError(t, err)
	assert.Equal(t, "principal://iam.googleapis.com/projects/482910375566/locations/global/workloadIdentityPools/clusters/subject/system:serviceaccount:team-a:reader", principal)
	for want, target := range map[string]mutate.Target{
		`namespace ""`:        {ServiceAccount: "b"},
		`service account ""`:  {Namespace: "a"},
		`service account "*"`: {Namespace: "a", ServiceAccount: "*"},
		"has 128 bytes":       {Namespace: "a", ServiceAccount: strings.Repeat("b", 104)},
	} {
		principal, err := direct.Principal(target)
		require.ErrorContains(t, err, want)
		assert.Empty(t, principal)
	}
	_, err = direct.Principal(mutate.Target{Namespace: "a", ServiceAccount: strings.Repeat("b", 103)})
	require.NoError(t, err, "127 bytes are the most")
	_, err = google.Identity{}.Principal(reader)
	require.ErrorContains(t, err, "want projects/")
}

func TestAReviewForAnAccountRefusesABadOneForItsOwnPodsAlone(t *testing.T) {
	t.Parallel()
	m := newMutator(t, google.Config{})
	good, bad := account(map[string]string{google.AnnotationProvider: provider}), account(map[string]string{google.AnnotationProvider: "x"})
	r := m.ReviewAccount(request(plain), good)
	assert.True(t, r.Response.Allowed)
	assert.True(t, r.Result.Changed())
	assert.Equal(t, string(r.Result.PatchJSON()), string(r.Response.Patch))
	r = m.ReviewAccount(request(plain), bad)
	assert.False(t, r.Response.Allowed)
	require.ErrorIs(t, r.Err, mutate.ErrBadAnnotation)
	for _, sa := range []*corev1.ServiceAccount{good, bad} {
		r = m.ReviewAccount(request(`{"metadata":{"annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"containers":[{"name":"a"}]}}`), sa)
		assert.True(t, r.Response.Allowed)
		assert.False(t, r.Result.Changed())
	}
	assert.False(t, m.ReviewAccount(request(`[]`), bad).Response.Allowed)
	assert.False(t, m.ReviewAccount(nil, bad).Response.Allowed)
	var none *google.Mutator
	assert.False(t, none.ReviewAccount(request(plain), good).Response.Allowed)
	other := request(plain)
	other.Operation = admissionv1.Delete
	assert.True(t, m.ReviewAccount(other, bad).Response.Allowed)
}

func request(pod string) *admissionv1.AdmissionRequest {
	return &admissionv1.AdmissionRequest{
		UID: "u", Kind: metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}, Namespace: "ns",
		Resource:  metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
		Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: []byte(pod)},
	}
}
