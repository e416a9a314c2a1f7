package trust

import (
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
		v := &p.question.variables[i]
		verdicts := make([]verdict, len(v.columns))
		for k := range v.columns {
			verdicts[k] = unproven
			if c := v.columns[k].condition; c != nil {
				verdicts[k] = judge{r, unproven}.condition(c, Allow, nil)
			}
		}
		pass := p.question.certain(v, verdicts).key(0)
		if !slices.ContainsFunc(p.box[i], func(c *choice) bool { return c.certain.key(0) == pass }) {
			return false
		}
	}
	if p.texts == nil {
		return true
	}
	got, presence := r.lookup(p.question.variables[p.variable].name)
	return (presence == present && slices.Contains(p.texts, got.at(0))) == p.in
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
	case c.any != "" && !strings.HasSuffix(c.any, "root"):
		return c.any + "*"
	case c.call.RoleARN != "" && strings.HasSuffix(c.call.PrincipalARN, "/x"):
		return c.call.RoleARN
	}
	return c.call.PrincipalARN
}

// is says whether somebody is one of the callers.
func (c awsCaller) is(who *caller) bool {
	id, _, _ := strings.Cut(who.id, ":")
	if c.ids != nil && id != c.call.PrincipalID && (id == "" || slices.Contains(c.ids, id) || slices.Contains(c.ids, c.call.PrincipalID)) {
		return false
	}
	own := who.arn
	if who.roleARN != "" {
		own = who.roleARN
	}
	switch {
	case c.any == "" && c.call.RoleARN != "" && strings.HasSuffix(c.call.PrincipalARN, "/x"):
		return who.roleARN == c.call.RoleARN && !slices.Contains(c.named, who.arn)
	case c.roles != nil:
		return who.arn == c.call.PrincipalARN && who.roleARN != "" && !slices.Contains(c.named, who.roleARN)
	case c.any == "":
		return who.arn == c.call.PrincipalARN && who.roleARN == c.call.RoleARN
	case slices.Contains(c.named, who.arn) || slices.Contains(c.named, who.roleARN):
		return false
	case strings.Contains(c.any, anyAccount):
		_, resource, _ := strings.Cut(c.any, anyAccount+":")
		return !slices.Contains(c.accounts, "arn:"+who.partition+":iam::"+who.accountID+":") && strings.Contains(own, ":"+resource)
	}
	return strings.HasPrefix(own, c.any)
}

// mergeCallers makes one of the parts that are about every kind of principal of an account, or
// of every account.
func mergeCallers(list []Reach) []Reach {
	groups := map[string]map[string]int{} // by what is said, and the principal
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
			sts := strings.Replace(account, ":iam:", ":sts:", 1)
			_, user := group[account+":user/*"]
			_, root := group[account+":root"]
			_, federated := group[sts+":federated-user/*"]
			if !ok || !user || !root || !federated {
				continue
			}
			list[i].Principal = account + ":*"
			everybody := strings.HasSuffix(account, anyAccount)
			if everybody {
				list[i].Principal = "*"
			}
			for other, j := range group {
				if j != i && (strings.HasPrefix(other, account+":") || strings.HasPrefix(other, sts+":") || everybody && strings.Contains(other, ":iam::") && !strings.Contains(other, "-provider/")) {
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
