package mutate

import (
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
)

// Review answers an admission request with the mutation that gives id to its pod. It handles
// pods that are created and, as UPDATE of pods/ephemeralcontainers, ephemeral containers
// that are added; every other request is allowed as it is, and so is one with a zero id. It
// has no side effects, so a dry run is answered like any other.
//
// A malformed pod is refused with status 400, one that is too large with 413, a bad annotation
// of the pod under [RefuseAllBad] with 422, and an id that cannot be injected with 403. No message quotes the
// pod beyond the names and annotations that this package knows. Warnings keep within what
// the API server passes on.
func (m *Mutator) Review(req *admissionv1.AdmissionRequest, id Identity) *admissionv1.AdmissionResponse {
	if req != nil && id.IsZero() {
		return allow(req)
	}
	reading, err := m.Read(req)
	if err != nil {
		return DenyError(req, err)
	}
	return reading.review(id, nil).Response
}

// Reviewed is an answer and how it came about.
type Reviewed struct {
	Response *admissionv1.AdmissionResponse // never nil
	Identity Identity                       // zero: none, or it could not be read
	Result   Result
	Err      error // why the request was refused
}

// Reading is a request whose pod has been read, once for both questions about it: whose it
// is, and what becomes of it. It may be used concurrently. Its request must not change.
type Reading struct {
	m          *Mutator
	apiVersion string // of the review
	req        *admissionv1.AdmissionRequest
	action     action
	target     Target
	byRule     bool // the target's role follows from the rule
	view       view
	err        error // why the pod cannot be mutated, though it is known whose it is
}

// Read reads a request's pod. It fails where nobody can tell whose pod it is, as [RequestTarget]
// does; [DenyError] makes answers of its errors. A pod that is too large or otherwise malformed
// is refused by [Reading.Review], if its account has an identity.
func (m *Mutator) Read(req *admissionv1.AdmissionRequest) (*Reading, error) {
	switch {
	case m == nil || m.scanners == nil:
		return nil, fmt.Errorf("mutate: request: %w", errNoMutator)
	case req == nil:
		return nil, fmt.Errorf("mutate: request: %w", errNoRequest)
	}
	r := &Reading{m: m, req: req, action: requestAction(req)}
	if r.action == leaveAlone {
		return r, nil
	}
	s := m.scanner()
	defer m.release(s)
	if err := r.scan(s); err != nil {
		return nil, err
	}
	return r, nil
}

// scan reads the pod of the request. It fails when the pod's account cannot be read either.
func (r *Reading) scan(s *scanner) error {
	s.view.begin(r.action)
	if err := s.scan(r.req.Object.Raw); err != nil {
		r.err = fmt.Errorf("mutate: request: pod: %w", err)
		if doc := shallow(r.req.Object.Raw); s.Read(doc, len(doc), s.accountAlone) != nil {
			return r.err
		}
	}
	r.take(s)
	return nil
}

// begin sets what is to be read for an action.
func (v *view) begin(a action) {
	v.wantAccount = true
	if a == addEphemeral {
		v.lists, v.debug = ephemeral, true
	}
}

// take keeps what s has read.
func (r *Reading) take(s *scanner) {
	r.view, s.view.containers = s.view, nil
	if r.err == nil && r.action == addEphemeral {
		if err := r.m.forgetOld(&r.view, r.req.OldObject.Raw); err != nil {
			r.err = fmt.Errorf("mutate: request: old pod: %w", err)
		}
	}
	if !r.view.mirror {
		r.target = Target{Namespace: r.req.Namespace, ServiceAccount: r.view.accountName()}
		r.byRule = r.m.followsRule(r.target, &r.view)
	}
}

