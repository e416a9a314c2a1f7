package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"runtime/debug"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
)

// ServeHTTP answers a POST of an AdmissionReview, admission.k8s.io/v1 or v1beta1, in the same version.
// Anything else gets 405, 413, 415 or 400, a caller whom Config.Verifier does not know 401 or 403,
// and a panic 500.
//
// A review that is larger than two objects of etcd's can be is denied without being read, with
// status 413 in the answer: an HTTP error would let it in under failurePolicy Ignore.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began, told := time.Now(), false
	defer h.recover(w, r, began, &told)
	mem := h.memory.Get().(*memory)
	e, apiVersion := h.serve(r, began, &mem.review)
	if e.Status == http.StatusOK {
		var err error
		if mem.answer, err = appendReview(mem.answer[:0], apiVersion, e.Reviewed.Response); err != nil {
			e.Status, e.Verdict, e.Err = http.StatusInternalServerError, Denied, errors.New("webhook: the answer cannot be encoded")
		}
	}
	e.Duration, told = time.Since(began), true
	h.tell(r, e)
	written := send(w, e, mem.answer)
	if e.Request != nil {
		// Whoever has kept the request finds it without its objects, and not with those of another pod.
		e.Request.Object.Raw, e.Request.OldObject.Raw = nil, nil
	}
	if written {
		h.reuse(mem)
	}
}

// serve makes the answer to the review that it reads into memory.
func (h *Handler) serve(r *http.Request, began time.Time, memory *bytes.Buffer) (e Event, apiVersion string) {
	if r.Method != http.MethodPost {
		return bad(http.StatusMethodNotAllowed, fmt.Errorf("webhook: method %q, want POST", r.Method))
	}
	if status, err := h.checkCaller(r); err != nil {
		return bad(status, err)
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return bad(http.StatusUnsupportedMediaType, errors.New("webhook: want Content-Type application/json"))
	}
	body, err := readBody(r, memory)
	switch {
	case errors.Is(err, errTooLarge):
		return tooLarge(body, err)
	case err != nil:
		return bad(http.StatusBadRequest, err)
	}
	reading, err := h.mutator.ReadReview(body)
	if err != nil {
		return bad(http.StatusBadRequest, fmt.Errorf("webhook: %w", err))
	}
	ctx, end := withDeadline(r, began)
	defer end()
	e = h.review(ctx, reading)
	e.Status, e.Request = http.StatusOK, reading.Request()
	return e, reading.APIVersion()
}

// bad is the answer to what is not a review: an HTTP status.
func bad(status int, err error) (e Event, apiVersion string) {
	return Event{Status: status, Verdict: Denied, Err: err}, ""
}

// tooLarge denies a review by its first bytes, which have the version and the UID for the answer.
func tooLarge(body []byte, err error) (e Event, apiVersion string) {
	head, ok := readHead(body)
	if !ok {
		return bad(http.StatusRequestEntityTooLarge, err)
	}
	req := &admissionv1.AdmissionRequest{UID: head.uid}
	e = refused(req, Event{}, err)
	e.Status, e.Request = http.StatusOK, req
	return e, head.apiVersion
}

func isJSON(contentType string) bool {
	const want = "application/json" // as the API server writes it
	if contentType == want {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == want
}

// send writes the answer: of a review its body, else what is wrong. It says whether nobody reads body
// any more: HTTP/2 may still do so when the stream is reset while it is written, which is an error of Write.
func send(w http.ResponseWriter, e Event, body []byte) bool {
	switch e.Status {
	case http.StatusOK:
		w.Header().Set("Content-Type", "application/json")
		_, err := w.Write(body) // nobody is left to tell when it fails
		return err == nil
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "webhook: the caller is not known", e.Status) // the reason is the operator's
		return true
	}
	http.Error(w, e.Err.Error(), e.Status)
	return true
}

// memory is what a review is read into and its answer written in, one after the other.
type memory struct {
	review bytes.Buffer
	answer []byte
}

// maxPooled is the largest review or answer whose memory is used again.
const maxPooled = 64 << 10

// reuse gives memory back that nobody reads any more.
func (h *Handler) reuse(mem *memory) {
	if mem.review.Cap() <= maxPooled && cap(mem.answer) <= maxPooled {
		mem.review.Reset()
		h.memory.Put(mem)
	}
}

// recover answers for a panic under ServeHTTP, which defers it.
func (h *Handler) recover(w http.ResponseWriter, r *http.Request, began time.Time, told *bool) {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		panic(v)
	default:
		stack := debug.Stack()
		if !*told {
			quietly(func() {
				h.tell(r, Event{Status: http.StatusInternalServerError, Verdict: Denied, Err: errPanicked, Duration: time.Since(began)})
			})
		}
		quietly(func() { h.panicked(v, stack) })
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}

var errPanicked = errors.New("webhook: a panic")

func (h *Handler) tell(r *http.Request, e Event) {
	if h.cfg.OnReview != nil {
		h.cfg.OnReview(r.Context(), e)
	}
}

func (h *Handler) panicked(value any, stack []byte) {
	if h.cfg.OnPanic != nil {
		h.cfg.OnPanic(value, stack)
	}
}

// quietly calls a hook after a panic, which must not make it worse.
func quietly(hook func()) {
	defer func() { _ = recover() }()
	hook()
}
