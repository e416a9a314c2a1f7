package mutate_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
)

// From a service account and a pod's JSON to a patch.
func Example() {
	mutator, err := mutate.New(mutate.EKS("eu-central-1"))
	if err != nil {
		log.Fatal(err)
	}
	id, err := mutator.Identity(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Namespace: "team-a", Name: "reader",
		Annotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/reader"},
	}})
	if err != nil {
		log.Fatal(err) // deny the pod
	}
	result, err := mutator.RawPod([]byte(`{"spec": {"volumes": [], "containers": [{"name": "main", "env": []}]}}`), id)
	if err != nil {
		log.Fatal(err)
	}
	for _, op := range result.Operations() {
		fmt.Println(op.Operation, op.Path)
	}
	// Output:
	// add /spec/volumes/0
	// add /spec/containers/0/env/-
	// add /spec/containers/0/env/-
	// add /spec/containers/0/env/-
	// add /spec/containers/0/env/-
	// add /spec/containers/0/env/-
	// add /spec/containers/0/volumeMounts
	// add /spec/containers/0/volumeMounts/-
}

// accountOf stands for an informer's lister or a live GET.
func accountOf(t mutate.Target) (*corev1.ServiceAccount, error) {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Namespace: t.Namespace, Name: t.ServiceAccount,
		Annotations: map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/" + t.ServiceAccount},
	}}, nil
}

// A webhook of one's own, on net/http alone; package webhook has one that is finished.
func ExampleMutator_Read() {
	mutator, err := mutate.New(mutate.EKS("eu-central-1"))
	if err != nil {
		log.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(io.LimitReader(r.Body, 7<<20)).Decode(&review); err != nil || review.Request == nil {
			http.Error(w, "no AdmissionReview", http.StatusBadRequest)
			return
		}
		if pod, err := mutator.Read(review.Request); err != nil {
			review.Response = mutate.DenyError(review.Request, err)
		} else if pod.Target().IsZero() { // not about a pod
			review.Response = pod.Review(nil).Response
		} else if account, err := accountOf(pod.Target()); err != nil {
			review.Response = mutate.Deny(review.Request, http.StatusServiceUnavailable, "no service account")
		} else {
			review.Response = pod.Review(account).Response
		}
		review.Request = nil
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(review)
	})

	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{
		"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
		"request": {"uid": "1", "operation": "CREATE", "namespace": "team-a",
			"resource": {"version": "v1", "resource": "pods"},
			"object": {"spec": {"serviceAccountName": "reader", "containers": [{"name": "main"}]}}}}`)))
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(w.Body.Bytes(), &review); err != nil {
		log.Fatal(err)
	}
	fmt.Println(review.Response.UID, review.Response.Allowed, *review.Response.PatchType)
	// Output: 1 true JSONPatch
}

func ExampleMutator_Identity() {
	mutator, err := mutate.New(mutate.Config{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = mutator.Identity(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Namespace: "team-a", Name: "reader",
		Annotations: map[string]string{"eks.amazonaws.com/role-arn": "reader"},
	}})
	fmt.Println(err)
	// Output: mutate: service account "team-a/reader": bad annotation: annotation eks.amazonaws.com/role-arn: "reader" is not an ARN, want "arn:PARTITION:iam::ACCOUNT:role/NAME"
}

func ExampleMutator_Pod() {
	mutator, err := mutate.New(mutate.Config{})
	if err != nil {
		log.Fatal(err)
	}
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{
		{Name: "main"},
		{Name: "odd", Env: []corev1.EnvVar{{Name: "AWS_ROLE_ARN", Value: "mine"}}},
	}}}
	result, err := mutator.Pod(pod, mutate.Identity{RoleARN: "arn:aws:iam::111122223333:role/reader"})
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range result.Containers {
		fmt.Printf("%s: %s %q\n", c.Path(), c.Outcome, c.Reason)
	}
	fmt.Println(result.Warnings[0])
	// Output:
	// /spec/containers/0: injected ""
	// /spec/containers/1: conflict "partial-identity"
	// /spec/containers/1/env: container "odd" sets AWS_ROLE_ARN but not AWS_WEB_IDENTITY_TOKEN_FILE: it gets nothing; set both or neither
}

func ExampleResult_Apply() {
	mutator, err := mutate.New(mutate.Config{})
	if err != nil {
		log.Fatal(err)
	}
	pod := []byte(`{"spec": {"containers": [{"name": "main", "x-unknown": 1.50}]}}`)
	result, err := mutator.RawPod(pod, mutate.Identity{Method: mutate.PodIdentity})
	if err != nil {
		log.Fatal(err)
	}
	patched, err := result.Apply(pod)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Contains(string(patched), `[{"name": "main", "x-unknown": 1.50,"env":[{"name":"AWS_CONTAINER_CREDENTIALS_FULL_URI",`))
	// Output: true
}

// A Deployment as its pods will be, for whoever has no webhook: a command, or an operator that
// writes it. What the library does not know of it stays as it is.
func ExampleReadTemplate() {
	mutator, err := mutate.New(mutate.Config{})
	if err != nil {
		log.Fatal(err)
	}
	deployment := []byte(`{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "team-a"},
		"spec": {"replicas": 2, "template": {"spec": {"serviceAccountName": "reader", "containers": [{"name": "main"}]}}}}`)
	template, err := mutate.ReadTemplate(deployment)
	if err != nil {
		log.Fatal(err)
	}
	account, err := accountOf(template.Target)
	if err != nil {
		log.Fatal(err)
	}
	id, err := mutator.Identity(account)
	if err != nil {
		log.Fatal(err)
	}
	result, err := mutator.RawPod(template.Pod, id)
	if err != nil {
		log.Fatal(err)
	}
	result = result.Under(template.Pointer)
	patched, err := result.Apply(deployment)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(template.Target, strings.Contains(string(patched), `"AWS_ROLE_ARN","value":"arn:aws:iam::111122223333:role/reader"`))
	fmt.Println(result.Operations()[1].Path)
	// Output:
	// team-a/reader true
	// /spec/template/spec/volumes/0
}

func ExampleMutator_Annotations() {
	mutator, err := mutate.New(mutate.Config{})
	if err != nil {
		log.Fatal(err)
	}
	annotations, err := mutator.Annotations(mutate.Identity{RoleARN: "arn:aws:iam::111122223333:role/reader", RegionalSTS: true})
	if err != nil {
		log.Fatal(err)
	}
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		fmt.Println(key, annotations[key])
	}
	// Output:
	// eks.amazonaws.com/role-arn arn:aws:iam::111122223333:role/reader
	// eks.amazonaws.com/sts-regional-endpoints true
}

func ExampleMutator_Diagnose() {
	mutator, err := mutate.New(mutate.Config{})
	if err != nil {
		log.Fatal(err)
	}
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main"}}}}
	diagnosis, err := mutator.Diagnose(pod, mutate.Identity{RoleARN: "arn:aws:iam::111122223333:role/reader"})
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range diagnosis.Missed() {
		fmt.Println(c.Name, c.Standing, c.Causes)
	}
	// Output: main FallsToNode [not-mutated]
}