// forgetOld leaves the ephemeral containers of v that are being added: those that the old pod does
// not have. The others may not be changed.
func (e *engine) forgetOld(v *view, old []byte) error {
	s := e.scanner()
	defer e.release(s)
	s.view.lists = ephemeral
	if err := s.scan(old); err != nil {
		return err
	}
	known := make(map[string]bool, len(s.view.containers))
	for i := range s.view.containers {
		known[s.view.containers[i].name] = true
	}
	v.containers = slices.DeleteFunc(v.containers, func(c containerView) bool { return known[c.name] })
	return nil
}

// Target is what [RequestTarget] returns.
func (r *Reading) Target() Target { return r.target }

// Request returns the request. After [Mutator.ReadReview] it has the members that a decision
// about a pod needs; the user and the options are left out.
func (r *Reading) Request() *admissionv1.AdmissionRequest { return r.req }

// APIVersion returns the version of the review that [Mutator.ReadReview] has read; the answer
// must have the same. It is "" after [Mutator.Read].
func (r *Reading) APIVersion() string { return r.apiVersion }

// NeedsAccount says whether [Reading.Review] looks at the ServiceAccount that Target names. It does
// not for a request without a target, nor for a pod whose role follows from Config.RoleRule.
func (r *Reading) NeedsAccount() bool { return !r.target.IsZero() && !r.byRule }

// Review is [Mutator.Identity] and [Mutator.Review] in one, for the ServiceAccount that
// Target names. An account whose annotations cannot be honoured refuses the pod: allowed, it
// would run with the node's role. What was defaulted instead under [WarnAllBad] becomes a
// warning. Where NeedsAccount is false, sa is not looked at.
func (r *Reading) Review(sa *corev1.ServiceAccount) Reviewed {
	if r.target.IsZero() {
		if r.err != nil { // nobody can tell whose pod it is
			return Reviewed{Response: DenyError(r.req, r.err), Err: r.err}
		}
		return Reviewed{Response: allow(r.req)}
	}
	var id Identity
	var warnings []Warning
	var err error
	if r.byRule {
		id, err = r.m.IdentityByRule(r.target)
	} else {
		id, warnings, err = r.m.account(sa)
	}
	if err != nil {
		return Reviewed{Response: DenyError(r.req, err), Err: err}
	}
	return r.review(id, warnings)
}

// review is the answer for an identity, with warnings of the account's.
func (r *Reading) review(id Identity, account []Warning) Reviewed {
	if id.IsZero() || r.action == leaveAlone {
		return Reviewed{Response: allow(r.req), Result: r.unchanged()}
	}
	if r.err != nil {
		return Reviewed{Response: DenyError(r.req, r.err), Identity: id, Err: r.err}
	}
	seeded := id
	if id.Seed == "" {
		seeded.Seed = string(r.req.UID)
	}
	result, err := r.m.planFor(&r.view, seeded)
	if err != nil {
		err = fmt.Errorf("mutate: pod: %w", err)
		return Reviewed{Response: DenyError(r.req, err), Err: err}
	}
	warnings := append(account[:len(account):len(account)], result.Warnings...)
	return Reviewed{Response: reviewed(r.req, result, reviewWarnings(warnings)), Identity: id, Result: result}
}

// reviewed allows a request with the patch of a result.
func reviewed(req *admissionv1.AdmissionRequest, result Result, warnings []string) *admissionv1.AdmissionResponse {
	resp := allow(req)
	if result.Changed() {
		patchType := admissionv1.PatchTypeJSONPatch
		resp.Patch, resp.PatchType = result.PatchJSON(), &patchType
	}
	resp.Warnings = warnings
	return resp
}

// unchanged is the Result for a pod whose account has no identity: its containers may have
// one of their own.
func (r *Reading) unchanged() (result Result) {
	if r.target.IsZero() || r.err != nil {
		return result
	}
	result.judged = true
	for _, f := range r.m.diagnose(&r.view, nil).Containers {
		if !f.works && !f.has(CauseSkipped) {
			result.incomplete = append(result.incomplete, f)
		}
	}
	return result
}

func allow(req *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	return &admissionv1.AdmissionResponse{UID: req.UID, Allowed: true}
}
