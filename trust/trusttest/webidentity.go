package trusttest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/kubeclaims"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/trust"
)

// tooOld is the age at which a token is observed to be refused, though it has not expired
// (https://github.com/mozilla-iam/mozilla-aws-cli/issues/146). From which age on, no source says.
const tooOld = 441398 * time.Second

// identity is what a verified token says.
type identity struct {
	provider provider
	claims   trust.Claims
	subject  string
	audience string // the one that is a client id
}

// badToken's texts are seen in the field, each with its code, unless a line says otherwise:
// https://repost.aws/knowledge-center/eks-troubleshoot-oidc-and-irsa,
// https://docs.gitlab.com/ci/cloud_services/aws/#troubleshooting.
func badToken(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "InvalidIdentityToken", format, args...)
}

func expiredToken(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "ExpiredTokenException", format, args...)
}

func notJWT() error {
	return badToken("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
}

func noKey() error { // with the two spaces
	return badToken("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements")
}

// verifyToken trusts nothing in a token before its issuer's key has signed it.
func (a *Account) verifyToken(ctx context.Context, token string, of arn.Role) (identity, error) {
	iss, err := unverifiedIssuer(token)
	if err != nil {
		return identity{}, err
	}
	p, ok := a.providerOf(iss, of)
	if !ok {
		return identity{}, badToken("No OpenIDConnect provider found in your account for %s", iss)
	}
	parsed, err := oidc.ParseIssuer(iss)
	if err != nil { // a provider's URL has been parsed before
		return identity{}, noKey()
	}
	keys, err := a.keysOf(ctx, parsed, p.thumbprints)
	switch {
	case errors.Is(err, errThumbprint):
		return identity{}, badToken("OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")
	case err != nil:
		return identity{}, noKey()
	}
	payload, err := keys.VerifySignature(token)
	switch {
	case errors.Is(err, oidc.ErrUnknownKey), errors.Is(err, oidc.ErrKey):
		return identity{}, noKey()
	case err != nil: // of a wrong signature the text is unproven
		return identity{}, notJWT()
	}
	return a.judgeClaims(payload, p)
}

// unverifiedIssuer reads iss, to find out whose keys to ask for.
func unverifiedIssuer(token string) (string, error) {
	payload, err := kubeclaims.Payload(token)
	if err != nil {
		return "", notJWT()
	}
	claims, err := kubeclaims.ParseRegistered(payload)
	if err != nil {
		return "", notJWT()
	}
	if claims.Issuer == "" {
		return "", missingClaim("iss")
	}
	return claims.Issuer, nil
}

// providerOf looks among the providers of the role's account, which is this one or one that
// nothing is known of. Issuers are compared character for character.
func (a *Account) providerOf(iss string, of arn.Role) (provider, bool) {
	hostPath, ok := strings.CutPrefix(iss, "https://")
	if !ok || of.AccountID != a.id || of.Partition != a.partition {
		return provider{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.state.providers[a.arn("iam", "oidc-provider/"+hostPath)]
	if !ok || !a.hasPropagated(p.created, a.faults.get().ProviderPropagation) {
		return provider{}, false
	}
	return *p, true
}

// hasPropagated says whether something is old enough to be known everywhere.
func (a *Account) hasPropagated(created time.Time, delay time.Duration) bool {
	return delay <= 0 || a.now().Sub(created) >= delay
}

func missingClaim(name string) error { return badToken("Missing a required claim: %s", name) }

func (a *Account) judgeClaims(payload []byte, p provider) (identity, error) {
	registered, err := kubeclaims.ParseRegistered(payload)
	if err != nil {
		return identity{}, notJWT()
	}
	if missing := registered.MissingRequired(); missing != "" {
		return identity{}, missingClaim(missing)
	}
	if err := a.judgeTimes(registered); err != nil {
		return identity{}, err
	}
	audience, ok := audienceOf(registered)
	if !ok || !slices.Contains(p.clientIDs, audience) {
		return identity{}, badToken("Incorrect token audience")
	}
	claims, ok := kubeclaims.All(payload) // for the policy's conditions
	if !ok {
		return identity{}, notJWT()
	}
	return identity{provider: p, claims: claims, subject: registered.Subject, audience: audience}, nil
}

// judgeTimes allows no skew past exp: a token of 198 s before was refused
// (https://github.com/awslabs/aws-orbit-workbench/issues/707).
func (a *Account) judgeTimes(claims kubeclaims.Registered) error {
	now := a.now()
	if !now.Before(claims.Expires.Time) {
		return expiredToken("Token expired: current date/time %d must be before the expiration date/time%d", now.Unix(), claims.Expires.Unix())
	}
	if claims.IssuedAt.After(now.Add(kubeclaims.Skew)) {
		return notJWT() // the text is unproven
	}
	if age := now.Sub(claims.IssuedAt.Time); age >= tooOld {
		return expiredToken("Token too old: %d", age/time.Second)
	}
	return nil
}

// audienceOf is what must be a client id: azp when there is one, else the only aud. Several
// without azp are observed to be refused.
func audienceOf(claims kubeclaims.Registered) (string, bool) {
	if claims.AuthorizedParty != nil {
		return *claims.AuthorizedParty, true
	}
	if len(claims.Audiences) != 1 {
		return "", false
	}
	return claims.Audiences[0], true
}
