package tokenrequest

import (
	"context"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SubResourceCreator has the shape of controller-runtime's client.SubResourceWriter, where Object is
// client.Object and Option is client.SubResourceCreateOption; the compiler finds both.
type SubResourceCreator[Object, Option any] interface {
	Create(ctx context.Context, obj, subResource Object, opts ...Option) error
}

// SubResource makes a [Creator] for the accounts of a namespace out of controller-runtime's client:
//
//	creator := tokenrequest.SubResource(mgr.GetClient().SubResource("token"), "payments")
//	source, err := tokenrequest.New(creator, "api", tokenrequest.Config{})
//
// It is as safe for concurrent use as the client is, which controller-runtime's is.
func SubResource[Object, Option any](client SubResourceCreator[Object, Option], namespace string) Creator {
	return subResource[Object, Option]{client, namespace}
}

type subResource[Object, Option any] struct {
	client    SubResourceCreator[Object, Option]
	namespace string
}

func (s subResource[Object, Option]) CreateToken(
	ctx context.Context, name string, request *authenticationv1.TokenRequest, _ metav1.CreateOptions,
) (*authenticationv1.TokenRequest, error) {
	if s.client == nil {
		return nil, fmt.Errorf("the client is nil, want client.SubResource(%q)", "token")
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}}
	answer := request.DeepCopy()
	obj, ok := any(account).(Object)
	sub, alsoOK := any(answer).(Object)
	if !ok || !alsoOK {
		return nil, fmt.Errorf("the client creates %T, want one of Kubernetes objects", obj)
	}
	if err := s.client.Create(ctx, obj, sub); err != nil {
		return nil, err
	}
	return answer, nil
}
