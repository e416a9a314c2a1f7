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
// It does its own caching; around it an aws.CredentialsCache is not needed and does no harm but
// one: the cache makes all callers wait while it asks the Provider, also where the Provider would
// serve the cached credentials. config.LoadDefaultConfig always adds one; setting
// aws.Config.Credentials after loading does not.
//
// A Provider is safe for concurrent use. It has nothing to close.
type Provider struct {
	engine  *engine
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
// be a JWT of three parts, and a claim that it has must not be wrong, such as an exp in the past
// or an iat that is no number; what the token does not have is left to STS to judge. The client
// is asked for one call at a time. Throttling, a server's error, a broken connection and an issuer
// that STS could not reach are tried up to three times within [Refresh.Timeout], an expired token
// as soon as a different one can be read.
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
// they are invalidated.
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
	fetch := func(ctx context.Context, _ bool) (aws.Credentials, error) {
		if cache, ok := inner.(*aws.CredentialsCache); ok {
			cache.Invalidate()
		}
		creds, err := inner.Retrieve(ctx)
		if err != nil {
			return aws.Credentials{}, redact(err, "")
		}
		return creds, nil
	}
	p := &Provider{engine: newEngine(fetch, "", r, tuning{})}
	if s, ok := inner.(aws.CredentialProviderSource); ok {
		p.sources = s.ProviderSources()
	}
	return p, nil
}

// Retrieve returns the credentials. Expires is not when they expire but the moment to ask again:
// the start of the advisory window, or the end of a backoff, when expired credentials may be
// served with an Expires in the future. A cached answer does not look at ctx.
//
// While credentials are got, a caller whose ctx is done leaves at once with an error for which
// errors.Is finds ctx.Err(). The attempt goes on for the others; it has the values of the context
// of the caller that set it off, but not its deadline.
//
// The error is an *[Error]; errors.As finds the smithy.APIError that STS answered, freed of the
// token.
func (p *Provider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if p == nil || p.engine == nil {
		return aws.Credentials{}, errUnbuilt
	}
	if c := p.engine.fresh(); c != nil {
		return c.creds, nil
	}
	return p.engine.wait(ctx)
}

// Invalidate tells that a service rejected the credentials of this access key: when they are the
// cached ones, the next Retrieve waits for new ones, unless a backoff is under way, which lasts.
// With any other id nothing happens. Call it when a service answers ExpiredToken,
// ExpiredTokenException or InvalidToken, not for AccessDenied; [InvalidateRejected] does.
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
