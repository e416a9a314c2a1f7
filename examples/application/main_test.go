package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/readme"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

func TestMain(m *testing.M) { readme.Main(m, main) }

func TestTheProgramBecomesWhatItsEnvironmentSays(t *testing.T) {
	t.Parallel()
	cluster, err := oidctest.NewServer(oidctest.Config{})
	require.NoError(t, err)
	defer cluster.Close()
	account, err := trusttest.NewAccount(trusttest.Config{})
	require.NoError(t, err)
	defer account.Close()
	client := iam.NewFromConfig(account.AWSConfig())

	report, err := cluster.Client().Thumbprints(t.Context(), cluster.Issuer())
	require.NoError(t, err)
	_, err = iamprovider.Ensure(t.Context(), client, iamprovider.Spec{
		AccountID: account.AccountID(), Issuer: cluster.Issuer(), Thumbprints: report.Thumbprints,
	}, iamprovider.Config{})
	require.NoError(t, err)
	provider, err := trust.NewProvider("aws", account.AccountID(), cluster.URL())
	require.NoError(t, err)
	subject, err := trust.ServiceAccount("shop", "checkout")
	require.NoError(t, err)
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	require.NoError(t, err)
	role, err := iamrole.Ensure(t.Context(), client, iamrole.Spec{Name: "checkout", Trust: policy}, iamrole.Config{})
	require.NoError(t, err)
	signed, err := cluster.Token(oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "checkout"})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(signed), 0o600))
	endpoint := []string{"AWS_ENDPOINT_URL=" + account.URL(), "AWS_REGION=eu-central-1"}

	mutated := append(endpoint, "AWS_ROLE_ARN="+role.ARN, "AWS_WEB_IDENTITY_TOKEN_FILE="+file, "AWS_ROLE_SESSION_NAME=from-the-pod")
	readme.Shows(t, "README.md", "go run .", readme.Run(t, mutated))
	readme.Shows(t, "README.md", "go run .", readme.Run(t, append(endpoint, "AWS_EC2_METADATA_DISABLED=true")))

	const administrator = `^arn:aws:iam::111122223333:\S+\n$`
	assert.Regexp(t, administrator, readme.Run(t, account.Env()), "static keys")
	laptop := append(account.Env(), "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_PROFILE=work", "AWS_CONFIG_FILE="+profile(t, account))
	assert.Regexp(t, administrator, readme.Run(t, laptop))

	node := append(endpoint, "AWS_PROFILE=bare", "AWS_CONFIG_FILE="+configFile(t, "[profile bare]\nregion=eu-central-1\n"), "AWS_EC2_METADATA_SERVICE_ENDPOINT="+metadata(t))
	readme.Shows(t, "README.md", "AWS_PROFILE=bare go run .", readme.Run(t, node))
	assert.Regexp(t, `half an identity.*\nexit status 1\n$`, readme.Run(t, append(endpoint, "AWS_ROLE_ARN="+role.ARN)), "not a laptop")
}

// profile writes a configuration file with the administrator's keys, as a laptop has one.
func profile(t *testing.T, account *trusttest.Account) string {
	t.Helper()
	keys, err := account.Credentials().Retrieve(t.Context())
	require.NoError(t, err)
	return configFile(t, "[profile work]\naws_access_key_id="+keys.AccessKeyID+"\naws_secret_access_key="+keys.SecretAccessKey+"\n")
}

func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// metadata is a node's instance metadata service, which nobody may ask for credentials.
func metadata(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		assert.NotContains(t, r.URL.Path, "credentials")
	}))
	t.Cleanup(server.Close)
	return server.URL
}
