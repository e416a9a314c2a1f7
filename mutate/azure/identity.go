package azure

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/printable"
	"github.com/irsa-go/irsa/internal/profile"
	"github.com/irsa-go/irsa/mutate"
)

// The annotations and the label.
const (
	AnnotationClientID        = "azure.workload.identity/client-id"
	AnnotationTenantID        = "azure.workload.identity/tenant-id"
	AnnotationTokenExpiration = "azure.workload.identity/service-account-token-expiration"
	AnnotationSkipContainers  = "azure.workload.identity/skip-containers"
	AnnotationIdentityBinding = "azure.workload.identity/use-identity-binding"

	LabelUse      = "azure.workload.identity/use"
	LabelUseValue = "true"

	annotationProxy = "azure.workload.identity/inject-proxy-sidecar"
)

// Identity is the identity that a pod gets in Azure. The zero value is none: the pod is left
// alone. [Mutator.Identity] makes one from a ServiceAccount; it may also be written by hand.
// Identities are comparable.
type Identity struct {
	// ClientID is the application's or the managed identity's. "": the program in the pod names
	// it itself.
	ClientID string
	// TenantID is the Entra tenant. "": Config.TenantID.
	TenantID string
	// OmitTenantID leaves AZURE_TENANT_ID out; TenantID must be empty then.
	OmitTenantID bool
	// TokenExpiration is the token's lifetime in whole seconds, 1 h to 24 h. The pod's annotation
	// wins. 0: 1 h.
	TokenExpiration time.Duration
}

// IsZero says whether id is the zero value, which names no identity.
func (id Identity) IsZero() bool { return id == Identity{} }

const (
	minExpiration = 3600 // seconds
	maxExpiration = 86400
)

var expiration = profile.Expiration{Key: AnnotationTokenExpiration, Min: minExpiration, Max: maxExpiration, EmptyIsAbsent: true}

func (id Identity) check() error {
	var errs []error
	if err := checkID(id.ClientID); err != nil {
		errs = append(errs, fmt.Errorf("ClientID: %w", err))
	}
	if err := checkID(id.TenantID); err != nil {
		errs = append(errs, fmt.Errorf("TenantID: %w", err))
	}
	if id.OmitTenantID && id.TenantID != "" {
		errs = append(errs, errors.New("TenantID: it must be empty with OmitTenantID"))
	}
	if d := id.TokenExpiration; d != 0 && (d < minExpiration*time.Second || d > maxExpiration*time.Second || d%time.Second != 0) {
		errs = append(errs, fmt.Errorf("TokenExpiration: %v is not a whole number of seconds from %d to %d", d, minExpiration, maxExpiration))
	}
	return errors.Join(errs...)
}

// Identity reads the identity that sa gives to its pods from its annotations, and where these say
// nothing from [Config]. It is never zero: azure-workload-identity gives a token to a pod whose
// account has no client id, too.
//
// An error names the account, the annotation, its value and what is allowed; it joins everything
// wrong with the account. Pods of such an account should be refused.
func (m *Mutator) Identity(sa *corev1.ServiceAccount) (Identity, error) {
	switch {
	case m == nil || m.engine == nil:
		return Identity{}, fmt.Errorf("azure: service account: %w", errNoMutator)
	case sa == nil:
		return Identity{}, errors.New("azure: service account: it is nil")
	}
	var errs []error
	bad := func(key, value, want string) {
		errs = append(errs, fmt.Errorf("%w: annotation %s is %s, want %s", mutate.ErrBadAnnotation, key, printable.Quoted(value), want))
	}
	read := func(key string) (value string, ok bool) {
		value, ok = sa.Annotations[key]
		if err := checkID(value); err != nil {
			bad(key, value, wantID)
		}
		return value, ok
	}
	id := Identity{TenantID: m.cfg.TenantID}
	id.ClientID, _ = read(AnnotationClientID)
	if tenant, ok := read(AnnotationTenantID); ok {
		id.TenantID, id.OmitTenantID = tenant, tenant == ""
	}
	if value := sa.Annotations[AnnotationTokenExpiration]; value != "" {
		seconds, err := expiration.Parse(value)
		if err != nil {
			bad(AnnotationTokenExpiration, value, err.Error())
		}
		id.TokenExpiration = time.Duration(seconds) * time.Second
	}
	if len(errs) > 0 {
		return Identity{}, fmt.Errorf("azure: service account %q: %w", sa.Namespace+"/"+sa.Name, errors.Join(errs...))
	}
	return id, nil
}
