package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/audience"
	"github.com/irsa-go/irsa/internal/kubeclaims"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
)

// provider looks for the IAM OIDC provider of the token's issuer in the role's account.
func (p *patient) provider(ctx context.Context) Step {
	if s, skip := p.withoutChain(); skip {
		return s
	}
	role, err := arn.ParseRole(p.resolution.RoleARN)
	if err != nil {
		return skipped("no-role", "the environment names no role").because(err)
	}
	p.account, err = trust.NewProvider(role.Partition, role.AccountID, p.claims.Issuer)
	if err != nil {
		return broken("issuer-refused-by-iam", "IAM refuses providers for the token's issuer").because(err)
	}
	if p.cfg.ReadProvider == nil {
		return skipped("not-read", "IAM is not asked whether it has "+p.account.ARN())
	}
	state, err := p.cfg.ReadProvider(ctx, p.account.ARN())
	switch {
	case hasCode(err, "NoSuchEntity"):
		return broken("no-provider", "the role's account has no IAM OIDC provider "+p.account.ARN(),
			"the account: the provider must be in the role's, not in the cluster's",
			"the provider's URL: it must equal the token's iss to the character").because(err)
	case err != nil:
		return skipped("provider-not-readable", "IAM does not show the provider").because(err)
	case !p.admits(state.ClientIDs):
		return broken("audience-not-registered",
			fmt.Sprintf("the token's aud %q is not among the provider's client ids %q", p.claims.Audiences, state.ClientIDs),
			"the provider's client ids, and the audience that the pod's token volume asks for")
	}
	s := p.thumbprints(ctx, state)
	for _, id := range state.ClientIDs {
		if audience.IsAPIServers(id, p.claims.Issuer) {
			s.Notes = append(s.Notes, fmt.Sprintf("the client id %q is the API server's own audience: every pod's default token reaches STS", id))
		}
	}
	return s
}

// admits compares azp in place of aud when there is one, as STS does.
func (p *patient) admits(clientIDs []string) bool {
	if azp := p.claims.AuthorizedParty; azp != "" {
		return slices.Contains(clientIDs, azp)
	}
	return slices.ContainsFunc(p.claims.Audiences, func(aud string) bool { return slices.Contains(clientIDs, aud) })
}

// thumbprints compares what the provider has with the chain that the issuer sends, where AWS looks.
func (p *patient) thumbprints(ctx context.Context, state Provider) Step {
	s := intact("%s is there and admits the audience", p.account.ARN())
	iss, err := oidc.ParseIssuer(p.claims.Issuer)
	if err != nil {
		return s
	}
	report, err := p.cfg.issuers().Thumbprints(ctx, iss)
	if err != nil {
		s.Notes = append(s.Notes, "its thumbprints are not compared, as the issuer's certificates cannot be judged from here")
		return s
	}
	for _, e := range report.Endpoints {
		if slices.ContainsFunc(state.Thumbprints, func(has string) bool { return strings.EqualFold(has, e.Thumbprint) }) {
			continue
		}
		if e.Need == oidc.NeedPrivateCA || e.Need == oidc.NeedTLS13Only {
			return broken("thumbprint-mismatch",
				fmt.Sprintf("the provider does not have the thumbprint %s of %s, which AWS compares: %s", e.Thumbprint, e.Host, e.Need),
				"whether the issuer's certificate authority has changed since the provider was made")
		}
		s.Notes = append(s.Notes, fmt.Sprintf("the provider does not have the thumbprint %s of %s, which AWS does not seem to need", e.Thumbprint, e.Host))
	}
	return s
}

// role looks for the role itself.
func (p *patient) role(ctx context.Context) Step {
	if p.resolution.Kind != token.WebIdentity {
		return skipped("not-needed", "the environment names no role")
	}
	role, err := arn.ParseRole(p.resolution.RoleARN)
	if err != nil {
		return notAWS()
	}
	if p.cfg.ReadRole == nil {
		return skipped("not-read", "IAM is not asked")
	}
	state, err := p.cfg.ReadRole(ctx, role.Name)
	switch {
	case hasCode(err, "NoSuchEntity"):
		return broken("role-missing", "the account that was asked does not have the role "+p.resolution.RoleARN,
			"the role-arn annotation of the service account: account, path and name").because(err)
	case err != nil:
		return skipped("role-not-readable", "IAM does not show the role").because(err)
	case state.ARN != p.resolution.RoleARN:
		return broken("role-arn-mismatch", fmt.Sprintf("the role of that name is %s, not %s", state.ARN, p.resolution.RoleARN),
			"the path and the account in the role-arn annotation, and whose account was asked")
	}
	p.roleState = &state
	return intact("%s is there", state.ARN)
}

// trustPolicy judges the role's trust policy with the token's claims.
func (p *patient) trustPolicy(context.Context) Step {
	switch {
	case p.roleState == nil:
		return skipped("not-read", "the role was not read")
	case p.account.IsZero():
		return skipped("no-token", "the token was not read, so the policy cannot be judged")
	}
	parse := func(document string) (*trust.Policy, error) { return trust.Parse([]byte(document)) }
	if strings.HasPrefix(p.roleState.TrustPolicy, "%") {
		parse = trust.ParseEncoded
	}
	policy, err := parse(p.roleState.TrustPolicy)
	if err != nil {
		return skipped("trust-policy-not-readable", "the trust policy cannot be understood").because(err)
	}
	claims, err := allClaims(p.raw)
	if err != nil {
		return skipped("no-token", "the token's claims cannot be read").because(err)
	}
	decision := policy.Evaluate(trust.WebIdentity(p.account, claims))
	if !decision.Allowed {
		s := broken("trust-policy-mismatch", "the role's trust policy does not admit this token",
			"the conditions that are not met: want is the policy's, got the token's")
		s.Notes = []string{decision.String()}
		return s
	}
	s := intact("it admits the token")
	for _, found := range policy.Lint() {
		s.Notes = append(s.Notes, found.String())
	}
	return s
}

// allClaims decodes the payload of a token that token.Inspect has read.
func allClaims(raw string) (trust.Claims, error) {
	payload, err := kubeclaims.Payload(raw)
	if err != nil {
		return nil, err
	}
	claims, ok := kubeclaims.All(payload)
	if !ok {
		return nil, errors.New("its payload is not a JSON object")
	}
	return claims, nil
}

// sts asks for the credentials, after all.
func (p *patient) sts(ctx context.Context) Step {
	switch {
	case p.cfg.Assume == nil:
		return skipped("not-asked", "STS is not asked")
	case p.resolution.Kind == "":
		return skipped("no-identity", "no identity to ask it with was found")
	case p.resolution.Kind == token.StaticKeys:
		return skipped("not-needed", "static keys are used as they are: nobody is asked for credentials")
	}
	err := p.cfg.Assume(ctx, p.resolution)
	if err != nil && !errors.Is(err, token.ErrStaleCredentials) {
		return explained(err, "no-credentials", "no credentials were given")
	}
	s := intact("it gives credentials")
	if p.resolution.Kind == token.Container {
		s = intact("the container's endpoint gives credentials")
	}
	if err != nil {
		x, _ := token.Explain(err)
		s.Notes = append([]string{x.Meaning}, x.Next...)
	}
	return s
}
