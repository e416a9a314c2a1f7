package mutate

import (
	"errors"
	"net/http"
	"strconv"
	"unicode/utf8"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

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

// DenyError refuses a request for an error of this package: 400 for a malformed pod, 413 for
// one that is too large, 422 for a bad annotation, 403 for anything else.
func DenyError(req *admissionv1.AdmissionRequest, err error) *admissionv1.AdmissionResponse {
	var syntax *SyntaxError
	switch {
	case err == nil:
		return Deny(req, http.StatusInternalServerError, "refused without a reason")
	case errors.As(err, &syntax): // without the pointer, which holds names of the pod's
		return Deny(req, http.StatusBadRequest, "the pod is malformed: line "+strconv.Itoa(syntax.Line)+
			", column "+strconv.Itoa(syntax.Column)+": "+syntax.Reason)
	case errors.Is(err, errNoRequest):
		return Deny(req, http.StatusBadRequest, err.Error())
	case errors.Is(err, ErrTooLarge):
		return Deny(req, http.StatusRequestEntityTooLarge, err.Error())
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
	case http.StatusRequestEntityTooLarge:
		return metav1.StatusReasonRequestEntityTooLarge
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

// reviewWarnings puts warnings into the form and the limits of an AdmissionResponse: 256
// characters each and 4096 together. What is left out is counted in the last. nil for none.
func reviewWarnings(warnings []Warning) []string {
	if len(warnings) == 0 {
		return nil
	}
	texts := make([]string, len(warnings))
	for i, w := range warnings {
		texts[i] = w.String()
	}
	return limitWarnings(texts)
}

// limitWarnings is reviewWarnings for texts, which it shortens in place.
func limitWarnings(texts []string) []string {
	const reserve = 64 // for the count of the rest
	total := 0
	for i, text := range texts {
		texts[i] = cutRunes(text, maxWarningRunes)
		if total += utf8.RuneCountInString(texts[i]); total > maxWarningsRunes-reserve {
			return append(texts[:i], "and "+strconv.Itoa(len(texts)-i)+" more warnings")
		}
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
