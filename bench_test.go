package irsa_test

import (
	"context"
	"log"
	"os"
	"path/filepath"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// world is the cluster and the AWS account of the Examples, and a pod in the cluster.
type world struct {
	cluster *oidctest.Server
	aws     aws.Config
	env     map[string]string
}

// Getenv looks a variable of the pod up, as os.LookupEnv does in a pod.
func (w *world) Getenv(name string) (string, bool) {
	value, ok := w.env[name]
	return value, ok
}

// bench is the same for all Examples; it lives in memory until the process ends.
var bench = sync.OnceValue(func() *world {
	ctx := context.Background()
	cluster, err := oidctest.NewServer(oidctest.Config{Issuer: "https://oidc.cluster.example"})
	check(err)
	account, err := trusttest.NewAccount(trusttest.Config{DialContext: cluster.DialContext})
	check(err)
	w := &world{cluster: cluster, aws: account.AWSConfig()}

	report, err := cluster.Client().Thumbprints(ctx, cluster.Issuer())
	check(err)
	_, err = iamprovider.Ensure(ctx, iam.NewFromConfig(w.aws), iamprovider.Spec{
		AccountID: account.AccountID(), Issuer: cluster.Issuer(), Thumbprints: report.Thumbprints,
	}, iamprovider.Config{})
	check(err)
	provider, err := trust.NewProvider("aws", account.AccountID(), cluster.URL())
	check(err)
	subject, err := trust.ServiceAccount("shop", "checkout")
	check(err)
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	check(err)
	role, err := iamrole.Ensure(ctx, iam.NewFromConfig(w.aws), iamrole.Spec{Name: "checkout", Trust: policy}, iamrole.Config{})
	check(err)

	w.env = map[string]string{"AWS_ROLE_ARN": role.ARN, "AWS_WEB_IDENTITY_TOKEN_FILE": string(w.project())}
	return w
})

// project writes the pod's token into a file, as the kubelet does.
func (w *world) project() token.File {
	signed, err := w.cluster.Token(oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "checkout"})
	check(err)
	dir, err := os.MkdirTemp("", "irsa-example-")
	check(err)
	path := filepath.Join(dir, "token")
	check(os.WriteFile(path, []byte(signed), 0o600))
	return token.File(path)
}

// check stands for the error handling of a real program.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
