package mutate

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
)

// Beside is r and the review of the same request for another cloud as one answer, with the patches of
// both Responses and the warnings of both. Where either refuses, its refusal is the answer. Identity, and
// of the Result all but patch and warnings, stay those of r.
func (r Reviewed) Beside(req *admissionv1.AdmissionRequest, other Reviewed) Reviewed {
	switch {
	case !r.Response.Allowed:
		return r
	case !other.Response.Allowed:
		return other
	}
	patch, err := joinPatches(bytes.TrimSpace(r.Response.Patch), bytes.TrimSpace(other.Response.Patch))
	if err != nil {
		return Reviewed{Response: DenyError(req, err), Err: err}
	}
	r.Result.patch = patch
	r.Result.Warnings = slices.Concat(r.Result.Warnings, other.Result.Warnings)
	r.Response = reviewed(req, r.Result, limitWarnings(slices.Concat(r.Response.Warnings, other.Response.Warnings)))
	return r
}

// joinPatches is the patch that does a and then b, both made for the same pod. What b adds to has
// been made by a already where both would make it; all else that they add stands apart.
func joinPatches(a, b []byte) ([]byte, error) {
	if len(a) == 0 || len(b) == 0 {
		return append(a[:len(a):len(a)], b...), nil
	}
	var first []patchOperation
	var second []json.RawMessage
	if err := errors.Join(json.Unmarshal(a, &first), json.Unmarshal(b, &second)); err != nil {
		return nil, errors.New("mutate: the patches of two clouds cannot be joined")
	}
	made := map[string]bool{}
	for _, op := range first {
		made[op.Path] = made[op.Path] || op.makes()
	}
	joined := slices.Clone(a[:len(a)-1])
	for _, raw := range second {
		var op patchOperation
		if err := json.Unmarshal(raw, &op); err != nil {
			return nil, errors.New("mutate: the patches of two clouds cannot be joined")
		}
		if !op.makes() || !made[op.Path] {
			joined = append(append(joined, ','), raw...)
		}
	}
	return append(joined, ']'), nil
}

type patchOperation struct {
	Path  string
	Value json.RawMessage
}

// makes says that an operation makes the array or the object that others add to.
func (op patchOperation) makes() bool {
	return string(op.Value) == string(emptyArray) || string(op.Value) == string(emptyObject)
}
