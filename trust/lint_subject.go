package trust

import (
	"regexp"
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

// asksFor says that one of the keys must have a value that the policy gives. That a sub is too
// wide, or that IfExists lets its absence pass, are findings of their own.
func (s *statement) asksFor(keys []string) bool {
	return slices.ContainsFunc(s.conditions, func(c condition) bool {
		return c.op.isMatching() && slices.Contains(keys, c.lookup) && (strings.HasSuffix(c.lookup, ":sub") || !s.takesAnything(&c))
	})
}

// subject looks at one value that a sub is compared with.
func (l *linter) subject(issuer, value string, at valuePlace) {
	c, pattern := at.c, at.pattern()
	exact := c.op.family != familyStringLike && pattern == value
	if c.op.family == familyStringIgnoreCase {
		value, pattern = lowerASCII(value), lowerASCII(pattern)
	}
	meansAccount := isEKS(issuer) || strings.HasPrefix(lowerASCII(value), "system:")
	switch {
	case !strings.ContainsAny(pattern, "*?"):
		if meansAccount {
			l.accountName(value, at)
		}
	case exact: // wildcard-under-equals says it
	case meansAccount && !couldBeAccount(pattern):
		l.wrongShape(value, at)
	default:
		l.pattern(issuer, pattern, at)
	}
}

// pattern looks at a pattern that a sub can match.
func (l *linter) pattern(issuer, pattern string, at valuePlace) {
	value := quote(at.c.texts[at.i])
	switch {
	case matchesEverybody(pattern):
		everybody := "every service account of the cluster"
		if !at.s.mayBeCluster(issuer) {
			everybody = "every token of " + quote(issuer)
		}
		l.add(CodeWholeCluster, at.path(), value+" is "+everybody, "Name those that need the role")
	case hasOpenOwner(claimKey{issuer, "sub"}, pattern):
		l.openOwner(at)
	case at.s.mayBeCluster(issuer) && reachesOverNamespaces(pattern):
		l.add(CodeWildcardCrossesColon, at.path(),
			"the wildcard in "+value+" stands for ':' too: it reaches over namespaces, and anybody who may create one that fits gets the role",
			`Write the namespace out, "system:serviceaccount:NAMESPACE:…"`)
	}
}

// owner looks at one value of another key that names the workload, unless the sub does.
func (l *linter) owner(key claimKey, at valuePlace) {
	pattern := at.pattern()
	if slices.Contains(identifyingKeys(key.issuer), at.c.lookup) && !at.s.asksFor([]string{key.issuer + ":sub"}) && !at.s.takesAnything(at.c) &&
		(at.c.op.family == familyStringLike || pattern != at.c.texts[at.i]) && strings.ContainsAny(pattern, "*?") && hasOpenOwner(key, pattern) {
		l.openOwner(at)
	}
}

func (l *linter) openOwner(at valuePlace) {
	l.add(CodeWildcardInOwner, at.path(),
		"the wildcard in "+quote(at.c.texts[at.i])+" stands for the owner's name too: a stranger may have a name that fits, and gets the role",
		"Write the owner's name out, up to the character that ends it")
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

// hasOpenOwner says that a pattern does not name one owner, at an issuer where everybody can be a
// customer. The owner stands in the claims of each such issuer in forms of its own, and must be
// written out. Sources: the services' own guides, as in the test of documented policies.
func hasOpenOwner(key claimKey, pattern string) bool {
	literal := pattern[:strings.IndexAny(pattern, "*?")]
	return slices.ContainsFunc(ownerForms(key), func(form [2]string) bool {
		prefix, end := form[0], form[1]
		if owner, ok := strings.CutPrefix(literal, prefix); ok {
			return !strings.Contains(owner, end)
		}
		return strings.HasPrefix(prefix, literal)
	})
}

// ownerForms are what stands before an owner in the claim, and after it.
func ownerForms(key claimKey) [][2]string {
	switch key.claim + " " + key.issuer {
	case "sub " + githubIssuer: // https://docs.github.com/en/actions/reference/security/oidc#customizing-the-token-claims
		return [][2]string{{"repo:", "/"}, {"repository:", "/"}, {"repository_owner:", ":"}, {"job_workflow_ref:", "/"}}
	case "job_workflow_ref " + githubIssuer, "repository " + githubIssuer:
		return [][2]string{{"", "/"}}
	case "sub gitlab.com":
		return [][2]string{{"project_path:", "/"}}
	case "sub app.terraform.io", "sub agent.buildkite.com":
		return [][2]string{{"organization:", ":"}}
	case "aud api.pulumi.com/oidc", "aud oidc.vercel.com", "aud sandboxes.cloud":
		return [][2]string{{"", "*"}} // the whole aud is the customer's name
	}
	return nil
}

// How much of "system:serviceaccount:NAMESPACE:NAME" has been read. The states before these are
// the characters of the prefix.
const (
	namespaceBegins = len(serviceAccountPrefix) + iota
	inNamespace
	nameBegins
	inName
)

// couldBeAccount says whether a service account can have a sub that the pattern matches. It walks
// through all subs at once: each bit of reached is a state.
func couldBeAccount(pattern string) bool {
	reached := uint32(1)
	for i := range len(pattern) {
		if pattern[i] == '*' { // any number of characters: all states from the first one on
			reached |= ^(reached&-reached - 1)
			continue
		}
		next := uint32(0)
		for state := range inName + 1 {
			if reached>>state&1 == 1 {
				next |= statesAfter(state, pattern[i])
			}
		}
		reached = next
	}
	return reached>>inName&1 == 1
}

// statesAfter returns the states, a bit each, to which a character of a pattern leads.
func statesAfter(state int, c byte) uint32 {
	isName := strings.IndexByte("abcdefghijklmnopqrstuvwxyz0123456789-.?", c) >= 0
	isNamespace := isName && c != '.' // a DNS label, while a name is a DNS subdomain
	stay, forward := false, false
	switch state {
	case namespaceBegins:
		forward = isNamespace
	case inNamespace:
		stay, forward = isNamespace, c == ':' || c == '?'
	case nameBegins:
		forward = isName
	case inName:
		stay = isName
	default:
		forward = c == serviceAccountPrefix[state] || c == '?'
	}
	var states uint32
	if stay {
		states |= 1 << state
	}
	if forward {
		states |= 1 << (state + 1)
	}
	return states
}

var namespaceShape = regexp.MustCompile(`:[a-z0-9-]+:`)

// reachesOverNamespaces: a wildcard before the second colon stands for the colon and the name too,
// and one in the prefix for all of it, unless a namespace stands between two colons after it.
func reachesOverNamespaces(pattern string) bool {
	for i := range serviceAccountPrefix {
		switch {
		case i >= len(pattern) || pattern[i] == '*':
			return couldBeAccount(pattern) && !namespaceShape.MatchString(strings.Replace(pattern, ":serviceaccount:", ":", 1))
		case pattern[i] != '?' && pattern[i] != serviceAccountPrefix[i]:
			return false
		}
	}
	namespace, _, found := strings.Cut(pattern[len(serviceAccountPrefix):], ":")
	return !found || strings.ContainsAny(namespace, "*?")
}

// accountName checks a literal.
func (l *linter) accountName(value string, at valuePlace) {
	rest, isAccount := strings.CutPrefix(value, serviceAccountPrefix)
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
