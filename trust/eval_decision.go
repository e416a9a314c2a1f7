package trust

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Decision is a verdict with its reasons. It shares nothing with the policy or the request.
type Decision struct {
	// Allowed is the verdict.
	Allowed bool
	// Refusal says why no policy could allow the request; "" when the request is in order.
	Refusal string
	// Unknown has the condition keys that the refusal depends on and that are not known offline:
	// Request.With adds them. nil when the request is allowed, or is refused whatever their values
	// are.
	Unknown []string
	// Statements has every statement in order, once for each action that the request needs.
	Statements []StatementResult
}

// StatementResult is what one statement says to one action of a request.
type StatementResult struct {
	// Path is the statement's JSON pointer in the document.
	Path string
	// Sid is the statement's own name, "" when it has none.
	Sid string
	// Effect is Allow or Deny. A statement whose effect is neither counts as a Deny.
	Effect Effect
	// Action is the action asked for, such as "sts:AssumeRoleWithWebIdentity".
	Action string
	// Matched says that the statement takes effect.
	Matched bool
	// Unproven says that IAM's own answer is not known. An Allow then does not match, and a Deny
	// does.
	Unproven bool
	// ActionMatched and PrincipalMatched say whether these two elements alone match.
	ActionMatched, PrincipalMatched bool
	// Flaw says why IAM would not store the statement, "" when nothing is wrong with it.
	Flaw string
	// Conditions has every condition, in order. All must be met.
	Conditions []ConditionResult

	principals *principals
	actions    *actions
	caller     caller
	who        verdict // of the principals
}

// ConditionResult is one key under one operator.
type ConditionResult struct {
	// Path is the key's JSON pointer in the document.
	Path string
	// Operator and Key are as the policy writes them.
	Operator, Key string
	// Want are the policy's values; one of them is enough.
	Want []string
	// Got are the request's values; empty when the request does not have the key.
	Got []string
	// Present says that the request has the key.
	Present bool
	// Met says that the condition is satisfied, for the statement's effect.
	Met bool
	// Unproven says that IAM's own answer is not known; Met is then false in an Allow and true in a
	// Deny.
	Unproven bool
	// Note is a hint for a reader, safe to print; "" when there is none.
	Note string

	unknown string // the unknown key that the answer depends on; "" when there is none
}

