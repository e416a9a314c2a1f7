package token

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
)

// errUnbuilt is a Provider that no constructor made.
var errUnbuilt = errors.New("token: the Provider is nil or zero: use NewProvider, Keep or Chain")

// Provider is credentials that are kept fresh: an aws.CredentialsProvider to use as Credentials of
// an aws.Config. See [Refresh] for when they are renewed.
//
// It does its own caching and needs no aws.CredentialsCache around it. One does a little harm: it
// makes all callers wait while it asks the Provider, even where the Provider would serve the cached
// credentials. config.LoadDefaultConfig always adds one; setting aws.Config.Credentials after
// loading does not.
//
// A Provider is safe for concurrent use. It has nothing to close.
type Provider struct {
	engine  *engine // holds the credentials and decides when to fetch new ones
	sources []aws.CredentialSource
	session func() string // the session name last used; nil: not known
}

var (
	_ aws.CredentialsProvider      = (*Provider)(nil)
	_ aws.CredentialProviderSource = (*Provider)(nil)
)

// NewProvider returns a Provider that assumes the role with tokens of src. Nothing is read or
// called before the first Retrieve, but everything is checked: the error names all problems at
// once ([ErrNoRegion] for a client without a region).
//
// Before each call to STS the token is read again, stripped of white space and looked at: it must
// be a JWT of three parts whose claims have the right types. STS judges its times, because the
// clock of this machine may be wrong. The client is asked for one call at a time, see
// [Config.ClientRetries]; [Refresh] says how often it is asked. A token that STS refused as expired
// is not sent again for 5 to 10 minutes; another one is, at once. A panic of src or client is an
// error.
//
// A client that is an *sts.Client, or has its method Options, is checked for its region; it needs
// no credentials.
func NewProvider(client stscreds.AssumeRoleWithWebIdentityAPIClient, roleARN string, src Source, cfg Config) (*Provider, error) {
	w, err := newWebIdentity(client, roleARN, src, cfg)
	if err != nil {
		return nil, fmt.Errorf("token: provider: %w", err)
	}
	return &Provider{
		engine:  newEngine(w.fetch, roleARN, cfg.Refresh, tuning{}),
		sources: []aws.CredentialSource{aws.CredentialSourceSTSAssumeRoleWebID},
		session: w.lastSession,
	}, nil
}

// Keep returns a Provider that gets its credentials from inner and keeps them as [Refresh] says:
// an EKS Pod Identity endpoint, an assumed role, anything. inner is asked by one goroutine at a
// time, unless a call outlives [Refresh.Timeout]. Credentials that cannot expire are kept until
// they are invalidated. Whether credentials are served past their expiry while inner fails depends on
// inner, see [Refresh.ServeExpired].
//
// Only their Expires says how long they live, and it is compared with the clock of this machine. When
// the clock is fast, they are asked for sooner, every 5 to 10 minutes at most (see Refresh). When it is
// slow, they are kept for too long, until [InvalidateRejected] has them replaced.
//
// An aws.CredentialsCache as inner, such as config.LoadDefaultConfig makes, would answer an early
// question with the credentials it holds, so it is invalidated before it is asked; do not use it
// beside the Provider.
func Keep(inner aws.CredentialsProvider, r Refresh) (*Provider, error) {
	problems := r.problems()
	if isNil(inner) {
		problems = append(problems, errors.New("the inner provider is nil"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("token: keep: %w", err)
	}
	fetch := func(ctx context.Context) (obtained, error) {
		if cache, ok := inner.(*aws.CredentialsCache); ok {
			cache.Invalidate()
		}
		creds, err := inner.Retrieve(ctx)
		if err != nil {
			return obtained{}, redact(err, "")
		}
		return obtained{creds, creds.Expires}, nil
	}
	p := &Provider{}
	if s, ok := inner.(aws.CredentialProviderSource); ok {
		p.sources = s.ProviderSources()
	}
	p.engine = newEngine(fetch, "", r, tuning{perishable: !r.ServeExpired && !isStable(p.sources)})
	return p, nil
}

// isStable says whether credentials of that origin may be served past their expiry: the AWS SDKs call
// that static stability, and have it for these.
func isStable(sources []aws.CredentialSource) bool {
	if len(sources) == 0 {
		return false
	}
	switch sources[len(sources)-1] {
	case aws.CredentialSourceHTTP, aws.CredentialSourceIMDS, aws.CredentialSourceSTSAssumeRole,
		aws.CredentialSourceSTSAssumeRoleSaml, aws.CredentialSourceSTSAssumeRoleWebID:
		return true
	}
	return false
}

// Retrieve returns the credentials. Expires is not when they expire but the moment to ask again:
// the start of the advisory window, or the end of a backoff, when expired credentials may be
// served with an Expires in the future. A cached answer does not look at ctx.
//
// While credentials are being fetched, a caller whose ctx is done leaves at once with an error for which
// errors.Is finds ctx.Err(). The attempt goes on for the others; it has the values of the context
// of the caller that started it, but not its deadline.
//
// The error is an *[Error]; errors.As finds the smithy.APIError that STS answered, freed of the
// token.
func (p *Provider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if p == nil || p.engine == nil {
		return aws.Credentials{}, errUnbuilt
	}
	c := p.engine.fresh()
	if c == nil {
		var err error
		if c, err = p.engine.wait(ctx); err != nil {
			return aws.Credentials{}, err
		}
	}
	return c.creds, nil
}

// Current is Retrieve, but Expires is when the credentials really expire, as their source says. It is
// for what must end with them: a presigned URL, the answer of a credential_process. In an aws.Config it
// would be asked too late: use Retrieve there.
func (p *Provider) Current(ctx context.Context) (aws.Credentials, error) {
	if p == nil || p.engine == nil {
		return aws.Credentials{}, errUnbuilt
	}
	c, err := p.engine.wait(ctx)
	if err != nil {
		return aws.Credentials{}, err
	}
	return c.actual(), nil
}

// Invalidate says that a service rejected the credentials of this access key: when they are the
// cached ones, the next Retrieve waits for new ones. A backoff lasts on, and credentials that came in
// place of rejected ones are served for 30 seconds first. With any other id nothing happens. Call it
// when a service answers ExpiredToken or ExpiredTokenException, not for AccessDenied;
// [InvalidateRejected] knows when.
func (p *Provider) Invalidate(accessKeyID string) {
	if p != nil && p.engine != nil {
		p.engine.invalidate(accessKeyID)
	}
}

// ProviderSources tells the SDK where the credentials come from, for its user agent.
func (p *Provider) ProviderSources() []aws.CredentialSource {
	if p == nil {
		return nil
	}
	return slices.Clone(p.sources)
}
