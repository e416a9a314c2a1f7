package main

import (
	"context"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/yaml"

	"github.com/irsa-go/irsa/internal/readme"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

var app = client.ObjectKey{Namespace: "shop", Name: "cart"}

func TestMain(m *testing.M) { readme.Main(m, main) }

func TestWithoutAClusterItEndsAndSaysWhy(t *testing.T) {
	t.Parallel()
	readme.Shows(t, "README.md", "go run .", readme.Run(t, nil))
}

// world is an AWS account in a box and a fake API server with one account.
type world struct {
	*testing.T
	client.Client
	iam      *iam.Client
	aws      *trusttest.Account
	provider trust.Provider
	mu       sync.Mutex
	verbs    map[string]bool // that were asked of the API server
}

func newWorld(t *testing.T, annotations map[string]string) *world {
	t.Helper()
	w := &world{T: t, verbs: map[string]bool{}}
	var err error
	w.aws, err = trusttest.NewAccount(trusttest.Config{})
	require.NoError(t, err)
	t.Cleanup(w.aws.Close)
	w.iam = iam.NewFromConfig(w.aws.AWSConfig())
	w.provider, err = trust.NewProvider("aws", w.aws.AccountID(), "https://issuer.example/clusters/a")
	require.NoError(t, err)
	asked := func(verb string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.verbs[verb] = true
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: app.Namespace, Name: app.Name, Annotations: annotations}}
	w.Client = fake.NewClientBuilder().WithObjects(account).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			asked("get")
			return c.Get(ctx, key, o, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			asked("patch")
			return c.Patch(ctx, o, p, opts...)
		},
	}).Build()
	return w
}

// reconcile does what a manager does until nothing changes, or it fails.
func (w *world) reconcile() error {
	w.Helper()
	o := reconcile.AsReconciler(w.Client, operator{w.Client, w.iam, w.provider})
	for range 5 {
		before := w.account()
		if _, err := o.Reconcile(w.Context(), ctrl.Request{NamespacedName: app}); err != nil {
			return err
		}
		after := w.account()
		if before == nil || after == nil || assert.ObjectsAreEqual(withoutVersion(before), withoutVersion(after)) {
			return nil
		}
	}
	assert.Fail(w, "it comes to no end")
	return nil
}

func withoutVersion(account *corev1.ServiceAccount) *corev1.ServiceAccount {
	account = account.DeepCopy()
	account.ResourceVersion = ""
	return account
}

// account is nil when it is gone.
func (w *world) account() *corev1.ServiceAccount {
	w.Helper()
	account := &corev1.ServiceAccount{}
	if err := client.IgnoreNotFound(w.Get(w.Context(), app, account)); err != nil || account.Name == "" {
		require.NoError(w, err)
		return nil
	}
	return account
}

func (w *world) condition() (c metav1.Condition) {
	w.Helper()
	require.NoError(w, json.Unmarshal([]byte(w.account().Annotations[tells]), &c))
	return c
}

func (w *world) annotate(key, value string) {
	w.Helper()
	account := w.account()
	account.Annotations[key] = value
	require.NoError(w, w.Update(w.Context(), account))
}

func TestAnAccountHasARoleForAsLongAsItAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{asks: "reader"})
	require.NoError(t, w.reconcile())
	role, err := iamrole.Read(t.Context(), w.iam, "shop.cart")
	require.NoError(t, err)
	assert.Equal(t, "arn:aws:iam::111122223333:role/irsa/shop/shop.cart", role.ARN)
	assert.Equal(t, []string{"arn:aws:iam::111122223333:policy/pods/shop/reader"}, role.ManagedPolicies)
	assert.Equal(t, role.ARN, w.account().Annotations["eks.amazonaws.com/role-arn"])
	assert.Equal(t, metav1.ConditionTrue, w.condition().Status)
	w.page()
	subject, err := trust.ServiceAccount(app.Namespace, app.Name)
	require.NoError(t, err)
	its, err := trust.New(trust.Grant{Provider: w.provider, Subjects: []trust.Subject{subject}})
	require.NoError(t, err)
	assert.Equal(t, trust.Holds, role.Trust.Within(its).Outcome, "nobody else")

	w.annotate(asks, "writer")
	require.NoError(t, w.reconcile())
	role, err = iamrole.Read(t.Context(), w.iam, "shop.cart")
	require.NoError(t, err)
	assert.Equal(t, []string{"arn:aws:iam::111122223333:policy/pods/shop/writer"}, role.ManagedPolicies)

	w.annotate(asks, "")
	require.NoError(t, w.reconcile())
	_, err = iamrole.Read(t.Context(), w.iam, "shop.cart")
	require.ErrorIs(t, err, iamrole.ErrNotFound)
	assert.Empty(t, w.account().Finalizers)
	assert.NotContains(t, w.account().Annotations, "eks.amazonaws.com/role-arn")

	w.annotate(asks, "reader")
	require.NoError(t, w.reconcile())
	require.NoError(t, w.Delete(t.Context(), w.account()))
	require.NotNil(t, w.account(), "the finalizer keeps it until its role is gone")
	require.NoError(t, w.reconcile())
	assert.Nil(t, w.account())
	_, err = iamrole.Read(t.Context(), w.iam, "shop.cart")
	require.ErrorIs(t, err, iamrole.ErrNotFound)
}

func TestAnAccountThatDoesNotAskIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/mine"})
	before := w.account()
	require.NoError(t, w.reconcile())
	assert.Equal(t, before, w.account())
	assert.False(t, w.verbs["patch"])
	assert.Zero(t, w.aws.Calls("GetRole"))
}

func TestWhatKeepsAnAccountFromItsRoleIsACondition(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{asks: "reader"})
	w.aws.SetFault(trusttest.Fault{Failure: trusttest.Throttling})
	require.ErrorContains(t, w.reconcile(), "api error Throttling")
	w.page()
	refused := w.account()
	assert.Equal(t, metav1.ConditionFalse, w.condition().Status)
	assert.Equal(t, "Throttled", w.condition().Reason)
	assert.NotContains(t, refused.Annotations, "eks.amazonaws.com/role-arn")
	require.ErrorContains(t, w.reconcile(), "api error Throttling")
	assert.Equal(t, withoutVersion(refused), withoutVersion(w.account()), "the same cause, the same condition")

	w.aws.SetFault(trusttest.Fault{})
	require.NoError(t, w.reconcile())
	assert.Equal(t, metav1.ConditionTrue, w.condition().Status)
}

func TestAStrangersRoleStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{asks: "reader"})
	subject, err := trust.ServiceAccount("other", "somebody")
	require.NoError(t, err)
	theirs, err := trust.New(trust.Grant{Provider: w.provider, Subjects: []trust.Subject{subject}})
	require.NoError(t, err)
	_, err = iamrole.Ensure(t.Context(), w.iam, iamrole.Spec{Name: "shop.cart", Trust: theirs}, iamrole.Config{})
	require.NoError(t, err)
	require.ErrorIs(t, w.reconcile(), iamrole.ErrOtherPath)
	assert.Equal(t, metav1.ConditionFalse, w.condition().Status)
	require.NoError(t, w.Delete(t.Context(), w.account()))
	require.ErrorIs(t, w.reconcile(), iamrole.ErrNotOwned)
	assert.Nil(t, w.account(), "it need not wait for what is not its own")
	role, err := iamrole.Read(t.Context(), w.iam, "shop.cart")
	require.NoError(t, err)
	assert.True(t, role.Trust.Equal(theirs))
}

// page asserts that the page shows the account's annotations.
func (w *world) page() {
	w.Helper()
	page, err := os.ReadFile("README.md")
	require.NoError(w, err)
	annotations, err := yaml.Marshal(map[string]any{"annotations": w.account().Annotations})
	require.NoError(w, err)
	for line := range strings.Lines(string(annotations)) {
		assert.Contains(w, string(page), "  "+line)
	}
}

// The rights on the page are those that the manager uses: get and patch of the operator's, list and
// watch of its cache.
func TestTheClusterRoleIsWhatItNeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{asks: "reader"})
	require.NoError(t, w.reconcile())
	page, err := os.ReadFile("README.md")
	require.NoError(t, err)
	var role rbacv1.ClusterRole
	require.NoError(t, yaml.UnmarshalStrict([]byte(regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(string(page))[1]), &role))
	require.Len(t, role.Rules, 1)
	assert.Equal(t, []string{"serviceaccounts"}, role.Rules[0].Resources)
	used := []string{"list", "watch"}
	for verb := range w.verbs {
		used = append(used, verb)
	}
	slices.Sort(used)
	assert.Equal(t, used, slices.Sorted(slices.Values(role.Rules[0].Verbs)))
}
