package migrate_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/podidentity"
	"github.com/irsa-go/irsa/trust/podidentity/migrate"
	"github.com/irsa-go/irsa/trust/trusttest"
)

const (
	reader     = "arn:aws:iam::111122223333:role/reader"
	annotation = "eks.amazonaws.com/role-arn"
)

var cfg = migrate.Config{Injection: mutate.EKS("eu-central-1")}

// bench is an account with the cluster "blue" and the role reader, and the service account
// shop/checkout in that cluster, with two pods. It annotates, and makes pods anew, as a cluster does.
type bench struct {
	migrate.Client
	eks       *eks.Client
	aws       *trusttest.Account
	state     migrate.State
	annotated bool // the cluster's webhook prefers the annotation
}

func newBench(t testing.TB) *bench {
	t.Helper()
	issuer, err := oidctest.NewServer(oidctest.Config{Issuer: "https://oidc.cluster.example"})
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	aws, err := trusttest.NewAccount(trusttest.Config{})
	require.NoError(t, err)
	t.Cleanup(aws.Close)
	tokens, err := oidc.NewVerifier(issuer.Issuer(), "pods.eks.amazonaws.com", oidc.VerifierConfig{Client: issuer.Client()})
	require.NoError(t, err)
	cluster, err := aws.AddCluster(trusttest.Cluster{Name: "blue", Tokens: tokens})
	require.NoError(t, err)
	provider, err := trust.NewProvider("aws", aws.AccountID(), issuer.URL())
	require.NoError(t, err)
	b := &bench{aws: aws, eks: eks.NewFromConfig(aws.AWSConfig())}
	b.Client = migrate.Client{Roles: iam.NewFromConfig(aws.AWSConfig()), Associations: b.eks, Accounts: b, RoleConfig: iamrole.Config{Settle: -1}, AssociationConfig: podidentity.Config{Patience: -1}}
	b.state = migrate.State{ClusterARN: cluster, Provider: provider, Account: account("checkout")}
	b.state.Account.Annotations = map[string]string{annotation: reader}
	b.state.Trust = b.irsa(t, "checkout")
	_, err = iamrole.Ensure(context.Background(), iam.NewFromConfig(aws.AWSConfig()), iamrole.Spec{Name: "reader", Trust: b.state.Trust}, iamrole.Config{Settle: -1})
	require.NoError(t, err)
	b.state.Pods = []corev1.Pod{pod("checkout-1", "checkout"), pod("checkout-2", "checkout"), pod("other", "other")}
	b.restart(t)
	return b
}

func account(name string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
}

func pod(name, account string) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec:       corev1.PodSpec{ServiceAccountName: account, Containers: []corev1.Container{{Name: "app"}}},
	}
}

func (b *bench) subject(t testing.TB, name string) trust.Subject {
	s, err := trust.ServiceAccount("shop", name)
	require.NoError(t, err)
	return s
}

func (b *bench) irsa(t testing.TB, name string) *trust.Policy {
	p, err := trust.New(trust.Grant{Provider: b.state.Provider, Subjects: []trust.Subject{b.subject(t, name)}})
	require.NoError(t, err)
	return p
}

func (b *bench) podIdentity(t testing.TB, name string) *trust.Policy {
	p, err := trust.NewPodIdentity(trust.PodIdentityGrant{AccountID: "111122223333", ClusterARNs: []string{b.state.ClusterARN}, Subjects: []trust.Subject{b.subject(t, name)}})
	require.NoError(t, err)
	return p
}

// Annotate is the API server's.
func (b *bench) Annotate(_ context.Context, namespace, name, key, value string) error {
	if namespace != "shop" || name != "checkout" {
		return errors.New("not found")
	}
	b.state.Account.Annotations[key] = value
	if value == "" {
		delete(b.state.Account.Annotations, key)
	}
	return nil
}

// read brings what AWS has into the state.
func (b *bench) read(t testing.TB) migrate.State {
	t.Helper()
	role, err := iamrole.Read(t.Context(), iam.NewFromConfig(b.aws.AWSConfig()), "reader")
	require.NoError(t, err)
	b.state.Trust, b.state.Association = role.Trust, nil
	found, err := podidentity.Read(t.Context(), b.eks, podidentity.Target{ClusterARN: b.state.ClusterARN, Namespace: "shop", ServiceAccount: "checkout"})
	if !errors.Is(err, podidentity.ErrNotFound) {
		require.NoError(t, err)
		b.state.Association = &found
	}
	return b.state
}

// restart makes the pods anew, with the identity that the webhook gives now.
func (b *bench) restart(t testing.TB) {
	t.Helper()
	m, err := mutate.New(cfg.Injection)
	require.NoError(t, err)
	id, err := m.Identity(b.state.Account)
	require.NoError(t, err)
	if b.read(t).Association != nil && (id.IsZero() || !b.annotated) {
		id = mutate.Identity{Method: mutate.PodIdentity}
	}
	for i, old := range b.state.Pods {
		if old.Spec.ServiceAccountName != "checkout" {
			continue
		}
		fresh := pod(old.Name, "checkout")
		result, err := m.Pod(&fresh, id)
		require.NoError(t, err)
		raw, err := json.Marshal(fresh)
		require.NoError(t, err)
		patched, err := result.Apply(raw)
		require.NoError(t, err)
		b.state.Pods[i] = corev1.Pod{}
		require.NoError(t, json.Unmarshal(patched, &b.state.Pods[i]))
	}
}

// roleOfOthers makes the role writer, which trusts EKS.
func (b *bench) roleOfOthers(t testing.TB) string {
	made, err := iamrole.Ensure(t.Context(), iam.NewFromConfig(b.aws.AWSConfig()), iamrole.Spec{Name: "writer", Trust: b.podIdentity(t, "checkout")}, iamrole.Config{Settle: -1})
	require.NoError(t, err)
	return made.ARN
}

// grant lets another service account have the role reader.
func (b *bench) grant(t testing.TB, name string) {
	_, err := iamrole.Grant(t.Context(), b.Roles, "reader", trust.Grant{Provider: b.state.Provider, Subjects: []trust.Subject{b.subject(t, name)}}, b.RoleConfig)
	require.NoError(t, err)
}
