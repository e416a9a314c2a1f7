package trust

import (
	"cmp"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// sharedControl is what IAM asks of a policy that trusts an issuer which many organizations
// share. AWS lists the issuers
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html);
// how IAM judges values, operators and spelling, and its messages, are answers that it gave in
// September 2026 (https://github.com/radkawar/stackd, iam/policy/testdata/oidc_trust_controls_*_aws.json).
type sharedControl struct {
	keys []string // one of them must be scoped, and none may be unscoped beside it
	// github: a value must not be blank or begin with '*' either, and IAM names the principal.
	github bool
	// login is an issuer of consumer logins: any value under StringEquals will do, but the key
	// must be spelt exactly so.
	login bool
}

const (
	githubIssuer  = "token.actions.githubusercontent.com"
	cognitoIssuer = "cognito-identity.amazonaws.com"
)

// sharedControlOf takes HOST/PATH as the principal has it. Only GitHub's issuer is known by how
// it begins, as enterprises have one with a path of their own.
func sharedControlOf(issuer string) (sharedControl, bool) {
	keys := func(claims ...string) []string {
		for i, claim := range claims {
			claims[i] = issuer + ":" + claim
		}
		return claims
	}
	if lower := lowerASCII(issuer); strings.HasPrefix(lower, githubIssuer) {
		return sharedControl{keys: keys("sub", "job_workflow_ref"), github: true}, true
	}
	switch lowerASCII(issuer) {
	case "gitlab.com", "app.terraform.io", "agent.buildkite.com", "oidc.codefresh.io", "scalr.io", "proidc.upbound.io",
		"studio.datachain.ai/api", "tokens.cloud.shisho.dev",
		"vstoken.actions.githubusercontent.com", "oidc-configuration.audit-log.githubusercontent.com",
		"rh-oidc.s3.us-east-1.amazonaws.com/22ejnvnnturfmt6km08idd0nt4hekbn7", "rh-oidc.s3.us-east-1.amazonaws.com/23e3sd27sju1hoou6ohfs68vbno607tr",
		"rh-oidc.s3.us-east-1.amazonaws.com/23ne21h005qjl3n33d8dui5dlrmv2tmg", "rh-oidc.s3.us-east-1.amazonaws.com/24jrf12m5dj7ljlfb4ta2frhrcoadm26",
		"oidc.op1.openshiftapps.com/2f785sojlpb85i7402pk3qogugim5nfb", "oidc.op1.openshiftapps.com/2c51blsaqa9gkjt0o9rt11mle8mmropu":
		return sharedControl{keys: keys("sub")}, true
	case "api.pulumi.com/oidc", "sandboxes.cloud", "oidc.vercel.com", cognitoIssuer:
		return sharedControl{keys: keys("aud")}, true
	case "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d": // Azure Sentinel
		return sharedControl{keys: []string{"sts:RoleSessionName"}}, true
	case "accounts.google.com":
		return sharedControl{keys: keys("aud", "oaud", "sub"), login: true}, true
	case "www.amazon.com", "graph.facebook.com":
		return sharedControl{keys: keys("app_id", "sub"), login: true}, true
	}
	return sharedControl{}, false
}

// sharedIssuers checks the Allow statements; Deny and sts:TagSession alone are exempt. Policies
// from before these controls are still in force, so what lacks them is judged all the same.
func (c *compiler) sharedIssuers(s *statement) {
	if s.effect != Allow || s.actions.match(actionWebIdentity) == no {
		return
	}
	for _, principal := range s.principals.federated {
		issuer := cmp.Or(issuerOf(principal), principal)
		if control, ok := sharedControlOf(issuer); ok && !control.satisfied(s) {
			c.flaws = append(c.flaws, flaw{held: true, InvalidError: InvalidError{
				Path: s.pointer, Message: control.message(s, principal, issuer),
			}})
		}
	}
}

// message is what IAM answers to a statement that does not satisfy the control.
func (c *sharedControl) message(s *statement, principal, issuer string) string {
	switch {
	case c.login:
		return "Policy trusting " + issuer + " requires a StringEquals condition on an application id"
	case issuer == cognitoIssuer && len(s.node.Get("Condition").Members()) == 0:
		return messageCognito
	case !c.github:
		principal = issuer
	}
	return "Trust policy with trusted principal " + principal +
		" must evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, " +
		strings.Join(c.keys, " or ") + " which is not scoped to all."
}

// satisfied looks at each operator's block on its own: it must have one of the keys, and every
// one that it has must be scoped.
func (c *sharedControl) satisfied(s *statement) bool {
	for _, block := range s.node.Get("Condition").Members() {
		op, _ := parseOperator(block.Name)
		if !op.isMatching() || op.ifExists || c.login && op.family == familyStringLike {
			continue
		}
		found, scoped := false, true
		for _, key := range block.Value.Members() {
			if c.has(key.Name) {
				found = true
				scoped = scoped && c.isScoped(key.Value)
			}
		}
		if found && scoped {
			return true
		}
	}
	return false
}

func (c *sharedControl) has(key string) bool {
	if c.login {
		return slices.Contains(c.keys, key)
	}
	return slices.ContainsFunc(c.keys, func(k string) bool { return lowerASCII(k) == lowerASCII(key) })
}

// isScoped finds nothing wrong with an empty list, which no request can meet.
func (c *sharedControl) isScoped(values *jsontree.Value) bool {
	texts, ok := values.Scalars()
	return c.login || ok && !slices.ContainsFunc(texts, func(t string) bool {
		return t == "*" || c.github && (strings.HasPrefix(t, "*") || strings.TrimSpace(t) == "")
	})
}
