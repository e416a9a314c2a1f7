package trust

import (
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/jsontree"
)

// sharedControl is IAM's condition for trusting an issuer that many organizations share
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html).
type sharedControl struct {
	issuer string
	claims []string // one of them must be scoped, and none may be unscoped beside it
	// strict is GitHub's: a value must not begin with '*' either.
	strict bool
	// exact is for issuers of consumer logins, for which no text of IAM's is known.
	exact bool
}

func sharedControls() []sharedControl {
	return []sharedControl{
		{issuer: "token.actions.githubusercontent.com", claims: []string{"sub", "job_workflow_ref"}, strict: true},
		{issuer: "gitlab.com", claims: []string{"sub"}},
		{issuer: "app.terraform.io", claims: []string{"sub"}},
		{issuer: "agent.buildkite.com", claims: []string{"sub"}},
		{issuer: "oidc.codefresh.io", claims: []string{"sub"}},
		{issuer: "scalr.io", claims: []string{"sub"}},
		{issuer: "proidc.upbound.io", claims: []string{"sub"}},
		{issuer: "studio.datachain.ai/api", claims: []string{"sub"}},
		{issuer: "tokens.cloud.shisho.dev", claims: []string{"sub"}},
		{issuer: "api.pulumi.com/oidc", claims: []string{"aud"}},
		{issuer: "sandboxes.cloud", claims: []string{"aud"}},
		{issuer: "oidc.vercel.com", claims: []string{"aud"}},
		{issuer: "cognito-identity.amazonaws.com", claims: []string{"aud"}},
		{issuer: "accounts.google.com", claims: []string{"aud", "sub", "azp"}, exact: true},
		{issuer: "www.amazon.com", claims: []string{"app_id"}, exact: true},
		{issuer: "graph.facebook.com", claims: []string{"app_id"}, exact: true},
	}
}

// sharedIssuers checks the Allow statements; Deny and sts:TagSession alone are exempt. Policies
// from before these controls are still in force, so what lacks them is judged all the same.
func (c *compiler) sharedIssuers(s *statement) {
	if s.effect != Allow || s.actions.match(actionWebIdentity) == no {
		return
	}
	for _, principal := range s.principals.federated {
		issuer := principal
		if a, err := arn.Parse(principal); err == nil {
			issuer = strings.TrimPrefix(a.Resource, "oidc-provider/")
		}
		issuer = lowerASCII(issuer)
		for _, control := range sharedControls() {
			if control.issuer != issuer || control.satisfied(s) {
				continue
			}
			keys := make([]string, len(control.claims))
			for i, claim := range control.claims {
				keys[i] = control.issuer + ":" + claim
			}
			c.flaws = append(c.flaws, flaw{held: true, InvalidError: InvalidError{
				Path: s.pointer,
				Message: "Trust policy with trusted principal " + principal +
					" must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, " +
					strings.Join(keys, " or ") + " which is not scoped to all.",
				Unproven: control.exact,
			}})
		}
	}
}

// satisfied looks at each operator's block on its own: it must have one of the claims, and
// every one that it has must be scoped.
func (c *sharedControl) satisfied(s *statement) bool {
	for _, block := range s.node.Get("Condition").Members() {
		op, _ := parseOperator(block.Name)
		if !op.isMatching() || op.ifExists || c.exact && op.family != familyString {
			continue
		}
		found, scoped := false, true
		for _, key := range block.Value.Members() {
			claim, ok := strings.CutPrefix(lowerASCII(key.Name), c.issuer+":")
			if !ok || !slices.Contains(c.claims, claim) {
				continue
			}
			found = true
			scoped = scoped && c.isScoped(key.Value)
		}
		if found && scoped {
			return true
		}
	}
	return false
}

func (c *sharedControl) isScoped(values *jsontree.Value) bool {
	texts, ok := values.Scalars()
	return ok && len(texts) > 0 && !slices.ContainsFunc(texts, func(t string) bool {
		return t == "*" || c.strict && strings.HasPrefix(t, "*")
	})
}
