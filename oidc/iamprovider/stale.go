package iamprovider

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/panics"
	"github.com/irsa-go/irsa/internal/partition"
	"github.com/irsa-go/irsa/oidc"
)

// Codes of what Stale finds.
const (
	// CodeNoAnswer marks an issuer that gives this machine no discovery document of its own:
	// as long as AWS meets the same, its tokens are worth nothing.
	CodeNoAnswer oidc.Code = "no-answer"
	// CodeHostUnknown marks an issuer whose host name does not exist: whoever can register
	// the domain, or create the name in it, becomes the issuer and can mint tokens for the
	// account.
	CodeHostUnknown oidc.Code = "host-unknown"
	// CodeClaimableHost marks an issuer that was in a bucket or on a site of a shared host
	// and is not there any more: whoever takes the name becomes the issuer.
	CodeClaimableHost oidc.Code = "claimable-host"
	// CodeUnreadable marks a provider whose ARN names no issuer that this library can read.
	CodeUnreadable oidc.Code = "unreadable"
)

// Discoverer fetches an issuer's discovery document. *[oidc.Client] is one.
type Discoverer interface {
	Discover(ctx context.Context, iss oidc.Issuer) (*oidc.Document, error)
}

var _ Discoverer = (*oidc.Client)(nil)

// StaleConfig says how Stale asks the issuers. It is a plain value.
type StaleConfig struct {
	// Discoverer asks, up to eight issuers at once; it must give up when its context is done, and be
	// safe for concurrent use. A panic in it is the Err of that issuer. nil is the zero
	// [oidc.Client], with this machine's network and roots.
	Discoverer Discoverer
	// Timeout is how long each issuer may take. 0 is 10 seconds.
	Timeout time.Duration
}

// StaleProvider is a provider that should be looked at. It is a plain value.
type StaleProvider struct {
	ARN string
	// Issuer is zero when the ARN does not name one.
	Issuer oidc.Issuer
	// Problems are what is wrong, one at least.
	Problems []oidc.Problem
	// Err is why the issuer could not be asked; nil when it was not.
	Err error
}

const (
	defaultStaleTimeout = 10 * time.Second
	staleAtOnce         = 8
)

// Stale reports the account's providers whose issuer no longer answers, and says which of them
// somebody else could take over. It judges from where it runs: an issuer that is private, or
// hidden by a private DNS zone, looks as if it were gone. So it is a report for a person and
// deletes nothing. They are sorted by ARN.
//
// The caller needs iam:ListOpenIDConnectProviders. Errors: what IAM answers, and a context
// that ends before all issuers were asked.
func Stale(ctx context.Context, api Lister, cfg StaleConfig) ([]StaleProvider, error) {
	if api == nil {
		return nil, fmt.Errorf("iamprovider: %w", ErrNoClient)
	}
	if ctx == nil { // it would end the program, in a goroutine of ours
		ctx = context.Background()
	}
	if cfg.Discoverer == nil {
		cfg.Discoverer = &oidc.Client{}
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultStaleTimeout
	}
	out, err := api.ListOpenIDConnectProviders(ctx, &iam.ListOpenIDConnectProvidersInput{})
	if err != nil {
		return nil, fmt.Errorf("iamprovider: list providers: %w", err)
	}
	if out == nil {
		return nil, fmt.Errorf("iamprovider: list providers: %w", errNoAnswer)
	}
	all := make([]StaleProvider, len(out.OpenIDConnectProviderList))
	var wait sync.WaitGroup
	free := make(chan struct{}, staleAtOnce)
	for i, entry := range out.OpenIDConnectProviderList {
		free <- struct{}{}
		wait.Go(func() {
			defer func() { <-free }()
			all[i] = StaleProvider{ARN: aws.ToString(entry.Arn)}
			all[i].ask(ctx, cfg)
		})
	}
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("iamprovider: asking the issuers: %w", err)
	}
	all = slices.DeleteFunc(all, func(p StaleProvider) bool { return len(p.Problems) == 0 })
	slices.SortFunc(all, func(a, b StaleProvider) int { return strings.Compare(a.ARN, b.ARN) })
	return all, nil
}

// ask asks the issuer. What the Discoverer does in this goroutine of ours is the issuer's silence:
// it ends neither the process nor the report.
func (p *StaleProvider) ask(ctx context.Context, cfg StaleConfig) {
	_, hostPath, err := arn.ParseIAM(p.ARN, "oidc-provider")
	if err == nil {
		p.Issuer, err = oidc.ParseIssuer("https://" + hostPath)
	}
	if err != nil {
		p.Err = err
		p.Problems = []oidc.Problem{{Code: CodeUnreadable, Message: err.Error()}}
		return
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	p.Err = panics.ErrNoReturn
	defer func() {
		if p.Err != nil {
			p.Problems = judgeSilence(p.Issuer, p.Err)
		}
	}()
	p.Err = panics.Call(func() error {
		_, err := cfg.Discoverer.Discover(ctx, p.Issuer)
		return err
	})
}

func judgeSilence(iss oidc.Issuer, err error) []oidc.Problem {
	found := []oidc.Problem{{Code: CodeNoAnswer, Message: "the issuer gave no discovery document: " + err.Error()}}
	if _, ok := iss.EKS(); ok {
		found[0].Message += "; the EKS cluster is probably deleted, and its host stays Amazon's"
		return found
	}
	dns, isDNS := errors.AsType[*net.DNSError](err)
	unknown := isDNS && dns.IsNotFound
	status, isStatus := errors.AsType[*oidc.StatusError](err)
	host, _, _ := strings.Cut(iss.HostPath(), "/")
	switch {
	case isClaimable(host) && (unknown || isStatus && status.Status == http.StatusNotFound):
		found = append(found, oidc.Problem{Code: CodeClaimableHost, Message: fmt.Sprintf(
			"%q is under a name on a shared host that anybody can take once it is free: who takes it can mint tokens that this account believes; delete the provider unless the name is still yours", iss.HostPath())})
	case unknown:
		found = append(found, oidc.Problem{Code: CodeHostUnknown, Message: fmt.Sprintf(
			"%q does not exist in the DNS: who can register its domain can mint tokens that this account believes; delete the provider unless the domain is still yours", host)})
	}
	return found
}

// isClaimable recognises the hosts on which self-hosted issuers are published under a name that
// its owner chose, and that is free again when they delete it: S3, Cloud Storage, Azure
// Storage, GitHub and GitLab Pages, Netlify, Vercel and Heroku.
func isClaimable(host string) bool {
	host = strings.ToLower(host)
	for _, shared := range []string{
		"storage.googleapis.com", "core.windows.net", "azureedge.net", "github.io", "gitlab.io",
		"netlify.app", "vercel.app", "herokuapp.com",
	} {
		if host == shared || strings.HasSuffix(host, "."+shared) {
			return true
		}
	}
	if !partition.HasHost(host) {
		return false
	}
	// Virtual-hosted BUCKET.s3.REGION, BUCKET.s3-REGION and path-style s3.REGION, and websites.
	return slices.ContainsFunc(strings.Split(host, "."), func(label string) bool {
		return label == "s3" || strings.HasPrefix(label, "s3-")
	})
}
