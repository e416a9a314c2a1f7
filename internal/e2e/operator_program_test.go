package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// programBench is a cluster in which examples/controller-runtime/operator runs as a service account
// that has the rights on its page, and no others.
type programBench struct {
	*operatorBench
	folder string
	iam    *iam.Client
}

func newProgramBench(t *testing.T) *programBench {
	t.Helper()
	b := &programBench{operatorBench: newOperatorBench(t), folder: filepath.Join("..", "..", "examples", "controller-runtime")}
	b.iam = iam.NewFromConfig(b.aws.AWSConfig())
	b.namespace(t, "operator", nil)
	b.account(t, "operator", "operator", nil)
	page, err := os.ReadFile(filepath.Join(b.folder, "operator", "README.md"))
	require.NoError(t, err)
	var role rbacv1.ClusterRole
	require.NoError(t, yaml.Unmarshal(regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)[1], &role))
	_, err = b.client.RbacV1().ClusterRoles().Create(t.Context(), &role, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = b.client.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "operator"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "operator", Name: "operator"}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	return b
}

// kubeconfig leads to the cluster as the operator's service account.
func (b *programBench) kubeconfig(t *testing.T) string {
	t.Helper()
	request, err := b.client.CoreV1().ServiceAccounts("operator").CreateToken(t.Context(), "operator", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(t, err)
	return writeKubeconfig(t, b.Cluster, request.Status.Token)
}

// start runs the program until the test ends, and again when it ends by itself, as a kubelet does.
func (b *programBench) start(t *testing.T) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "operator")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-C", b.folder, "-o", program, "./operator").CombinedOutput()
	require.NoError(t, err, string(out))
	env := append(append(os.Environ(), b.aws.Env()...), "KUBECONFIG="+b.kubeconfig(t), "PROVIDER_ARN="+b.provider.ARN())
	ctx, stop := context.WithCancel(context.Background())
	var said bytes.Buffer
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			cmd := exec.CommandContext(ctx, program)
			cmd.Env, cmd.Stdout, cmd.Stderr = env, &said, &said
			cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
			cmd.WaitDelay = 20 * time.Second
			err := cmd.Run()
			if ctx.Err() != nil {
				assert.Equal(t, 0, cmd.ProcessState.ExitCode(), "it ends in good order: %v", err)
			} else {
				fmt.Fprintln(&said, "the program ended:", err)
				time.Sleep(time.Second)
			}
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
}

// asks has an account ask for a policy, as kubectl annotate does.
func (b *programBench) asks(t *testing.T, name, policy string) {
	t.Helper()
	patch := fmt.Appendf(nil, `{"metadata": {"annotations": {"roles.example.com/policy": %q}}}`, policy)
	_, err := b.client.CoreV1().ServiceAccounts("shop").Patch(t.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{})
	require.NoError(t, err)
}

func (b *programBench) get(t *testing.T, name string) (account *corev1.ServiceAccount, condition metav1.Condition) {
	t.Helper()
	account, err := b.client.CoreV1().ServiceAccounts("shop").Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	if told := account.Annotations["roles.example.com/condition"]; told != "" {
		require.NoError(t, json.Unmarshal([]byte(told), &condition))
	}
	return account, condition
}

// synced waits for an account's role and returns its ARN.
func (b *programBench) synced(t *testing.T, name string) (arn string) {
	t.Helper()
	eventually(t, name+" has a role", func() bool {
		account, condition := b.get(t, name)
		arn = account.Annotations["eks.amazonaws.com/role-arn"]
		return condition.Status == metav1.ConditionTrue && arn != ""
	})
	return arn
}

// assertPolicy waits until an account's role has the one policy.
func (b *programBench) assertPolicy(t *testing.T, name, policy string) {
	t.Helper()
	want := []string{"arn:aws:iam::" + awsAccount + ":policy/pods/shop/" + policy}
	eventually(t, name+" has the policy "+policy, func() bool {
		role, err := iamrole.Read(t.Context(), b.iam, "shop."+name)
		return err == nil && slices.Equal(want, role.ManagedPolicies)
	})
}

// deleted deletes an account and waits until it is gone.
func (b *programBench) deleted(t *testing.T, name string, meanwhile func()) {
	t.Helper()
	accounts := b.client.CoreV1().ServiceAccounts("shop")
	require.NoError(t, accounts.Delete(t.Context(), name, metav1.DeleteOptions{}))
	meanwhile()
	eventually(t, name+" is gone", func() bool {
		_, err := accounts.Get(t.Context(), name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	_, err := iamrole.Read(t.Context(), b.iam, "shop."+name)
	assert.ErrorIs(t, err, iamrole.ErrNotFound, "the finalizer kept the account until its role was gone")
}

func TestTheOperatorsProgramGivesAndTakesRoles(t *testing.T) {
	t.Parallel()
	b := newProgramBench(t)
	b.namespace(t, "shop", nil)
	cart, mail := b.account(t, "shop", "cart", nil), b.account(t, "shop", "mail", nil)
	b.start(t)

	b.asks(t, "cart", "reader")
	arn := b.synced(t, "cart")
	assert.Equal(t, "arn:aws:iam::"+awsAccount+":role/irsa/shop/shop.cart", arn)
	b.assertPolicy(t, "cart", "reader")
	pool := b.newPool(t)
	becomes := func(account *corev1.ServiceAccount) error {
		provider, err := pool.Provider(b.key(account, arn), b.source(t, account))
		require.NoError(t, err)
		_, err = provider.Retrieve(t.Context())
		return err
	}
	assert.NoError(t, becomes(cart), "with a token of the API server's")
	assert.ErrorContains(t, becomes(mail), "AccessDenied")
	untouched, _ := b.get(t, "mail")
	assert.Equal(t, mail.ResourceVersion, untouched.ResourceVersion, "it did not ask")
	b.asks(t, "cart", "writer")
	b.assertPolicy(t, "cart", "writer")
	b.deleted(t, "cart", func() {})

	b.aws.SetFault(trusttest.Fault{Failure: trusttest.Throttling})
	b.asks(t, "mail", "reader")
	eventually(t, "mail is told of the throttling", func() bool {
		account, condition := b.get(t, "mail")
		assert.NotContains(t, account.Annotations, "eks.amazonaws.com/role-arn")
		return condition.Status == metav1.ConditionFalse && condition.Reason == "Throttled"
	})
	b.deleted(t, "mail", func() {
		kept, _ := b.get(t, "mail")
		assert.Equal(t, mail.UID, kept.UID, "it is not known to have no role")
		b.aws.SetFault(trusttest.Fault{})
	})
}
