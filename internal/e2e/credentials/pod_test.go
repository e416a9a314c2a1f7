package credentials_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/irsa-go/irsa/internal/e2e/cloudnet"
	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/internal/e2e/kubelet"
	"github.com/irsa-go/irsa/internal/e2e/real"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

const (
	namespace   = "shop"
	account     = "checkout"
	neighbour   = "neighbour"
	region      = "eu-central-1"
	clusterName = "blue"
)

// bench is a real cluster and an AWS account with a role for one of its service accounts.
type bench struct {
	client  kubernetes.Interface
	aws     *trusttest.Account
	network *cloudnet.Network
	roleARN string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	binary, err := cluster.Binary("..", "go")
	require.NoError(t, err)
	c, err := cluster.Start(t.Context(), binary, t.TempDir(), cluster.Config{})
	require.NoError(t, err)
	t.Cleanup(c.Stop)
	real.Met(t, "kube-apiserver %s", c.Version)
	b := &bench{}
	b.client, err = kubernetes.NewForConfig(c.RESTConfig())
	require.NoError(t, err)
	b.openDiscovery(t)
	b.aws, err = trusttest.NewAccount(trusttest.Config{})
	require.NoError(t, err)
	t.Cleanup(b.aws.Close)
	b.network, err = cloudnet.Start(t.TempDir(), cloudnet.IsSTS, b.aws)
	require.NoError(t, err)
	t.Cleanup(b.network.Stop)
	b.roleARN = b.makeRole(t, c)
	_, err = b.client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	require.NoError(t, err)
	return b
}

// openDiscovery lets AWS read the issuer's documents, which are for signed-in clients by default.
func (b *bench) openDiscovery(t *testing.T) {
	t.Helper()
	_, err := b.client.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "issuer-discovery-for-all"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:service-account-issuer-discovery"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "system:unauthenticated"}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
}

// makeRole tells AWS of the cluster, whose certificate is its own: the thumbprint decides.
func (b *bench) makeRole(t *testing.T, c *cluster.Cluster) string {
	t.Helper()
	issuer, err := oidc.ParseIssuer(c.URL)
	require.NoError(t, err)
	tokens, err := oidc.NewVerifier(issuer, "pods.eks.amazonaws.com", oidc.VerifierConfig{Client: &oidc.Client{RootCAs: c.CertPool}})
	require.NoError(t, err)
	_, err = b.aws.AddCluster(trusttest.Cluster{Name: clusterName, Tokens: tokens})
	require.NoError(t, err)
	var report *oidc.ThumbprintReport
	require.EventuallyWithT(t, func(t *assert.CollectT) { // the API server takes a moment to know of the binding
		report, err = (&oidc.Client{RootCAs: c.CertPool}).Thumbprints(context.Background(), issuer)
		require.NoError(t, err)
	}, 30*time.Second, 100*time.Millisecond)
	iamClient := iam.NewFromConfig(b.aws.AWSConfig())
	_, err = iamprovider.Ensure(t.Context(), iamClient, iamprovider.Spec{
		AccountID: b.aws.AccountID(), Issuer: issuer, Thumbprints: report.Thumbprints,
	}, iamprovider.Config{})
	require.NoError(t, err)
	provider, err := trust.NewProvider("aws", b.aws.AccountID(), c.URL)
	require.NoError(t, err)
	subject, err := trust.ServiceAccount(namespace, account)
	require.NoError(t, err)
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	require.NoError(t, err)
	policy, err = policy.WithPodIdentity(trust.PodIdentityGrant{AccountID: b.aws.AccountID(), Subjects: []trust.Subject{subject}})
	require.NoError(t, err)
	role, err := iamrole.Ensure(t.Context(), iamClient, iamrole.Spec{Name: "checkout", Trust: policy}, iamrole.Config{})
	require.NoError(t, err)
	return role.ARN
}

// runPod creates an annotated account and a mutated pod of it, and does what the kubelet does:
// the token is there when it returns. The result is the container's environment, in which only the
// agent's address is changed: this machine has no link-local one.
func (b *bench) runPod(t *testing.T, account string, method mutate.Method) []string {
	t.Helper()
	sa, err := b.client.CoreV1().ServiceAccounts(namespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: account,
		Annotations: map[string]string{"eks.amazonaws.com/role-arn": b.roleARN, "eks.amazonaws.com/token-expiration": "1200"},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	pod := b.admit(t, sa, method)
	pod, err = b.client.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{})
	require.NoError(t, err)
	container := pod.Spec.Containers[0]
	require.NoError(t, kubelet.Project(t.Context(), b.client, pod, container, ""))
	var env []string
	for _, v := range container.Env {
		if v.Name == mutate.EnvCredentialsURI {
			v.Value = b.aws.AgentURL(clusterName)
		}
		env = append(env, v.Name+"="+v.Value)
	}
	return env
}

// admit mutates a pod of the account. Its mount path is a folder of this machine, so that the
// paths in the environment are true here.
func (b *bench) admit(t *testing.T, sa *corev1.ServiceAccount, method mutate.Method) *corev1.Pod {
	t.Helper()
	cfg := mutate.EKS(region)
	cfg.MountPath = filepath.Join(t.TempDir(), "serviceaccount")
	cfg.PodIdentityMountPath = filepath.Join(t.TempDir(), "pod-identity")
	if method == mutate.PodIdentity {
		cfg.PodIdentityAccounts = []mutate.Target{{Namespace: namespace, ServiceAccount: sa.Name}}
	}
	mutator, err := mutate.New(cfg)
	require.NoError(t, err)
	identity, err := mutator.Identity(sa)
	require.NoError(t, err)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: sa.Name},
		Spec: corev1.PodSpec{
			ServiceAccountName: sa.Name, AutomountServiceAccountToken: new(bool),
			Containers: []corev1.Container{{Name: "app", Image: "registry.example/app:1"}},
		},
	}
	return apply(t, mutator, pod, identity)
}
