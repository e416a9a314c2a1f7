package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"

	"github.com/irsa-go/irsa/internal/e2e/cluster"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/mutate/webhook"
)

// webhookBench is an API server that calls the project's webhook, beside one that does not.
type webhookBench struct {
	*testCluster
	cfg     mutate.Config
	down    atomic.Bool // the webhook drops every connection
	reviews atomic.Int64

	url      string
	caBundle []byte
}

// accountsOf reads an informer's cache, and the API server itself for what the cache does not have.
func accountsOf(t *testing.T, client kubernetes.Interface) webhook.Accounts {
	t.Helper()
	factory := informers.NewSharedInformerFactory(client, 0)
	lister := factory.Core().V1().ServiceAccounts().Lister()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); factory.Shutdown() })
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	_, err := lister.List(labels.Everything())
	require.NoError(t, err)
	return webhook.CachedAccounts{
		Cache: func(_ context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
			return lister.ServiceAccounts(namespace).Get(name)
		},
		Live: func(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
			return client.CoreV1().ServiceAccounts(namespace).Get(ctx, name, metav1.GetOptions{})
		},
	}
}

func newWebhookBench(t *testing.T, cfg mutate.Config, handlerCfg webhook.Config) *webhookBench {
	t.Helper()
	return newWebhookBenchAt(t, startCluster(t, cluster.Config{}), cfg, handlerCfg)
}

func newWebhookBenchAt(t *testing.T, c *testCluster, cfg mutate.Config, handlerCfg webhook.Config) *webhookBench {
	t.Helper()
	b := &webhookBench{testCluster: c, cfg: cfg}
	mutator, err := mutate.New(cfg)
	require.NoError(t, err)
	accounts := accountsOf(t, b.client)
	mux := http.NewServeMux()
	for path, require := range map[string]bool{"/mutate": false, "/require": true} {
		handlerCfg.RequireIdentity = require
		handler, err := webhook.New(mutator, accounts, handlerCfg)
		if err != nil {
			t.Fatal(err)
		}
		mux.Handle(path, handler)
	}
	b.url, b.caBundle = serveTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.reviews.Add(1)
		if b.down.Load() {
			panic(http.ErrAbortHandler)
		}
		mux.ServeHTTP(w, r)
	}))
	b.register(t, webhook.Default, webhook.Required)
	b.namespace(t, "probe", nil)
	b.account(t, "probe", "probe", map[string]string{b.cfg.AnnotationKey(mutate.AnnotationRoleARN): testRole})
	for _, required := range []map[string]string{nil, requiresIdentity} {
		eventually(t, "webhook in force", func() bool {
			before := b.reviews.Load()
			pod, err := b.dryRun(t.Context(), racer("probe", "probe", required))
			return err == nil && hasVolume(pod) && b.reviews.Load()-before >= int64(1+len(required))
		})
	}
	return b
}

// register applies the generated configurations, with a URL in the place of the Service: there is no
// network of Services here.
func (b *webhookBench) register(t *testing.T, generators ...func(webhook.ManifestConfig) (*admissionregistrationv1.MutatingWebhookConfiguration, error)) {
	t.Helper()
	manifestCfg := webhook.ManifestConfig{
		Service:  types.NamespacedName{Namespace: "kube-system", Name: "pod-identity-webhook"},
		CABundle: b.caBundle,
	}
	for _, generate := range generators {
		manifest, err := generate(manifestCfg)
		require.NoError(t, err)
		for i := range manifest.Webhooks {
			address := b.url + *manifest.Webhooks[i].ClientConfig.Service.Path
			manifest.Webhooks[i].ClientConfig.Service, manifest.Webhooks[i].ClientConfig.URL = nil, &address
		}
		_, err = b.client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(t.Context(), manifest, metav1.CreateOptions{})
		require.NoError(t, err)
	}
}

var requiresIdentity = map[string]string{"eks.amazonaws.com/" + mutate.LabelRequireIdentity: mutate.LabelRequireIdentityValue}

// TestTheWebhookMakesThePodsThatTheLibraryMakes creates the corpus and the project's own pods, for
// good, through the webhook.
func TestTheWebhookMakesThePodsThatTheLibraryMakes(t *testing.T) {
	t.Parallel()
	expected := &expectation{plain: startCluster(t, cluster.Config{})}
	b := newWebhookBench(t, mutate.EKS("eu-central-1"), webhook.Config{})
	b.namespace(t, "pods", nil)
	account := b.account(t, "pods", "app", map[string]string{"eks.amazonaws.com/role-arn": testRole})
	expected.ensure(t, "pods", "app")
	injected := 0
	for _, m := range manifests(t) {
		t.Run(m.name, func(t *testing.T) {
			pod := prepared(m, "pods", "app")
			if refusal := refusedAsTheyAre[m.name]; refusal != "" {
				_, err := b.create(t.Context(), pod)
				require.ErrorContains(t, err, refusal)
				return
			}
			want := expected.of(t, b.cfg, account, pod)
			got, err := b.create(t.Context(), pod)
			require.NoError(t, err)
			assertSamePod(t, want, got)
			if hasVolume(got) {
				injected++
			}
		})
	}
	assert.Positive(t, injected)
}

