package trust

import "slices"

// Allows says whether the policy lets the request have the role: every action that the request
// needs is allowed by a statement and denied by none. It is Evaluate without the explanation.
func (p *Policy) Allows(q Request) bool {
	if p == nil || p.refused != nil || q.r == nil || q.r.refusal != "" {
		return false
	}
	return judge{q.r, unproven}.policy(p, nil)
}

// Evaluate judges the request as IAM would and explains: each statement for each action that
// the request needs, each condition with what it wanted and what the request had. Where IAM's
// behaviour is not known, or the answer needs something that is not known offline, an Allow
// does not match and a Deny does.
func (p *Policy) Evaluate(q Request) Decision {
	var d Decision
	if q.r == nil {
		d.Refusal = "the request is empty"
		return d
	}
	d.Refusal = q.r.refusal
	if p != nil && p.refused != nil {
		d.Refusal = "IAM does not store the policy: " + quote(p.refused.Path) + ": " + p.refused.Message
	}
	d.Allowed = judge{q.r, unproven}.policy(p, &d) && d.Refusal == ""
	d.Unknown = d.unknownKeys()
	return d
}

// judge is the one walk over a policy: from the policy to each action, each statement, each
// condition. Allows goes as far as the verdict needs. Evaluate goes over everything, and every step
// writes down what it finds, in a Decision, a StatementResult and a ConditionResult; for Allows
// these are nil.
type judge struct {
	r *request
	// unknown is the verdict on a condition whose key is not known.
	unknown verdict
}

// policy asks for every action that the request needs: all must be allowed.
func (j judge) policy(p *Policy, d *Decision) bool {
	allowed := len(j.r.actions) > 0
	for _, action := range j.r.actions {
		allowed = j.action(p, action, d) && allowed
		if !allowed && d == nil {
			return false
		}
	}
	return allowed
}

// action: an explicit Deny wins, otherwise one Allow is enough
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
func (j judge) action(p *Policy, action string, d *Decision) bool {
	allowed, denied := false, false
	for i := range p.list() {
		s := &p.statements[i]
		if d == nil && allowed && s.effect == Allow {
			continue
		}
		var res *StatementResult
		if d != nil {
			d.Statements = append(d.Statements, StatementResult{})
			res = &d.Statements[len(d.Statements)-1]
		}
		if !j.statement(s, action, res).counts(s.effect) {
			continue
		}
		if s.effect == Allow {
			allowed = true
		} else if denied = true; d == nil {
			return false
		}
	}
	return allowed && !denied
}

// statement is the conjunction of principal, action and every condition.
func (j judge) statement(s *statement, action string, res *StatementResult) verdict {
	acts, who := s.actions.match(action), s.principals.match(j.r)
	v := min(acts, who)
	if s.flaw != "" {
		v = min(v, unproven)
	}
	if res != nil {
		*res = StatementResult{
			Path: s.pointer, Sid: s.sid, Effect: s.effect, Action: actionName(action), Flaw: s.flaw,
			ActionMatched: acts.counts(s.effect), PrincipalMatched: who.counts(s.effect),
			principals: &s.principals, actions: &s.actions, caller: j.r.caller, who: who,
			Conditions: make([]ConditionResult, len(s.conditions)),
		}
	}
	for i := range s.conditions {
		if v == no && res == nil {
			return no
		}
		var part *ConditionResult
		if res != nil {
			part = &res.Conditions[i]
		}
		v = min(v, j.condition(&s.conditions[i], s.effect, part))
	}
	if res != nil {
		res.Matched, res.Unproven = v.counts(s.effect), v == unproven
	}
	return v
}

// condition compares the policy's values with what the request has under the key.
func (j judge) condition(c *condition, e Effect, res *ConditionResult) verdict {
	got, presence := j.r.lookup(c.lookup)
	v := c.match(j, got, presence)
	if res == nil {
		return v
	}
	*res = ConditionResult{
		Path: c.pointer, Operator: c.operator, Key: c.key, Want: slices.Clone(c.texts),
		Met: v.counts(e), Unproven: v == unproven,
	}
	if presence == present {
		res.Got, res.Present = got.values(), true
	}
	if v == unproven && c.flaw == "" {
		res.unknown = c.unknownKey(j.r, presence)
	}
	res.Note = c.note(j.r, v, presence, res)
	return v
}

// unknownKey is the unknown key that the condition depends on, its own or that of a policy
// variable; "" when there is none.
func (c *condition) unknownKey(r *request, p presence) string {
	if p == unknown {
		return c.key
	}
	for i := range c.values {
		if t := c.values[i].template; t != nil {
			for _, piece := range t.pieces {
				if _, p := r.lookup(piece.key); p == unknown && piece.key != "" {
					return piece.key
				}
			}
		}
	}
	return ""
}

// unknownKeys are the unknown keys with which the answer might have been another.
func (d *Decision) unknownKeys() (keys []string) {
	if d.Allowed || d.Refusal != "" {
		return nil
	}
	for _, s := range d.Statements {
		if s.Effect != Allow && s.Matched && !s.Unproven {
			return nil
		}
		for _, c := range s.Conditions {
			if s.Unproven && c.unknown != "" && !slices.Contains(keys, c.unknown) {
				keys = append(keys, c.unknown)
			}
		}
	}
	return keys
}
