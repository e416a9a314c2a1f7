package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

// Config is how a [Handler] works. With the zero value, one look-up decides: a pod whose account is
// not found is denied.
type Config struct {
	// Wait is how long to look again for an account that is not there yet, at most 5 s. The
	// API server's own timeout of the call and the client going away cut it short. 0: not at
	// all.
	Wait time.Duration

	// InsecureFailOpen allows pods whose account cannot be looked up, without an identity
	// and with a warning: they may run with the node's role. It never lets through an
	// account that was found and cannot be honoured. False: they are denied.
	InsecureFailOpen bool

	// RequireIdentity denies pods with a container, not skipped by annotation, that would have
	// no identity that works, neither the account's nor one of its own: for the [Required]
	// configuration. It overrides InsecureFailOpen.
	RequireIdentity bool

	// Verifier verifies who calls: every request must show a bearer token that it accepts and
	// that is bound to the MutatingWebhookConfiguration named Configuration, for all API groups.
	// Kubernetes issues such tokens from 1.37 on, behind the feature gate
	// APIServerWebhookAuthenticationToken (https://kep.k8s.io/6060). Where the API server does
	// not get them by itself, its AdmissionConfiguration shows one
	// (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#authenticate-apiservers).
	// Without a good one the answer is 401 or 403, and failurePolicy decides about the pod.
	// nil: whoever reaches the handler is answered.
	Verifier Verifier

	// Configuration is the name of the MutatingWebhookConfiguration that makes the API server
	// call this handler. Required with Verifier, and else not looked at.
	Configuration string

	// Clouds are other clouds, each of which may give the pod an identity beside AWS's: the pod
	// gets one patch. Each may be there once, and refuses what it would refuse alone. RequireIdentity is about AWS
	// alone. nil: AWS alone.
	Clouds []Cloud

	// OnReview is called for every request, after its answer was made and before it is sent, also
	// where the answer is 500 for a panic.
	// It must be safe for concurrent use. nil: nothing is called.
	OnReview func(context.Context, Event)

	// OnPanic is called with what a panic under ServeHTTP was given, and the stack. The
	// request is answered with 500, whatever OnPanic does. [http.ErrAbortHandler] is left to
	// the server, for which it is meant. nil: nothing is called.
	OnPanic func(value any, stack []byte)
}

// Handler answers AdmissionReviews. It is safe for concurrent use.
type Handler struct {
	mutator  *mutate.Mutator
	accounts Accounts
	cfg      Config
	memory   *sync.Pool // of *memory
}

// memory is what a review is read into and its answer written in, one after the other.
type memory struct {
	review bytes.Buffer
	answer []byte
}

// maxPooled is the largest review or answer whose memory is used again.
const maxPooled = 64 << 10

var _ http.Handler = (*Handler)(nil)

// New makes a Handler. Both m and accounts are required.
func New(m *mutate.Mutator, accounts Accounts, cfg Config) (*Handler, error) {
	var errs []error
	if _, err := m.Identity(&corev1.ServiceAccount{}); err != nil { // as at every request
		errs = append(errs, errors.New("webhook: the mutator is nil, or mutate.New did not make it"))
	}
	if f, ok := accounts.(AccountsFunc); accounts == nil || ok && f == nil {
		errs = append(errs, errors.New("webhook: accounts is nil"))
	}
	if slices.Contains(cfg.Clouds, nil) {
		errs = append(errs, errors.New("webhook: Clouds: one is nil"))
	}
	if cfg.Verifier != nil && cfg.Configuration == "" {
		errs = append(errs, errors.New("webhook: Configuration is required with Verifier"))
	}
	if cfg.Wait < 0 || cfg.Wait > 5*time.Second {
		errs = append(errs, fmt.Errorf("webhook: Wait is %v, want 0 to 5s", cfg.Wait))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Handler{
		mutator: m, accounts: accounts, cfg: cfg,
		memory: &sync.Pool{New: func() any { return new(memory) }},
	}, nil
}

// ServeHTTP answers a POST of an AdmissionReview, admission.k8s.io/v1 or v1beta1, in the same version.
// Anything else gets 405, 413, 415 or 400, a caller whom Config.Verifier does not know 401 or 403,
// and a panic 500.
//
// A review that is larger than two objects of etcd's can be is denied without being read, with
// status 413 in the answer: an HTTP error would let it in under failurePolicy Ignore.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began, told := time.Now(), false
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			panic(v)
		default:
			stack := debug.Stack()
			if !told {
				quietly(func() {
					h.tell(r, Event{Status: http.StatusInternalServerError, Verdict: Denied, Err: errPanicked, Duration: time.Since(began)})
				})
			}
			quietly(func() { h.panicked(v, stack) })
			http.Error(w, "internal error", http.StatusInternalServerError)
		}
	}()
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

// reuse gives memory back that nobody reads any more.
func (h *Handler) reuse(mem *memory) {
	if mem.review.Cap() <= maxPooled && cap(mem.answer) <= maxPooled {
		mem.review.Reset()
		h.memory.Put(mem)
	}
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

// serve makes the answer to the review that it reads into memory.
func (h *Handler) serve(r *http.Request, began time.Time, memory *bytes.Buffer) (e Event, apiVersion string) {
	bad := func(status int, err error) (Event, string) {
		return Event{Status: status, Verdict: Denied, Err: err}, ""
	}
	if r.Method != http.MethodPost {
		return bad(http.StatusMethodNotAllowed, fmt.Errorf("webhook: method %q, want POST", r.Method))
	}
	if status, err := h.checkCaller(r); err != nil {
		return bad(status, err)
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return bad(http.StatusUnsupportedMediaType, errors.New("webhook: want Content-Type application/json"))
	}
	body, tooLarge := readBody(r, memory)
	if tooLarge != nil && !errors.Is(tooLarge, errTooLarge) {
		return bad(http.StatusBadRequest, tooLarge)
	}
	if tooLarge != nil {
		head, ok := readHead(body)
		if !ok {
			return bad(http.StatusRequestEntityTooLarge, tooLarge)
		}
		req := &admissionv1.AdmissionRequest{UID: head.uid}
		e = refused(req, Event{}, tooLarge)
		e.Status, e.Request = http.StatusOK, req
		return e, head.apiVersion
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

func isJSON(contentType string) bool {
	const want = "application/json" // as the API server writes it
	if contentType == want {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == want
}
