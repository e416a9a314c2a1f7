package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

// review decides about one request.
func (h *Handler) review(ctx context.Context, reading *mutate.Reading) Event {
	req, target := reading.Request(), reading.Target()
	e := Event{Target: target}
	if target.IsZero() {
		e.Reviewed = reading.Review(nil)
		if !e.Reviewed.Response.Allowed {
			return denied(e)
		}
		return e
	}
	if err := checkTarget(target); err != nil {
		e.Verdict, e.Err = Denied, err
		e.Reviewed = mutate.Reviewed{Response: mutate.Deny(req, http.StatusUnprocessableEntity, err.Error()), Err: err}
		return e
	}
	var sa *corev1.ServiceAccount
	if reading.NeedsAccount() || len(h.cfg.Clouds) > 0 {
		var err error
		if sa, err = h.lookup(ctx, target); err != nil {
			return h.lookupFailed(req, e, err)
		}
	}
	e.Reviewed = reading.Review(sa)
	for _, cloud := range h.cfg.Clouds {
		if e.Reviewed.Response.Allowed {
			e.Reviewed = e.Reviewed.Beside(req, cloud.ReviewAccount(req, sa))
		}
	}
	switch {
	case !e.Reviewed.Response.Allowed:
		return denied(e)
	case h.cfg.RequireIdentity:
		e = h.require(req, e)
	}
	if e.Verdict != Denied && e.Reviewed.Result.Changed() {
		e.Verdict = Mutated
	}
	return e
}

// refused is e with a denial for an error of package mutate.
func refused(req *admissionv1.AdmissionRequest, e Event, err error) Event {
	e.Reviewed = mutate.Reviewed{Response: mutate.DenyError(req, err), Err: err}
	return denied(e)
}

func denied(e Event) Event {
	e.Verdict, e.Err = Denied, e.Reviewed.Err
	return e
}

// lookupFailed answers for an account that could not be looked up.
func (h *Handler) lookupFailed(req *admissionv1.AdmissionRequest, e Event, err error) Event {
	e.Err = err
	text := fmt.Sprintf("service account %+q cannot be looked up", e.Target.String())
	if isNotFound(err) {
		text = fmt.Sprintf("service account %+q is not there", e.Target.String())
	}
	if h.cfg.InsecureFailOpen && !h.cfg.RequireIdentity {
		e.Verdict = FailedOpen
		e.Reviewed = mutate.Reviewed{Response: &admissionv1.AdmissionResponse{
			UID: req.UID, Allowed: true, Warnings: []string{text + ": the pod gets no identity from it"},
		}}
		return e
	}
	e.Verdict = Denied
	e.Reviewed = mutate.Reviewed{
		Response: mutate.Deny(req, http.StatusServiceUnavailable, text+"; try again"), Err: err,
	}
	return e
}

// require denies a pod that would get in with a container that has no identity.
func (h *Handler) require(req *admissionv1.AdmissionRequest, e Event) Event {
	if e.Reviewed.Result.Complete() {
		return e
	}
	why := "nobody can tell whether it has one"
	if missing := e.Reviewed.Result.Incomplete(); len(missing) > 0 {
		why = fmt.Sprintf("container %+q has none that works: %s", missing[0].Name, missing[0].Message)
		if causes := missing[0].Causes; len(causes) > 0 {
			why += " (" + string(causes[0]) + ")"
		}
	}
	if e.Reviewed.Identity.IsZero() {
		why += "; service account " + e.Target.String() + " gives none"
	}
	err := errors.New("webhook: the pod requires an AWS identity, and " + why)
	warnings := e.Reviewed.Response.Warnings
	e.Reviewed = mutate.Reviewed{Response: mutate.Deny(req, http.StatusForbidden, err.Error()), Err: err}
	e.Reviewed.Response.Warnings = warnings
	return denied(e)
}
