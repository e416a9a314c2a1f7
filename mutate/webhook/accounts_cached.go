package webhook

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
)

// CachedAccounts finds service accounts in a cache, and asks the API server itself where the cache
// may be behind: when it does not have the account, cannot answer, or has it without a role. A pod
// is often created right after its account, and the account annotated right before; a webhook that
// believed its cache then would let the pod run as the node.
//
// The price is one GET for each pod whose account has no role. A role that is there is believed:
// for as long as the cache is behind, pods get the role from before its change, and of an account
// with a role what it has for [Config.Clouds] is believed too.
//
// It is safe for concurrent use when both its parts are. Its accounts are theirs and only read.
type CachedAccounts struct {
	// Cache is an informer's lister, or a client that reads one. Required.
	Cache AccountsFunc
	// Live asks the API server. Required.
	Live AccountsFunc
	// AnnotationDomain is as in mutate.Config. With another one no role is seen in the cache,
	// and every pod costs a GET.
	AnnotationDomain string
}

var _ Accounts = CachedAccounts{}

// ServiceAccount returns the cached account if it has a role, and else what the API server says.
func (c CachedAccounts) ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	if c.Cache == nil || c.Live == nil {
		return nil, errors.New("webhook: CachedAccounts needs both Cache and Live")
	}
	role := mutate.Config{AnnotationDomain: c.AnnotationDomain}.AnnotationKey(mutate.AnnotationRoleARN)
	if account, err := c.Cache(ctx, namespace, name); err == nil && account != nil && account.Annotations[role] != "" {
		return account, nil
	}
	return c.Live(ctx, namespace, name)
}
