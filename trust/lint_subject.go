package trust

import (
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/glob"
	"github.com/irsa-go/irsa/internal/kubename"
)

// webIdentity checks that an Allow of web identities asks who it is.
func (l *linter) webIdentity(s *statement, issuers []tokenIssuer) {
	if s.flaw != "" || s.actions.match(actionWebIdentity) == no {
		return
	}
	for _, issuer := range issuers {
		if !issuer.arn {
			continue
		}
		if by := s.excluding(issuer.key, issuers); by != nil {
			l.siblingKey(s, by, issuer, issuers)
			continue
		}
		if !s.asksFor(identifyingKeys(issuer.key)) {
			l.add(CodeMissingSub, s.pointer, "nothing asks for the sub: every token of "+quote(issuer.name)+" may have the role",
				"Ask for "+quote(issuer.name+":sub")+" under StringEquals")
		}
		if s.mayBeCluster(issuer.key) && !s.asksFor([]string{issuer.key + ":aud"}) {
			l.add(CodeMissingAud, s.pointer, "nothing asks for the aud: a token made for somebody else may be used here",
				"Ask for "+quote(issuer.name+":aud")+", usually "+DefaultAudience)
		}
	}
}

// excluding returns the first condition that no token of the issuer can meet, nil when there is
// none.
func (s *statement) excluding(issuer string, issuers []tokenIssuer) *condition {
	for i := range s.conditions {
		if s.conditions[i].excludes(issuer, issuers) {
			return &s.conditions[i]
		}
	}
	return nil
}

// siblingKey: several issuers in one statement, and a condition that only one of them can meet.
// Conditions that none can meet are reported as such.
func (l *linter) siblingKey(s *statement, by *condition, issuer tokenIssuer, issuers []tokenIssuer) {
	key, isClaim := by.claimOf(issuers)
	if isClaim && slices.ContainsFunc(issuers, func(i tokenIssuer) bool { return i.key == key.issuer && i.key != issuer.key }) {
		l.add(CodeForeignConditionKey, by.pointer,
			"the key is for issuer "+quote(key.issuer)+" only: no token of "+quote(issuer.name)+" can have the role by this statement",
			"Give each issuer a statement of its own")
	}
}

// asksFor says that one of the keys must have a value that the policy gives. That a value is
// too wide, or that IfExists lets its absence pass, are findings of their own.
func (s *statement) asksFor(keys []string) bool {
	return slices.ContainsFunc(s.conditions, func(c condition) bool {
		return c.op.isMatching() && slices.Contains(keys, c.lookup)
	})
}

// subject looks at one value that a sub is compared with.
func (l *linter) subject(issuer, value string, at valuePlace) {
	c := at.c
	if c.op.family == familyStringIgnoreCase {
		value = lowerASCII(value)
	}
	wild := strings.ContainsAny(value, "*?")
	rest, isAccount := strings.CutPrefix(value, serviceAccountPrefix)
	meansAccount := isEKS(issuer) || strings.HasPrefix(lowerASCII(value), "system:")
	switch {
	case wild && c.op.family != familyStringLike: // wildcard-under-equals says it
	case wild && matchesEverybody(value):
		everybody := "every service account of the cluster"
		if !at.s.mayBeCluster(issuer) {
			everybody = "every token of " + quote(issuer)
		}
		l.add(CodeWholeCluster, at.path(), quote(value)+" is "+everybody, "Name those that need the role")
	case wild && meansAccount && !couldBeAccount(value):
		l.wrongShape(value, at)
	case wild && hasOpenOwner(issuer, value):
		l.add(CodeWildcardInOwner, at.path(),
			"the wildcard in "+quote(value)+" reaches over whose it is: a stranger may have a name that fits, and gets the role",
			"Write the owner's name out, up to the character that ends it")
	case wild && isAccount:
		l.namespacePattern(value, rest, at)
	case !wild && meansAccount:
		l.accountName(value, rest, isAccount, at)
	}
}

