package iamprovider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/internal/apiaudience"
	"github.com/irsa-go/irsa/internal/iamcall"
	"github.com/irsa-go/irsa/oidc"
)

// Codes of warnings, beside those of [oidc.Issuer.Warnings].
const (
	// CodeAPIServerAudience marks an existing client id that is the API server's own
	// audience: any pod's default token is good for STS. Exact removes it.
	CodeAPIServerAudience = "api-server-audience"
	// CodeForeignThumbprint marks an existing thumbprint that the spec does not list: IAM
	// goes on trusting it. Exact removes it.
	CodeForeignThumbprint = "foreign-thumbprint"
)

// Changes are what Ensure would do. It is a plain value.
type Changes struct {
	// ARN is the provider's.
	ARN string
	// Create is true when there is no provider yet.
	Create bool
	// Steps are the writes, in order; none when the provider is as the spec wants it.
	Steps []Step
	// Warnings are what is dangerous or surprising in what is there, or in the issuer.
	Warnings []oidc.Problem
}

// Empty says that there is nothing to do.
func (c Changes) Empty() bool { return len(c.Steps) == 0 }

// String prints the plan, one line for the provider and one for each step and warning.
func (c Changes) String() string {
	var b strings.Builder
	b.WriteString("OIDC provider " + c.ARN)
	if c.Empty() {
		b.WriteString(": nothing to do")
	}
	for _, s := range c.Steps {
		sign := "+"
		if s.Removes {
			sign = "-"
		}
		fmt.Fprintf(&b, "\n  %s %s", sign, s.Text)
	}
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
	changes, err := compare(w, have)
	if err != nil {
		return Changes{}, fmt.Errorf("iamprovider: %s: %w", w.arn, err)
	}
	return changes, nil
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

// compare says how to get from have to w: first what is added, then what is removed.
func compare(w wanted, have observed) (Changes, error) {
	c := Changes{ARN: w.arn, Create: !have.exists, Warnings: w.issuer.Warnings()}
	if !have.exists {
		c.Steps = []Step{createStep(w)}
		return c, nil
	}
	newIDs, foreignIDs := iamcall.Minus(w.clientIDs, have.clientIDs), iamcall.Minus(have.clientIDs, w.clientIDs)
	if n := len(have.clientIDs) + len(newIDs); n > maxClientIDs && len(newIDs) > 0 {
		return Changes{}, &LimitError{Field: "ClientIDs", Count: n, Message: tooManyClientIDs}
	}
	for _, id := range newIDs {
		c.Steps = append(c.Steps, addClientIDStep(w.arn, id))
	}
	if err := c.compareThumbprints(w, have); err != nil {
		return Changes{}, err
	}
	set, foreignTags := iamcall.TagDiff(have.tags, w.tags)
	if len(set) > 0 {
		c.Steps = append(c.Steps, tagStep(w.arn, set))
	}
	if w.exact {
		for _, id := range foreignIDs {
			c.Steps = append(c.Steps, removeClientIDStep(w.arn, id))
		}
		if len(foreignTags) > 0 {
			c.Steps = append(c.Steps, untagStep(w.arn, foreignTags))
		}
		return c, nil
	}
	for _, id := range foreignIDs {
		if apiaudience.IsAPIServers(id, w.issuer.String()) {
			c.warn(CodeAPIServerAudience, fmt.Sprintf("the provider has the client id %q: %v", id, ErrAPIServerAudience))
		}
	}
	return c, nil
}

func (c *Changes) compareThumbprints(w wanted, have observed) error {
	if w.thumbprints == nil {
		return nil
	}
	added, foreign := iamcall.Minus(w.thumbprints, have.thumbprints), iamcall.Minus(have.thumbprints, w.thumbprints)
	if w.exact {
		if len(added)+len(foreign) > 0 {
			c.Steps = append(c.Steps, thumbprintStep(w.arn, w.thumbprints, added, foreign))
		}
		return nil
	}
	for _, t := range foreign {
		c.warn(CodeForeignThumbprint, fmt.Sprintf("the provider has the thumbprint %q, which is not asked for; it stays", t))
	}
	if len(added) == 0 {
		return nil
	}
	next := slices.Concat(have.thumbprints, added)
	if len(next) > maxThumbprints {
		return &LimitError{Field: "Thumbprints", Count: len(next), Message: tooManyThumbprints}
	}
	c.Steps = append(c.Steps, thumbprintStep(w.arn, next, added, nil))
	return nil
}

func (c *Changes) warn(code, message string) {
	c.Warnings = append(c.Warnings, oidc.Problem{Code: code, Message: message})
}
