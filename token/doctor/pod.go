package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/irsa-go/irsa/internal/audience"
	"github.com/irsa-go/irsa/internal/kubename"
	"github.com/irsa-go/irsa/token"
)

// environment looks at the variables that the SDKs read.
func (p *patient) environment(context.Context) Step {
	r, err := token.Resolve(p.lookup)
	if err != nil {
		return explained(err, "environment-invalid", "the environment names no usable identity; an SDK would take the node's role")
	}
	p.resolution = r
	var s Step
	switch r.Kind {
	case token.WebIdentity:
		s = intact("%s", r.Reason)
	case token.Container:
		s = intact("%s; this is EKS Pod Identity or the like, which needs no issuer and no IAM OIDC provider", r.Reason)
	default:
		s = broken("no-web-identity", "the pod does not use a web identity: "+r.Reason)
		if r.HasWarning("static-keys-shadow-web-identity") {
			s.Code = "static-keys-shadow-web-identity"
			s.Next = []string{"where AWS_ACCESS_KEY_ID comes from: the pod's env, envFrom or the image"}
		}
	}
	for _, w := range r.Warnings {
		s.Notes = append(s.Notes, w.String())
	}
	return s
}

// mutation looks at the pod itself, where somebody has it.
func (p *patient) mutation(ctx context.Context) Step {
	wrong, err := p.cfg.Mutation(ctx)
	switch {
	case err != nil:
		return skipped("pod-not-readable", "the pod cannot be looked at").because(err)
	case len(wrong) > 0:
		s := broken("not-mutated", "the pod does not have all that its identity needs",
			"that the webhook was running when the pod was created, and its failurePolicy",
			"the annotations of the pod's service account at that time, and the pod's own")
		s.Notes = wrong
		return s
	}
	return intact("the pod has all that its identity needs")
}

// tokenFile reads what the kubelet projects.
func (p *patient) tokenFile(ctx context.Context) Step {
	file := p.resolution.TokenFile
	if p.resolution.Kind == token.Container {
		file = p.resolution.AuthorizationFile
	}
	if file == "" {
		return skipped("no-token-file", "the environment names no token file")
	}
	raw, err := file.Token(ctx)
	if err != nil {
		s := explained(err, "token-file-unusable", "the token file cannot be used")
		if p.resolution.Kind == token.Container {
			s.Next = []string{
				"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE against the path that the token's volume is mounted at",
				"that this container has the mount, and that its user may read the file",
			}
		}
		return s
	}
	p.raw = raw
	return intact("%s has a token", string(file))
}

// token looks at what the token says of itself.
func (p *patient) token(context.Context) Step {
	if p.raw == "" {
		return skipped("no-token", "the token was not read")
	}
	u, err := token.Inspect(p.raw)
	if err != nil {
		return explained(err, "token-malformed", "the token cannot be read")
	}
	p.claims = u
	if s, wrong := p.claimsWrong(u); wrong {
		return s
	}
	s := intact("%s of %s for %s, until %s", u.Subject, u.Issuer, strings.Join(u.Audiences, ", "), stamp(u.Expires))
	if _, _, err := kubename.ParseSubject(u.Subject); err != nil {
		s.Notes = append(s.Notes, "its sub is not a service account's")
	}
	if p.resolution.Kind == token.WebIdentity && u.AuthorizedParty == "" && !slices.Contains(u.Audiences, audience.STS) {
		s.Notes = append(s.Notes, "its aud is not "+audience.STS+": the IAM OIDC provider must have another client id")
	}
	return s
}

func (p *patient) claimsWrong(u token.Unverified) (Step, bool) {
	var missing []string
	for _, claim := range []struct {
		name   string
		absent bool
	}{
		{"iss", u.Issuer == ""}, {"sub", u.Subject == ""}, {"aud", len(u.Audiences) == 0},
		{"iat", u.IssuedAt.IsZero()}, {"exp", u.Expires.IsZero()},
	} {
		if claim.absent {
			missing = append(missing, claim.name)
		}
	}
	now := p.cfg.now()
	switch {
	case len(missing) > 0:
		return broken("claim-missing", "the token lacks "+strings.Join(missing, ", "), "who issues the token: a kube-apiserver sets them all"), true
	case !u.Expires.After(now):
		s := explained(token.ErrTokenExpired, token.CodeTokenExpired, "")
		s.Message = fmt.Sprintf("by the clock of this machine, %s, the token has expired, at %s; STS judges by its own", stamp(now), stamp(u.Expires))
		return s, true
	}
	return Step{}, false
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
