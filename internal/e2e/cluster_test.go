package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/internal/e2e/real"
)

// The versions of Kubernetes that are tried: the newest, and the first that has mutating policies.
const newest, oldest = "v1.37.2", "v1.36.0"

var (
	binary   string            // of the newest API server; set once, by TestMain
	binaries map[string]string // of each version that is there; likewise
)

func TestMain(m *testing.M) {
	var err error
	if binary, err = cluster.Binary(".", "go"); err != nil {
		fmt.Fprintln(os.Stderr, "end-to-end tests:", err)
		os.Exit(1)
	}
	binaries = map[string]string{newest: binary}
	if old, err := cluster.Binary(".", "kubernetes-1.36"); err == nil {
		binaries[oldest] = old
	} else if fmt.Println("NOT MET:", err); real.RequireAll() {
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// testCluster is a cluster of one test.
type testCluster struct {
	*cluster.Cluster
	client kubernetes.Interface
}

// startCluster gives the test an API server of its own, so that one test's webhooks and policies
// never meet another's pods.
func startCluster(t *testing.T, cfg cluster.Config) *testCluster {
	t.Helper()
	return startClusterOf(t, binary, cfg)
}

func startClusterOf(t *testing.T, binary string, cfg cluster.Config) *testCluster {
	t.Helper()
	c, err := cluster.Start(t.Context(), binary, t.TempDir(), cfg)
	require.NoError(t, err)
	t.Cleanup(c.Stop)
	real.Met(t, "kube-apiserver %s with etcd %s, ready after %v", c.Version, c.EtcdVersion, c.ReadyAfter.Round(10*time.Millisecond))
	client, err := kubernetes.NewForConfig(c.RESTConfig())
	require.NoError(t, err)
	return &testCluster{Cluster: c, client: client}
}

// writeKubeconfig writes the file that leads whoever holds the token to the cluster.
func writeKubeconfig(t *testing.T, c *cluster.Cluster, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: u, user: {token: %q}}]
`, c.URL, c.CAFile, token), 0o600))
	return path
}

// namespace creates a namespace; with no controllers running it has no default service account.
func (c *testCluster) namespace(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	_, err := c.client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
	}, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		require.NoError(t, err)
	}
}

func (c *testCluster) account(t *testing.T, namespace, name string, annotations map[string]string) *corev1.ServiceAccount {
	t.Helper()
	account, err := c.client.CoreV1().ServiceAccounts(namespace).Create(t.Context(), &corev1.ServiceAccount{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: annotations},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	return account
}

func (c *testCluster) create(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	return c.client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{})
}

func (c *testCluster) dryRun(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	return c.client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
}

// eventually polls until the API server's own watches have brought a change into force.
func eventually(t *testing.T, what string, done func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	require.Eventually(t, done, 20*time.Second, 20*time.Millisecond, what)
	took := time.Since(began)
	t.Logf("%s after %v", what, took.Round(time.Millisecond))
	return took
}

func TestTheClusterStarts(t *testing.T) {
	t.Parallel()
	c := startCluster(t, cluster.Config{})
	require.Equal(t, newest, c.Version)
	namespaces, err := c.client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, namespaces.Items)
}
