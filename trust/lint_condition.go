package trust

import (
	"fmt"
	"strings"

	"github.com/irsa-go/irsa/internal/apiaudience"
)

func (l *linter) conditions(s *statement) {
	for i := range s.conditions {
		c := &s.conditions[i]
		l.condition(s, c)
		l.conditionKey(s, c)
		host, claim, _ := cutClaim(c.lookup)
		for k, value := range c.texts {
			path := s.valuePath(c, k)
			l.value(s, c, value, path)
			if s.effect != Allow || !c.op.isMatching() {
				continue
			}
			switch claim {
			case "sub":
				l.subject(c, host, value, path)
			case "aud":
				l.audience(host, value, path)
			}
		}
	}
}

// condition looks at operator and key as a whole.
func (l *linter) condition(s *statement, c *condition) {
	if c.flaw != "" {
		l.add(Finding{"broken-condition", SeverityError, c.pointer,
			c.flaw + ", so the statement never allows, and always denies if it is a Deny", "Use an operator of IAM's, and at least one value"})
		return
	}
	if s.effect != Allow {
		return
	}
	switch {
	case c.op.set == setForAllValues:
		l.add(Finding{"vacuous-condition", SeverityWarning, c.pointer,
			"ForAllValues is satisfied when the key is absent", "Use " + quote(strings.TrimPrefix(c.operator, "ForAllValues:"))})
	case c.op.ifExists:
		l.add(Finding{"vacuous-condition", SeverityWarning, c.pointer,
			"IfExists is satisfied when the key is absent", "Use " + quote(strings.TrimSuffix(c.operator, "IfExists"))})
	}
}

// value looks at one value under any operator.
func (l *linter) value(s *statement, c *condition, value, path string) {
	if rest := l.withoutVariables(s, c, value, path); rest != "" {
		l.placeholder(rest, path)
	}
	exact := c.op.family == familyString || c.op.family == familyStringIgnoreCase
	if exact && strings.ContainsAny(strings.NewReplacer("${*}", "", "${?}", "").Replace(value), "*?") {
		l.add(Finding{"wildcard-under-equals", SeverityError, path,
			fmt.Sprintf("%s takes the wildcard in %s literally: no token has that", quote(c.operator), quote(value)),
			"Name what is meant, or use StringLike if the widening is wanted"})
	}
}

// withoutVariables returns the value without IAM's policy variables, and reports those that
// cannot work.
func (l *linter) withoutVariables(s *statement, c *condition, value, path string) string {
	if !strings.Contains(value, "${") {
		return value
	}
	if v := l.policy.tree().Get("Version"); v == nil || v.Text() != versionCurrent {
		l.add(Finding{"variable-in-old-version", SeverityError, path,
			"policy variables exist from version 2012-10-17 on: the text is taken as it is", "Set the version to 2012-10-17"})
		return ""
	}
	t, flawed := parseTemplate(value)
	if flawed {
		return value
	}
	var rest strings.Builder
	for _, p := range t.pieces {
		switch {
		case p.key == "":
			rest.WriteString(p.text)
		case !strings.Contains(p.key, ":"):
			rest.WriteString("${" + p.key + "}")
		}
	}
	return rest.String()
}

// audience looks at one value that an aud is compared with.
func (l *linter) audience(issuer, value, path string) {
	switch {
	case strings.TrimPrefix(lowerASCII(value), "https://") == "sts.amazonaws.com.cn":
		l.add(Finding{"china-audience", SeverityError, path,
			"the audience of EKS is the same in China", "Use " + DefaultAudience})
	case apiaudience.IsAPIServers(value, issuer):
		l.add(Finding{"api-server-audience", SeverityWarning, path,
			quote(value) + " is the API server's own audience: the token that every pod has would do, and whoever gets the role's token may call the API server",
			"Use an audience of its own, usually " + DefaultAudience})
	}
}
