package google

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/printable"
	"github.com/irsa-go/irsa/internal/profile"
	"github.com/irsa-go/irsa/mutate"
)

// The annotations.
const (
	AnnotationProvider        = "cloud.google.com/workload-identity-provider"
	AnnotationEmail           = "cloud.google.com/service-account-email"
	AnnotationAudience        = "cloud.google.com/audience"
	AnnotationTokenExpiration = "cloud.google.com/token-expiration"
	AnnotationSkipContainers  = "cloud.google.com/skip-containers"
	AnnotationInjectionMode   = "cloud.google.com/injection-mode"

	// AnnotationCredentials is the one that the patch adds to the pod.
	AnnotationCredentials = "cloud.google.com/external-credentials-json"

	annotationRunAsUser = "cloud.google.com/gcloud-run-as-user"
)

// Identity is the identity that a pod gets in Google Cloud. The zero value is none: the pod is
// left alone. [Mutator.Identity] makes one from a ServiceAccount; it may also be written by hand.
// Identities are comparable.
type Identity struct {
	// Provider is the full name of the workload identity pool provider,
	// projects/NUMBER/locations/LOCATION/workloadIdentityPools/POOL/providers/PROVIDER. Required.
	Provider string
	// ServiceAccountEmail is the Google service account to impersonate. "": none, the pod's own
	// principal is given access to resources.
	ServiceAccountEmail string
	// Audience is the token's. "": Config.Audience.
	Audience string
	// TokenExpiration is the token's lifetime in whole seconds, raised to 1 h, up to 1<<32
	// seconds. The pod's annotation wins. 0: 24 h.
	TokenExpiration time.Duration
}

// IsZero says whether id is the zero value, which names no identity.
func (id Identity) IsZero() bool { return id == Identity{} }

const defaultExpiration = 86400 // seconds

var expiration = profile.Expiration{Key: AnnotationTokenExpiration, Min: 3600, Max: int64(mutate.MaxTokenExpiration / time.Second), RaiseToMin: true}

func (id Identity) check() error {
	var errs []error
	fail := func(field string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", field, err))
		}
	}
	fail("Provider", checkProvider(id.Provider))
	fail("ServiceAccountEmail", checkEmail(id.ServiceAccountEmail))
	fail("Audience", checkAudience(id.Audience))
	if d := id.TokenExpiration; d < 0 || d%time.Second != 0 || d > mutate.MaxTokenExpiration {
		fail("TokenExpiration", fmt.Errorf("%v is not a whole number of seconds up to %d", d, expiration.Max))
	}
	return errors.Join(errs...)
}

// Identity reads the identity that sa gives to its pods from its annotations. It is zero when sa
// names neither a provider nor an e-mail address. Settings that nobody gave stay zero in it.
//
// An error names the account, the annotation, its value and what is allowed; it joins everything
// wrong with the account. Pods of such an account should be refused.
func (m *Mutator) Identity(sa *corev1.ServiceAccount) (Identity, error) {
	switch {
	case m == nil || m.engine == nil:
		return Identity{}, fmt.Errorf("google: service account: %w", errNoMutator)
	case sa == nil:
		return Identity{}, errors.New("google: service account: it is nil")
	}
	a := accountReader{annotations: sa.Annotations}
	id := a.read()
	if len(a.errs) > 0 {
		return Identity{}, fmt.Errorf("google: service account %q: %w", sa.Namespace+"/"+sa.Name, errors.Join(a.errs...))
	}
	return id, nil
}

// accountReader collects what is wrong with one account.
type accountReader struct {
	annotations map[string]string
	errs        []error
}

func (a *accountReader) read() (id Identity) {
	id.Provider, id.ServiceAccountEmail = a.annotations[AnnotationProvider], a.annotations[AnnotationEmail]
	if id.IsZero() {
		return id // without either the other annotations are about nothing
	}
	id.Audience = a.annotations[AnnotationAudience]
	a.check(AnnotationProvider, checkProvider(id.Provider))
	a.check(AnnotationEmail, checkEmail(id.ServiceAccountEmail))
	a.check(AnnotationAudience, checkAudience(id.Audience))
	a.matches(AnnotationInjectionMode, modeRegexp, wantMode)
	a.matches(annotationRunAsUser, userRegexp, wantUser)
	if value, ok := a.annotations[AnnotationTokenExpiration]; ok {
		seconds, err := expiration.Parse(value)
		if err != nil {
			a.check(AnnotationTokenExpiration, fmt.Errorf("want %w", err))
		}
		id.TokenExpiration = time.Duration(max(seconds, expiration.Min)) * time.Second
	}
	return id
}

// matches is for annotations that make no difference: they are checked, as pfnet's webhook does.
func (a *accountReader) matches(key string, pattern *regexp.Regexp, want string) {
	if value, ok := a.annotations[key]; ok && !pattern.MatchString(value) {
		a.check(key, errors.New("want "+want))
	}
}

func (a *accountReader) check(key string, err error) {
	if err != nil {
		a.errs = append(a.errs, fmt.Errorf("%w: annotation %s is %s, %w", mutate.ErrBadAnnotation, key, printable.Quoted(a.annotations[key]), err))
	}
}
