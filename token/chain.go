package token

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// maxChainedDuration is STS's limit for a role that is assumed with a role's credentials
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining).
const maxChainedDuration = time.Hour

// maxSessionTags is STS's limit for Tags of AssumeRole.
const maxSessionTags = 50

// Hop is one further role that [Chain] assumes. Only RoleARN is required. It is a plain value.
type Hop struct {
	// RoleARN is the role to assume. Its trust policy must admit the role before it, and that
	// role must be allowed sts:AssumeRole on it.
	RoleARN string
	// SessionName is as in [Config]. "": the name of the session before, so that a pod keeps its
	// name through the chain; "irsa" where that is not known.
	SessionName string
	// ExternalID is the sts:ExternalId that the role's trust policy asks for. "": none.
	ExternalID string
	// SourceIdentity names the person or the program behind the session; STS passes it on through
	// the rest of the chain. "": none, or that of the session before.
	SourceIdentity string
	// Duration is how long the credentials live: whole seconds from 15 minutes to 1 hour, which
	// is STS's limit for role chaining. 0: 1 hour.
	Duration time.Duration
	// Policy and PolicyARNs narrow what the role may do, as in [Config].
	Policy     string
	PolicyARNs []string
	// Tags are session tags, at most 50; those named in TransitiveTagKeys go on to later hops.
	// The role's trust policy must allow sts:TagSession. nil: none.
	Tags              map[string]string
	TransitiveTagKeys []string
	// Refresh says when the credentials are renewed.
	Refresh Refresh
}

