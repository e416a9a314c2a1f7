package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/mutate"
)

// Accounts finds service accounts. Implementations must be safe for concurrent use. One that
// reads a cache is best made by [CachedAccounts]: a cache learns of an account and of its role
// later than the first pod needs it.
type Accounts interface {
	// ServiceAccount returns the account. When it does not exist, the error is ErrNotFound, or
	// one that k8s.io/apimachinery/pkg/api/errors knows as not found. The account is only read.
	ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error)
}

// AccountsFunc makes a function Accounts.
type AccountsFunc func(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error)

// ServiceAccount calls f.
func (f AccountsFunc) ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	return f(ctx, namespace, name)
}

// Getter gets service accounts of one namespace, as client-go's ServiceAccountInterface does.
type Getter interface {
	Get(ctx context.Context, name string, opts metav1.GetOptions) (*corev1.ServiceAccount, error)
}

// Live asks the API server about each account, through a clientset of client-go:
//
//	accounts := webhook.Live(clientset.CoreV1().ServiceAccounts)
//
// That is one call for each pod; [CachedAccounts] asks for fewer.
func Live[G Getter](of func(namespace string) G) AccountsFunc {
	return func(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
		return of(namespace).Get(ctx, name, metav1.GetOptions{})
	}
}

// ErrNotFound says that the service account does not exist.
var ErrNotFound = errors.New("webhook: service account not found")

func isNotFound(err error) bool {
	return errors.Is(err, ErrNotFound) || apierrors.IsNotFound(err)
}

// checkTarget reports names that no account can have, now or later. The pod's author wrote
// them, and a lookup may make a URL of them.
func checkTarget(t mutate.Target) error {
	if err := errors.Join(kubename.CheckNamespace(t.Namespace), kubename.CheckServiceAccount(t.ServiceAccount)); err != nil {
		return fmt.Errorf("webhook: the pod's service account: %w", err)
	}
	return nil
}

// lookup finds the account of a pod, waiting for one that is not there yet.
func (h *Handler) lookup(ctx context.Context, t mutate.Target) (*corev1.ServiceAccount, error) {
	sa, err := h.accounts.ServiceAccount(ctx, t.Namespace, t.ServiceAccount)
	if isNotFound(err) && h.cfg.Wait > 0 {
		sa, err = h.await(ctx, t)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("webhook: service account %q: %w", t, err)
	case sa == nil:
		return nil, fmt.Errorf("webhook: service account %q: the lookup returned neither an account nor an error", t)
	case sa.Name != t.ServiceAccount || sa.Namespace != t.Namespace:
		// Nothing else stands between a mistake in a cache's key and another pod's role.
		return nil, fmt.Errorf("webhook: service account %q: the lookup returned %q", t, sa.Namespace+"/"+sa.Name)
	}
	return sa, nil
}

// await looks again, at first after 20 ms and then half as often each time, until the
// account is there or the time is up.
func (h *Handler) await(ctx context.Context, t mutate.Target) (sa *corev1.ServiceAccount, err error) {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.Wait)
	defer cancel()
	err = ErrNotFound
	for pause := 20 * time.Millisecond; ; pause *= 2 {
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		case <-timer.C:
		}
		again, failed := h.accounts.ServiceAccount(ctx, t.Namespace, t.ServiceAccount)
		if ctx.Err() != nil && failed != nil { // what the first looks said is more to the point
			return nil, err
		}
		if sa, err = again, failed; !isNotFound(err) {
			return sa, err
		}
	}
}
