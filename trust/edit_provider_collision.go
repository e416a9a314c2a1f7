package trust

import "cmp"

// collision finds what statements that move one by one do only together with those that name the
// other provider: a Deny takes away, and two that allow one action each let a token have both.
func (rev revision) collision(before *Policy, from, to Provider) *EditError {
	denies, moves, sets := rev.joined(to)
	if rev.policy == before || denies == "" && !sets {
		return nil
	}
	fail := func(path, reason string) *EditError {
		return &EditError{Edit: "Retargeted", Path: cmp.Or(path, moves), Reason: reason}
	}
	var all []*statement
	for i := range rev.policy.list() {
		all = append(all, &rev.policy.statements[i])
	}
	grid, ok := newGrid(all, Grant{})
	if !ok {
		return fail(denies, tooIntricate)
	}
	for _, r := range grid.tokens(to.arn) {
		old, moved, now := outcomes(r, before), outcomes(r.of(from), before), outcomes(r, rev.policy)
		switch {
		case denies != "" && !isEither(now, old, moved):
			return fail(denies, "the statement would deny tokens of the other provider that it did not deny")
		case setsMore(now, old, moved):
			return fail("", "with another statement it would let tokens of the other provider set tags or a source identity, which those of neither may")
		}
	}
	return nil
}

// joined looks at the statements for a provider that others have moved to: the path of a Deny, that of
// the first one that has moved, and whether such a one stands beside another and tags could be set.
func (rev revision) joined(to Provider) (denies, moves string, sets bool) {
	stays, tags := false, false
	for i := range rev.policy.list() {
		s := &rev.policy.statements[i]
		switch {
		case s.principals.match(sketch(to.arn)) == no:
			continue
		case s.effect != Allow:
			denies = rev.origin(s)
		case rev.from[i].node == s.node:
			stays = true
		case moves == "":
			moves = rev.origin(s)
		}
		tags = tags || s.actions.match(actionTagSession) != no || s.actions.match(actionSetSourceIdentity) != no
	}
	return denies, moves, stays && tags
}

// isEither says whether the answers are those that one of the providers had, or both together.
func isEither(now, old, moved [4]answer) bool {
	for i, is := range now {
		if was, ok := old[i].or(moved[i]); !ok || is != was {
			return false
		}
	}
	return true
}

// setsMore says whether a token may set what neither provider's could.
func setsMore(now, old, moved [4]answer) bool {
	was := [2][3]verdict{together(old), together(moved)}
	for i, is := range together(now) {
		if is > max(was[0][i], was[1][i]) {
			return true
		}
	}
	return false
}

// together are the verdicts on tokens that set session tags, a source identity, or both.
func together(o [4]answer) [3]verdict {
	web, tags, identity := o[0].verdict, o[2].verdict, o[3].verdict
	return [3]verdict{min(web, tags), min(web, identity), min(web, tags, identity)}
}

// outcomes are the policy's answers to each action.
func outcomes(r *request, p *Policy) [4]answer {
	var allows, denies []*statement
	for i := range p.list() {
		if s := &p.statements[i]; s.effect == Allow {
			allows = append(allows, s)
		} else {
			denies = append(denies, s)
		}
	}
	allow, deny := answers(r, allows), answers(r, denies)
	for i, d := range deny {
		switch {
		case allow[i].verdict == no || d.verdict == yes:
			allow[i] = answer{}
		case d.verdict == unproven:
			allow[i] = answer{unproven, allow[i].dependsOn + "\n" + d.dependsOn}
		}
	}
	return allow
}
