package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/podidentity"
	"github.com/irsa-go/irsa/trust/trusttest"
)

const (
	movers       = "movers"
	moverCount   = 10
	podsAudience = "pods.eks.amazonaws.com"
)

// moveBench is a cluster that EKS knows, with ten accounts that have a role each.
type moveBench struct {
	*operatorBench
	program, kubeconfig, endpoint, clusterARN string
	eks                                       *eks.Client
	// annotationFirst is the cluster's webhook: whether it prefers the role's annotation.
	annotationFirst bool

	mu       sync.Mutex
	policies []url.Values // of UpdateAssumeRolePolicy
}

func newMoveBench(t *testing.T) *moveBench {
	t.Helper()
	b := &moveBench{operatorBench: newOperatorBench(t)}
	issuer, err := oidc.ParseIssuer(b.URL)
	require.NoError(t, err)
	tokens, err := oidc.NewVerifier(issuer, podsAudience, oidc.VerifierConfig{Client: &oidc.Client{RootCAs: b.CertPool}})
	require.NoError(t, err)
	b.clusterARN, err = b.aws.AddCluster(trusttest.Cluster{Name: "blue", Tokens: tokens})
	require.NoError(t, err)
	b.eks = eks.NewFromConfig(b.aws.AWSConfig())
	server := httptest.NewServer(http.HandlerFunc(b.record))
	t.Cleanup(server.Close)
	b.endpoint = server.URL
	b.program = filepath.Join(t.TempDir(), "migrate")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", b.program, ".")
	build.Dir = filepath.Join("..", "..", "examples", "migrate")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	b.kubeconfig = writeKubeconfig(t, b.Cluster, b.RESTConfig().BearerToken)
	return b
}

// record passes every request on to AWS, and keeps the trust policies that are written.
func (b *moveBench) record(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") == "UpdateAssumeRolePolicy" {
		b.mu.Lock()
		b.policies = append(b.policies, form)
		b.mu.Unlock()
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	b.aws.ServeHTTP(w, r)
}

// run is the built program examples/migrate.
func (b *moveBench) run(t *testing.T, to string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), b.program, "-cluster", b.clusterARN, "-issuer", b.URL, "-to", to, "-namespace", movers, "-apply")
	cmd.Env = append(append(os.Environ(), b.aws.Env()...), "AWS_ENDPOINT_URL="+b.endpoint, "KUBECONFIG="+b.kubeconfig)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// move runs the program, and makes the pods anew when it asks for that, until all have arrived.
func (b *moveBench) move(t *testing.T, to string, pods []*askingPod) {
	t.Helper()
	out := b.run(t, to)
	require.Contains(t, out, fmt.Sprintf("0 arrived, %d on the way", moverCount), "pods use the old way")
	for i, old := range pods {
		if i == moverCount/2 { // stopped halfway, it has taken nothing from the pods that are left
			require.Contains(t, b.run(t, to), fmt.Sprintf("%d arrived, %d on the way", i, moverCount-i))
		}
		pods[i] = b.start(t, old.account)
		old.stop()
		require.NoError(t, b.client.CoreV1().Pods(movers).Delete(t.Context(), old.pod.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64)}))
	}
	require.Contains(t, b.run(t, to), fmt.Sprintf("%d arrived, 0 on the way", moverCount))
}

// assertNobodyElse proves each trust policy that was ever written to admit its own service account
// alone, in one way or the other.
func (b *moveBench) assertNobodyElse(t *testing.T, policies int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Len(t, b.policies, policies)
	for _, form := range b.policies {
		subject, err := trust.ServiceAccount(movers, form.Get("RoleName"))
		require.NoError(t, err)
		web, err := trust.New(trust.Grant{Provider: b.provider, Subjects: []trust.Subject{subject}})
		require.NoError(t, err)
		pods, err := trust.NewPodIdentity(trust.PodIdentityGrant{AccountID: awsAccount, ClusterARNs: []string{b.clusterARN}, Subjects: []trust.Subject{subject}})
		require.NoError(t, err)
		bound, err := trust.Join(web, pods)
		require.NoError(t, err)
		written, err := trust.Parse([]byte(form.Get("PolicyDocument")))
		require.NoError(t, err)
		proof := written.Within(bound)
		assert.Equal(t, trust.Holds, proof.Outcome, "%s: %s", form.Get("RoleName"), proof)
	}
}

// identity is what the cluster's webhook gives a pod of the account now.
func (b *moveBench) identity(t *testing.T, m *mutate.Mutator, account string) mutate.Identity {
	t.Helper()
	sa, err := b.client.CoreV1().ServiceAccounts(movers).Get(t.Context(), account, metav1.GetOptions{})
	require.NoError(t, err)
	id, err := m.Identity(sa)
	require.NoError(t, err)
	_, err = podidentity.Read(t.Context(), b.eks, podidentity.Target{ClusterARN: b.clusterARN, Namespace: movers, ServiceAccount: account})
	if errors.Is(err, podidentity.ErrNotFound) || b.annotationFirst && !id.IsZero() {
		return id
	}
	require.NoError(t, err)
	return mutate.Identity{Method: mutate.PodIdentity}
}

// TestTenAccountsMoveToPodIdentityAndBackWhileTheirPodsAskForCredentials runs the example's program
// against a real API server.
func TestTenAccountsMoveToPodIdentityAndBackWhileTheirPodsAskForCredentials(t *testing.T) {
	t.Parallel()
	b := newMoveBench(t)
	b.namespace(t, movers, nil)
	var pods []*askingPod
	for i := range moverCount {
		name := fmt.Sprintf("mover-%d", i)
		b.account(t, movers, name, map[string]string{"eks.amazonaws.com/role-arn": b.role(t, name, movers, name)})
		pods = append(pods, b.start(t, name))
	}
	b.move(t, "pod-identity", pods)
	for _, pod := range pods {
		assert.Equal(t, mutate.PodIdentity, pod.method)
	}
	b.assertNobodyElse(t, 2*moverCount)

	b.annotationFirst = true
	b.move(t, "irsa", pods)
	asked := 0
	for _, pod := range pods {
		assert.Equal(t, mutate.WebIdentity, pod.method)
		pod.stop()
		asked += int(pod.asked.Load())
	}
	b.assertNobodyElse(t, 4*moverCount)
	assert.Equal(t, moverCount, b.aws.Calls("CreatePodIdentityAssociation"))
	assert.Equal(t, moverCount, b.aws.Calls("DeletePodIdentityAssociation"))
	t.Logf("the last pods asked %d times, EKS %d and STS %d times in all", asked, b.aws.Calls("AssumeRoleForPodIdentity"), b.aws.Calls("AssumeRoleWithWebIdentity"))
	left, err := b.client.CoreV1().ServiceAccounts(movers).List(context.Background(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, sa := range left.Items {
		assert.Len(t, sa.Annotations, 1, sa.Name)
	}
}
