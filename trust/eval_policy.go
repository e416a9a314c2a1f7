package trust

// Allows says whether the policy lets the request have the role: every action that the request
// needs is allowed by a statement and denied by none. It is Evaluate without the explanation.
func (p *Policy) Allows(q Request) bool {
	if p == nil || p.refused != nil || q.r == nil || q.r.refusal != "" {
		return false
	}
	for _, action := range q.r.actions {
		if !p.allowsAction(q.r, action) {
			return false
		}
	}
	return len(q.r.actions) > 0
}

// allowsAction: an explicit Deny wins, otherwise one Allow is enough
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
func (p *Policy) allowsAction(r *request, action string) bool {
	allowed := false
	for i := range p.statements {
		s := &p.statements[i]
		if allowed && s.effect == Allow {
			continue
		}
		if !s.match(r, action).counts(s.effect) {
			continue
		}
		if s.effect != Allow {
			return false
		}
		allowed = true
	}
	return allowed
}

// Evaluate judges the request as IAM would and explains: each statement for each action that
// the request needs, each condition with what it wanted and what the request had. Where IAM's
// behaviour is not known, or the answer needs something that is not known offline, an Allow
// does not match and a Deny does.
func (p *Policy) Evaluate(q Request) Decision {
	d := Decision{Allowed: p.Allows(q)}
	if q.r == nil {
		d.Refusal = "the request is empty"
		return d
	}
	d.Refusal = q.r.refusal
	if p != nil && p.refused != nil {
		d.Refusal = "IAM does not store the policy: " + quote(p.refused.Path) + ": " + p.refused.Message
	}
	for _, action := range q.r.actions {
		for i := range p.list() {
			d.Statements = append(d.Statements, p.statements[i].explain(q.r, action))
		}
	}
	return d
}

func (s *statement) explain(r *request, action string) StatementResult {
	v := s.match(r, action)
	res := StatementResult{
		Path: s.pointer, Sid: s.sid, Effect: s.effect, Action: actionName(action),
		Matched:          v.counts(s.effect),
		Unproven:         v == unproven,
		ActionMatched:    s.actions.match(action).counts(s.effect),
		PrincipalMatched: s.principals.match(r).counts(s.effect),
		Flaw:             s.flaw,
		principals:       &s.principals,
		actions:          &s.actions,
		caller:           r.caller,
	}
	for i := range s.conditions {
		res.Conditions = append(res.Conditions, s.conditions[i].explain(r, s.effect))
	}
	return res
}

func (c *condition) explain(r *request, e Effect) ConditionResult {
	v := c.match(r)
	res := ConditionResult{
		Path: c.pointer, Operator: c.operator, Key: c.key, Want: append([]string(nil), c.texts...),
		Met: v.counts(e), Unproven: v == unproven,
	}
	got, presence := r.lookup(c.lookup)
	if presence == present {
		res.Got = got.values()
		res.Present = true
	}
	res.Note = c.note(v, presence, res.Got)
	return res
}

// actionName gives the action its usual spelling.
func actionName(action string) string {
	switch action {
	case actionWebIdentity:
		return "sts:AssumeRoleWithWebIdentity"
	case actionAssumeRole:
		return "sts:AssumeRole"
	case actionTagSession:
		return "sts:TagSession"
	case actionSetSourceIdentity:
		return "sts:SetSourceIdentity"
	}
	return action
}
