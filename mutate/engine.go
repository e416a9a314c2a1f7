package mutate

import (
	"fmt"
	"sync"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/jsonscan"
	"github.com/irsa-go/irsa/internal/profile"
)

// Engine mutates pods for other clouds than AWS, by rules that are data. Packages mutate/azure
// and mutate/google are made of it; programs use those. The zero value is ready. It is safe for
// concurrent use and must not be copied.
//
// It reads and adds as a [Mutator] does: each addition is one operation, no field of a pod is
// lost, and what is in the way of one makes its containers conflicts with a warning.
type Engine struct{ scanners sync.Pool } // of *jsonscan.Scanner

func (e *Engine) scanner() *jsonscan.Scanner {
	if s, ok := e.scanners.Get().(*jsonscan.Scanner); ok {
		return s
	}
	return jsonscan.New()
}

func (e *Engine) release(s *jsonscan.Scanner) {
	s.Forget()
	e.scanners.Put(s)
}

// Pod is [Mutator.Pod] for a profile.
func (e *Engine) Pod(pod *corev1.Pod, p profile.Profile) (Result, error) {
	doc, err := marshalPod(pod)
	if err != nil {
		return Result{}, fmt.Errorf("%s: pod: it %w", p.Cloud, err)
	}
	return e.RawPod(doc, p)
}

// RawPod is [Mutator.RawPod] for a profile. Its errors are those of a [Mutator]: a [*SyntaxError],
// [ErrTooLarge] or [ErrBadAnnotation].
func (e *Engine) RawPod(pod []byte, p profile.Profile) (Result, error) {
	r, err := e.mutate(pod, nil, createPod, p)
	if err != nil {
		return Result{}, fmt.Errorf("%s: pod: %w", p.Cloud, err)
	}
	return r, nil
}

// Review is [Mutator.Review] for a profile.
func (e *Engine) Review(req *admissionv1.AdmissionRequest, p profile.Profile) Reviewed {
	refuse := func(err error) Reviewed { return Reviewed{Response: DenyError(req, err), Err: err} }
	if req == nil {
		return refuse(fmt.Errorf("%s: request: %w", p.Cloud, errNoRequest))
	}
	action := requestAction(req)
	if action == leaveAlone {
		return Reviewed{Response: allow(req)}
	}
	result, err := e.mutate(req.Object.Raw, req.OldObject.Raw, action, p)
	if err != nil {
		return refuse(fmt.Errorf("%s: pod: %w", p.Cloud, err))
	}
	return Reviewed{Response: reviewed(req, result, reviewWarnings(result.Warnings)), Result: result}
}

// Concerns says whether a request is about a pod that p chooses, or that cannot be read.
func (e *Engine) Concerns(req *admissionv1.AdmissionRequest, p profile.Profile) bool {
	if req == nil || requestAction(req) == leaveAlone {
		return req == nil
	}
	s := e.scanner()
	defer e.release(s)
	pod, err := readFacts(s, &p, ofNewPod, req.Object.Raw)
	return err != nil || pod.isChosen(&p)
}

// isChosen says whether the profile applies to the pod.
func (pod *podFacts) isChosen(p *profile.Profile) bool {
	return !pod.mirror && (p.Label == "" || pod.chosen)
}

// mutate reads a pod and plans for it; old is the pod that ephemeral containers are added to.
func (e *Engine) mutate(doc, old []byte, a action, p profile.Profile) (Result, error) {
	s := e.scanner()
	defer e.release(s)
	kinds := ofNewPod
	if a == addEphemeral {
		kinds = ephemeral
	}
	pod, err := readFacts(s, &p, kinds, doc)
	if err != nil {
		return Result{}, err
	}
	if !pod.isChosen(&p) {
		return Result{}, nil
	}
	if a == addEphemeral {
		before, err := readFacts(s, &p, kinds, old)
		if err != nil {
			return Result{}, fmt.Errorf("its old version: %w", err)
		}
		pod.forget(before.containers)
	}
	return planProfile(&p, &pod, a == addEphemeral)
}
