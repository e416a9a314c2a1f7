package podidentity_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/podidentity"
	"github.com/irsa-go/irsa/trust/trusttest"
)

const (
	reader   = "arn:aws:iam::111122223333:role/reader"
	writer   = "arn:aws:iam::111122223333:role/writer"
	audience = "pods.eks.amazonaws.com"
)

// box is an account with an EKS cluster and the roles reader and writer, which trust EKS.
type box struct {
	*eks.Client
	account *trusttest.Account
	cluster *oidctest.Server
	arn     string // the cluster's
}

func newBox(t testing.TB) box {
	t.Helper()
	cluster, err := oidctest.NewServer(oidctest.Config{Issuer: "https://oidc.cluster.example"})
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	account, err := trusttest.NewAccount(trusttest.Config{DialContext: cluster.DialContext})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	tokens, err := oidc.NewVerifier(cluster.Issuer(), audience, oidc.VerifierConfig{Client: cluster.Client()})
	require.NoError(t, err)
	arn, err := account.AddCluster(trusttest.Cluster{Name: "blue", Tokens: tokens})
	require.NoError(t, err)
	b := box{Client: eks.NewFromConfig(account.AWSConfig()), account: account, cluster: cluster, arn: arn}
	trusted, err := trust.NewPodIdentity(trust.PodIdentityGrant{AccountID: account.AccountID()})
	require.NoError(t, err)
	b.role(t, "reader", trusted)
	b.role(t, "writer", trusted)
	return b
}

func (b box) role(t testing.TB, name string, policy *trust.Policy) {
	t.Helper()
	_, err := iamrole.Ensure(context.Background(), iam.NewFromConfig(b.account.AWSConfig()), iamrole.Spec{Name: name, Trust: policy}, iamrole.Config{Settle: -1})
	require.NoError(t, err)
}

func (b box) target(account string) podidentity.Target {
	return podidentity.Target{ClusterARN: b.arn, Namespace: "shop", ServiceAccount: account}
}
