package webhook_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/growth"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/azure"
	"github.com/irsa-go/irsa/mutate/google"
	"github.com/irsa-go/irsa/mutate/webhook"
)

const (
	azurePod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","labels":{"azure.workload.identity/use":"true"}},"spec":{"serviceAccountName":"reader","containers":[{"name":"main","image":"i"}]}}`
	provider = "projects/1/locations/global/workloadIdentityPools/p/providers/r"
)

// allClouds serves AWS, Azure and Google for an account with these annotations.
func allClouds(t *testing.T, cfg webhook.Config, annotations map[string]string) http.Handler {
	t.Helper()
	a, err := azure.New(azure.Config{TenantID: "6d7e8f90-1111-4222-8333-944445555666"})
	require.NoError(t, err)
	g, err := google.New(google.Config{})
	require.NoError(t, err)
	cfg.Clouds = []webhook.Cloud{a, g}
	return serving(t, cfg, func(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
		return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: annotations}}, nil
	})
}

func TestAnAccountOfSeveralCloudsGivesOnePatch(t *testing.T) {
	t.Parallel()
	aws := map[string]string{"eks.amazonaws.com/role-arn": role}
	all := map[string]string{"eks.amazonaws.com/role-arn": role, azure.AnnotationClientID: "c", google.AnnotationProvider: provider}
	for name, c := range map[string]struct {
		pod         string
		annotations map[string]string
		volumes     []string
	}{
		"all three":             {azurePod, all, []string{"aws-iam-token", "azure-workload-identity-reserved-148de9c5a7a44d19e56cd9ae1a554b", "gcp-iam-token"}},
		"without Azure's label": {pod, all, []string{"aws-iam-token", "gcp-iam-token"}},
		"AWS alone":             {pod, aws, []string{"aws-iam-token"}},
		"Azure by label alone":  {azurePod, nil, []string{"azure-workload-identity-reserved-148de9c5a7a44d19e56cd9ae1a554b"}},
		"none":                  {pod, nil, nil},
		"arrays and metadata that are not there": {`{"spec":{"serviceAccountName":"reader","containers":[{"name":"a"}],"initContainers":[{"name":"b","env":null}]}}`,
			all, []string{"aws-iam-token", "gcp-iam-token"}},
		"empty arrays": {strings.Replace(azurePod, `"image":"i"`, `"env":[],"volumeMounts":[]`, 1), all,
			[]string{"aws-iam-token", "azure-workload-identity-reserved-148de9c5a7a44d19e56cd9ae1a554b", "gcp-iam-token"}},
	} {
		events := 0
		h := allClouds(t, webhook.Config{OnReview: func(_ context.Context, e webhook.Event) {
			events++
			want := webhook.Mutated
			if c.volumes == nil && events == 1 || events == 2 {
				want = webhook.Untouched
			}
			assert.Equal(t, want, e.Verdict, name)
		}}, c.annotations)
		status, review, _ := post(t, h, reviewOf("v1", c.pod))
		require.Equal(t, http.StatusOK, status)
		require.True(t, review.Response.Allowed, name)
		patched := []byte(c.pod)
		if review.Response.Patch != nil {
			patch, err := jsonpatch.DecodePatch(review.Response.Patch)
			require.NoError(t, err)
			patched, err = patch.Apply(patched)
			require.NoError(t, err)
		}
		var names []string
		for _, v := range decodePod(t, patched).Spec.Volumes {
			names = append(names, v.Name)
		}
		assert.ElementsMatch(t, c.volumes, names, name)
		for _, container := range decodePod(t, patched).Spec.Containers {
			assert.Len(t, container.VolumeMounts, len(c.volumes), name)
		}
		_, again, _ := post(t, h, reviewOf("v1", string(patched)))
		assert.True(t, again.Response.Allowed)
		assert.Nil(t, again.Response.Patch, name)
		assert.Equal(t, 2, events)
	}
}

func TestEachCloudRefusesWhatItWouldRefuseAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pod, key, value string
		allowed         bool
	}{
		"Azure's account":           {azurePod, azure.AnnotationTokenExpiration, "1", false},
		"but only for its own pods": {pod, azure.AnnotationTokenExpiration, "1", true},
		"Google's account":          {pod, google.AnnotationProvider, "x", false},
		"Azure's annotation of the pod": {strings.Replace(azurePod, `"labels"`, `"annotations":{"azure.workload.identity/service-account-token-expiration":"1"},"labels"`, 1),
			azure.AnnotationClientID, "c", false},
		"AWS's account": {azurePod, "eks.amazonaws.com/role-arn", "x", false},
	} {
		_, review, _ := post(t, allClouds(t, webhook.Config{}, map[string]string{c.key: c.value}), reviewOf("v1", c.pod))
		assert.Equal(t, c.allowed, review.Response.Allowed, name)
		assert.Nil(t, review.Response.Patch, name)
		if !c.allowed {
			assert.Equal(t, int32(422), review.Response.Result.Code, name)
		}
	}
}