// String prints the verdict, what decided it, and each statement. Everything that comes from policy
// or token is quoted unless it is plain, so it cannot control a terminal.
func (d Decision) String() string {
	var b strings.Builder
	b.WriteString(d.headline())
	b.WriteByte('\n')
	for _, s := range d.Statements {
		s.write(&b)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// headline says in one line what a person most likely wants to know.
func (d Decision) headline() string {
	if d.Allowed {
		return "allowed"
	}
	reason := d.Refusal
	if reason == "" {
		reason = d.denial()
	}
	if reason == "" {
		reason = d.nearest()
	}
	if reason == "" {
		reason = "no statement allows it"
	}
	return "denied: " + reason
}

// denial names the first Deny that matches; one that is certain goes before one that may.
func (d Decision) denial() (reason string) {
	for i := range d.Statements {
		s := &d.Statements[i]
		switch {
		case s.Effect == Allow || !s.Matched:
		case !s.Unproven:
			return s.Path + " denies it"
		case reason == "":
			reason = s.Path + " may deny it"
			if s.who == unproven {
				reason += ": " + s.whoIsWanted()
			}
			for _, c := range s.Conditions {
				if c.Unproven {
					reason += ": " + c.reason()
					break
				}
			}
		}
	}
	return reason
}

// nearest says what keeps that Allow from matching of which most fits.
func (d Decision) nearest() string {
	var best *StatementResult
	for i := range d.Statements {
		s := &d.Statements[i]
		if s.Effect == Allow && !s.Matched && s.Flaw == "" && (best == nil || s.closeness() > best.closeness()) {
			best = s
		}
	}
	if best == nil {
		return ""
	}
	return best.reason()
}

// closeness ranks the statements that could have allowed by how much of them fits.
func (s *StatementResult) closeness() int {
	n := 0
	if s.ActionMatched {
		n += 1000
	}
	if s.PrincipalMatched {
		n += 2000
	}
	for _, c := range s.Conditions {
		if !c.Met {
			n--
		}
		if c.Note != "" {
			n++
		}
	}
	return n
}

// reason is the first thing that keeps an Allow from matching.
func (s *StatementResult) reason() string {
	switch {
	case !s.PrincipalMatched:
		return s.whoIsWanted()
	case !s.ActionMatched:
		return s.Action + " is asked for, the statement is for " + s.actions.String()
	}
	for _, c := range s.Conditions {
		if !c.Met {
			return c.reason()
		}
	}
	return ""
}

func (s *StatementResult) whoIsWanted() string {
	text := "the caller is " + quote(s.caller.arn) + ", the policy wants " + s.principals.String()
	if s.caller.roleName != "" && s.caller.roleARN == "" {
		text += " (the path of its role is not known: set AssumeRoleSession.RoleARN)"
	}
	return text
}

// reason: "sub is a, the policy wants b (note)".
func (c *ConditionResult) reason() string {
	name := c.Key
	if _, claim, ok := cutClaim(lowerASCII(c.Key)); ok {
		name = c.Key[len(c.Key)-len(claim):]
	}
	got := "absent"
	switch {
	case c.Present:
		got = strings.Join(quoteAll(c.Got), ", ")
	case c.unknown != "":
		got = "not known"
	}
	text := quote(name) + " is " + got + ", the policy wants " + quote(c.Operator) + " "
	if c.Operator == "StringEquals" || c.Operator == "StringLike" {
		text = quote(name) + " is " + got + ", the policy wants "
	}
	if len(c.Want) == 0 {
		text += "nothing"
	}
	text += strings.Join(quoteAll(c.Want), " or ")
	if c.Note != "" {
		text += " (" + c.Note + ")"
	}
	return text
}

func (s *StatementResult) write(b *strings.Builder) {
	fmt.Fprintf(b, "  %s", s.Path)
	if s.Sid != "" {
		fmt.Fprintf(b, " (Sid %s)", quote(s.Sid))
	}
	fmt.Fprintf(b, ": %s %s: %s\n", s.Effect, s.Action, map[bool]string{true: "matches", false: "does not match"}[s.Matched])
	if s.Flaw != "" {
		fmt.Fprintf(b, "    %s\n", s.Flaw)
	}
	if s.actions != nil && !s.ActionMatched {
		fmt.Fprintf(b, "    the statement is for %s\n", s.actions)
	}
	if s.principals != nil && s.who != yes {
		fmt.Fprintf(b, "    %s\n", s.whoIsWanted())
	}
	for _, c := range s.Conditions {
		c.write(b, s.Matched)
	}
}

func (c *ConditionResult) write(b *strings.Builder, statementMatched bool) {
	if statementMatched && !c.Unproven {
		return
	}
	fmt.Fprintf(b, "    %s: %s: %s\n", quote(c.Operator), map[bool]string{true: "met", false: "not met"}[c.Met], c.reason())
}

// quote makes a text safe to print: as it is when it can hold no surprise, quoted otherwise.
func quote(s string) string {
	if s == "" || s == "absent" || len(s) > maxSubject {
		return strconv.QuoteToASCII(clip(s))
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("-._:/*?@+=", c) < 0 {
			return strconv.QuoteToASCII(s)
		}
	}
	return s
}

// quoteAll is quote for each.
func quoteAll(values []string) []string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quote(v)
	}
	return quoted
}

func (p *principals) String() string {
	if p == nil {
		return "somebody else"
	}
	if p.everyone {
		return "*"
	}
	if p.entries == 0 {
		return "nobody"
	}
	return strings.Join(quoteAll(slices.Concat(p.federated, p.aws, p.service, p.canonical)), " or ")
}
