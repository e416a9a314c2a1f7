package trust

import (
	"strings"

	"github.com/irsa-go/irsa/internal/glob"
)

// note finds the usual reasons why a condition does not hold.
func (c *condition) note(r *request, v verdict, p presence, res *ConditionResult) string {
	_, claim, _ := cutClaim(c.lookup)
	switch {
	case c.flaw != "":
		return c.flaw
	case res.unknown != "" && p != unknown:
		return "of the policy variable " + quote(res.unknown) + ": " + r.supply(lowerASCII(res.unknown))
	case res.unknown != "":
		return r.supply(c.lookup)
	case v == no && len(res.Got) == 1 && c.op.isMatching():
		return c.explainMismatch(res.Got[0])
	case v != yes && strings.Contains(claim, "kubernetes.io"):
		return "STS does not make this claim a condition key"
	}
	return ""
}

// explainMismatch compares a token's value with the ones that the policy has.
func (c *condition) explainMismatch(got string) string {
	for _, want := range c.texts {
		switch {
		case strings.Contains(want, "${"): // a variable stands for another text
			continue
		case glob.Compile(want).Match(got):
			return c.operator + " takes wildcards literally: StringLike would match"
		case strings.EqualFold(got, want), c.op.family == familyStringLike && glob.Compile(strings.ToLower(want)).Match(strings.ToLower(got)):
			return "they differ in case"
		case strings.TrimSpace(got) == strings.TrimSpace(want):
			return "they differ in white space"
		}
		if hint := explainNames(got, want); hint != "" {
			return hint
		}
	}
	return ""
}

// explainNames compares the names of two service accounts.
func explainNames(got, want string) string {
	namespace, name, ok := strings.Cut(strings.TrimPrefix(got, serviceAccountPrefix), ":")
	wantNamespace, wantName, alsoOK := strings.Cut(strings.TrimPrefix(want, serviceAccountPrefix), ":")
	switch {
	case !ok || !alsoOK || namespace == name:
	case namespace == wantName && name == wantNamespace:
		return "namespace and name swapped?"
	case wantNamespace == wantName && (wantName == namespace || wantName == name):
		return "the policy has one name twice?"
	}
	return ""
}
