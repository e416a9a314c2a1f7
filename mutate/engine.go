package mutate

import (
	"cmp"
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/profile"
)

// Engine mutates and diagnoses pods for other clouds than AWS, by rules that are data. Packages
// mutate/azure and mutate/google are made of it; programs use those. Make one with [NewEngine]. It
// is immutable and safe for concurrent use.
//
// It is what a [Mutator] is made of, too: each addition is one operation, no field of a pod is
// lost, and what is in the way of one makes its containers conflicts with a warning.
type Engine struct{ e engine }

// NewEngine makes an Engine for a profile.
func NewEngine(p profile.Profile) *Engine { return &Engine{newEngine(p)} }

// Pod is [Mutator.Pod] for a profile; a nil grant is none.
func (e *Engine) Pod(pod *corev1.Pod, g *profile.Grant) (Result, error) {
	doc, err := marshalPod(pod)
	if err != nil {
		return Result{}, fmt.Errorf("%s: pod: it %w", e.e.Cloud, err)
	}
	return e.RawPod(doc, g)
}

// RawPod is [Mutator.RawPod] for a profile; a nil grant is none. Its errors are those of a
// [Mutator]: a [*SyntaxError], [ErrTooLarge] or [ErrBadAnnotation].
func (e *Engine) RawPod(pod []byte, g *profile.Grant) (Result, error) {
	if g == nil {
		return Result{}, nil
	}
	r, err := e.mutate(pod, nil, createPod, g)
	if err != nil {
		return Result{}, fmt.Errorf("%s: pod: %w", e.e.Cloud, err)
	}
	return r, nil
}

// Review is [Mutator.Review] for a profile; a nil grant gives nothing. err says why the grant
// could not be had: pods that the profile chooses are refused for it. A nil Engine refuses every pod.
func (e *Engine) Review(req *admissionv1.AdmissionRequest, g *profile.Grant, err error) Reviewed {
	refuse := func(err error) Reviewed { return Reviewed{Response: DenyError(req, err), Err: err} }
	switch {
	case e == nil:
		return refuse(cmp.Or(err, errNoMutator))
	case req == nil:
		return refuse(fmt.Errorf("%s: request: %w", e.e.Cloud, errNoRequest))
	case err != nil && e.concerns(req):
		return refuse(err)
	}
	action := requestAction(req)
	if action == leaveAlone || g == nil {
		return Reviewed{Response: allow(req)}
	}
	result, err := e.mutate(req.Object.Raw, req.OldObject.Raw, action, g)
	if err != nil {
		return refuse(fmt.Errorf("%s: pod: %w", e.e.Cloud, err))
	}
	return Reviewed{Response: reviewed(req, result, reviewWarnings(result.Warnings)), Result: result}
}

// concerns says whether a request is about a pod that the profile chooses, or that cannot be read.
func (e *Engine) concerns(req *admissionv1.AdmissionRequest) bool {
	if requestAction(req) == leaveAlone {
		return false
	}
	s := e.e.scanner()
	defer e.e.release(s)
	err := s.scan(req.Object.Raw)
	return err != nil || e.chooses(&s.view)
}

// Diagnose is [Mutator.Diagnose] for a profile; a nil grant is none, and a pod that the profile does
// not choose has none.
func (e *Engine) Diagnose(pod *corev1.Pod, g *profile.Grant) (Diagnosis, error) {
	d, err := e.e.diagnosePod(pod, func(v *view) *grant {
		if g == nil || !e.chooses(v) {
			return nil
		}
		return e.grant(v, *g)
	})
	if err != nil {
		return Diagnosis{}, fmt.Errorf("%s: diagnose: %w", e.e.Cloud, err)
	}
	return d, nil
}

// chooses says whether the profile applies to a pod.
func (e *Engine) chooses(v *view) bool {
	leave := e.e.Leave != "" && (v.left || v.settings[e.e.setting([]byte(e.e.Leave))].value == "true")
	return !v.mirror && !leave && (e.e.Label == "" || v.chosen)
}

// mutate reads a pod and plans for it; old is the pod that ephemeral containers are added to.
func (e *Engine) mutate(doc, old []byte, a action, g *profile.Grant) (Result, error) {
	s := e.e.scanner()
	defer e.e.release(s)
	s.view.begin(a)
	if err := s.scan(doc); err != nil || !e.chooses(&s.view) {
		return Result{}, err
	}
	if a == addEphemeral {
		if err := e.e.forgetOld(&s.view, old); err != nil {
			return Result{}, fmt.Errorf("its old version: %w", err)
		}
		if len(s.view.containers) == 0 {
			return Result{judged: true}, nil
		}
	}
	return e.e.plan(&s.view, e.grant(&s.view, *g), 0)
}

// grant encodes g, or what a pod gets of it that picks the second method.
func (e *Engine) grant(v *view, g profile.Grant) *grant {
	if e.e.Choose != "" && strings.EqualFold(v.settings[otherSettings].value, "true") {
		g.Method = 1
	}
	return e.e.newGrant(g)
}
