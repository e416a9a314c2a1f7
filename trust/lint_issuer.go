package trust

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/partition"
)

// issuerOf returns HOST/PATH of an OIDC provider's ARN, "" for anything else.
func issuerOf(principal string) string {
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

func hasOIDC(s *statement) bool { return len(s.issuers()) > 0 }

// issuers are those of the statement's OIDC providers.
func (s *statement) issuers() []string {
	var issuers []string
	for _, f := range s.principals.federated {
		if issuer := issuerOf(f); issuer != "" {
			issuers = append(issuers, issuer)
		}
	}
	return issuers
}

// isEKS recognises the issuers of EKS clusters
// (https://docs.aws.amazon.com/general/latest/gr/eks.html).
func isEKS(issuer string) bool { return strings.HasPrefix(lowerASCII(issuer), "oidc.eks.") }

// swappedHost recognises "oidc.REGION.eks…", the usual mistake for "oidc.eks.REGION…".
func swappedHost(issuer string) (region string, ok bool) {
	labels := strings.Split(lowerASCII(issuer), ".")
	if len(labels) > 3 && labels[0] == "oidc" && labels[2] == "eks" {
		return strings.ToLower(labels[1]), true
	}
	return "", false
}

var (
	bracedShape = regexp.MustCompile(`\{[^{}]*\}|<[^<>]+>|\$\(|\$[A-Za-z_]|%[A-Z_]+%`)
	// wordShape: capitals as documentation has them where a value belongs.
	wordShape = regexp.MustCompile(`(^|[^A-Za-z0-9_])((MY_|YOUR_)?(AWS_|EKS_)?(ACCOUNT|REGION|CLUSTER|OIDC|PROVIDER|ISSUER|NAMESPACE|SERVICE_ACCOUNT|ROLE)(_[A-Z]+)*)($|[^A-Za-z0-9_])`)
)

// placeholder finds what a template should have filled in. Variables of IAM's own are not for
// principals, so there "${" is always one.
func (l *linter) placeholder(value, path string) {
	found := bracedShape.FindString(value)
	if m := wordShape.FindStringSubmatch(value); found == "" && m != nil {
		found = m[2]
	}
	if host, _, _ := strings.Cut(issuerOf(value), "/"); found == "" && isEKS(host) {
		region := strings.Split(host, ".")
		if _, ok := partition.ByRegion(region[2]); !ok {
			found = region[2]
		}
	}
	if found != "" {
		l.add(Finding{"placeholder", SeverityError, path,
			fmt.Sprintf("%s looks like a placeholder that nothing filled in", quote(found)), "Put the value in its place"})
	}
}

// conditionKey checks that a key can belong to a token of the statement's providers.
func (l *linter) conditionKey(s *statement, c *condition) {
	host, claim, ok := cutClaim(c.lookup)
	if !ok || !hasOIDC(s) {
		return
	}
	if region, ok := swappedHost(host); ok {
		l.add(Finding{"swapped-host", SeverityError, c.pointer,
			"the host of an EKS issuer is oidc.eks.REGION, not oidc.REGION.eks", "Use " + quote("oidc.eks."+region+".amazonaws.com")})
		return
	}
	var issuers []string
	for _, issuer := range s.issuers() {
		issuers = append(issuers, lowerASCII(issuer))
	}
	switch {
	case slices.Contains(issuers, host):
		l.claim(host, claim, c)
	case slices.ContainsFunc(issuers, func(issuer string) bool {
		return strings.TrimSuffix(issuer, "/") == strings.TrimSuffix(host, "/")
	}):
		l.add(Finding{"trailing-slash", SeverityError, c.pointer,
			"the condition key and the principal differ in a trailing slash, which makes two issuers of them", "Write the key as the principal's ARN has the issuer"})
	default:
		l.add(Finding{"foreign-condition-key", SeverityError, c.pointer,
			fmt.Sprintf("the key is for issuer %s, but the principal is %s: no token has it", quote(host), strings.Join(quoteAll(s.issuers()), " or ")),
			"Write the key with the principal's issuer"})
	}
}

// cutClaim splits "HOST/PATH:claim". Keys of services, such as "aws:SourceArn", have no dot in
// what stands before the colon.
func cutClaim(lookup string) (host, claim string, ok bool) {
	authority, _, _ := strings.Cut(lookup, "/")
	i := strings.IndexByte(lookup, ':')
	if strings.Contains(authority, ".") && i >= 0 {
		// A claim may hold a colon or a slash of its own, a port holds digits only.
		if rest := lookup[i+1:]; rest != "" && rest[0] >= '0' && rest[0] <= '9' {
			if j := strings.IndexByte(rest, ':'); j >= 0 {
				i += 1 + j
			}
		}
		return lookup[:i], lookup[i+1:], true
	}
	return "", "", false
}

// claim reports one that STS does not make a condition key. Of the issuers that many
// organizations share STS has learnt to know more and more, so they are left alone.
func (l *linter) claim(issuer, claim string, c *condition) {
	shared := slices.ContainsFunc(sharedControls(), func(s sharedControl) bool { return s.issuer == issuer })
	known := append(providerClaims(issuer), "sub", "aud", "amr", "oaud", "email")
	if shared || slices.Contains(known, claim) {
		return
	}
	l.add(Finding{"claim-not-exposed", SeverityError, c.pointer,
		fmt.Sprintf("STS makes no condition key of claim %s of this issuer: it is always absent", quote(claim)),
		"Use sub and aud"})
}

// accounts: a role can trust the providers of its own account only.
func (l *linter) accounts() {
	first := ""
	for i := range l.policy.list() {
		s := &l.policy.statements[i]
		l.at = i
		for _, f := range s.principals.federated {
			a, err := arn.Parse(f)
			if err != nil || arn.CheckAccountID(a.AccountID) != nil {
				continue
			}
			at := a.Partition + " account " + a.AccountID
			if first == "" {
				first = at
			}
			if at != first {
				l.add(Finding{"foreign-account", SeverityError, s.pointer + "/Principal/Federated",
					fmt.Sprintf("one provider is in %s and this one in %s: a role can trust those of its own account only", first, at),
					"Create the provider in the role's account and name that one"})
			}
		}
	}
}
