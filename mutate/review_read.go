package mutate

import (
	"bytes"
	"errors"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/irsa-go/irsa/internal/objectsize"
)

// ReadReview reads an AdmissionReview of admission.k8s.io/v1 or v1beta1, the body of an API
// server's call, and its pod with it in one pass. Both versions have the same members
// (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request).
// The Reading keeps parts of body, which must not change.
//
// It fails for what is not a review with a request. A pod that cannot be read is refused by
// [Reading.Review], if its account has an identity. What is nested deeper than 10,000 levels is not
// read: the request has null in its place. No error quotes the body.
func (m *Mutator) ReadReview(body []byte) (*Reading, error) {
	if m == nil || m.scanners == nil {
		return nil, errors.New("mutate: review: " + errNoMutator.Error())
	}
	s := m.scanner()
	defer m.release(s)
	r := &reviewReader{scanner: s, fused: true}
	r.begin(m)
	err := s.Read(body, objectsize.Review, r.review)
	if err != nil || len(r.req.Object.Raw) > objectsize.JSON {
		// The pod may be what is wrong. Then the review is read alone, and the pod apart.
		*r = reviewReader{scanner: s}
		r.begin(m)
		s.view = view{}
		if s.Read(shallow(body), objectsize.Review, r.review) != nil {
			return nil, errors.New("mutate: review: the body cannot be read as the JSON of an AdmissionReview") // names in it may be a pod's
		}
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r.finish(), nil
}

// reviewReader reads a review, and where it can, the pod on the way.
type reviewReader struct {
	*scanner
	fused bool // read the pod

	apiVersion, kind string
	found            bool
	readFor          action // what the pod was read for
	reading          Reading
	req              admissionv1.AdmissionRequest // of reading
}

func (r *reviewReader) begin(m *Mutator) { r.reading.m, r.reading.req = m, &r.req }

// check reports what cannot be answered.
func (r *reviewReader) check() error {
	switch {
	case r.kind != "AdmissionReview":
		return errors.New(`mutate: review: kind is not "AdmissionReview"`)
	case r.apiVersion != "admission.k8s.io/v1" && r.apiVersion != "admission.k8s.io/v1beta1":
		return errors.New(`mutate: review: apiVersion is neither "admission.k8s.io/v1" nor "admission.k8s.io/v1beta1"`)
	case !r.found:
		return errors.New("mutate: review: it has no request")
	case r.req.UID == "":
		return errors.New("mutate: review: the request has no uid")
	}
	return nil
}

// finish makes the Reading, which is a part of r.
func (r *reviewReader) finish() *Reading {
	reading := &r.reading
	reading.apiVersion, reading.action = r.apiVersion, requestAction(&r.req)
	switch {
	case reading.action == leaveAlone:
	case reading.action == r.readFor:
		r.view.sortContainers()
		reading.take(r.scanner)
	default: // what the request is for came after the pod, or the pod is not one
		r.view = view{}
		_ = reading.scan(r.scanner) // Review says so
	}
	r.scanner = nil
	return reading
}

func (r *reviewReader) review() {
	if !r.Object() {
		return
	}
	for r.More() {
		switch string(r.Name()) {
		case "apiVersion":
			r.apiVersion = r.word()
		case "kind":
			r.kind = r.word()
		case "request":
			r.request()
		default:
			r.Skip()
		}
	}
}

func (r *reviewReader) request() {
	if !r.Enter('{') {
		return
	}
	r.found = true
	req := &r.req
	for r.More() {
		switch string(r.Name()) {
		case "uid":
			req.UID = types.UID(r.Text())
		case "kind":
			if req.Kind = podKind; !r.is(kindOfPods) {
				group, version, name := r.group()
				req.Kind = metav1.GroupVersionKind{Group: group, Version: version, Kind: name}
			}
		case "resource":
			if req.Resource = podResource; !r.is(resourceOfPods) {
				group, version, name := r.group()
				req.Resource = metav1.GroupVersionResource{Group: group, Version: version, Resource: name}
			}
		case "subResource":
			req.SubResource = string(r.Text())
		case "name":
			req.Name = string(r.Text())
		case "namespace":
			req.Namespace = string(r.Text())
		case "operation":
			req.Operation = admissionv1.Operation(r.word())
		case "dryRun":
			dryRun := string(r.Raw()) == "true"
			req.DryRun = &dryRun
		case "object":
			req.Object.Raw = r.object()
		case "oldObject":
			req.OldObject.Raw = r.Raw()
		default:
			r.Skip()
		}
	}
}

// object reads the pod, if what came before it says that it is one that matters.
func (r *reviewReader) object() []byte {
	action := requestAction(&r.req)
	if !r.fused || action == leaveAlone {
		return r.Raw()
	}
	from := r.Offset()
	r.readFor = action
	r.view.begin(action)
	r.pod()
	return r.Since(from)
}

// The kind and the resource of nearly all reviews, as the API server writes them, with the colon
// in front.
const (
	kindOfPods     = `:{"group":"","version":"v1","kind":"Pod"}`
	resourceOfPods = `:{"group":"","version":"v1","resource":"pods"}`
)

var (
	podKind     = metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}
	podResource = metav1.GroupVersionResource{Version: "v1", Resource: "pods"}
)

// is skips a value that is written like this, and says whether it was.
func (r *reviewReader) is(written string) bool {
	if !bytes.HasPrefix(r.Rest(), []byte(written)) {
		return false
	}
	r.Skip()
	return true
}

// group reads a GroupVersionKind or a GroupVersionResource.
func (r *reviewReader) group() (group, version, name string) {
	if !r.Enter('{') {
		return "", "", ""
	}
	for r.More() {
		switch string(r.Name()) {
		case "group":
			group = r.word()
		case "version":
			version = r.word()
		case "kind", "resource":
			name = r.word()
		default:
			r.Skip()
		}
	}
	return group, version, name
}

// word reads a string, without allocating for those that reviews of pods have.
func (r *reviewReader) word() string {
	switch text := r.Text(); string(text) {
	case "":
		return ""
	case "v1":
		return "v1"
	case "Pod":
		return "Pod"
	case "pods":
		return "pods"
	case "CREATE":
		return "CREATE"
	case "AdmissionReview":
		return "AdmissionReview"
	case "admission.k8s.io/v1":
		return "admission.k8s.io/v1"
	default:
		return string(text)
	}
}
