package mutate_test

import (
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// account is a service account with annotations under the usual prefix.
func account(annotations map[string]string) *corev1.ServiceAccount {
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "reader"}}
	for key, value := range annotations {
		metav1.SetMetaDataAnnotation(&sa.ObjectMeta, "eks.amazonaws.com/"+key, value)
	}
	return sa
}

// request asks for a pod to be created.
func request(pod []byte) *admissionv1.AdmissionRequest {
	return &admissionv1.AdmissionRequest{
		UID:       "6c1d4d2f-1b6f-4c0e-9a3b-0123456789ab",
		Kind:      metav1.GroupVersionKind{Version: "v1", Kind: "Pod"},
		Resource:  metav1.GroupVersionResource{Version: "v1", Resource: "pods"},
		Namespace: "team-a",
		Operation: admissionv1.Create,
		Object:    runtime.RawExtension{Raw: pod},
	}
}
