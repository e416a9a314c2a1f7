package token

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
)

// The session tags of a tenant, by the names that EKS Pod Identity gives them
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html).
const (
	tagNamespace      = "kubernetes-namespace"
	tagServiceAccount = "kubernetes-service-account"
)

// tenants lets a pool assume roles for service accounts without their tokens.
type tenants struct {
	controller aws.CredentialsProvider
	newClient  func(Key, aws.CredentialsProvider) (stscreds.AssumeRoleAPIClient, error)
}

// NewTenantPool returns an empty pool for a controller that acts for service accounts with its own
// credentials. A controller that runs by EKS Pod Identity must do so, because the agent does not
// take a token that was requested for another pod. The roles, see [Pool.Tenant], are assumed from
// the controller's, with the tenant's namespace and service account as the session tags
// kubernetes-namespace and kubernetes-service-account, which the roles' trust policies ask for:
// trust.ChainGrant.Subject.
//
// AWS learns from the controller alone who the tenant is. The controller must take namespace and
// account from the object that it acts for, and never from what the tenant writes.
//
// EKS's own session tags have the same names and are transitive, and STS does not let a session
// replace such tags: the controller's association must have disableSessionTags.
//
// controller gives the controller's own credentials; a [Provider] is best. newClient is called as
// [NewPool] calls it, and returns an STS client that signs with the credentials that it is given.
func NewTenantPool(controller aws.CredentialsProvider, newClient func(Key, aws.CredentialsProvider) (stscreds.AssumeRoleAPIClient, error), cfg PoolConfig) (*Pool, error) {
	p, problems := newPool(cfg)
	if isNil(controller) {
		problems = append(problems, errors.New("the controller's provider is nil"))
	}
	if newClient == nil {
		problems = append(problems, errors.New("newClient is nil"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("token: tenant pool: %w", err)
	}
	p.tenants = &tenants{controller: controller, newClient: newClient}
	return p, nil
}

// Tenant is [Pool.Provider] for a pool of [NewTenantPool]. Issuer and Audience of the key must be
// empty, because a role is asked for without a token. Duration is at most 1 hour, STS's limit for role chaining. The
// role cannot tell a service account from one of the same name that was deleted: the key's UID
// keeps their credentials apart.
func (p *Pool) Tenant(key Key) (PoolProvider, error) {
	if p == nil || p.entries == nil {
		return nil, errUnbuiltPool
	}
	if p.tenants == nil {
		return nil, errors.New("token: pool: it is one of NewPool, which needs tokens: use Provider")
	}
	return p.provider(key, SourceFunc(noToken))
}

// noToken stands in the place of a tenant's source. It is never asked.
func noToken(context.Context) (string, error) { return "", errors.New("a tenant has no token") }

// newTenant is newEntry for a tenant.
func (p *Pool) newTenant(key Key, src Source) (*entry, error) {
	h := key.hop(p.cfg.refresh(key))
	problems := append(key.problems(), h.problems()...)
	if key.Issuer != "" || key.Audience != "" {
		problems = append(problems, errors.New("the fields Issuer and Audience must be empty: they are about tokens, which a tenant does not have"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	client, err := made(func() (stscreds.AssumeRoleAPIClient, error) { return p.tenants.newClient(key, p.tenants.controller) })
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	problems = clientProblems(client, "AssumeRole")
	if len(problems) == 0 {
		problems = roleOfClient(h.RoleARN, client)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	ask := h.fetch(client, p.tenants.controller)
	fetch := func(ctx context.Context) (obtained, error) {
		if err := p.turn.wait(ctx); err != nil {
			return obtained{}, fmt.Errorf("%s: %w", key.subject(), err)
		}
		return ask(ctx)
	}
	source := &poolSource{key: key, turn: p.turn}
	source.inner.Store(&src)
	return &entry{key: key, engine: newEngine(fetch, key.RoleARN, h.Refresh, p.tune), source: source}, nil
}

// hop says how the key's role is assumed from the controller's.
func (k Key) hop(r Refresh) Hop {
	h := Hop{
		RoleARN: k.RoleARN, SessionName: k.SessionName, ExternalID: k.ExternalID, Duration: k.Duration, Policy: k.Policy,
		Tags: map[string]string{tagNamespace: k.Namespace, tagServiceAccount: k.ServiceAccount}, Refresh: r,
	}
	if h.SessionName == "" {
		h.SessionName = fitSession(k.Namespace + "." + k.ServiceAccount)
	}
	if k.TransitiveTags {
		h.TransitiveTagKeys = slices.Sorted(maps.Keys(h.Tags))
	}
	return h
}
