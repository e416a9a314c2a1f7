package token

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Configure is the one call of an application: [Resolve] and [Resolution.Configure], and on a laptop cfg
// as it is.
//
//	cfg, err := config.LoadDefaultConfig(ctx)
//	if err == nil {
//		cfg, err = token.Configure(cfg, os.LookupEnv, token.Config{})
//	}
//
// A laptop is where the environment has nothing at all of a pod's identity and AWS_PROFILE is set: then
// cfg has what config.LoadDefaultConfig made of that profile. One that leads to the node's role is
// refused. Without AWS_PROFILE the error is [ErrNoIdentity], as a pod that was not mutated must not run as
// its node, and with a part of an identity it is [ErrHalfIdentity]. lookup is os.LookupEnv. On a laptop c
// is not used. Nothing is read or called before the first request; a program that wants to know when it
// starts calls Retrieve of the credentials, as in the Example "Startup".
func Configure(cfg aws.Config, lookup func(string) (string, bool), c Config) (aws.Config, error) {
	res, err := Resolve(lookup)
	if err == nil {
		return res.Configure(cfg, c)
	}
	if !errors.Is(err, ErrNoIdentity) || !environment(lookup).has(envProfile) {
		return aws.Config{}, err
	}
	if s, ok := cfg.Credentials.(aws.CredentialProviderSource); ok && isNodes(s.ProviderSources()) {
		return aws.Config{}, fmt.Errorf("token: configure: %w: the profile that %s names has no credentials but the node's", ErrNoIdentity, envProfile)
	}
	return cfg, nil
}

// isNodes says whether credentials are the node's own. A profile may use them to assume another role,
// which somebody has asked for.
func isNodes(sources []aws.CredentialSource) bool {
	return len(sources) > 0 && sources[len(sources)-1] == aws.CredentialSourceIMDS
}

// WithCredentials returns a copy of cfg whose credentials are those of p, a [Provider] or one of a
// [Pool], and whose clients have them replaced when a service refuses them for their age (see
// [InvalidateRejected]). cfg is not changed; with a nil p the copy has no credentials.
func WithCredentials(cfg aws.Config, p interface {
	aws.CredentialsProvider
	Invalidator
}) aws.Config {
	cfg = cfg.Copy()
	cfg.Credentials = p
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), InvalidateRejected(p))
	return cfg
}

// Configure returns a copy of cfg whose credentials are those of the choice that was made, kept fresh, and
// replaced when a service refuses them for their age.
//
// The credentials in cfg are replaced, and are not used for STS either. STS is called in the region
// and at the endpoint of cfg; when cfg has no region, both it and STS get that of the environment.
// Nothing is read or called before the first request. Of c, only Refresh matters for what is not a web
// identity; c.SessionName comes before AWS_ROLE_SESSION_NAME.
func (res Resolution) Configure(cfg aws.Config, c Config) (aws.Config, error) {
	cfg = cfg.Copy()
	if cfg.Region == "" {
		cfg.Region = res.Region
	}
	cfg.Credentials = aws.AnonymousCredentials{}
	p, err := res.Provider(sts.NewFromConfig(cfg), c)
	if err != nil {
		return aws.Config{}, err
	}
	return WithCredentials(cfg, p), nil
}

// Provider makes the Provider for the source that Resolve chose. client is used for a WebIdentity and
// may be nil otherwise; cfg.SessionName comes before AWS_ROLE_SESSION_NAME, and for what is not a web
// identity only cfg.Refresh matters.
func (res Resolution) Provider(client stscreds.AssumeRoleWithWebIdentityAPIClient, cfg Config) (*Provider, error) {
	switch res.Kind {
	case WebIdentity:
		if cfg.SessionName == "" {
			cfg.SessionName = res.SessionName
		}
		return NewProvider(client, res.RoleARN, res.TokenFile, cfg)
	case Container:
		return Keep(res.containerProvider(), cfg.Refresh)
	case StaticKeys:
		return Keep(staticProvider{res.static}, cfg.Refresh)
	}
	return nil, errors.New("token: provider: the Resolution has no choice in it: make it with Resolve")
}
