package credentials_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	minio "github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/irsa-go/irsa/token"
)

// client is a program in a pod that asks AWS who it is.
type client struct {
	name string
	// command prints the caller's ARN, version the client's version.
	command, version []string
	// needs says how to install it, for the reader of a skip.
	needs string
	// noProxy is set for a client that takes no proxy from the environment: it is given the
	// endpoint of STS instead.
	noProxy bool
	// noAgent is set for a client of a version that does not know EKS Pod Identity.
	noAgent bool
}

// asClient makes this test binary the program itself, for the clients written in Go.
const asClient = "IRSA_E2E_AS_CLIENT"

func clients() []client {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	// Net::HTTP would take the proxy from the environment; the SDK tells it not to.
	const ruby = `require "aws-sdk-core"
Aws.config[:http_proxy] = ENV["HTTPS_PROXY"]
puts Aws::STS::Client.new.get_caller_identity.arn`
	// The provider tells a log why it has no credentials, and nobody else. The default chain would
	// go on to ask the machine's metadata service.
	const php = `require "AsyncAws/Core/autoload.php";
class Log extends Psr\Log\AbstractLogger {
	function log($level, $message, array $context = []): void { fwrite(STDERR, "$message: " . ($context["exception"] ?? "") . "\n"); }
}
echo (new AsyncAws\Core\Sts\StsClient([], new AsyncAws\Core\Credentials\WebIdentityProvider(new Log)))->getCallerIdentity()->getArn();`
	const python = `import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])`
	const node = `const {STSClient, GetCallerIdentityCommand} = require("@aws-sdk/client-sts");
new STSClient({}).send(new GetCallerIdentityCommand({})).then(r => console.log(r.Arn), e => { console.error(e.name + ": " + e.message); process.exit(1) })`
	return []client{
		{name: "this library", command: []string{self, "library"}, version: []string{"go", "version"}},
		{name: "aws-sdk-go-v2", command: []string{self, "sdk"}, version: []string{"go", "list", "-m", "-f", "{{.Version}}", "github.com/aws/aws-sdk-go-v2"}},
		{name: "minio-go", command: []string{self, "minio"}, version: []string{"go", "list", "-m", "-f", "{{.Version}}", "github.com/minio/minio-go/v7"}},
		{name: "AWS CLI", command: []string{"aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"},
			version: []string{"aws", "--version"}, needs: "apt-get install awscli"},
		{name: "boto3", command: []string{pythonWithBoto3(), "-c", python},
			version: []string{pythonWithBoto3(), "-c", "import boto3; print(boto3.__version__)"}, needs: "apt-get install python3-boto3"},
		{name: "AWS SDK for JavaScript", command: []string{"node", "-e", node},
			version: []string{"node", "-p", `require("@aws-sdk/client-sts/package.json").version`}, needs: "npm install --prefix " + nodePrefix() + " @aws-sdk/client-sts", noProxy: true},
		{name: "AWS SDK for Ruby", command: []string{"ruby", "-e", ruby},
			version: []string{"ruby", "-e", `require "aws-sdk-core"; puts Aws::CORE_GEM_VERSION`}, needs: "apt-get install ruby-aws-sdk-core", noAgent: true},
		{name: "AsyncAws for PHP", command: []string{"php", "-r", php},
			version: []string{"dpkg-query", "-W", "-f", "${Version}", "php-async-aws-core"}, needs: "apt-get install php-cli php-async-aws-core", noAgent: true},
	}
}

// pythonWithBoto3 is the first Python that has it: Debian's need not be the first in the path.
func pythonWithBoto3() string {
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import boto3").Run() == nil {
			return python
		}
	}
	return "python3"
}

// nodePrefix is the folder whose node_modules hold the SDK, seen from this package.
func nodePrefix() string {
	if cache := os.Getenv("IRSA_E2E_CACHE"); cache != "" {
		return filepath.Join(cache, "node")
	}
	return filepath.Join("..", "..", "..", ".cache", "e2e", "node")
}

func nodePath() string {
	path, err := filepath.Abs(filepath.Join(nodePrefix(), "node_modules"))
	if err != nil {
		return ""
	}
	return path
}

var errNotInstalled = errors.New("not installed")

// met returns the client's version.
func (c client) met() (string, error) {
	cmd := exec.Command(c.version[0], c.version[1:]...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+nodePath())
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", c.name, errNotInstalled, c.needs)
	}
	return strings.TrimSpace(string(out)), nil
}

// run gives the client the container's environment, and beside it only what stands for the
// container's file system and for its way to AWS.
func (c client) run(t *testing.T, b *bench, container []string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs strings.Builder
	cmd := exec.CommandContext(t.Context(), c.command[0], c.command[1:]...)
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NODE_PATH=" + nodePath(),
		"HTTPS_PROXY=" + b.network.URL, "AWS_CA_BUNDLE=" + b.network.CAFile, "SSL_CERT_FILE=" + b.network.CAFile, asClient + "=1",
	}, container...)
	if c.noProxy {
		cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL_STS="+b.aws.URL())
	}
	cmd.Dir = t.TempDir()
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return strings.TrimSpace(out.String()), errs.String(), err
}

func TestMain(m *testing.M) {
	if os.Getenv(asClient) == "" {
		os.Exit(m.Run())
	}
	arn, err := callerIdentity(context.Background(), os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(arn)
}

// callerIdentity is a program that reads its credentials from the environment, with package
// token, with minio-go, or with the SDK alone.
func callerIdentity(ctx context.Context, with string) (string, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return "", err
	}
	switch with {
	case "library":
		resolution, err := token.Resolve(os.LookupEnv)
		if err != nil {
			return "", err
		}
		if cfg, err = resolution.Configure(cfg, token.Config{}); err != nil {
			return "", err
		}
	case "minio":
		value, err := minio.NewIAM("").GetWithContext(&minio.CredContext{Client: http.DefaultClient})
		if refused := (minio.ErrorResponse{}); errors.As(err, &refused) { // whose text lacks the code
			err = fmt.Errorf("%s: %w", refused.STSError.Code, err)
		}
		if err != nil {
			return "", err
		}
		cfg.Credentials = credentials.NewStaticCredentialsProvider(value.AccessKeyID, value.SecretAccessKey, value.SessionToken)
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return aws.ToString(who.Arn), nil
}
