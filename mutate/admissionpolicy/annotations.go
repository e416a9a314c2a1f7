package admissionpolicy

import (
	"strconv"
	"strings"
	"time"

	"github.com/irsa-go/irsa/internal/literal"
	"github.com/irsa-go/irsa/internal/partition"
	"github.com/irsa-go/irsa/internal/printable"
	"github.com/irsa-go/irsa/mutate"
)

// The expressions that read the annotations, each the value or, where the configuration refuses what
// cannot be read, an error.

// refuse is an expression that fails with a message, which is how a mutation denies: CEL has no other
// way to raise an error with a text of one's own than to look up a key that is not there. The value is
// an expression, "" leaves it out.
func (p *Policies) refuse(annotation, value, want string) string {
	return refusal(p.mutation.AnnotationKey(annotation), value, want)
}

func refusal(key, value, want string) string {
	return fill(`{}[<message> + <value> + <want> + variables.accountName]`,
		"message", str("annotation "+key+" is \""), "value", value,
		"want", str("\", want "+want+"; the pod's service account is "))
}

// refuseValue refuses what an annotation of the account or the pod says.
func (p *Policies) refuseValue(annotation, annotations, want string) string {
	return p.refuse(annotation, `string(`+annotations+`[`+p.key(annotation)+`])`, want)
}

func (p *Policies) key(annotation string) string {
	return str(p.mutation.AnnotationKey(annotation))
}

// role is the role's ARN. A bad one is refused whatever the configuration says of bad annotations:
// a role has no default.
func (p *Policies) role() string {
	value := `string(variables.account[` + p.key(mutate.AnnotationRoleARN) + `])`
	return fill(`<given>.matches(<pattern>) && !<given>.matches(<reference>) && size(<given>) <= 2048 ? <given> : <refusal>`,
		"given", p.givenRole(value), "pattern", str(rolePattern()), "reference", str(literal.Reference),
		"refusal", p.refuse(mutate.AnnotationRoleARN, value, p.wantRole()))
}

// givenRole completes a role that is given by name, where the configuration says how.
func (p *Policies) givenRole(value string) string {
	if p.mutation.RoleAccountID == "" {
		return value
	}
	return fill(`(<value>.startsWith('arn:') || <value>.startsWith('/') ? <value> : <prefix> + <value>)`, "value", value,
		"prefix", str("arn:"+p.mutation.RolePartition+":iam::"+p.mutation.RoleAccountID+":role/"))
}

func (p *Policies) wantRole() string {
	if p.mutation.RoleAccountID == "" {
		return "arn:PARTITION:iam::ACCOUNT:role/NAME"
	}
	return "a role's ARN, or its name with or without a path"
}

// rolePattern is the regular expression of role ARNs in the known partitions.
func rolePattern() string {
	return `^arn:(` + strings.Join(partition.Names(), "|") + `):iam::[0-9]{12}:role/([!-~]{0,510}/)?[A-Za-z0-9_+=,.@-]{1,64}$`
}

func (p *Policies) audience() string {
	value := `string(variables.account[` + p.key(mutate.AnnotationAudience) + `])`
	bad := p.refuse(mutate.AnnotationAudience, `''`, "printable UTF-8")
	if p.mutation.BadAnnotations == mutate.WarnAllBad {
		bad = str(p.mutation.Audience)
	}
	return fill(`!(<key> in variables.account) || <value> == '' ? <default> : <value>.matches(<plain>) ? <value> : <bad>`,
		"key", p.key(mutate.AnnotationAudience), "value", value, "default", str(p.mutation.Audience),
		"plain", str(printable.Pattern), "bad", bad)
}

func (p *Policies) regional() string {
	byDefault := strconv.FormatBool(p.mutation.RegionalSTS)
	bad := p.refuseValue(mutate.AnnotationRegionalSTS, "variables.account", wantSwitch)
	if p.mutation.BadAnnotations == mutate.WarnAllBad {
		bad = byDefault
	}
	return readSwitch(p.key(mutate.AnnotationRegionalSTS), "variables.account", byDefault, bad)
}

const (
	minSeconds = int64(mutate.MinTokenExpiration / time.Second)
	maxSeconds = int64(mutate.MaxTokenExpiration / time.Second)
)

// badSeconds refuses an expiration of the account or the pod.
func (p *Policies) badSeconds(annotations string) string {
	return p.refuseValue(mutate.AnnotationTokenExpiration, annotations,
		"whole seconds, "+strconv.FormatInt(minSeconds, 10)+" to "+strconv.FormatInt(maxSeconds, 10))
}

func (p *Policies) defaultSeconds() string {
	return strconv.FormatInt(int64(p.mutation.TokenExpiration/time.Second), 10)
}

// accountExpiration is the token's lifetime in seconds by the service account.
func (p *Policies) accountExpiration() string {
	byDefault := p.defaultSeconds()
	bad := p.badSeconds("variables.account")
	if p.mutation.BadAnnotations == mutate.WarnAllBad {
		bad = byDefault
	}
	return p.seconds("variables.account", bad, byDefault)
}

// expiration is the lifetime with the pod's own annotation, which wins.
func (p *Policies) expiration() string {
	bad := "variables.accountExpiration"
	if p.mutation.BadAnnotations == mutate.RefuseAllBad {
		bad = p.badSeconds("variables.pod")
	}
	return p.seconds("variables.pod", bad, "variables.accountExpiration")
}

func (p *Policies) seconds(annotations, bad, absent string) string {
	return fill(`!(<key> in <from>) ? <absent> : `+
		`!string(<from>[<key>]).matches('^[+-]?0*[0-9]{1,18}$') || int(<from>[<key>]) > <max> ? <bad> : `+
		`int(<from>[<key>]) < <min> ? <min> : int(<from>[<key>])`,
		"key", p.key(mutate.AnnotationTokenExpiration), "from", annotations, "absent", absent, "bad", bad,
		"min", strconv.FormatInt(minSeconds, 10), "max", strconv.FormatInt(maxSeconds, 10))
}

// skip is the list of containers that the pod's annotation names. No container's name has a quote or
// a comma in it, so that a CSV record's quotes can be dropped.
func (p *Policies) skip() string {
	return fill(`<key> in variables.pod ? string(variables.pod[<key>]).replace('"', '').split(',').map(n, n.trim()) : []`,
		"key", p.key(mutate.AnnotationSkipContainers))
}
