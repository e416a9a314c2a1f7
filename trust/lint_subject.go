package trust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/glob"
	"github.com/irsa-go/irsa/internal/kubename"
)

// webIdentity checks that an Allow of web identities asks who it is.
func (l *linter) webIdentity(s *statement) {
	if s.flaw != "" || s.actions.match(actionWebIdentity) == no {
		return
	}
	for _, issuer := range s.issuers() {
		host := lowerASCII(issuer)
		if !s.asksFor(host, append(identifyingClaims(host), "sub")) {
			l.add(Finding{"missing-sub", SeverityError, s.pointer,
				fmt.Sprintf("nothing asks for the sub: every token of %s may have the role", quote(issuer)),
				"Ask for " + quote(issuer+":sub") + " under StringEquals"})
		}
		if !s.asksFor(host, []string{"aud"}) {
			l.add(Finding{"missing-aud", SeverityWarning, s.pointer,
				"nothing asks for the aud: a token made for somebody else may be used here",
				"Ask for " + quote(issuer+":aud") + ", usually " + DefaultAudience})
		}
	}
}

// identifyingClaims name the workload as well as sub does.
func identifyingClaims(issuer string) []string {
	var claims []string
	for _, c := range providerClaims(issuer) {
		switch c {
		case "job_workflow_ref", "repository", "repository_id":
			claims = append(claims, c)
		}
	}
	return claims
}

// asksFor says that one of the claims must have a value that the policy gives. That a value is
// too wide, or that IfExists lets its absence pass, are findings of their own.
func (s *statement) asksFor(host string, claims []string) bool {
	return slices.ContainsFunc(s.conditions, func(c condition) bool {
		return c.op.isMatching() && slices.ContainsFunc(claims, func(claim string) bool { return c.lookup == host+":"+claim })
	})
}

// subject looks at one value that a sub is compared with.
func (l *linter) subject(c *condition, issuer, value, path string) {
	rest, isAccount := strings.CutPrefix(value, serviceAccountPrefix)
	wild := c.op.family == familyStringLike && strings.ContainsAny(value, "*?")
	switch {
	case wild && matchesEverybody(value):
		l.add(Finding{"whole-cluster", SeverityError, path,
			quote(value) + " is every service account of the cluster", "Name those that need the role"})
	case wild:
		l.namespacePattern(value, rest, isAccount, path)
	case strings.ContainsAny(value, "*?"): // wildcard-under-equals says it
	case isAccount || isEKS(issuer) || strings.HasPrefix(value, "system:"):
		l.accountName(value, rest, isAccount, path)
	}
}

// matchesEverybody tries accounts that have nothing in common.
func matchesEverybody(pattern string) bool {
	g := glob.Compile(pattern)
	return g.Match(serviceAccountPrefix+"a:b") && g.Match(serviceAccountPrefix+"yy-2:z.z-2")
}

// namespacePattern: a '*' before the colon takes the colon and the name too.
func (l *linter) namespacePattern(value, rest string, isAccount bool, path string) {
	if !isAccount {
		return
	}
	namespace, _, found := strings.Cut(rest, ":")
	if !found || strings.ContainsAny(namespace, "*?") {
		l.add(Finding{"wildcard-crosses-colon", SeverityWarning, path,
			fmt.Sprintf("the wildcard in %s stands for ':' too: it reaches over namespaces, and anybody who may create one that fits gets the role", quote(value)),
			"Write the namespace out, \"system:serviceaccount:NAMESPACE:…\""})
	}
}

// accountName checks a literal.
func (l *linter) accountName(value, rest string, isAccount bool, path string) {
	namespace, name, found := strings.Cut(rest, ":")
	if !isAccount || !found || kubename.CheckNamespace(namespace) != nil || kubename.CheckServiceAccount(name) != nil {
		l.add(Finding{"subject-shape", SeverityError, path,
			quote(value) + " is no service account: no token has this sub", `Write "system:serviceaccount:NAMESPACE:NAME"`})
		return
	}
	if isSystemNamespace(name) && !isSystemNamespace(namespace) {
		l.add(Finding{"swapped-names", SeverityWarning, path,
			fmt.Sprintf("%s is a namespace, but stands where the account's name belongs", quote(name)),
			"Write the namespace first: " + quote(serviceAccountPrefix+name+":"+namespace)})
	}
}

// isSystemNamespace knows the namespaces that every cluster has; "default" is also the usual
// name of an account.
func isSystemNamespace(s string) bool {
	return s == "kube-system" || s == "kube-public" || s == "kube-node-lease"
}

// covered finds literals that a pattern admits as well, in the same list or in a statement
// that differs in the sub alone: dropping them would change nothing.
func (l *linter) covered() {
	p := l.policy
	groups := make([]string, p.Len())
	patterns := map[string][]string{}
	for i := range p.list() {
		group := "alone " + p.statements[i].pointer
		if sh, ok := newShape(&p.statements[i]); ok {
			if sig := sh.subSignature(); sig != "" {
				group = sig
			}
		}
		groups[i] = group
		for _, c := range p.statements[i].subConditions() {
			if c.op.family == familyStringLike {
				patterns[group] = append(patterns[group], c.texts...)
			}
		}
	}
	for i := range p.list() {
		s := &p.statements[i]
		l.at = i
		covered := coveredBy(patterns[groups[i]])
		for _, c := range s.subConditions() {
			for k, text := range c.texts {
				if !isSpecial(text) && covered(text) {
					l.add(Finding{"covered-literal", SeverityInfo, s.valuePath(c, k),
						quote(text) + " is admitted by a pattern anyway", "Drop the one that is not meant: the pattern, more likely"})
				}
			}
		}
	}
}

// subConditions are those of an Allow that name subs to let in.
func (s *statement) subConditions() []*condition {
	var found []*condition
	for i := range s.conditions {
		if c := &s.conditions[i]; s.effect == Allow && c.op.isMatching() && strings.HasSuffix(c.lookup, ":sub") {
			found = append(found, c)
		}
	}
	return found
}

// subSignature is the meaning without the sub's values, "" when the sub is not asked once.
func (s *shape) subSignature() string {
	for i, c := range s.conditions {
		if c.sub {
			return s.signature(i)
		}
	}
	return ""
}

// repeated finds statements that say what another has said.
func (l *linter) repeated() {
	first := map[string]string{}
	for i := range l.policy.list() {
		s := &l.policy.statements[i]
		l.at = i
		form := s.form()
		if at, ok := first[form]; ok {
			l.add(Finding{"repeated-statement", SeverityInfo, s.pointer, "it says the same as " + at, "Drop one of them"})
			continue
		}
		first[form] = s.pointer
	}
}
