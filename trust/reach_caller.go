package trust

import (
	"cmp"
	"slices"
	"strings"
)

// Admits says whether the request is one of the part, as far as that is certain.
func (r Reach) Admits(q Request) bool {
	return !r.Unproven && q.r != nil && q.r.refusal == "" &&
		slices.ContainsFunc(r.parts, func(p reachPart) bool { return p.admits(q.r) })
}

func (p reachPart) admits(r *request) bool {
	sc := p.question.scene
	if !p.certain || !slices.Equal(sc.base.actions, r.actions) || !sc.isOf(r) {
		return false
	}
	for _, n := range sc.session.names {
		if _, presence := r.lookup(keyTag + n.name); (presence == present) != n.has {
			return false
		}
	}
	for i := range p.question.variables {
		if p.free[i] {
			continue // a request that leaves it open may be like none of the choices
		}
		v := &p.question.variables[i]
		verdicts := make([]verdict, len(v.columns))
		for k := range v.columns {
			verdicts[k] = unproven
			if c := v.columns[k].condition; c != nil {
				// A policy variable stays unproven whatever the request has, as it did for the box.
				got, presence := r.lookup(c.lookup)
				verdicts[k] = c.match(judge{nil, unproven}, got, presence)
			}
		}
		pass := p.question.certain(v, verdicts).key(0)
		if !slices.ContainsFunc(p.box[i], func(c *choice) bool { return c.certain.key(0) == pass }) {
			return false
		}
	}
	for _, e := range p.exact {
		got, presence := r.lookup(p.question.variables[e.variable].name)
		if (presence == present && slices.Contains(e.texts, got.at(0))) != e.in {
			return false
		}
	}
	inner, outer := p.allow(Request{r})
	return inner && !outer
}

// isOf says whether the scene is about the request's caller.
func (sc scene) isOf(r *request) bool {
	own, other := sc.base.caller, r.caller
	if own.kind != other.kind {
		return false
	}
	if sc.any == nil {
		return own.arn == other.arn && own.roleARN == other.roleARN && own.id == other.id
	}
	return sc.any(&r.caller)
}

// principal names whom the scene is about.
func (sc scene) principal() string {
	if sc.name != "" {
		return sc.name
	}
	return sc.base.caller.arn
}

// name is the principal of the callers, with a star for any of a kind.
func (c awsCaller) name() string {
	switch {
	case slices.Contains(c.ids, c.call.PrincipalID):
		return c.call.PrincipalID
	case c.any != "":
		return c.any + "*"
	case c.isAnySession():
		return c.call.RoleARN
	}
	return c.call.PrincipalARN
}

// is says whether somebody is one of the callers.
func (c awsCaller) is(who *caller) bool {
	switch {
	case !c.mayHaveID(who):
		return false
	case c.isAnySession():
		return who.roleARN == c.call.RoleARN && !slices.ContainsFunc(c.named, who.mayBeSession)
	case c.roles != nil:
		return who.arn == c.call.PrincipalARN && who.roleARN != "" && !slices.Contains(c.named, who.roleARN)
	case c.any == "":
		return who.arn == c.call.PrincipalARN && who.roleARN == c.call.RoleARN
	}
	return c.isOfKind(who) && !slices.Contains(c.named, who.arn) && !slices.Contains(c.named, who.roleARN)
}

// mayBeSession says whether the caller is the session that a policy names, or may be.
func (c *caller) mayBeSession(name string) bool {
	return strings.Contains(name, ":assumed-role/") && c.is(name) != no
}

// mayHaveID says whether somebody's unique id is the caller's, as far as the policies tell ids
// apart.
func (c awsCaller) mayHaveID(who *caller) bool {
	id, _, _ := strings.Cut(who.id, ":")
	if c.ids == nil || id == c.call.PrincipalID {
		return true
	}
	return id != "" && !slices.Contains(c.ids, id) && !slices.Contains(c.ids, c.call.PrincipalID)
}

// isAnySession says whether the caller stands for every session of its role.
func (c awsCaller) isAnySession() bool {
	return c.any == "" && c.call.RoleARN != "" && strings.HasSuffix(c.call.PrincipalARN, "/x")
}

// isOfKind says whether somebody's ARN begins as those of the callers do.
func (c awsCaller) isOfKind(who *caller) bool {
	own := cmp.Or(who.roleARN, who.arn)
	if !c.isElsewhere() {
		return strings.HasPrefix(own, c.any)
	}
	_, resource, _ := strings.Cut(c.any, anyAccount+":")
	return strings.Contains(own, ":"+resource) && !slices.Contains(c.accounts, "arn:"+who.partition+":iam::"+who.accountID+":")
}

// mergeCallers makes one of the parts that are about every kind of principal of an account, or
// of every account.
func mergeCallers(list []Reach) []Reach {
	groups := map[string]map[string]int{} // by what is said, then by the principal
	for i := range list {
		said := list[i]
		said.Principal = ""
		key := said.signature(true)
		if groups[key] == nil {
			groups[key] = map[string]int{}
		}
		groups[key][list[i].Principal] = i
	}
	drop := map[int]bool{}
	for _, group := range groups {
		for principal, i := range group {
			account, ok := strings.CutSuffix(principal, ":role/*")
			if _, users := group[account+":user/*"]; !ok || !users {
				continue
			}
			list[i].Principal = account + ":*"
			if strings.HasSuffix(account, anyAccount) {
				list[i].Principal = "*"
			}
			for other, j := range group {
				if j != i && isIncluded(other, account) {
					drop[j] = true
					list[i].parts = append(slices.Clip(list[i].parts), list[j].parts...)
				}
			}
		}
	}
	kept := list[:0:0]
	for i := range list {
		if !drop[i] {
			kept = append(kept, list[i])
		}
	}
	return kept
}

// isIncluded says whether a principal is one of the account, or of any when the account stands for
// all others.
func isIncluded(principal, account string) bool {
	if strings.HasPrefix(principal, account+":") || strings.HasPrefix(principal, stsOf(account)+":") {
		return true
	}
	return strings.HasSuffix(account, anyAccount) && strings.Contains(principal, ":iam::") && !strings.Contains(principal, "-provider/")
}

// stsOf is how the ARNs of sessions begin where those of users and roles begin with iam.
func stsOf(iam string) string { return strings.Replace(iam, ":iam:", ":sts:", 1) }
