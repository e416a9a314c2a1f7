package token

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/irsa-go/irsa/internal/issuerurl"
	"github.com/irsa-go/irsa/internal/kubename"
)

// Key is an identity of a [Pool]: everything that decides what its credentials may do. Two keys
// that differ in any field share nothing, also where one spells out what is the other's default.
// It is a comparable plain value.
type Key struct {
	// Issuer is the issuer of the account's cluster, an https URL. When it is set, a token of
	// another issuer is refused. "": the pool serves one cluster, and tokens are not compared.
	Issuer string
	// Namespace and ServiceAccount name the account that is acted for. Required.
	Namespace, ServiceAccount string
	// UID is the account's metadata.uid. Required: an account that was deleted and created again is
	// somebody else, and must not inherit credentials.
	UID string
	// RoleARN is the role to assume. Required.
	RoleARN string
	// Audience is the audience that the source asks for. When it is set, a token without it is
	// refused. "": tokens are not compared.
	Audience string
	// Region and Endpoint are those of the STS client, for the pool's newClient; the pool itself
	// does nothing with them.
	Region, Endpoint string
	// SessionName is as in [Config]. "": from namespace, account and pod.
	SessionName string
	// Policy is a session policy, as in [Config]. "": none.
	Policy string
	// ExternalID is the sts:ExternalId of a pool of [NewTenantPool]. For others it separates
	// identities from which further roles are assumed with different external ids:
	// AssumeRoleWithWebIdentity takes none, so the pool only hands it to newClient.
	ExternalID string
	// TransitiveTags makes the session tags of [NewTenantPool] go on into every role that is
	// assumed from there. Other pools refuse it.
	TransitiveTags bool
	// Duration is as in [Config]. 0: STS's default.
	Duration time.Duration
}

// subject is the sub that the account's tokens must have
// (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens).
func (k Key) subject() string {
	return kubename.Subject(k.Namespace, k.ServiceAccount)
}

// problems are those that only a pool's key can have; the provider checks the rest.
func (k Key) problems() []error {
	var problems []error
	if k.Issuer != "" {
		if _, err := issuerurl.Parse(k.Issuer); err != nil {
			problems = append(problems, fmt.Errorf("issuer %q: %w", k.Issuer, err))
		}
	}
	if err := kubename.CheckNamespace(k.Namespace); err != nil {
		problems = append(problems, err)
	}
	if err := kubename.CheckServiceAccount(k.ServiceAccount); err != nil {
		problems = append(problems, err)
	}
	if strings.TrimSpace(k.UID) == "" {
		problems = append(problems, errors.New("UID: it is empty, want the service account's metadata.uid: "+
			"without it an account that was deleted and created again would inherit credentials"))
	}
	return problems
}

// config is the part of the key that a provider is configured with.
func (k Key) config(r Refresh) Config {
	return Config{SessionName: k.SessionName, Duration: k.Duration, Policy: k.Policy, Refresh: r}
}
