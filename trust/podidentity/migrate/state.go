package migrate

import (
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/podidentity"
)

// State is all that a plan looks at for one service account. It is only read.
type State struct {
	// ClusterARN is the EKS cluster's, and Provider the IAM OIDC provider of its issuer.
	ClusterARN string
	Provider   trust.Provider
	// Account is the service account.
	Account *corev1.ServiceAccount
	// Association is its association; nil when EKS has none.
	Association *podidentity.Association
	// Trust is the trust policy of the account's [Role].
	Trust *trust.Policy
	// Pods and Nodes are the cluster's; pods of other accounts are passed over.
	Pods  []corev1.Pod
	Nodes []corev1.Node
}

// Config says how pods are given their identity. The zero value is good for EKS.
type Config struct {
	// Injection is what the cluster's webhook does. Its PodIdentityAccounts do not count.
	Injection mutate.Config
	// AllowGap, on the way back to IRSA, deletes the association before the pods are recreated, for
	// clusters in which only EKS's own webhook injects. From then on running pods get no new
	// credentials: they have those that they hold, six hours at most, until they are recreated.
	AllowGap bool
}

// Pod is a pod that has to be recreated.
type Pod struct {
	Name string
	// Why is what its first container has instead of the new way.
	Why string
}

// Role returns the role of the service account, by annotation or by association; "" when it has
// neither. It does not look at the trust policy, the pods and the nodes.
//
// Errors: an annotation and an association for two roles.
func Role(s State, cfg Config) (string, error) {
	if s.Account == nil {
		return "", errors.New("migrate: the service account is nil")
	}
	role, err := s.role(cfg)
	if err != nil {
		return "", fmt.Errorf("migrate: service account %s/%s: %w", s.Account.Namespace, s.Account.Name, err)
	}
	return role, nil
}

func (s State) role(cfg Config) (string, error) {
	annotated := s.Account.Annotations[cfg.annotation()]
	switch {
	case s.Association == nil:
		return annotated, nil
	case s.Association.Target != s.target():
		return "", fmt.Errorf("the association belongs to %s", s.Association.Target)
	case annotated != "" && annotated != s.Association.RoleARN:
		return "", fmt.Errorf("it has two roles, %s by annotation and %s by association: a move would change what its pods may do", annotated, s.Association.RoleARN)
	}
	return s.Association.RoleARN, nil
}

func (s State) target() podidentity.Target {
	return podidentity.Target{ClusterARN: s.ClusterARN, Namespace: s.Account.Namespace, ServiceAccount: s.Account.Name}
}

func (c Config) annotation() string { return c.Injection.AnnotationKey(mutate.AnnotationRoleARN) }

// pods are those of the account that run, or are to run.
func (s State) pods() (own []*corev1.Pod) {
	for i := range s.Pods {
		pod := &s.Pods[i]
		account := pod.Spec.ServiceAccountName
		if account == "" {
			account = "default"
		}
		over := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
		if pod.Namespace == s.Account.Namespace && account == s.Account.Name && !over {
			own = append(own, pod)
		}
	}
	return own
}

// staysBecause says why the account must keep IRSA; "" for no reason. Pod Identity is given to all
// pods of an account alike, so that one pod where it does not run keeps the others back.
func (s State) staysBecause(role, cluster string) string {
	if of, err := arn.ParseRole(role); err == nil && of.AccountID != cluster {
		return fmt.Sprintf("its role %s is in another account than the cluster: an association reaches it only as the target of a second role", role)
	}
	for _, pod := range s.pods() {
		if why := s.unsupported(pod); why != "" {
			return fmt.Sprintf("pod %s %s", pod.Name, why)
		}
	}
	return ""
}

// unsupported says why Pod Identity does not run where a pod does; "" where it does
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html#pod-id-considerations).
func (s State) unsupported(pod *corev1.Pod) string {
	const compute, system, windows = "eks.amazonaws.com/compute-type", "kubernetes.io/os", "windows"
	var labels map[string]string
	if pod.Spec.NodeName != "" {
		i := slices.IndexFunc(s.Nodes, func(n corev1.Node) bool { return n.Name == pod.Spec.NodeName })
		if i < 0 {
			return fmt.Sprintf("runs on node %s, which is not among the nodes given", pod.Spec.NodeName)
		}
		labels = s.Nodes[i].Labels
	}
	switch {
	case labels[compute] == "fargate" || pod.Labels["eks.amazonaws.com/fargate-profile"] != "" || pod.Spec.SchedulerName == "fargate-scheduler":
		return "runs on Fargate"
	case labels[compute] == "hybrid" || pod.Spec.NodeSelector[compute] == "hybrid":
		return "runs on a hybrid node"
	case labels[system] == windows || pod.Spec.NodeSelector[system] == windows || pod.Spec.OS != nil && pod.Spec.OS.Name == corev1.Windows:
		return "runs on Windows"
	}
	return ""
}

// waiting are the pods with a container that does not have id, and could.
func (s State) waiting(m *mutate.Mutator, id mutate.Identity) (pods []Pod, err error) {
	for _, pod := range s.pods() {
		diagnosis, err := m.Diagnose(pod, id)
		if err != nil {
			return nil, fmt.Errorf("pod %s: %w", pod.Name, err)
		}
		for _, f := range diagnosis.Containers {
			if f.Standing != mutate.HasIdentity && !slices.Contains(f.Causes, mutate.CauseSkipped) && !ownKeys(f) {
				pods = append(pods, Pod{pod.Name, fmt.Sprintf("container %s: %s", f.Name, f.Message)})
				break
			}
		}
	}
	return pods, nil
}

// ownKeys says that a container has an access key, which neither way changes.
func ownKeys(f mutate.Finding) bool {
	return f.Standing == mutate.HasOther && slices.Contains(f.Causes, mutate.CauseStaticCredentials)
}
