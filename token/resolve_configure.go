package token

import (
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Configure returns a copy of cfg whose credentials are those of the choice that was made, kept fresh,
// and whose clients have them replaced when a service refuses them for their age. It is the one call of
// an application:
//
//	cfg, err := config.LoadDefaultConfig(ctx)
//	…
//	res, err := token.Resolve(os.LookupEnv)
//	…
//	cfg, err = res.Configure(cfg, token.Config{})
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
	cfg.Credentials = p
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), InvalidateRejected(p))
	return cfg, nil
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
