package webhook

import (
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

// Cloud is another cloud than AWS, such as an azure.Mutator or a google.Mutator.
type Cloud interface {
	// ReviewAccount answers a request for the account of its pod. Both are only read, and the
	// request's raw objects are gone after the answer. It must be safe for concurrent use.
	ReviewAccount(req *admissionv1.AdmissionRequest, sa *corev1.ServiceAccount) mutate.Reviewed
}
