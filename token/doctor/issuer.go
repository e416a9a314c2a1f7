package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/token"
)

// issuer asks the token's issuer as STS would: document, keys, signature.
func (p *patient) issuer(ctx context.Context) Step {
	if s, skip := p.withoutChain(); skip {
		return s
	}
	iss, err := oidc.ParseIssuer(p.claims.Issuer)
	if err != nil {
		return broken("issuer-invalid", "the token's iss is not an issuer's URL", "the flag --service-account-issuer of kube-apiserver").because(err)
	}
	if err := iss.CheckIAM(); err != nil {
		return broken("issuer-refused-by-iam", "IAM accepts no provider for this issuer", "the flag --service-account-issuer of kube-apiserver").because(err)
	}
	client := p.cfg.issuers()
	doc, err := client.Discover(ctx, iss)
	if err == nil {
		err = doc.CheckSTS()
	}
	if err != nil {
		return undiscovered(err)
	}
	keys, err := client.Keys(ctx, iss)
	if err != nil {
		return broken("keys-unavailable", "the issuer's keys cannot be read",
			"the jwks_uri of the discovery document, and what it leads to").because(err)
	}
	if err := keys.CheckSTS(); err != nil {
		return keysRefused(err)
	}
	if _, err := keys.VerifySignature(p.raw); err != nil {
		return unsigned(err)
	}
	s := intact("it answers, and has the key that signed the token; AWS must reach it from the internet too")
	for _, w := range iss.Warnings() {
		s.Notes = append(s.Notes, w.String())
	}
	for _, e := range keys.Faults() {
		s.Notes = append(s.Notes, fmt.Sprintf("%s: %s", e.Code, e))
	}
	return s
}

// withoutChain skips a step when the pod has no web identity, or its token could not be read.
func (p *patient) withoutChain() (Step, bool) {
	switch {
	case p.resolution.Kind == token.Container:
		return skipped("not-needed", "the container's credentials endpoint does this"), true
	case p.resolution.Kind == token.WebIdentity && p.roleIsForeign():
		return notAWS(), true
	case p.claims.Issuer == "":
		return skipped("no-token", "the token was not read, so its issuer is not known"), true
	}
	return Step{}, false
}

// roleIsForeign says whether the role is of MinIO, Ceph or the like: token.Resolve admits one that is not of
// AWS only with an endpoint of its own.
func (p *patient) roleIsForeign() bool {
	_, err := arn.ParseRole(p.resolution.RoleARN)
	return err != nil
}

func notAWS() Step {
	return skipped("not-aws", "the role is not one of AWS, whose rules are the only ones known here")
}

func undiscovered(err error) Step {
	switch {
	case errors.Is(err, oidc.ErrIssuerMismatch):
		return broken("issuer-mismatch", "the discovery document names another issuer than the token, and they must be equal to the character",
			"the issuer in the published document against the token's iss, a trailing slash above all").because(err)
	case errors.Is(err, oidc.ErrDocument):
		return broken("discovery-document-unusable", "the discovery document lacks what STS needs", "the published document").because(err)
	}
	return broken("issuer-unreachable", "the issuer's discovery document cannot be read from here",
		"whether it can be read from the internet: AWS comes from there, not from this pod",
		"network policies and proxies between this pod and the issuer").because(err)
}

func keysRefused(err error) Step {
	return broken("keys-refused-by-sts", "STS does not take the issuer's key set, or the token's key in it, as it is",
		"the published key set: what publishes it must write only what STS knows").because(err)
}

func unsigned(err error) Step {
	switch {
	case errors.Is(err, oidc.ErrKey):
		return keysRefused(err)
	case errors.Is(err, oidc.ErrUnknownKey):
		return broken("key-missing", "the issuer does not serve the key that signed the token",
			"whether the key set was published again after the cluster's last rotation",
			"whether the token is of this cluster").because(err)
	case errors.Is(err, oidc.ErrAlgorithm):
		return broken("algorithm-refused", "the token is signed with an algorithm that STS does not take", "the cluster's signing key: RSA or ECDSA").because(err)
	}
	return broken("signature-invalid", "the issuer's key did not sign the token",
		"whether the token and the key set are of the same cluster").because(err)
}
