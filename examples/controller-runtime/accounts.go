package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/irsa-go/irsa/mutate/webhook"
)

var _ webhook.Accounts = accounts{}

// accounts finds service accounts in the manager's cache, and asks the API server itself where the
// cache may be behind: when it does not have the account, cannot answer, or has it without a role. A
// pod is often created right after its account, and the account annotated right before; a webhook that
// believed its cache then would let the pod run as the node.
//
// The price is one GET for each pod whose account has no role.
type accounts struct {
	cached, live client.Reader
	role         string // the annotation
}

func (a accounts) ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	key := client.ObjectKey{Namespace: namespace, Name: name}
	account := &corev1.ServiceAccount{}
	if err := a.cached.Get(ctx, key, account); err == nil && account.Annotations[a.role] != "" {
		return account, nil
	}
	account = &corev1.ServiceAccount{}
	if err := a.live.Get(ctx, key, account); err != nil {
		return nil, err
	}
	return account, nil
}
