package webhook

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/irsa-go/irsa/internal/jsonscan"
	"github.com/irsa-go/irsa/internal/objectsize"
	"github.com/irsa-go/irsa/mutate"
)

var errTooLarge = fmt.Errorf("webhook: the review is %w: it exceeds %d bytes", mutate.ErrTooLarge, objectsize.Review)

// headBytes hold the uid of a review, which the API server writes first.
const headBytes = 4 << 10

// readBody reads a request's body. With errTooLarge comes the beginning of it.
func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > objectsize.Review {
		head, _ := io.ReadAll(io.LimitReader(r.Body, headBytes))
		return head, errTooLarge
	}
	var body bytes.Buffer
	// A length is a promise: what is set aside for it before it is kept has a bound.
	body.Grow(int(min(max(r.ContentLength, 0), 1<<20)) + bytes.MinRead)
	_, err := body.ReadFrom(io.LimitReader(r.Body, objectsize.Review+1))
	switch {
	case err != nil || int64(body.Len()) < r.ContentLength:
		return nil, errors.New("webhook: the body ends early")
	case body.Len() > objectsize.Review:
		return body.Bytes()[:headBytes], errTooLarge
	}
	return body.Bytes(), nil
}

// review is an AdmissionReview as it came in. The raw objects are parts of the body.
type review struct {
	apiVersion string
	kind       string
	found      bool
	request    admissionv1.AdmissionRequest
}

// decodeReview reads an AdmissionReview, and with an error what it can of one. Both versions have the same members
// (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request).
func (h *Handler) decodeReview(body []byte) (*review, error) {
	s := h.scanners.Get().(*jsonscan.Scanner)
	defer func() {
		s.Forget()
		h.scanners.Put(s)
	}()
	var r review
	if err := s.Read(body, objectsize.Review, func() { r.read(s) }); err != nil {
		return &r, errors.New("webhook: the review is malformed") // its names may be a pod's
	}
	return &r, r.check()
}

// check reports what cannot be answered.
func (r *review) check() error {
	switch {
	case r.kind != "AdmissionReview":
		return errors.New(`webhook: kind is not "AdmissionReview"`)
	case r.apiVersion != "admission.k8s.io/v1" && r.apiVersion != "admission.k8s.io/v1beta1":
		return errors.New(`webhook: apiVersion is neither "admission.k8s.io/v1" nor "admission.k8s.io/v1beta1"`)
	case !r.found:
		return errors.New("webhook: the review has no request")
	case r.request.UID == "":
		return errors.New("webhook: the request has no uid")
	}
	return nil
}

func (r *review) read(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.More() {
		switch string(s.Name()) {
		case "apiVersion":
			r.apiVersion = string(s.Text())
		case "kind":
			r.kind = string(s.Text())
		case "request":
			r.readRequest(s)
		default:
			s.Skip()
		}
	}
}

func (r *review) readRequest(s *jsonscan.Scanner) {
	if !s.Enter('{') {
		return
	}
	r.found = true
	req := &r.request
	for s.More() {
		switch string(s.Name()) {
		case "uid":
			req.UID = types.UID(s.Text())
		case "kind":
			g := readGroup(s)
			req.Kind = metav1.GroupVersionKind{Group: g.group, Version: g.version, Kind: g.name}
		case "resource":
			g := readGroup(s)
			req.Resource = metav1.GroupVersionResource{Group: g.group, Version: g.version, Resource: g.name}
		case "subResource":
			req.SubResource = string(s.Text())
		case "name":
			req.Name = string(s.Text())
		case "namespace":
			req.Namespace = string(s.Text())
		case "operation":
			req.Operation = admissionv1.Operation(s.Text())
		case "dryRun":
			dryRun := string(s.Raw()) == "true"
			req.DryRun = &dryRun
		case "object":
			req.Object.Raw = s.Raw()
		case "oldObject":
			req.OldObject.Raw = s.Raw()
		default:
			s.Skip()
		}
	}
}

// group is a GroupVersionKind or a GroupVersionResource.
type group struct{ group, version, name string }

func readGroup(s *jsonscan.Scanner) (g group) {
	if !s.Enter('{') {
		return g
	}
	for s.More() {
		switch string(s.Name()) {
		case "group":
			g.group = string(s.Text())
		case "version":
			g.version = string(s.Text())
		case "kind", "resource":
			g.name = string(s.Text())
		default:
			s.Skip()
		}
	}
	return g
}

// encodeReview writes the answer in the version of the question.
func encodeReview(apiVersion string, resp *admissionv1.AdmissionResponse) ([]byte, error) {
	if resp.Result == nil && len(resp.Warnings) == 0 && len(resp.AuditAnnotations) == 0 {
		return encodeAllowed(apiVersion, resp), nil
	}
	return json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: apiVersion, Kind: "AdmissionReview"},
		Response: resp,
	})
}

// encodeAllowed writes the answer that nearly all requests get, without reflection.
func encodeAllowed(apiVersion string, resp *admissionv1.AdmissionResponse) []byte {
	b := make([]byte, 0, 256+base64.StdEncoding.EncodedLen(len(resp.Patch)))
	b = append(b, `{"kind":"AdmissionReview","apiVersion":"`...)
	b = append(b, apiVersion...) // one of two
	b = append(b, `","response":{"uid":`...)
	b, _ = jsontext.AppendQuote(b, string(resp.UID)) // it came from JSON
	b = append(b, `,"allowed":`...)
	b = strconv.AppendBool(b, resp.Allowed)
	if len(resp.Patch) > 0 {
		b = append(b, `,"patch":"`...)
		b = base64.StdEncoding.AppendEncode(b, resp.Patch)
		b = append(b, `","patchType":"JSONPatch"`...)
	}
	return append(b, "}}"...)
}
