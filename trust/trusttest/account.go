package trusttest

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/partition"
)

// defaultAccountID is one of the ids that AWS's own documentation uses for examples.
const defaultAccountID = "111122223333"

// Config says what the account is like. The zero value is an account in the aws partition
// that trusts no certificate authority. It is read once, by NewAccount.
type Config struct {
	// AccountID is twelve digits; "" is 111122223333.
	AccountID string
	// Partition is the first part of the account's ARNs; "" is "aws".
	Partition string
	// RootCAs are the authorities that this AWS trusts publicly: an issuer whose certificate
	// they vouch for needs no thumbprint. nil: none, so the provider's thumbprints decide.
	RootCAs *x509.CertPool
	// DialContext connects to issuers. nil: the network of the machine.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// Now is the clock of tokens, sessions and propagation. nil: time.Now.
	Now func() time.Time
}

// Account is an AWS account: its IAM, its STS, its administrator. It is safe for concurrent
// use, as an http.Handler too. Close it when done.
type Account struct {
	cfg       Config
	id        string
	partition string
	admin     session // never expires
	apis      map[string]service
	calls     callCounts
	server    *loopback
	faults    faultBox
	eks       *http.ServeMux

	mu    sync.Mutex // guards state; never held while anything is fetched
	state state
}

// NewAccount opens an account with nothing in it but its administrator. Errors say which
// field of cfg cannot be used.
func NewAccount(cfg Config) (*Account, error) {
	a := &Account{cfg: cfg, id: cmp.Or(cfg.AccountID, defaultAccountID), partition: cmp.Or(cfg.Partition, "aws")}
	if err := arn.CheckAccountID(a.id); err != nil {
		return nil, fmt.Errorf("trusttest: AccountID: %w", err)
	}
	if _, ok := partition.ByName(a.partition); !ok {
		return nil, fmt.Errorf("trusttest: Partition: %q is unknown, want one of %v", a.partition, partition.Names())
	}
	server, err := newLoopback(a)
	if err != nil {
		return nil, fmt.Errorf("trusttest: %w", err)
	}
	a.server = server
	a.eks = a.eksRoutes()
	a.apis = a.services()
	a.state = newState()
	a.admin = session{
		accessKeyID: a.newID("AKIA", 16),
		secret:      newSecret(30),
		arn:         a.arn("iam", "user/administrator"),
		userID:      a.newID("AIDA", 17),
	}
	return a, nil
}

// Close stops the loopback server and waits for it; no goroutine of the account is left. It
// may be called more than once. Calls through AWSConfig go on working.
func (a *Account) Close() { a.server.close() }

// URL returns the endpoint of IAM and STS, "http://127.0.0.1:PORT". The first call starts
// the server, so that an account used only through AWSConfig runs no goroutine at all.
func (a *Account) URL() string { return a.server.start() }

// AccountID returns the twelve digits of the account.
func (a *Account) AccountID() string { return a.id }

// AWSConfig returns a configuration of the Go SDK for the account's administrator: every
// call is served in memory by the calling goroutine, and nothing is retried. To use it over
// the network set BaseEndpoint to URL() and HTTPClient to nil.
func (a *Account) AWSConfig() aws.Config {
	return aws.Config{
		Region:       a.region(),
		Credentials:  a.Credentials(),
		BaseEndpoint: aws.String(memoryEndpoint),
		HTTPClient:   &http.Client{Transport: a.Transport()},
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// Credentials returns the administrator's keys.
func (a *Account) Credentials() aws.CredentialsProvider {
	keys := aws.Credentials{
		AccessKeyID:     a.admin.accessKeyID,
		SecretAccessKey: a.admin.secret,
		Source:          "trusttest",
		AccountID:       a.id,
	}
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil })
}

// Env returns the environment that makes the AWS CLI and every SDK talk to the account as
// its administrator, in the form of os.Environ. Configuration files of the user are shut
// out. Append it to os.Environ().
func (a *Account) Env() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + a.URL(),
		"AWS_ACCESS_KEY_ID=" + a.admin.accessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + a.admin.secret,
		"AWS_SESSION_TOKEN=",
		"AWS_REGION=" + a.region(),
		"AWS_DEFAULT_REGION=" + a.region(),
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE=/dev/null",
	}
}

// Calls returns how many requests for an action, such as "AssumeRoleWithWebIdentity", have
// come in, refused ones included; "" counts all.
func (a *Account) Calls(action string) int { return a.calls.get(action) }

func (a *Account) now() time.Time {
	if a.cfg.Now != nil {
		return a.cfg.Now()
	}
	return time.Now()
}

func (a *Account) arn(service, resource string) string {
	return "arn:" + a.partition + ":" + service + "::" + a.id + ":" + resource
}

// region is where the partition's clients are sent by default.
func (a *Account) region() string {
	p, _ := partition.ByName(a.partition) // NewAccount checked the name
	return p.Region
}
