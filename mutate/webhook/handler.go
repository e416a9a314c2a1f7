package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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

	// Clouds are other clouds, each of which may give the pod an identity beside AWS's, in the same
	// patch. Each may be listed once, and refuses what it would refuse alone. RequireIdentity is
	// about AWS alone. nil: AWS alone.
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

// Cloud is another cloud than AWS, such as an azure.Mutator or a google.Mutator, or what else a program
// adds to pods: see the Example about a label.
type Cloud interface {
	// ReviewAccount answers a request for the account of its pod. Both are only read, and the
	// request's raw objects are gone after the answer. The Patch of the Response is for the pod as it
	// came, and may only add. It must be safe for concurrent use.
	ReviewAccount(req *admissionv1.AdmissionRequest, sa *corev1.ServiceAccount) mutate.Reviewed
}

// Handler answers AdmissionReviews. It is safe for concurrent use.
type Handler struct {
	mutator  *mutate.Mutator
	accounts Accounts
	cfg      Config
	memory   *sync.Pool // of *memory
}

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
