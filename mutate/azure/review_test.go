package azure_test

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
	"github.com/irsa-go/irsa/mutate/azure"
)

func TestAnEphemeralContainerGetsWhatItsPodHas(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant})
	doc := []byte(`{"metadata":{"name":"demo",` + chosen + `},"spec":{"containers":[{"name":"a"}]}}`)
	for _, mutated := range []bool{true, false} {
		old := doc
		if mutated {
			r, err := m.RawPod(doc, reader)
			require.NoError(t, err)
			old = patchlaws.Apply(t, doc, r)
		}
		req := request(strings.Replace(string(old), `"containers"`, `"ephemeralContainers":[{"name":"d"}],"containers"`, 1))
		req.Operation, req.SubResource, req.OldObject.Raw = admissionv1.Update, "ephemeralcontainers", old
		resp := m.Review(req, reader)
		require.True(t, resp.Allowed)
		if !mutated {
			assert.Nil(t, resp.Patch)
			assert.Len(t, resp.Warnings, 1)
			continue
		}
		assert.Contains(t, string(resp.Patch), "/spec/ephemeralContainers/0/env/-")
		assert.NotContains(t, string(resp.Patch), "/spec/containers")
		assert.NotContains(t, string(resp.Patch), `"/spec/volumes`)
		req.OldObject.Raw = req.Object.Raw
		assert.Nil(t, m.Review(req, reader).Patch, "no container is new")
		req.OldObject.Raw = []byte(`[`)
		assert.False(t, m.Review(req, reader).Allowed)
	}
}

func TestAReviewAnswersForPodsAlone(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant})
	pod := `{"metadata":{` + chosen + `},"spec":{"containers":[{"name":"a"}]}}`
	resp := m.Review(request(pod), reader)
	require.True(t, resp.Allowed)
	require.NotNil(t, resp.PatchType)
	r, err := m.RawPod([]byte(pod), reader)
	require.NoError(t, err)
	assert.Equal(t, string(r.PatchJSON()), string(resp.Patch))
	assert.Nil(t, m.Review(request(pod), azure.Identity{}).Patch)
	other := request(pod)
	other.Operation = admissionv1.Delete
	assert.Nil(t, m.Review(other, reader).Patch)
	bad := m.Review(request(`{"spec":5}`), reader)
	assert.False(t, bad.Allowed)
	assert.Equal(t, int32(400), bad.Result.Code)
}

func TestAFederatedCredentialKeepsTheIssuersSlash(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant})
	const issuer = "https://westeurope.oic.prod-aks.azure.com/72f988bf-86f1-41af-91ab-2d7cd011db47/0a1b2c3d-0000-4000-8000-000000000000/"
	got, err := m.FederatedCredential(issuer, mutate.Target{Namespace: "team-a", ServiceAccount: "reader"})
	require.NoError(t, err)
	assert.Equal(t, azure.FederatedCredential{
		Issuer: issuer, Subject: "system:serviceaccount:team-a:reader", Audiences: []string{"api://AzureADTokenExchange"},
	}, got)
	for _, bad := range []struct {
		issuer string
		t      mutate.Target
		want   string
	}{
		{"http://issuer.example", mutate.Target{Namespace: "a", ServiceAccount: "b"}, `must begin with "https://"`},
		{issuer, mutate.Target{ServiceAccount: "b"}, `namespace ""`},
		{issuer, mutate.Target{Namespace: "a"}, `service account ""`},
		{issuer, mutate.Target{Namespace: "a", ServiceAccount: "*"}, `service account "*"`},
		{issuer, mutate.Target{Namespace: "A", ServiceAccount: "b"}, `namespace "A"`},
	} {
		got, err := m.FederatedCredential(bad.issuer, bad.t)
		require.ErrorContains(t, err, bad.want)
		assert.Zero(t, got)
	}
}

func TestAReviewForAnAccountRefusesABadOneForItsOwnPodsAlone(t *testing.T) {
	t.Parallel()
	m := newMutator(t, azure.Config{TenantID: tenant})
	good, bad := account(map[string]string{azure.AnnotationClientID: clientID}), account(map[string]string{azure.AnnotationTokenExpiration: "1"})
	r := m.ReviewAccount(request(`{"metadata":{`+chosen+`},"spec":{"containers":[{"name":"a"}]}}`), good)
	assert.True(t, r.Response.Allowed)
	assert.True(t, r.Result.Changed())
	assert.Equal(t, string(r.Result.PatchJSON()), string(r.Response.Patch))
	r = m.ReviewAccount(request(`{"metadata":{`+chosen+`},"spec":{"containers":[{"name":"a"}]}}`), bad)
	assert.False(t, r.Response.Allowed)
	require.ErrorIs(t, r.Err, mutate.ErrBadAnnotation)
	for _, sa := range []*corev1.ServiceAccount{good, bad} {
		r = m.ReviewAccount(request(`{"spec":{"containers":[{"name":"a"}]}}`), sa)
		assert.True(t, r.Response.Allowed)
		assert.False(t, r.Result.Changed())
	}
	assert.False(t, m.ReviewAccount(request(`[]`), bad).Response.Allowed)
	assert.False(t, m.ReviewAccount(nil, bad).Response.Allowed)
	var none *azure.Mutator
	assert.False(t, none.ReviewAccount(request(`{"metadata":{`+chosen+`},"spec":{"containers":[{"name":"a"}]}}`), good).Response.Allowed)
	other := request(`{"metadata":{` + chosen + `},"spec":{"containers":[{"name":"a"}]}}`)
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
