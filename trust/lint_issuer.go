package trust

import (
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
)

// issuerOf returns HOST/PATH of an OIDC provider's ARN, "" for anything else.
func issuerOf(principal string) string {
	if !strings.Contains(principal, ":oidc-provider/") {
		return ""
	}
	a, err := arn.Parse(principal)
	if err != nil {
		return ""
	}
	issuer, ok := strings.CutPrefix(a.Resource, "oidc-provider/")
	if !ok {
		return ""
	}
	return issuer
}

// tokenIssuer is an issuer whose tokens a statement is about.
type tokenIssuer struct {
	name string // HOST/PATH as the principal has it
	key  string // in lower case, as condition keys are compared
	arn  bool   // named by the ARN of a provider, not by its domain as the built-in ones are
}

// issuers are those of the statement's federated principals, SAML providers excepted.
func (s *statement) issuers() []tokenIssuer {
	var issuers []tokenIssuer
	for _, f := range s.principals.federated {
		issuer := issuerOf(f)
		if issuer == "" && isDomain(f) {
			issuers = append(issuers, tokenIssuer{f, lowerASCII(f), false})
		} else if issuer, _ = cutScheme(issuer); issuer != "" {
			issuers = append(issuers, tokenIssuer{issuer, lowerASCII(issuer), true})
		}
	}
	return issuers
}

func issuerNames(issuers []tokenIssuer) []string {
	names := make([]string, len(issuers))
	for i, issuer := range issuers {
		names[i] = issuer.name
	}
	return names
}

// cutScheme drops "https://", which belongs neither into an ARN nor into a condition key.
func cutScheme(s string) (rest string, found bool) {
	for _, scheme := range [...]string{"https://", "http://"} {
		if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			return s[len(scheme):], true
		}
	}
	return s, false
}

// eksRegion recognises the issuers of EKS clusters, those that answer over IPv6 too included,
// and returns what stands in the place of the region
// (https://docs.aws.amazon.com/general/latest/gr/eks.html).
func eksRegion(issuer string) (region string, ok bool) {
	const prefix = len("oidc.eks.")
	if len(issuer) < prefix || !strings.EqualFold(issuer[:prefix], "oidc.eks.") && !strings.EqualFold(issuer[:prefix], "oidc-eks.") {
		return "", false
	}
	region, _, _ = strings.Cut(issuer[prefix:], ".")
	region, _, _ = strings.Cut(region, "/")
	return lowerASCII(region), true
}

func isEKS(issuer string) bool {
	_, ok := eksRegion(issuer)
	return ok
}

// swappedHost recognises "oidc.REGION.eks…", the usual mistake for "oidc.eks.REGION…".
func swappedHost(issuer string) (region string, ok bool) {
	labels := strings.SplitN(lowerASCII(issuer), ".", 4)
	if len(labels) > 3 && labels[0] == "oidc" && labels[2] == "eks" {
		return labels[1], true
	}
	return "", false
}

// mayBeCluster says whether the tokens of an issuer may be those of a Kubernetes cluster. The
// subs that the statement asks for tell: a service of another kind has subs of another kind.
func (s *statement) mayBeCluster(issuer string) bool {
	if isEKS(issuer) {
		return true
	}
	others := false
	for i := range s.conditions {
		c := &s.conditions[i]
		if c.lookup != issuer+":sub" || !c.op.isMatching() {
			continue
		}
		for _, value := range c.texts {
			lower := lowerASCII(value)
			if strings.HasPrefix(lower, "system:") {
				return true
			}
			others = others || !couldBeAccount(lower)
		}
	}
	_, shared := sharedControlOf(issuer)
	return !others && !shared && len(providerClaims(issuer)) == 0
}

// exposedClaims are the claims of an issuer's tokens that STS makes condition keys
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif).
func exposedClaims(issuer string) []string {
	claims := append(providerClaims(issuer), "sub", "aud", "amr", "oaud", "email")
	control, _ := sharedControlOf(issuer) // what IAM itself asks for is a key
	for _, key := range control.keys {
		if claim, ok := strings.CutPrefix(key, issuer+":"); ok {
			claims = append(claims, claim)
		}
	}
	switch issuer {
	case "accounts.google.com":
		return append(claims, "azp", "google/organization_number")
	case "www.amazon.com":
		return append(claims, "app_id", "user_id")
	case "graph.facebook.com":
		return append(claims, "app_id", "id")
	}
	return claims
}

// identifyingKeys are the condition keys, in lower case, that name the workload or whose it is
// as well as the sub does.
func identifyingKeys(issuer string) []string {
	keys := []string{issuer + ":sub"}
	for _, c := range providerClaims(issuer) {
		switch c {
		case "job_workflow_ref", "repository", "repository_id", "oidc.circleci.com/project-id", "rpst_id":
			keys = append(keys, issuer+":"+c)
		}
	}
	control, _ := sharedControlOf(issuer) // where IAM is content with the aud, it names the customer
	for _, key := range control.keys {
		keys = append(keys, lowerASCII(key))
	}
	return keys
}
