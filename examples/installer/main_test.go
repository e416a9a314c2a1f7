package main

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/irsa-go/irsa/internal/readme"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

const issuer = "https://oidc.cluster.example"

// world is a cluster's issuer and an AWS account, in memory.
type world struct {
	*testing.T
	cluster *oidctest.Server
	aws     *trusttest.Account
}

func newWorld(t *testing.T) world {
	t.Helper()
	cluster, err := oidctest.NewServer(oidctest.Config{Issuer: issuer})
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	account, err := trusttest.NewAccount(trusttest.Config{DialContext: cluster.DialContext})
	require.NoError(t, err)
	t.Cleanup(account.Close)
	return world{t, cluster, account}
}

// install runs the command of a line, such as the page has.
func (w world) install(line string) (string, error) {
	w.Helper()
	var out strings.Builder
	err := run(w.Context(), strings.Fields(line), w.aws.AWSConfig(), w.cluster.Client(), &out)
	return out.String(), err
}

// become has an account of the cluster assume the role.
func (w world) become(roleARN, namespace, name string) error {
	w.Helper()
	its, err := w.cluster.Token(oidctest.TokenRequest{Namespace: namespace, ServiceAccount: name})
	require.NoError(w, err)
	provider, err := token.NewProvider(sts.NewFromConfig(w.aws.AWSConfig()), roleARN,
		token.SourceFunc(func(context.Context) (string, error) { return its, nil }), token.Config{})
	require.NoError(w, err)
	_, err = provider.Retrieve(w.Context())
	return err
}

func TestAnAccountGetsItsRoleAndLosesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const install = "-issuer " + issuer + " -account shop/cart -policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
	for range 2 { // again makes no difference
		out, err := w.install(install)
		require.NoError(t, err)
		readme.Shows(t, "README.md", "go run . "+install, out)
		var account corev1.ServiceAccount
		require.NoError(t, yaml.UnmarshalStrict([]byte(out), &account))
		roleARN := account.Annotations["eks.amazonaws.com/role-arn"]
		require.NoError(t, w.become(roleARN, "shop", "cart"))
		err = w.become(roleARN, "shop", "mail")
		explained, _ := token.Explain(err)
		assert.Equal(t, token.Code(token.CodeTrustPolicyMismatch), explained.Code)
	}
	const remove = "-issuer " + issuer + " -account shop/cart -delete"
	out, err := w.install(remove)
	require.NoError(t, err)
	readme.Shows(t, "README.md", "go run . "+remove, out)
	out, err = w.install(remove)
	require.NoError(t, err, "what is gone is gone")
	assert.Empty(t, out)
}

func TestWhatIsNotTheInstallersOwnStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name, err := iamrole.NameFor("irsa-", strings.TrimPrefix(issuer, "https://"), "shop", "cart")
	require.NoError(t, err)
	_, err = w.install("-issuer " + issuer + " -account shop/cart -policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
	require.NoError(t, err)
	_, err = iam.NewFromConfig(w.aws.AWSConfig()).UntagRole(t.Context(), &iam.UntagRoleInput{RoleName: &name, TagKeys: []string{"installed-for"}})
	require.NoError(t, err)
	_, err = w.install("-issuer " + issuer + " -account shop/cart -delete")
	assert.ErrorIs(t, err, iamrole.ErrNotOwned)
}

func TestBadInputMakesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const wrong = "-issuer http://x -account shop/cart"
	for line, want := range map[string]string{
		wrong:                                    `issuer "http://x"`,
		"-issuer " + issuer + " -account cart":   `service account ""`,
		"-issuer " + issuer + " -account shop/*": `service account "*"`,
		"":                                       `issuer ""`,

		"-issuer " + issuer + " -account shop/cart":                                "want \"arn:",
		"-issuer " + issuer + " -account shop/cart -policy AmazonS3ReadOnlyAccess": "want \"arn:",
	} {
		_, err := w.install(line)
		require.ErrorContains(t, err, want, line)
		if line == wrong {
			readme.Shows(t, "README.md", "go run . "+line, "installer: "+err.Error()+"\nexit status 1\n")
		}
	}
	assert.Zero(t, w.aws.Calls("CreateRole"))
	assert.Zero(t, w.aws.Calls("CreateOpenIDConnectProvider"))
}
