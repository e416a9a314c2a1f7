package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/irsa-go/irsa/internal/readme"
	"github.com/irsa-go/irsa/mutate/webhook"
)

func TestMain(m *testing.M) { readme.Main(m, main) }

func TestWithoutAClusterItEndsAndSaysWhy(t *testing.T) {
	t.Parallel()
	readme.Shows(t, "README.md", "go run .", readme.Run(t, nil))
}

func TestTheCacheAndTheAPIServerAreReadThroughTheirClients(t *testing.T) {
	t.Parallel()
	fresh := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Namespace: "team-a", Name: "app", Annotations: map[string]string{"eks.amazonaws.com/role-arn": "live"},
	}}
	stale := fresh.DeepCopy()
	stale.Annotations = nil
	accounts := webhook.CachedAccounts{
		Cache: get(fake.NewClientBuilder().WithObjects(stale).Build()),
		Live:  get(fake.NewClientBuilder().WithObjects(fresh).Build()),
	}
	got, err := accounts.ServiceAccount(t.Context(), "team-a", "app")
	require.NoError(t, err)
	assert.Equal(t, fresh.Annotations, got.Annotations)
	_, err = accounts.ServiceAccount(t.Context(), "team-a", "other")
	assert.True(t, apierrors.IsNotFound(err), "the webhook waits for such an account, when it is told to")
}

// A pod comes through the manager's own webhook server, at both of its paths.
func TestThePageShowsWhatBecomesOfAPod(t *testing.T) {
	t.Parallel()
	annotated := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "cart", Annotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/cart"},
	}}
	plain := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "default"}}
	reader := fake.NewClientBuilder().WithObjects(annotated, plain).Build()
	server := ctrlwebhook.NewServer(ctrlwebhook.Options{})
	require.NoError(t, register(server, "eu-central-1", reader, reader))
	review := func(path, account string) *admissionv1.AdmissionResponse {
		body := `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE","namespace":"shop",
			"kind":{"version":"v1","kind":"Pod"},"resource":{"version":"v1","resource":"pods"},
			"object":{"metadata":{"name":"cart"},"spec":{"serviceAccountName":"` + account + `","containers":[{"name":"cart"}]}}}}`
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		server.WebhookMux().ServeHTTP(w, r)
		var answer admissionv1.AdmissionReview
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
		require.NotNil(t, answer.Response)
		return answer.Response
	}
	for _, path := range []string{"/mutate", "/require"} {
		answer := review(path, "cart")
		assert.True(t, answer.Allowed)
		assert.Contains(t, string(answer.Patch), "AWS_ROLE_ARN")
	}
	answer := review("/mutate", "default")
	assert.True(t, answer.Allowed)
	assert.Empty(t, answer.Patch)
	answer = review("/require", "default")
	assert.False(t, answer.Allowed)
	assert.Equal(t, metav1.StatusReasonForbidden, answer.Result.Reason)
	readme.Shows(t, "README.md", "kubectl run cart -n shop --image=amazon/aws-cli --labels=eks.amazonaws.com/require-identity=true",
		`Error from server (Forbidden): admission webhook "pod-identity-webhook-required.eks.amazonaws.com" denied the request: `+answer.Result.Message+"\n")
}
