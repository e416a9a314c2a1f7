package mutate

import (
	"errors"
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"
)

// Target names a service account.
type Target struct{ Namespace, ServiceAccount string }

// IsZero says whether t names no account.
func (t Target) IsZero() bool { return t == Target{} }

// String returns "namespace/name", and "" for the zero value.
func (t Target) String() string {
	if t.IsZero() {
		return ""
	}
	return t.Namespace + "/" + t.ServiceAccount
}

var errNoRequest = errors.New("it is nil")

// RequestTarget returns the service account whose [Identity] the pod in a request needs:
// that of a pod that is created, or that gets ephemeral containers. It is zero for every
// other request, and for mirror pods, which have no service account. The namespace is the
// request's; a pod that names no account has the account "default"
// (https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/).
//
// It fails with a [*SyntaxError] for a pod that does not tell its account. [Mutator.Read] answers
// the same question and saves reading the pod again.
func RequestTarget(req *admissionv1.AdmissionRequest) (Target, error) {
	if req == nil {
		return Target{}, fmt.Errorf("mutate: request: %w", errNoRequest)
	}
	if requestAction(req) == leaveAlone {
		return Target{}, nil
	}
	// Whose pod it is does not depend on a Config.
	m := Mutator{engine: engine{scanners: newScanners()}}
	reading, err := m.Read(req)
	if err != nil {
		return Target{}, err
	}
	return reading.Target(), nil
}

// action is what a request asks for.
type action uint8

const (
	leaveAlone action = iota
	createPod
	addEphemeral
)

// requestAction tells the requests apart. The API server gives the resource; whoever writes
// requests by hand may give the kind alone.
func requestAction(req *admissionv1.AdmissionRequest) action {
	switch {
	case !isPod(req):
		return leaveAlone
	case req.Operation == admissionv1.Create && req.SubResource == "":
		return createPod
	case req.Operation == admissionv1.Update && req.SubResource == "ephemeralcontainers":
		return addEphemeral
	}
	return leaveAlone
}

// isPod wants at least one of resource and kind, and what is given must be a core/v1 pod's.
func isPod(req *admissionv1.AdmissionRequest) bool {
	r, k := req.Resource, req.Kind
	isCore := func(group, version string) bool { return group == "" && (version == "v1" || version == "") }
	if r.Resource != "" && (r.Resource != "pods" || !isCore(r.Group, r.Version)) {
		return false
	}
	if k.Kind != "" && (k.Kind != "Pod" || !isCore(k.Group, k.Version)) {
		return false
	}
	return r.Resource != "" || k.Kind != ""
}
