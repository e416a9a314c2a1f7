package trust

import (
	"slices"
	"strconv"
	"strings"

	"github.com/irsa-go/irsa/internal/audience"
)

func (l *linter) condition(s *statement, c *condition, issuers []tokenIssuer) {
	if c.flaw != "" {
		l.add(CodeBrokenCondition, c.pointer, c.flaw+", so the statement never allows, and always denies if it is a Deny",
			"Use an operator of IAM's, and at least one value")
	} else if s.effect == Allow {
		l.vacuous(c)
	}
	l.conditionKey(s, c, issuers)
	key, isClaim := c.claimOf(issuers)
	if s.effect == Allow && isClaim && c.neverMet(key) {
		l.add(CodeBrokenCondition, c.pointer, "no token meets it, so the statement never allows", "Ask for the "+key.claim+" that is wanted")
	}
	for k, value := range c.texts {
		at := valuePlace{s, c, k}
		l.value(c, value, at)
		if s.effect != Allow || !c.op.isMatching() || !isClaim {
			continue
		}
		switch key.claim {
		case "sub":
			l.subject(key.issuer, value, at)
		case "aud":
			l.audience(key.issuer, value, at)
			l.owner(key, at)
		default:
			l.owner(key, at)
		}
	}
}

// valuePlace is one value of a condition.
type valuePlace struct {
	s *statement
	c *condition
	i int
}

// path is the value's pointer. Most values have no finding, so it is made when one has.
func (p valuePlace) path() string {
	if p.s.valueOf(p.c).Kind() == '[' {
		return p.c.pointer + "/" + strconv.Itoa(p.i)
	}
	return p.c.pointer
}

// pattern is the value with a star for each policy variable: what that brings in may be anything.
func (p valuePlace) pattern() string {
	if p.i >= len(p.c.values) || p.c.values[p.i].template == nil {
		return p.c.texts[p.i]
	}
	var b strings.Builder
	for _, piece := range p.c.values[p.i].template.pieces {
		switch {
		case piece.key != "":
			b.WriteByte('*')
		case piece.escaped:
			b.WriteByte('$')
		default:
			b.WriteString(piece.text)
		}
	}
	return b.String()
}

// takesAnything says that some value is nothing but wildcards and policy variables.
func (s *statement) takesAnything(c *condition) bool {
	for i, value := range c.texts {
		pattern := valuePlace{s, c, i}.pattern()
		if (c.op.family == familyStringLike || pattern != value) && strings.Contains(pattern, "*") && strings.Trim(pattern, "*?") == "" {
			return true
		}
	}
	return false
}

// neverMet recognises conditions that every token fails: that a claim be absent which every
// token has (OpenID Connect Core 1.0 §2), and that the sub be like nothing.
func (c *condition) neverMet(key claimKey) bool {
	switch {
	case key.claim != "sub" && key.claim != "aud":
		return false
	case c.op.family == familyNull:
		return !slices.ContainsFunc(c.texts, func(text string) bool { return lowerASCII(text) != "true" })
	}
	return c.op.family == familyStringLike && c.op.negated && slices.ContainsFunc(c.texts, matchesEverybody)
}

func (l *linter) vacuous(c *condition) {
	switch {
	case c.op.set == setForAllValues:
		l.add(CodeVacuousCondition, c.pointer, "ForAllValues is satisfied when the key is absent",
			"Use "+quote(strings.TrimPrefix(c.operator, "ForAllValues:")))
	case c.op.ifExists:
		l.add(CodeVacuousCondition, c.pointer, "IfExists is satisfied when the key is absent",
			"Use "+quote(strings.TrimSuffix(c.operator, "IfExists")))
	}
}

// value looks at one value under any operator.
func (l *linter) value(c *condition, value string, at valuePlace) {
	if found := findPlaceholder(l.withoutVariables(value, at)); found != "" {
		l.placeholder(found, at.path())
	}
	exact := c.op.family == familyString || c.op.family == familyStringIgnoreCase
	if exact && strings.ContainsAny(value, "*?") && hasWildcard(value) {
		l.add(CodeWildcardUnderEquals, at.path(), quote(c.operator)+" takes the wildcard in "+quote(value)+" literally: no token has that",
			"Name what is meant, or use StringLike if the widening is wanted")
	}
}

// hasWildcard does not count those that IAM's escapes make literal.
func hasWildcard(value string) bool {
	value = strings.ReplaceAll(value, "${*}", "")
	return strings.ContainsAny(strings.ReplaceAll(value, "${?}", ""), "*?")
}

// withoutVariables returns the value without IAM's policy variables, and reports those that
// cannot work.
func (l *linter) withoutVariables(value string, at valuePlace) string {
	if !strings.Contains(value, "${") {
		return value
	}
	if l.policy.tree().Get("Version").Text() != versionCurrent {
		l.add(CodeVariableInOldVersion, at.path(), "policy variables exist from version 2012-10-17 on: the text is taken as it is",
			"Set the version to 2012-10-17")
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

// audience looks at one value that an aud is compared with. That the audience is the issuer
// itself is usual where the issuer is not a cluster.
func (l *linter) audience(issuer, value string, at valuePlace) {
	named := issuer
	if !at.s.mayBeCluster(issuer) {
		named = ""
	}
	switch {
	case strings.TrimPrefix(lowerASCII(value), "https://") == "sts.amazonaws.com.cn":
		l.add(CodeChinaAudience, at.path(), "the audience of EKS is the same in China", "Use "+DefaultAudience)
	case audience.IsAPIServers(value, named):
		l.add(CodeAPIServerAudience, at.path(),
			quote(value)+" is the API server's own audience: the token that every pod has would do, and whoever gets the role's token may call the API server",
			"Use an audience of its own, usually "+DefaultAudience)
	}
}
