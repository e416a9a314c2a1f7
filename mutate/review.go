package mutate

import (
	"errors"
	"net/http"
	"strconv"
	"unicode/utf8"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Review answers an admission request with the mutation that gives id to its pod. It handles
// pods that are created and, as UPDATE of pods/ephemeralcontainers, ephemeral containers
// that are added; every other request is allowed as it is, and so is one with a zero id. It
// has no side effects, so a dry run is answered like any other.
//
// A malformed pod is refused with status 400, a bad annotation of the pod under
// [RefuseAllBad] with 422, and an id that cannot be injected with 403. No message quotes the
// pod beyond the names and annotations that this package knows. Warnings keep within what
// the API server passes on.
func (m *Mutator) Review(req *admissionv1.AdmissionRequest, id Identity) *admissionv1.AdmissionResponse {
	return m.review(req, id, nil).Response
}

// Reviewed is an answer and how it came about.
type Reviewed struct {
	Response *admissionv1.AdmissionResponse // never nil
	Identity Identity                       // zero: none, or it could not be read
	Result   Result
	Err      error // why the request was refused
}

// ReviewAccount is [Mutator.Identity] and [Mutator.Review] in one, for the ServiceAccount
// that [RequestTarget] names. An account whose annotations cannot be honoured refuses the
// pod: allowed, it would run with the node's role. What was defaulted instead under
// [WarnAllBad] becomes a warning.
func (m *Mutator) ReviewAccount(req *admissionv1.AdmissionRequest, sa *corev1.ServiceAccount) Reviewed {
	if req != nil && requestAction(req) == leaveAlone {
		return m.review(req, Identity{}, nil)
	}
	id, warnings, err := m.account(sa)
	if err != nil {
		return refused(req, err)
	}
	return m.review(req, id, warnings)
}

func refused(req *admissionv1.AdmissionRequest, err error) Reviewed {
	return Reviewed{Response: DenyError(req, err), Err: err}
}

// review is Review, with warnings of the account's.
func (m *Mutator) review(req *admissionv1.AdmissionRequest, id Identity, account []Warning) Reviewed {
	if req == nil {
		err := errors.New("mutate: the review has no request")
		return Reviewed{Response: Deny(nil, http.StatusBadRequest, err.Error()), Err: err}
	}
	resp := &admissionv1.AdmissionResponse{UID: req.UID, Allowed: true}
	if id.IsZero() {
		return Reviewed{Response: resp}
	}
	if id.Seed == "" {
		id.Seed = string(req.UID)
	}
	var r Result
	var err error
	switch requestAction(req) {
	case createPod:
		r, err = m.RawPod(req.Object.Raw, id)
	case addEphemeral:
		r, err = m.RawEphemeralContainers(req.Object.Raw, req.OldObject.Raw, id)
	}
	if err != nil {
		return refused(req, err)
	}
	if r.Changed() {
		patchType := admissionv1.PatchTypeJSONPatch
		resp.Patch, resp.PatchType = r.PatchJSON(), &patchType
	}
	resp.Warnings = ReviewWarnings(append(account[:len(account):len(account)], r.Warnings...))
	return Reviewed{Response: resp, Identity: id, Result: r}
}

// Deny refuses a request with an HTTP status and a message for the user.
func Deny(req *admissionv1.AdmissionRequest, code int32, message string) *admissionv1.AdmissionResponse {
	resp := &admissionv1.AdmissionResponse{Result: &metav1.Status{
		Status: metav1.StatusFailure, Code: code, Reason: statusReason(code), Message: message,
	}}
	if req != nil {
		resp.UID = req.UID
	}
	return resp
}

// DenyError refuses a request for an error of this package: 400 for a malformed pod, 422 for
// a bad annotation, 403 for anything else.
func DenyError(req *admissionv1.AdmissionRequest, err error) *admissionv1.AdmissionResponse {
	var syntax *SyntaxError
	switch {
	case err == nil:
		return Deny(req, http.StatusInternalServerError, "refused without a reason")
	case errors.As(err, &syntax): // without the pointer, which holds names of the pod's
		return Deny(req, http.StatusBadRequest, "the pod is malformed: line "+strconv.Itoa(syntax.Line)+
			", column "+strconv.Itoa(syntax.Column)+": "+syntax.Reason)
	case errors.Is(err, ErrBadAnnotation):
		return Deny(req, http.StatusUnprocessableEntity, err.Error())
	}
	return Deny(req, http.StatusForbidden, err.Error())
}

func statusReason(code int32) metav1.StatusReason {
	switch code {
	case http.StatusBadRequest:
		return metav1.StatusReasonBadRequest
	case http.StatusForbidden:
		return metav1.StatusReasonForbidden
	case http.StatusUnprocessableEntity:
		return metav1.StatusReasonInvalid
	case http.StatusServiceUnavailable:
		return metav1.StatusReasonServiceUnavailable
	case http.StatusInternalServerError:
		return metav1.StatusReasonInternalError
	}
	return metav1.StatusReasonUnknown
}

// What the API server passes on of warnings: beyond a total it cuts each of them
// (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response).
const (
	maxWarningRunes  = 256
	maxWarningsRunes = 4096
)

// ReviewWarnings puts warnings into the form and the limits of an AdmissionResponse: 256
// characters each and 4096 together. What is left out is counted in the last. nil for none.
func ReviewWarnings(warnings []Warning) []string {
	if len(warnings) == 0 {
		return nil
	}
	const reserve = 64 // for the count of the rest
	texts := make([]string, 0, min(len(warnings), maxWarningsRunes/maxWarningRunes+1))
	total := 0
	for i, w := range warnings {
		text := cutRunes(w.String(), maxWarningRunes)
		n := utf8.RuneCountInString(text)
		if total+n > maxWarningsRunes-reserve {
			return append(texts, "and "+strconv.Itoa(len(warnings)-i)+" more warnings")
		}
		total += n
		texts = append(texts, text)
	}
	return texts
}

// cutRunes shortens s to most characters.
func cutRunes(s string, most int) string {
	if len(s) <= most || utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
