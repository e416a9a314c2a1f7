package iamprovider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/internal/audience"
	"github.com/irsa-go/irsa/internal/iamcall"
	"github.com/irsa-go/irsa/oidc"
)

// Codes of warnings, beside those of [oidc.Issuer.Warnings].
const (
	// CodeAPIServerAudience marks an existing client id that is the API server's own
	// audience: any pod's default token is good for STS. Exact removes it.
	CodeAPIServerAudience oidc.Code = "api-server-audience"
	// CodeForeignThumbprint marks an existing thumbprint that the spec does not list: IAM
	// goes on trusting it. Exact removes it.
	CodeForeignThumbprint oidc.Code = "foreign-thumbprint"
	// CodePlaceholderThumbprint marks a thumbprint of one digit forty times, such as all
	// zeros, existing or in the spec: no certificate has it, so it protects nothing.
	CodePlaceholderThumbprint oidc.Code = "placeholder-thumbprint"
)

// Changes are what Ensure would do. It is a plain value.
type Changes struct {
	// ARN is the provider's.
	ARN string
	// Create is true when the provider does not exist yet.
	Create bool
	// Steps are the writes, in order; none when the provider is as the spec wants it.
	Steps []Step
	// Warnings are what is dangerous or surprising in what is there, or in the issuer.
	Warnings []oidc.Problem
}

// Empty says that nothing is to be changed.
func (c Changes) Empty() bool { return len(c.Steps) == 0 }

// String prints the plan, one line for the provider and one for each step and warning.
func (c Changes) String() string {
	var b strings.Builder
	b.WriteString(iamcall.PlanText("OIDC provider "+c.ARN, c.Steps))
	for _, w := range c.Warnings {
		fmt.Fprintf(&b, "\n  ! %s: %s", w.Code, w.Message)
	}
	return b.String()
}

// Plan reads the provider and says what [Ensure] would do now. It writes nothing.
// The caller needs iam:GetOpenIDConnectProvider.
// Errors: every problem of the spec at once; a list beyond IAM's limits (*[LimitError]);
// [ErrOtherIssuer]; what IAM answers.
func Plan(ctx context.Context, api Reader, spec Spec) (Changes, error) {
	w, err := spec.wanted()
	if err != nil {
		return Changes{}, specError(spec, err)
	}
	if api == nil {
		return Changes{}, specError(spec, ErrNoClient)
	}
	have, err := observe(ctx, api, w)
	if err != nil {
		return Changes{}, fmt.Errorf("iamprovider: %s: %w", w.arn, err)
	}
	c, err := compare(w, have)
	if err != nil {
		return Changes{}, fmt.Errorf("iamprovider: %s: %w", w.arn, err)
	}
	return Changes{ARN: w.arn, Create: !have.exists, Steps: iamcall.Steps(c.writes), Warnings: c.warnings}, nil
}

func specError(spec Spec, err error) error {
	return fmt.Errorf("iamprovider: provider of issuer %q: %w", spec.Issuer, err)
}

// observed is a provider as IAM has it; the zero value is none.
type observed struct {
	exists      bool
	clientIDs   []string
	thumbprints []string
	tags        map[string]string
}

func observe(ctx context.Context, api Reader, w wanted) (observed, error) {
	out, err := api.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{
		OpenIDConnectProviderArn: aws.String(w.arn),
	})
	if iamcall.Is(err, iamcall.NoSuchEntity) {
		return observed{}, nil
	}
	if err != nil {
		return observed{}, fmt.Errorf("read provider: %w", err)
	}
	if out == nil {
		return observed{}, fmt.Errorf("read provider: %w", errNoAnswer)
	}
	// IAM returns the URL without its scheme.
	if url := strings.TrimPrefix(aws.ToString(out.Url), "https://"); url != w.issuer.HostPath() {
		return observed{}, fmt.Errorf("%w: IAM has it for %q", ErrOtherIssuer, url)
	}
	have := observed{exists: true, clientIDs: iamcall.Unique(out.ClientIDList), tags: iamcall.TagMap(out.Tags)}
	for _, t := range out.ThumbprintList {
		have.thumbprints = append(have.thumbprints, strings.ToLower(t))
	}
	have.thumbprints = iamcall.Unique(have.thumbprints)
	return have, nil
}

