package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/podidentity"
	"github.com/irsa-go/irsa/trust/podidentity/migrate"
)

// world is the cluster and the AWS account.
type world struct {
	kubernetes.Interface
	iam *iam.Client
	eks *eks.Client
}

// accountName is "NAMESPACE/NAME".
type accountName = types.NamespacedName

func (w world) accounts(ctx context.Context, namespace string) ([]accountName, error) {
	list, err := w.CoreV1().ServiceAccounts(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var names []accountName
	for _, a := range list.Items {
		names = append(names, accountName{Namespace: a.Namespace, Name: a.Name})
	}
	return names, nil
}

// state reads everything anew: between two steps the world goes on.
func (w world) state(ctx context.Context, cluster string, provider trust.Provider, name accountName, cfg migrate.Config) (migrate.State, error) {
	s := migrate.State{ClusterARN: cluster, Provider: provider}
	var err error
	if s.Account, err = w.CoreV1().ServiceAccounts(name.Namespace).Get(ctx, name.Name, metav1.GetOptions{}); err != nil {
		return s, err
	}
	found, err := podidentity.Read(ctx, w.eks, podidentity.Target{ClusterARN: cluster, Namespace: name.Namespace, ServiceAccount: name.Name})
	switch {
	case err == nil:
		s.Association = &found
	case !errors.Is(err, podidentity.ErrNotFound):
		return s, err
	}
	role, err := migrate.Role(s, cfg)
	if err != nil {
		return s, err
	}
	if role == "" {
		return s, migrate.ErrNoRole
	}
	if s.Trust, err = w.trust(ctx, role); err != nil {
		return s, err
	}
	pods, err := w.CoreV1().Pods(name.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return s, err
	}
	nodes, err := w.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return s, err
	}
	s.Pods, s.Nodes = pods.Items, nodes.Items
	return s, nil
}

func (w world) trust(ctx context.Context, roleARN string) (*trust.Policy, error) {
	a, err := arn.Parse(roleARN)
	if err != nil {
		return nil, fmt.Errorf("role %q: %w", roleARN, err)
	}
	role, err := iamrole.Read(ctx, w.iam, a.Resource[strings.LastIndexByte(a.Resource, '/')+1:])
	switch {
	case err != nil:
		return nil, err
	case role.ARN != roleARN:
		return nil, fmt.Errorf("role %s: this account has %s", roleARN, role.ARN)
	case role.TrustError != nil:
		return nil, fmt.Errorf("role %s: %w", roleARN, role.TrustError)
	}
	return role.Trust, nil
}

// Annotate is a merge patch: null removes.
func (w world) Annotate(ctx context.Context, namespace, name, key, value string) error {
	var set *string
	if value != "" {
		set = &value
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]*string{key: set}}})
	if err != nil {
		return err
	}
	_, err = w.CoreV1().ServiceAccounts(namespace).Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}
