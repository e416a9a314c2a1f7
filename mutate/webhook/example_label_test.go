package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"gomodules.xyz/jsonpatch/v2"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
)

// costCentre labels the pods of accounts that are annotated with a cost centre.
type costCentre struct{}

func (costCentre) ReviewAccount(req *admissionv1.AdmissionRequest, sa *corev1.ServiceAccount) mutate.Reviewed {
	answer := mutate.Reviewed{Response: &admissionv1.AdmissionResponse{UID: req.UID, Allowed: true}}
	centre := sa.Annotations["example.com/cost-centre"]
	if centre == "" || req.Operation != admissionv1.Create { // ephemeral containers are an update
		return answer
	}
	var pod metav1.PartialObjectMetadata
	if err := json.Unmarshal(req.Object.Raw, &pod); err != nil {
		return mutate.Reviewed{Response: mutate.Deny(req, http.StatusBadRequest, "the pod's metadata cannot be read"), Err: err}
	}
	patch := []jsonpatch.Operation{jsonpatch.NewOperation("add", "/metadata/labels/example.com~1cost-centre", centre)}
	if pod.Labels == nil {
		patch = slices.Insert(patch, 0, jsonpatch.NewOperation("add", "/metadata/labels", struct{}{}))
	}
	patchType := admissionv1.PatchTypeJSONPatch
	answer.Response.Patch, answer.Err = json.Marshal(patch)
	answer.Response.PatchType = &patchType
	return answer
}

// A webhook that adds a label of one's own, in the same patch.
func ExampleCloud_label() {
	aws, err := mutate.New(mutate.Config{})
	if err != nil {
		log.Fatal(err)
	}
	accounts := webhook.AccountsFunc(func(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
		return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name,
			Annotations: map[string]string{
				"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/reader",
				"example.com/cost-centre":    "4711",
			},
		}}, nil
	})
	handler, err := webhook.New(aws, accounts, webhook.Config{
		Clouds: []webhook.Cloud{costCentre{}},
		OnReview: func(_ context.Context, e webhook.Event) {
			for _, op := range e.Reviewed.Result.Operations() {
				fmt.Println(op.Path)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/mutate", strings.NewReader(`{
		"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
		"request": {"uid": "1", "operation": "CREATE", "namespace": "team-a",
			"kind": {"version": "v1", "kind": "Pod"}, "resource": {"version": "v1", "resource": "pods"},
			"object": {"metadata": {"name": "p"}, "spec": {"serviceAccountName": "reader", "volumes": [],
				"containers": [{"name": "main", "env": [], "volumeMounts": []}]}}}}`))
	r.Header.Set("Content-Type", "application/json")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// /spec/volumes/0
	// /spec/containers/0/env/-
	// /spec/containers/0/env/-
	// /spec/containers/0/volumeMounts/-
	// /metadata/labels
	// /metadata/labels/example.com~1cost-centre
}