func (l *linter) wrongShape(value string, at valuePlace) {
	if lower := lowerASCII(value); lower != value && couldBeAccount(lower) {
		l.add(CodeSubjectShape, at.path(), quote(value)+" is not a service account: subs are compared by case, and theirs are in lower case", "Write "+quote(lower))
		return
	}
	l.add(CodeSubjectShape, at.path(), quote(value)+" is not a service account: no token has this sub", `Write "system:serviceaccount:NAMESPACE:NAME"`)
}

// matchesEverybody tries accounts that have nothing in common.
func matchesEverybody(pattern string) bool {
	g := glob.Compile(pattern)
	return g.Match(serviceAccountPrefix+"a:b") && g.Match(serviceAccountPrefix+"yy-2:z.z-2")
}

// hasOpenOwner says that a pattern for an issuer that everybody can be a customer of does not
// name one customer: the owner, in the form that the subs of that issuer have, is not written
// out. Sources: the services' own guides, as in the test of documented policies.
func hasOpenOwner(issuer, pattern string) bool {
	prefix, end := "", ""
	switch issuer {
	case "token.actions.githubusercontent.com":
		prefix, end = "repo:", "/"
	case "gitlab.com":
		prefix, end = "project_path:", "/"
	case "app.terraform.io", "agent.buildkite.com":
		prefix, end = "organization:", ":"
	default:
		return false
	}
	literal := pattern[:strings.IndexAny(pattern, "*?")]
	if owner, ok := strings.CutPrefix(literal, prefix); ok {
		return !strings.Contains(owner, end)
	}
	return strings.HasPrefix(prefix, literal)
}

// couldBeAccount says whether there is a service account whose sub a pattern matches, or a
// literal is. It walks through all subs at once: a state is how much of the shape
// "system:serviceaccount:NAMESPACE:NAME" has been read, and a bit of reached is a state.
func couldBeAccount(pattern string) bool {
	const (
		namespaceBegins = len(serviceAccountPrefix) + iota
		inNamespace
		nameBegins
		inName
	)
	reached := uint32(1)
	for i := range len(pattern) {
		if pattern[i] == '*' { // any number of characters: all states from the first one on
			reached |= ^(reached&-reached - 1)
			continue
		}
		next := uint32(0)
		for state := range inName + 1 {
			if reached>>state&1 == 0 {
				continue
			}
			c, isName := pattern[i], strings.IndexByte("abcdefghijklmnopqrstuvwxyz0123456789-.?", pattern[i]) >= 0
			switch {
			case state < namespaceBegins && (c == serviceAccountPrefix[state] || c == '?'), state == namespaceBegins && isName && c != '.',
				state == inNamespace && (c == ':' || c == '?'), state == nameBegins && isName:
				next |= 1 << (state + 1)
			}
			if state == inNamespace && isName && c != '.' || state == inName && isName {
				next |= 1 << state
			}
		}
		reached = next
	}
	return reached>>inName&1 == 1
}

// namespacePattern: a '*' before the colon takes the colon and the name too.
func (l *linter) namespacePattern(value, rest string, at valuePlace) {
	namespace, _, found := strings.Cut(rest, ":")
	if !found || strings.ContainsAny(namespace, "*?") {
		l.add(CodeWildcardCrossesColon, at.path(),
			"the wildcard in "+quote(value)+" stands for ':' too: it reaches over namespaces, and anybody who may create one that fits gets the role",
			`Write the namespace out, "system:serviceaccount:NAMESPACE:…"`)
	}
}

// accountName checks a literal.
func (l *linter) accountName(value, rest string, isAccount bool, at valuePlace) {
	namespace, name, found := strings.Cut(rest, ":")
	if !isAccount || !found || kubename.CheckNamespace(namespace) != nil || kubename.CheckServiceAccount(name) != nil {
		l.wrongShape(value, at)
		return
	}
	if isSystemNamespace(name) && !isSystemNamespace(namespace) {
		l.add(CodeSwappedNames, at.path(), quote(name)+" is a namespace, but stands where the account's name belongs",
			"Write the namespace first: "+quote(serviceAccountPrefix+name+":"+namespace))
	}
}

// isSystemNamespace knows the namespaces that every cluster has; "default" is also the usual
// name of an account.
func isSystemNamespace(s string) bool {
	return s == "kube-system" || s == "kube-public" || s == "kube-node-lease"
}