func TestWarningsOfAllCloudsKeepWithinTheLimits(t *testing.T) {
	t.Parallel()
	containers := strings.TrimSuffix(strings.Repeat(`{"name":"a","envFrom":[{"secretRef":{"name":"s"}}]},`, 40), ",")
	h := allClouds(t, webhook.Config{}, map[string]string{"eks.amazonaws.com/role-arn": role, google.AnnotationProvider: provider})
	_, review, _ := post(t, h, reviewOf("v1", `{"spec":{"containers":[`+containers+`]}}`))
	total := 0
	for _, w := range review.Response.Warnings {
		total += len([]rune(w))
	}
	assert.NotEmpty(t, review.Response.Warnings)
	assert.LessOrEqual(t, total, 4096)
}

func TestAPodWithARoleByRuleStillNeedsItsAccountForOtherClouds(t *testing.T) {
	t.Parallel()
	m, err := mutate.New(mutate.Config{RoleRule: mutate.RoleRule{AccountID: "111122223333"}, RoleRuleForEveryPod: true})
	require.NoError(t, err)
	g, err := google.New(google.Config{})
	require.NoError(t, err)
	h, err := webhook.New(m, failing(webhook.ErrNotFound), webhook.Config{Clouds: []webhook.Cloud{g}})
	require.NoError(t, err)
	_, review, _ := post(t, h, reviewOf("v1", pod))
	assert.False(t, review.Response.Allowed)
}

func TestManyContainersOfSeveralCloudsTakeOnePass(t *testing.T) {
	t.Parallel()
	h := allClouds(t, webhook.Config{}, map[string]string{"eks.amazonaws.com/role-arn": role, google.AnnotationProvider: provider})
	assert.NoError(t, growth.Linear(1500, func(n int) func() {
		body := reviewOf("v1", `{"spec":{"containers":[`+strings.TrimSuffix(strings.Repeat(`{"name":"a"},`, n), ",")+`]}}`)
		return func() {
			_, review, _ := post(t, h, body)
			assert.True(t, review.Response.Allowed)
			assert.Equal(t, 8*n+6, strings.Count(string(review.Response.Patch), `"op":"add"`), "two arrays, four variables and two mounts each; two volumes, an annotation and what holds them")
		}
	}), "operations times the pod's size would be the square")
}

// labelling is a Cloud of a caller's own, whose answer is all that it has.
type labelling struct{ patch string }

func (l labelling) ReviewAccount(req *admissionv1.AdmissionRequest, _ *corev1.ServiceAccount) mutate.Reviewed {
	patchType := admissionv1.PatchTypeJSONPatch
	return mutate.Reviewed{Response: &admissionv1.AdmissionResponse{UID: req.UID, Allowed: true, Patch: []byte(l.patch), PatchType: &patchType}}
}

func TestTheAnswerOfACloudOfOnesOwnIsInThePatch(t *testing.T) {
	t.Parallel()
	const labels = `[{"op":"add","path":"/metadata","value":{}},{"op":"add","path":"/metadata/labels","value":{"team":"a"}}]` + "\n"
	g, err := google.New(google.Config{})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		annotations map[string]string
		clouds      []webhook.Cloud
		paths       []string
	}{
		"beside AWS":         {map[string]string{"eks.amazonaws.com/role-arn": role}, []webhook.Cloud{labelling{labels}}, []string{"/metadata", "/metadata/labels"}},
		"alone":              {nil, []webhook.Cloud{labelling{labels}}, []string{"/metadata", "/metadata/labels"}},
		"before another":     {map[string]string{google.AnnotationProvider: provider}, []webhook.Cloud{labelling{labels}, g}, []string{"/metadata", "/metadata/labels", "/metadata/annotations"}},
		"behind another":     {map[string]string{google.AnnotationProvider: provider}, []webhook.Cloud{g, labelling{labels}}, []string{"/metadata", "/metadata/annotations", "/metadata/labels"}},
		"which adds nothing": {nil, []webhook.Cloud{labelling{}}, nil},
	} {
		h := serving(t, webhook.Config{Clouds: c.clouds}, func(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
			return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: c.annotations}}, nil
		})
		_, answer, _ := post(t, h, reviewOf("v1", `{"spec":{"serviceAccountName":"reader","containers":[{"name":"main"}]}}`))
		require.True(t, answer.Response.Allowed, name)
		var operations []struct{ Path string }
		if assert.Equal(t, c.paths != nil, answer.Response.Patch != nil, name) && c.paths != nil {
			require.NoError(t, json.Unmarshal(answer.Response.Patch, &operations), name)
		}
		var paths []string
		for _, op := range operations {
			if slices.Contains([]string{"/metadata", "/metadata/labels", "/metadata/annotations"}, op.Path) {
				paths = append(paths, op.Path)
			}
		}
		assert.Equal(t, c.paths, paths, name)
	}
}

func TestACloudThatIsNilIsRefusedAtStartUp(t *testing.T) {
	t.Parallel()
	m, err := mutate.New(mutate.Config{})
	require.NoError(t, err)
	_, err = webhook.New(m, failing(nil), webhook.Config{Clouds: []webhook.Cloud{nil}})
	require.ErrorContains(t, err, "Clouds")
}

func decodePod(t *testing.T, doc []byte) (pod corev1.Pod) {
	t.Helper()
	require.NoError(t, json.Unmarshal(doc, &pod))
	return pod
}
