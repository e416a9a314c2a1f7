package vault_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

const (
	namespace = "shop"
	region    = "eu-central-1"
)

// bench is an AWS account that trusts a cluster's issuer.
type bench struct {
	aws      *trusttest.Account
	cluster  *oidctest.Server
	iam      *iam.Client
	provider trust.Provider
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{}
	var err error
	b.cluster, err = oidctest.NewServer(oidctest.Config{})
	require.NoError(t, err)
	t.Cleanup(b.cluster.Close)
	b.aws, err = trusttest.NewAccount(trusttest.Config{})
	require.NoError(t, err)
	t.Cleanup(b.aws.Close)
	b.iam = iam.NewFromConfig(b.aws.AWSConfig())
	report, err := b.cluster.Client().Thumbprints(t.Context(), b.cluster.Issuer())
	require.NoError(t, err)
	_, err = iamprovider.Ensure(t.Context(), b.iam, iamprovider.Spec{
		AccountID: b.aws.AccountID(), Issuer: b.cluster.Issuer(), Thumbprints: report.Thumbprints,
	}, iamprovider.Config{})
	require.NoError(t, err)
	b.provider, err = trust.NewProvider("aws", b.aws.AccountID(), b.cluster.URL())
	require.NoError(t, err)
	return b
}

// role makes a role of the account's name, for the account alone.
func (b *bench) role(t *testing.T, account string) string {
	t.Helper()
	subject, err := trust.ServiceAccount(namespace, account)
	require.NoError(t, err)
	policy, err := trust.New(trust.Grant{Provider: b.provider, Subjects: []trust.Subject{subject}})
	require.NoError(t, err)
	role, err := iamrole.Ensure(t.Context(), b.iam, iamrole.Spec{Name: account, Trust: policy}, iamrole.Config{})
	require.NoError(t, err)
	return role.ARN
}

// credentials are those that a program in a mutated pod of the account gets from its environment.
func (b *bench) credentials(t *testing.T, account, roleARN string) aws.Credentials {
	t.Helper()
	env := b.environment(t, account, roleARN)
	resolution, err := token.Resolve(func(name string) (string, bool) { value, ok := env[name]; return value, ok })
	require.NoError(t, err)
	cfg, err := resolution.Configure(aws.Config{Region: env["AWS_REGION"], BaseEndpoint: aws.String(b.aws.URL())}, token.Config{})
	require.NoError(t, err)
	creds, err := cfg.Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	return creds
}

// environment is the mutated container's, with the token where it says.
func (b *bench) environment(t *testing.T, account, roleARN string) map[string]string {
	t.Helper()
	cfg := mutate.EKS(region)
	cfg.MountPath = filepath.Join(t.TempDir(), "serviceaccount")
	mutator, err := mutate.New(cfg)
	require.NoError(t, err)
	raw, err := yaml.YAMLToJSON([]byte(`
apiVersion: v1
kind: Pod
metadata: {namespace: shop, name: app}
spec: {containers: [{name: app, image: registry.example/app:1}]}
`))
	require.NoError(t, err)
	result, err := mutator.RawPod(raw, mutate.Identity{RoleARN: roleARN})
	require.NoError(t, err)
	patch, err := jsonpatch.DecodePatch(result.PatchJSON())
	require.NoError(t, err)
	patched, err := patch.Apply(raw)
	require.NoError(t, err)
	var pod corev1.Pod
	require.NoError(t, yaml.UnmarshalStrict(patched, &pod))

	env := map[string]string{}
	for _, v := range pod.Spec.Containers[0].Env {
		env[v.Name] = v.Value
	}
	signed, err := b.cluster.Token(oidctest.TokenRequest{Namespace: namespace, ServiceAccount: account, Pod: pod.Name})
	require.NoError(t, err)
	path := env[mutate.EnvTokenFile]
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(signed), 0o600))
	return env
}
