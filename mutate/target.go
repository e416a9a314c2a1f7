package mutate

import (
	"errors"
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/irsa-go/irsa/internal/jsonscan"
)

// Target names a service account.
type Target struct{ Namespace, ServiceAccount string }

// IsZero says that t names nobody.
func (t Target) IsZero() bool { return t == Target{} }

// String returns "namespace/name", and "" for the zero value.
func (t Target) String() string {
	if t.IsZero() {
		return ""
	}
	return t.Namespace + "/" + t.ServiceAccount
}

// RequestTarget returns the service account whose [Identity] the pod in a request needs:
// that of a pod that is created, or that gets ephemeral containers. It is zero for every
// other request, and for mirror pods, which have no service account. The namespace is the
// request's; a pod that names no account has the account "default"
// (https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/).
//
// It fails with a [*SyntaxError] for a malformed pod.
func RequestTarget(req *admissionv1.AdmissionRequest) (Target, error) {
	if req == nil {
		return Target{}, errors.New("mutate: request: it is nil")
	}
	if requestAction(req) == leaveAlone {
		return Target{}, nil
	}
	if req.Namespace == "" {
		return Target{}, errors.New("mutate: request: it has no namespace")
	}
	s := jsonscan.New()
	var t targetReader
	if err := readPod(s, req.Object.Raw, func() { t.pod(s) }); err != nil {
		return Target{}, fmt.Errorf("mutate: request: pod: %w", err)
	}
	if t.mirror {
		return Target{}, nil
	}
	account := orElse(t.name, orElse(t.deprecated, "default"))
	return Target{Namespace: req.Namespace, ServiceAccount: account}, nil
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
	r, k := req.Resource, req.Kind
	isPod := r.Resource == "pods" && r.Group == "" && (r.Version == "v1" || r.Version == "")
	if r.Resource == "" {
		isPod = k.Kind == "Pod"
	}
	if k.Kind != "" {
		isPod = isPod && k.Kind == "Pod" && k.Group == "" && (k.Version == "v1" || k.Version == "")
	}
	switch {
	case isPod && req.Operation == admissionv1.Create && req.SubResource == "":
		return createPod
	case isPod && req.Operation == admissionv1.Update && req.SubResource == "ephemeralcontainers":
		return addEphemeral
	}
	return leaveAlone
}

// targetReader reads no more of a pod than whose it is.
type targetReader struct {
	name, deprecated string
	mirror           bool
}

func (t *targetReader) pod(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.More() {
		switch string(s.Name()) {
		case "metadata":
			s.Only("annotations", func() {
				s.Only(mirrorPodKey, func() {
					t.mirror = true
					s.Skip()
				})
			})
		case "spec":
			t.spec(s)
		default:
			s.Skip()
		}
	}
}

func (t *targetReader) spec(s *jsonscan.Scanner) {
	if !s.Enter('{') {
		return
	}
	for s.More() {
		switch string(s.Name()) {
		case "serviceAccountName":
			t.name = string(s.Text())
		case "serviceAccount": // the same field under its first name
			t.deprecated = string(s.Text())
		default:
			s.Skip()
		}
	}
}
