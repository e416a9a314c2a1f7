package vault_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	awsauth "github.com/hashicorp/vault/builtin/credential/aws"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/rotation"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	serverID       = "vault.example"
	serverIDHeader = "X-Vault-AWS-IAM-Server-ID"
)

// A login is a GetCallerIdentity that the client has signed and Vault sends to AWS: whoever AWS says
// signed it has logged in. The signed header keeps it from being used at another Vault.
func TestAPodLogsInAtVaultByItsRole(t *testing.T) {
	met(t)
	b := newBench(t)
	checkout, neighbour := b.role(t, "checkout"), b.role(t, "neighbour")
	vault := newVault(t, b, checkout)
	mine, theirs := b.credentials(t, "checkout", checkout), b.credentials(t, "neighbour", neighbour)

	for name, signed := range map[string]map[string]any{
		"signed in the header": b.signed(t, mine, http.MethodPost, serverID),
		"presigned":            b.signed(t, mine, http.MethodGet, serverID),
	} {
		t.Run(name, func(t *testing.T) {
			answer := vault.login(t, signed)
			require.NoError(t, answer.Error())
			require.NotNil(t, answer.Auth)
			assert.Equal(t, []string{"reads-the-shop"}, answer.Auth.Policies)
			assert.Equal(t, checkout, answer.Auth.InternalData["canonical_arn"])
			assert.Regexp(t, `^checkout/[\w+=,.@-]{2,64}$`, answer.Auth.DisplayName)
		})
	}
	unsigned := b.signed(t, mine, http.MethodPost, "")
	unsigned["iam_request_headers"].(http.Header).Set(serverIDHeader, serverID)
	otherTime := b.signed(t, mine, http.MethodPost, serverID)
	otherTime["iam_request_headers"].(http.Header).Set("X-Amz-Date", time.Now().Add(time.Minute).UTC().Format("20060102T150405Z"))
	noSession := b.signed(t, mine, http.MethodPost, serverID)
	noSession["iam_request_headers"].(http.Header).Del("X-Amz-Security-Token")
	for name, tc := range map[string]struct {
		signed map[string]any
		says   string
	}{
		"a neighbour's role":          {b.signed(t, theirs, http.MethodPost, serverID), "does not belong to the role"},
		"for another Vault":           {b.signed(t, mine, http.MethodPost, "other.example"), "error validating " + serverIDHeader},
		"presigned for another one":   {b.signed(t, mine, http.MethodGet, "other.example"), "error validating " + serverIDHeader},
		"a header that is not signed": {unsigned, "header wasn't signed"},
		"another time":                {otherTime, "SignatureDoesNotMatch"},
		"without its session":         {noSession, "InvalidClientTokenId"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := vault.login(t, tc.signed)
			require.ErrorContains(t, answer.Error(), tc.says)
			assert.Nil(t, answer.Auth)
		})
	}
}

// A role of the same name that is made anew is another role, for Vault as for AWS.
func TestARoleThatIsMadeAnewDoesNotLogIn(t *testing.T) {
	met(t)
	b := newBench(t)
	checkout := b.role(t, "checkout")
	vault := newVault(t, b, checkout)
	_, err := b.iam.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: aws.String("checkout")})
	require.NoError(t, err)
	require.Equal(t, checkout, b.role(t, "checkout"))
	answer := vault.login(t, b.signed(t, b.credentials(t, "checkout", checkout), http.MethodPost, serverID))
	require.ErrorContains(t, answer.Error(), "does not belong to the role")
}

const callerIdentity = "Action=GetCallerIdentity&Version=2011-06-15"

// signed is a login's data: a GetCallerIdentity, signed in the header of a POST or in the query of a
// GET, with the name of the Vault that it is for among the signed headers.
func (b *bench) signed(t *testing.T, creds aws.Credentials, method, server string) map[string]any {
	t.Helper()
	url, body := b.aws.URL()+"/", callerIdentity
	if method == http.MethodGet {
		url, body = url+"?"+callerIdentity, ""
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if server != "" {
		r.Header.Set(serverIDHeader, server)
	}
	hash := sha256.Sum256([]byte(body))
	signer := v4.NewSigner()
	if method == http.MethodGet {
		url, _, err = signer.PresignHTTP(t.Context(), creds, r, hex.EncodeToString(hash[:]), "sts", region, time.Now())
	} else {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		err = signer.SignHTTP(t.Context(), creds, r, hex.EncodeToString(hash[:]), "sts", region, time.Now())
	}
	require.NoError(t, err)
	encode := base64.StdEncoding.EncodeToString
	return map[string]any{
		"role": "shop", "iam_http_request_method": method, "iam_request_url": encode([]byte(url)),
		"iam_request_body": encode([]byte(body)), "iam_request_headers": r.Header,
	}
}

// vault is the AWS login of a Vault, without the rest of it.
type vault struct {
	backend logical.Backend
	storage logical.Storage
}

// system is the Vault around the login. Nothing rotates its keys.
type system struct{ *logical.StaticSystemView }

func (system) DeregisterRotationJob(context.Context, *rotation.RotationJobDeregisterRequest) error {
	return nil
}

// newVault lets the one role log in. Vault looks it up in IAM and remembers its unique id.
func newVault(t *testing.T, b *bench, roleARN string) vault {
	t.Helper()
	v := vault{storage: &logical.InmemStorage{}}
	var err error
	v.backend, err = awsauth.Factory(t.Context(), &logical.BackendConfig{StorageView: v.storage, System: system{logical.TestSystemView()}})
	require.NoError(t, err)
	admin, err := b.aws.Credentials().Retrieve(t.Context())
	require.NoError(t, err)
	v.write(t, logical.UpdateOperation, "config/client", map[string]any{
		"sts_endpoint": b.aws.URL(), "iam_endpoint": b.aws.URL(), "sts_region": region, "max_retries": 0,
		"access_key": admin.AccessKeyID, "secret_key": admin.SecretAccessKey, "iam_server_id_header_value": serverID,
	})
	v.write(t, logical.CreateOperation, "role/shop", map[string]any{
		"auth_type": "iam", "bound_iam_principal_arn": roleARN, "token_policies": "reads-the-shop",
	})
	return v
}

func (v vault) write(t *testing.T, operation logical.Operation, path string, data map[string]any) {
	t.Helper()
	answer, err := v.backend.HandleRequest(t.Context(), &logical.Request{Operation: operation, Path: path, Data: data, Storage: v.storage})
	require.NoError(t, err)
	require.NoError(t, answer.Error())
}

func (v vault) login(t *testing.T, signed map[string]any) *logical.Response {
	t.Helper()
	answer, err := v.backend.HandleRequest(t.Context(), &logical.Request{
		Operation: logical.UpdateOperation, Path: "login", Data: signed, Storage: v.storage, Connection: &logical.Connection{},
	})
	require.NoError(t, err)
	require.NotNil(t, answer)
	return answer
}

// met prints Vault's version.
func met(t *testing.T) {
	t.Helper()
	version, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", "github.com/hashicorp/vault").Output()
	require.NoError(t, err)
	fmt.Printf("met: HashiCorp Vault's AWS login %s (%s)\n", strings.TrimSpace(string(version)), t.Name())
}
