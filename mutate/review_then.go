package mutate

import (
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
)

// Then is r and, after it, what next says about the pod as r's patch leaves it: one answer with
// both patches and the warnings of both. Where either refuses, its refusal is the answer. Identity,
// and of the Result all but patch and warnings, stay those of r.
func (r Reviewed) Then(req *admissionv1.AdmissionRequest, next func(*admissionv1.AdmissionRequest) Reviewed) Reviewed {
	if !r.Response.Allowed {
		return r
	}
	after := *req
	if r.Result.Changed() {
		patched, err := r.Result.Apply(req.Object.Raw)
		if err != nil {
			return Reviewed{Response: DenyError(req, err), Err: err}
		}
		after.Object.Raw = patched
	}
	other := next(&after)
	if !other.Response.Allowed {
		return other
	}
	r.Result.Warnings = slices.Concat(r.Result.Warnings, other.Result.Warnings)
	r.Result.patch = joinPatches(r.Result.patch, other.Result.patch)
	r.Response = reviewed(req, r.Result, limitWarnings(slices.Concat(r.Response.Warnings, other.Response.Warnings)))
	return r
}

// joinPatches is the patch that does a and then b.
func joinPatches(a, b []byte) []byte {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	return slices.Concat(a[:len(a)-1], []byte(","), b[1:])
}