func TestTheWebhookReachesTheSidecarOfALaterWebhook(t *testing.T) {
	t.Parallel()
	b := newWebhookBench(t, mutate.EKS("eu-central-1"), webhook.Config{})
	b.namespace(t, "late", nil)
	b.account(t, "late", "app", map[string]string{"eks.amazonaws.com/role-arn": testRole})
	b.registerSidecars(t)
	b.assertLateSidecarInjected(t, racer("late", "app", nil), testRole)
}

func TestThePolicyReachesTheSidecarOfALaterWebhook(t *testing.T) {
	t.Parallel()
	b := &policyBench{testCluster: startCluster(t, cluster.Config{})}
	b.inject(t, "late", mutate.EKS("eu-central-1"))
	b.account(t, "late", "app", map[string]string{"eks.amazonaws.com/role-arn": testRole})
	b.settled(t, "late", mutate.Config{})
	b.registerSidecars(t)
	b.assertLateSidecarInjected(t, racer("late", "app", nil), testRole)
}

// TestTheWebhookFollowsTheRuleToo: a pod that asks gets the role by rule, whatever its account says.
func TestTheWebhookFollowsTheRuleToo(t *testing.T) {
	t.Parallel()
	b := newWebhookBench(t, mutate.Config{RoleRule: rule}, webhook.Config{})
	b.namespace(t, "team-a", nil)
	b.account(t, "team-a", "app", map[string]string{"eks.amazonaws.com/role-arn": testRole})
	role, err := rule.ARN("team-a", "app")
	require.NoError(t, err)
	for want, labels := range map[string]map[string]string{role: asksByRule, testRole: nil} {
		pod, err := b.create(t.Context(), racer("team-a", "app", labels))
		require.NoError(t, err)
		assertInjected(t, pod, want)
	}
}

// TestTheWebhookDownLetsPodsInExceptThoseThatAsk: the default configuration fails open, the required
// one closed.
func TestTheWebhookDownLetsPodsInExceptThoseThatAsk(t *testing.T) {
	t.Parallel()
	b := newWebhookBench(t, mutate.Config{}, webhook.Config{})
	b.down.Store(true)
	pod, err := b.create(t.Context(), racer("probe", "probe", nil))
	require.NoError(t, err)
	assert.False(t, hasVolume(pod))
	_, err = b.create(t.Context(), racer("probe", "probe", requiresIdentity))
	assert.ErrorContains(t, err, "failed calling webhook")

	b.down.Store(false)
	pod, err = b.create(t.Context(), racer("probe", "probe", requiresIdentity))
	require.NoError(t, err)
	assertInjected(t, pod, testRole)

	b.account(t, "probe", "nobody", nil)
	_, err = b.create(t.Context(), racer("probe", "nobody", requiresIdentity))
	assert.Error(t, err, "a pod that requires an identity and has an account without one")
	b.account(t, "probe", "bad", map[string]string{"eks.amazonaws.com/role-arn": "no-arn"})
	_, err = b.create(t.Context(), racer("probe", "bad", nil))
	assert.ErrorContains(t, err, `"no-arn"`, "an annotated account that cannot be honoured is denied, whatever the fail mode")
}

// TestTheWebhookMissesNoAccountThatIsAsNewAsItsPod creates each pod at the same moment as its account.
// The API server itself refuses a pod whose account it does not find, and is asked again then.
func TestTheWebhookMissesNoAccountThatIsAsNewAsItsPod(t *testing.T) {
	t.Parallel()
	b := newWebhookBench(t, mutate.Config{}, webhook.Config{Wait: 2 * time.Second})
	b.namespace(t, "race", nil)
	const times = 200
	again := 0
	for i := range times {
		name := fmt.Sprintf("account-%03d", i)
		made := make(chan error, 1)
		go func() {
			_, err := b.client.CoreV1().ServiceAccounts("race").Create(t.Context(), &corev1.ServiceAccount{
				ObjectMeta: metav1.ObjectMeta{Namespace: "race", Name: name, Annotations: map[string]string{"eks.amazonaws.com/role-arn": testRole}},
			}, metav1.CreateOptions{})
			made <- err
		}()
		pod, err := b.create(t.Context(), racer("race", name, nil))
		for deadline := time.Now().Add(10 * time.Second); err != nil && strings.Contains(err.Error(), "not found") && time.Now().Before(deadline); again++ {
			pod, err = b.create(t.Context(), racer("race", name, nil))
		}
		require.NoError(t, err)
		require.NoError(t, <-made)
		assertInjected(t, pod, testRole)
	}
	t.Logf("%d pods at the same moment as their accounts, none missed; the API server itself refused %d times for want of the account", times, again)
}