// comparison is what there is to do and to say.
type comparison struct {
	writes   []write
	warnings []oidc.Problem
}

// compare says how to get from have to w: first what is added, then what is removed, unless
// there is no room for both.
func compare(w wanted, have observed) (comparison, error) {
	c := comparison{warnings: w.issuer.Warnings()}
	c.warnPlaceholders(iamcall.Unique(slices.Concat(have.thumbprints, w.thumbprints)))
	if !have.exists {
		c.writes = []write{createStep(w)}
		return c, nil
	}
	foreignIDs, err := c.compareClientIDs(w, have)
	if err != nil {
		return comparison{}, err
	}
	if err := c.compareThumbprints(w, have); err != nil {
		return comparison{}, err
	}
	tags, err := iamcall.CompareTags(have.tags, w.tags, w.exact)
	if err != nil {
		return comparison{}, err
	}
	if len(tags.First) > 0 {
		c.writes = append(c.writes, untagStep(w.arn, tags.First))
	}
	if len(tags.Set) > 0 {
		c.writes = append(c.writes, tagStep(w.arn, tags.Set))
	}
	for _, id := range foreignIDs {
		c.writes = append(c.writes, removeClientIDStep(w.arn, id))
	}
	if len(tags.Last) > 0 {
		c.writes = append(c.writes, untagStep(w.arn, tags.Last))
	}
	return c, nil
}

// compareClientIDs adds what is missing and returns what is to be removed afterwards. Where
// the limit leaves no room, one is removed for each that is added, so that at no time there
// are many fewer than before.
func (c *comparison) compareClientIDs(w wanted, have observed) (remove []string, err error) {
	added, foreign := iamcall.Minus(w.clientIDs, have.clientIDs), iamcall.Minus(have.clientIDs, w.clientIDs)
	if !w.exact {
		for _, id := range foreign {
			if audience.IsAPIServers(id, w.cluster) {
				c.warn(CodeAPIServerAudience, fmt.Sprintf("the provider has the client id %q: %v", id, ErrAPIServerAudience))
			}
		}
		foreign = nil
	}
	count := len(have.clientIDs)
	if n := count + len(added) - len(foreign); n > maxClientIDs && len(added) > 0 {
		return nil, &LimitError{Field: "ClientIDs", Count: n, Message: tooManyClientIDs}
	}
	for _, id := range added {
		if count++; count > maxClientIDs {
			c.writes = append(c.writes, removeClientIDStep(w.arn, foreign[0]))
			foreign = foreign[1:]
			count--
		}
		c.writes = append(c.writes, addClientIDStep(w.arn, id))
	}
	return foreign, nil
}

func (c *comparison) compareThumbprints(w wanted, have observed) error {
	if w.thumbprints == nil {
		return nil
	}
	added, foreign := iamcall.Minus(w.thumbprints, have.thumbprints), iamcall.Minus(have.thumbprints, w.thumbprints)
	next := slices.Concat(have.thumbprints, added)
	if w.exact {
		next, added = w.thumbprints, slices.Concat(added, foreign)
	} else {
		for _, t := range foreign {
			c.warn(CodeForeignThumbprint, fmt.Sprintf("the provider has the thumbprint %q, which is not asked for; it stays", t))
		}
	}
	if len(added) == 0 {
		return nil
	}
	if len(next) > maxThumbprints {
		return &LimitError{Field: "Thumbprints", Count: len(next), Message: tooManyThumbprints}
	}
	c.writes = append(c.writes, thumbprintStep(w.arn, have.thumbprints, next))
	return nil
}

// warnPlaceholders reports thumbprints that stand for none, such as forty zeros.
func (c *comparison) warnPlaceholders(thumbprints []string) {
	for _, t := range thumbprints {
		if t != "" && strings.Trim(t, t[:1]) == "" {
			c.warn(CodePlaceholderThumbprint, fmt.Sprintf("no certificate has the thumbprint %q: tokens work only while the issuer's hosts have certificates of an authority that AWS itself trusts", t))
		}
	}
}

func (c *comparison) warn(code oidc.Code, message string) {
	c.warnings = append(c.warnings, oidc.Problem{Code: code, Message: message})
}