// Chain returns a Provider that assumes one role after the other, beginning with the credentials
// of base: into another account, for example. newClient is called once per hop and returns an STS
// client that signs with the credentials that it is given:
//
//	p, err := token.Chain(base, func(c aws.CredentialsProvider) stscreds.AssumeRoleAPIClient {
//		cfg := cfg.Copy()
//		cfg.Credentials = c
//		return sts.NewFromConfig(cfg)
//	}, token.Hop{RoleARN: "arn:aws:iam::444455556666:role/reader"})
//
// Every hop keeps its own credentials with its own [Refresh]; when STS refuses those of the hop
// before as expired, they are invalidated. A client is asked with its own retries, within
// Refresh.Timeout. All problems of all hops are reported at once, and nothing is called before
// the first Retrieve.
func Chain(base aws.CredentialsProvider, newClient func(aws.CredentialsProvider) stscreds.AssumeRoleAPIClient, hops ...Hop) (*Provider, error) {
	var problems []error
	if isNil(base) {
		problems = append(problems, errors.New("the base provider is nil"))
	}
	if newClient == nil {
		problems = append(problems, errors.New("newClient is nil"))
	}
	if len(hops) == 0 {
		problems = append(problems, errors.New("no hop is given, want at least one"))
	}
	for i, h := range hops {
		for _, err := range h.problems() {
			problems = append(problems, fmt.Errorf("hop %d: %w", i+1, err))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("token: chain: %w", err)
	}
	p, err := hopOn(base, newClient, hops)
	if err != nil {
		return nil, fmt.Errorf("token: chain: %w", err)
	}
	return p, nil
}

func hopOn(base aws.CredentialsProvider, newClient func(aws.CredentialsProvider) stscreds.AssumeRoleAPIClient, hops []Hop) (*Provider, error) {
	before, problems := base, []error(nil)
	var last *Provider
	for i, h := range hops {
		client := newClient(before)
		found := clientProblems(client, "AssumeRole")
		if len(found) == 0 {
			found = roleOfClient(h.RoleARN, client)
		}
		for _, err := range found {
			problems = append(problems, fmt.Errorf("hop %d: %w", i+1, err))
		}
		last = h.provider(client, before)
		before = last
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return last, nil
}

func (h Hop) problems() []error {
	var problems []error
	if err := checkForeignRole(h.RoleARN); err != nil { // the client decides about the rest
		problems = append(problems, fmt.Errorf("RoleARN %q: %w", h.RoleARN, err))
	}
	problems = append(problems, sessionProblems("SessionName", h.SessionName)...)
	problems = append(problems, sessionProblems("SourceIdentity", h.SourceIdentity)...)
	problems = append(problems, durationProblems(h.Duration, maxChainedDuration)...)
	problems = append(problems, policyProblems(h.Policy, h.PolicyARNs)...)
	if n := len(h.Tags); n > maxSessionTags {
		problems = append(problems, fieldError("Tags", n, fmt.Sprintf("at most %d", maxSessionTags)))
	}
	for _, key := range h.TransitiveTagKeys {
		if _, ok := h.Tags[key]; !ok {
			problems = append(problems, fmt.Errorf("TransitiveTagKeys: %q is not among Tags", key))
		}
	}
	return append(problems, h.Refresh.problems()...)
}

// provider assumes the role; client signs with the credentials of before.
func (h Hop) provider(client stscreds.AssumeRoleAPIClient, before aws.CredentialsProvider) *Provider {
	session := func() string { return h.sessionAfter(before) }
	p := &Provider{engine: newEngine(h.fetch(client, before), h.RoleARN, h.Refresh, tuning{}), session: session}
	if s, ok := before.(aws.CredentialProviderSource); ok {
		p.sources = append(p.sources, s.ProviderSources()...)
	}
	p.sources = append(p.sources, aws.CredentialSourceSTSAssumeRole)
	return p
}

// fetch asks for new credentials once.
func (h Hop) fetch(client stscreds.AssumeRoleAPIClient, before aws.CredentialsProvider) func(context.Context) (obtained, error) {
	h.Tags, h.PolicyARNs = maps.Clone(h.Tags), slices.Clone(h.PolicyARNs)
	h.TransitiveTagKeys = slices.Clone(h.TransitiveTagKeys)
	return func(ctx context.Context) (obtained, error) {
		// The credentials first: the session's name comes with them, and a failure of an earlier
		// hop is told as that hop's.
		if _, err := before.Retrieve(ctx); err != nil {
			return obtained{}, err
		}
		out, err := client.AssumeRole(ctx, h.input(h.sessionAfter(before)), hopOptions(before))
		if err == nil && (out == nil || !expires(out.Credentials)) {
			err = errNoCredentials
		}
		if err != nil {
			return obtained{}, &Error{Op: "assume the role from another", RoleARN: h.RoleARN, Err: redact(err, "")}
		}
		creds := credentialsOf(out.Credentials, out.AssumedRoleUser, stscreds.ProviderName)
		return h.Refresh.received(creds, h.Duration, out.ResultMetadata), nil
	}
}

// sessionAfter names the session: as told, as the one before, or with the package's own name.
func (h Hop) sessionAfter(before aws.CredentialsProvider) string {
	if h.SessionName != "" {
		return h.SessionName
	}
	if p, ok := before.(*Provider); ok && p.session != nil {
		if name := p.session(); name != "" {
			return name
		}
	}
	return anonymousSession
}

// hopOptions makes a refusal of the hop's own credentials known to where they come from.
func hopOptions(before aws.CredentialsProvider) func(*sts.Options) {
	return func(o *sts.Options) {
		unlogged(o)
		if inv, ok := before.(Invalidator); ok {
			o.APIOptions = append(o.APIOptions, InvalidateRejected(inv)) // unlogged has made it a slice of this call's
		}
	}
}

func (h Hop) input(session string) *sts.AssumeRoleInput {
	in := &sts.AssumeRoleInput{
		RoleArn:           &h.RoleARN,
		RoleSessionName:   &session,
		DurationSeconds:   seconds(h.Duration),
		PolicyArns:        policyDescriptors(h.PolicyARNs),
		Policy:            optional(h.Policy),
		ExternalId:        optional(h.ExternalID),
		SourceIdentity:    optional(h.SourceIdentity),
		TransitiveTagKeys: h.TransitiveTagKeys,
	}
	for _, key := range slices.Sorted(maps.Keys(h.Tags)) {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(key), Value: aws.String(h.Tags[key])})
	}
	return in
}

// optional returns s as the SDK takes it: nil for an empty text.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
