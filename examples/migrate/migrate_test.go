package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/irsa-go/irsa/internal/readme"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

const issuerURL = "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"

// newWorld is a cluster with the accounts shop/checkout, shop/report on Fargate, and shop/default
// without a role.
func newWorld(t *testing.T) (world, *trusttest.Account, options) {
	t.Helper()
	issuer, err := oidctest.NewServer(oidctest.Config{Issuer: issuerURL})
	require.NoError(t, err)
	t.Cleanup(issuer.Close)
	account, err := trusttest.NewAccount(trusttest.Config{})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	tokens, err := oidc.NewVerifier(issuer.Issuer(), "pods.eks.amazonaws.com", oidc.VerifierConfig{Client: issuer.Client()})
	require.NoError(t, err)
	cluster, err := account.AddCluster(trusttest.Cluster{Name: "blue", Tokens: tokens})
	require.NoError(t, err)
	cfg := account.AWSConfig()
	w := world{fake.NewSimpleClientset(&corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: "fargate-1", Labels: map[string]string{"eks.amazonaws.com/compute-type": "fargate"},
	}}), iam.NewFromConfig(cfg), eks.NewFromConfig(cfg)}
	for name, node := range map[string]string{"checkout": "", "report": "fargate-1", "default": ""} {
		meta := metav1.ObjectMeta{Namespace: "shop", Name: name}
		pod := &corev1.Pod{ObjectMeta: meta, Spec: corev1.PodSpec{ServiceAccountName: name, NodeName: node, Containers: []corev1.Container{{Name: "app", Env: []corev1.EnvVar{
			{Name: "AWS_ROLE_ARN", Value: "arn:aws:iam::111122223333:role/" + name}, {Name: "AWS_WEB_IDENTITY_TOKEN_FILE", Value: "/token"},
		}}}}}
		_, err := w.CoreV1().Pods("shop").Create(t.Context(), pod, metav1.CreateOptions{})
		require.NoError(t, err)
		if name != "default" {
			meta.Annotations = map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/" + name}
			w.makeRole(t, name)
		}
		_, err = w.CoreV1().ServiceAccounts("shop").Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: meta}, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	return w, account, options{cluster: cluster, issuer: issuerURL, to: "pod-identity"}
}

func (w world) makeRole(t *testing.T, name string) {
	t.Helper()
	provider, err := trust.NewProvider("aws", "111122223333", issuerURL)
	require.NoError(t, err)
	subject, err := trust.ServiceAccount("shop", name)
	require.NoError(t, err)
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	require.NoError(t, err)
	_, err = iamrole.Ensure(t.Context(), w.iam, iamrole.Spec{Name: name, Trust: policy}, iamrole.Config{Settle: -1})
	require.NoError(t, err)
}

func TestMain(m *testing.M) { readme.Main(m, main) }

func TestWithoutApplyNothingIsWrittenAndTheREADMEShowsWhatIsPrinted(t *testing.T) {
	t.Parallel()
	w, account, o := newWorld(t)
	var out bytes.Buffer
	require.NoError(t, move(t.Context(), o, w, &out))
	for _, write := range []string{"UpdateAssumeRolePolicy", "CreatePodIdentityAssociation", "DeletePodIdentityAssociation"} {
		assert.Zero(t, account.Calls(write), write)
	}
	readme.Shows(t, "README.md", "go run . -cluster ARN -issuer URL", out.String())
}

func TestApplyGoesOnToWherePodsMustBeMadeAnewAndThenToTheEnd(t *testing.T) {
	t.Parallel()
	w, account, o := newWorld(t)
	o.apply = true
	var out bytes.Buffer
	for range 2 { // a second time changes nothing
		out.Reset()
		require.NoError(t, move(t.Context(), o, w, &out))
		assert.Contains(t, out.String(), "~ make anew")
		assert.Contains(t, out.String(), "0 arrived, 1 on the way, 1 keep IRSA, 1 without a role, 0 failed")
	}
	assert.Equal(t, 1, account.Calls("UpdateAssumeRolePolicy"))
	assert.Equal(t, 1, account.Calls("CreatePodIdentityAssociation"))

	require.NoError(t, w.CoreV1().Pods("shop").Delete(t.Context(), "checkout", metav1.DeleteOptions{}))
	out.Reset()
	require.NoError(t, move(t.Context(), o, w, &out))
	assert.Contains(t, out.String(), "1 arrived, 0 on the way, 1 keep IRSA")
	moved, err := w.CoreV1().ServiceAccounts("shop").Get(t.Context(), "checkout", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Empty(t, moved.Annotations)

	o.to = "irsa"
	out.Reset()
	require.NoError(t, move(t.Context(), o, w, &out))
	assert.Contains(t, out.String(), "1 arrived, 1 on the way, 0 keep IRSA", "the pod on Fargate does not show what token it has")
	assert.Equal(t, 1, account.Calls("DeletePodIdentityAssociation"))
}

func TestAnAccountThatCannotMoveDoesNotKeepTheOthersBack(t *testing.T) {
	t.Parallel()
	w, _, o := newWorld(t)
	o.apply = true
	require.NoError(t, w.Annotate(t.Context(), "shop", "default", "eks.amazonaws.com/role-arn", "arn:aws:iam::111122223333:role/absent"))
	var out bytes.Buffer
	err := move(t.Context(), o, w, &out)
	require.ErrorContains(t, err, "shop/default: ")
	assert.Contains(t, out.String(), "1 on the way, 1 keep IRSA, 0 without a role, 1 failed")
	readme.Shows(t, "README.md", "go run . -cluster ARN -issuer URL -apply", out.String()+"migrate: "+err.Error()+"\nexit status 1\n")
}

func TestWrongFlagsAreRefused(t *testing.T) {
	t.Parallel()
	readme.Shows(t, "README.md", "go run .", readme.Run(t, nil))
	for want, args := range map[string][]string{
		"want -cluster and -issuer":        {"-cluster", "x"},
		`argument "x"`:                     {"x"},
		`-to "fargate": want pod-identity`: {"-cluster", "x", "-issuer", "y", "-to", "fargate"},
	} {
		assert.ErrorContains(t, run(t.Context(), args, io.Discard, io.Discard), want)
	}
}
