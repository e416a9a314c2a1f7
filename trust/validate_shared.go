package trust

import (
	"cmp"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// sharedControl is IAM's condition for trusting an issuer that many organizations share
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html).
type sharedControl struct {
	issuer string
	claims []string // one of them must be scoped, and none may be unscoped beside it
	// strict is GitHub's: a value must not begin with '*' either.
	strict bool
	// exact is for issuers of consumer logins: StringEquals alone will do.
	exact bool
}

// sharedControlOf takes HOST/PATH in lower case.
func sharedControlOf(issuer string) (sharedControl, bool) {
	c := sharedControl{issuer: issuer}
	switch issuer {
	case "token.actions.githubusercontent.com":
		c.claims, c.strict = []string{"sub", "job_workflow_ref"}, true
	case "gitlab.com", "app.terraform.io", "agent.buildkite.com", "oidc.codefresh.io", "scalr.io",
		"proidc.upbound.io", "studio.datachain.ai/api", "tokens.cloud.shisho.dev":
		c.claims = []string{"sub"}
	case "api.pulumi.com/oidc", "sandboxes.cloud", "oidc.vercel.com", cognitoIssuer:
		c.claims = []string{"aud"}
	case googleIssuer:
		c.claims, c.exact = []string{"aud", "sub", "azp"}, true
	case "www.amazon.com", "graph.facebook.com":
		c.claims, c.exact = []string{"app_id"}, true
	default:
		return sharedControl{}, false
	}
	return c, true
}

const (
	cognitoIssuer = "cognito-identity.amazonaws.com"
	googleIssuer  = "accounts.google.com"
)

// sharedIssuers checks the Allow statements; Deny and sts:TagSession alone are exempt. Policies
// from before these controls are still in force, so what lacks them is judged all the same.
func (c *compiler) sharedIssuers(s *statement) {
	if s.effect != Allow || s.actions.match(actionWebIdentity) == no {
		return
	}
	for _, principal := range s.principals.federated {
		issuer := lowerASCII(cmp.Or(issuerOf(principal), principal))
		if control, ok := sharedControlOf(issuer); ok && !control.satisfied(s) {
			c.flaws = append(c.flaws, flaw{held: true, InvalidError: InvalidError{
				Path:    s.pointer,
				Message: control.message(s, principal),
				// No source has IAM's answer for Amazon's and Facebook's logins.
				Unproven: control.exact && issuer != googleIssuer,
			}})
		}
	}
}

// message is what IAM answers to a statement that does not satisfy the control.
func (c *sharedControl) message(s *statement, principal string) string {
	switch {
	case c.exact:
		return "Policy trusting " + c.issuer + " requires a StringEquals condition on an application id"
	case c.issuer == cognitoIssuer && len(s.node.Get("Condition").Members()) == 0:
		return messageCognito
	}
	keys := make([]string, len(c.claims))
	for i, claim := range c.claims {
		keys[i] = c.issuer + ":" + claim
	}
	return "Trust policy with trusted principal " + principal +
		" must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, " +
		strings.Join(keys, " or ") + " which is not scoped to all."
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
