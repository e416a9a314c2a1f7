package trust

import (
	"slices"
	"strings"
)

// claimKey is a condition key that names a claim of a token, "HOST/PATH:sub", in lower case.
type claimKey struct{ issuer, claim string }

// claimOf splits a claim's key. One that begins with an issuer of the statement is a claim's;
// of others, those whose first part has a dot, which no key of a service has.
func (c *condition) claimOf(issuers []tokenIssuer) (claimKey, bool) {
	for _, issuer := range issuers {
		if n := len(issuer.key); len(c.lookup) > n && c.lookup[n] == ':' && c.lookup[:n] == issuer.key {
			return claimKey{issuer.key, c.lookup[n+1:]}, true
		}
	}
	host, claim, ok := cutClaim(c.lookup)
	return claimKey{host, claim}, ok
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

// conditionKey checks that a request can have the key: one of a token of the statement's
// issuers, or one that AWS documents.
func (l *linter) conditionKey(s *statement, c *condition, issuers []tokenIssuer) {
	key, isClaim := c.claimOf(issuers)
	switch {
	case !isClaim && !isServiceKey(c.lookup):
		l.add(CodeUnknownConditionKey, c.pointer, "no request has the key "+quote(c.key)+": "+s.consequence(c), fixKey(c.lookup, issuers))
	case !isClaim:
		if who := s.without(c.lookup); who != "" {
			l.add(CodeUnknownConditionKey, c.pointer, "no request of "+who+" has the key "+quote(c.key)+": "+s.consequence(c),
				"Drop the condition, or give the principals that have the key a statement of their own")
		}
	case len(issuers) == 0: // of a chained session, perhaps
	case slices.ContainsFunc(issuers, func(i tokenIssuer) bool { return i.key == key.issuer }):
		l.claim(s, c, key)
	default:
		l.foreignKey(s, c, key, issuers)
	}
}

func (l *linter) foreignKey(s *statement, c *condition, key claimKey, issuers []tokenIssuer) {
	if region, ok := swappedHost(key.issuer); ok {
		l.swapped(region, c.pointer)
		return
	}
	names := strings.Join(quoteAll(issuerNames(issuers)), " or ")
	if slices.ContainsFunc(issuers, func(i tokenIssuer) bool { return strings.TrimSuffix(i.key, "/") == strings.TrimSuffix(key.issuer, "/") }) {
		l.add(CodeTrailingSlash, c.pointer,
			"the condition key and the principal differ in a trailing slash, which makes two issuers of them: "+s.consequence(c),
			"Write the key as the principal's ARN has the issuer")
		return
	}
	l.add(CodeForeignConditionKey, c.pointer,
		"the key is for issuer "+quote(key.issuer)+", but the principal is "+names+": no token has it, and "+s.consequence(c),
		"Write the key with the principal's issuer")
}

func (l *linter) claim(s *statement, c *condition, key claimKey) {
	if slices.Contains(exposedClaims(key.issuer), key.claim) {
		return
	}
	fix := "Use sub and aud"
	if near := nearest(key.claim, exposedClaims(key.issuer)); near != "" {
		fix = "Did you mean " + quote(near)
	} else if more := providerClaims(key.issuer); len(more) > 0 {
		fix = "Use sub, aud, " + strings.Join(more, ", ")
	}
	l.add(CodeClaimNotExposed, c.pointer,
		"STS makes no condition key of claim "+quote(key.claim)+" of this issuer: it is always absent, and "+s.consequence(c), fix)
}

// without names the statement's principals when none of them can have a key that AWS documents,
// "" when one may.
func (s *statement) without(lookup string) string {
	kinds, who := callerKind(0), []string{}
	p := &s.principals
	for _, f := range p.federated {
		if strings.Contains(f, ":saml-provider/") {
			return "" // a kind of caller that is not judged
		}
	}
	for _, k := range [...]struct {
		count int
		kind  callerKind
		name  string
	}{
		{len(p.federated), callerWebIdentity, "a web identity"},
		{len(p.service), callerService, "a service"},
		{len(p.aws) + len(p.canonical), callerSession | callerUser, "an AWS principal"},
	} {
		if k.count > 0 {
			kinds |= k.kind
			who = append(who, k.name)
		}
	}
	if p.everyone || kinds == 0 || !neverHas(kinds, lookup) {
		return ""
	}
	return strings.Join(who, " or ")
}

// neverHas says that no request of these kinds of callers can have the key, whatever it is
// given.
func neverHas(kinds callerKind, lookup string) bool {
	if isParameter(lookup) && (lookup != "sts:externalid" || kinds&(callerSession|callerUser) != 0) {
		return false
	}
	return isAbsentFor(kinds, lookup)
}

// consequence says what a key that is always absent does to the statement.
func (s *statement) consequence(c *condition) string {
	switch {
	case c.requires() && s.effect == Allow && isFederationKey(c.lookup) && len(s.principals.aws)+len(s.principals.service) > 0:
		return "no token can have the role by this statement" // its other principals are not asked for it here
	case c.requires() && s.effect == Allow:
		return "nobody can have the role by this statement"
	case c.requires():
		return "the Deny denies nobody"
	}
	return "the condition is always met"
}

// requires says that the condition is not met when the key is absent.
func (c *condition) requires() bool {
	if c.op.family == familyNull {
		return len(c.texts) == 1 && lowerASCII(c.texts[0]) == "false"
	}
	return c.flaw == "" && !c.op.negated && !c.op.ifExists && c.op.set != setForAllValues
}

// excludes says that no token of the issuer can meet the condition, because none has its key, or
// every one.
func (c *condition) excludes(issuer string, issuers []tokenIssuer) bool {
	key, isClaim := c.claimOf(issuers)
	if !c.requires() {
		return isClaim && key.issuer == issuer && c.neverMet(key)
	}
	if !isClaim {
		return !isServiceKey(c.lookup) || neverHas(callerWebIdentity, c.lookup)
	}
	return key.issuer != issuer || !slices.Contains(exposedClaims(issuer), key.claim)
}

// fixKey proposes the key that was meant.
func fixKey(lookup string, issuers []tokenIssuer) string {
	if near := nearest(lookup, serviceKeys()); near != "" {
		return "Did you mean " + quote(near)
	}
	claim := lookup[strings.LastIndexByte(lookup, ':')+1:]
	if len(issuers) > 0 && slices.Contains(exposedClaims(issuers[0].key), claim) {
		return "Write " + quote(issuers[0].name+":"+claim)
	}
	return "Write HOST:CLAIM for a claim of a token, or a key that AWS documents"
}
