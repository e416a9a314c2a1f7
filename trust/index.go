package trust

import (
	"maps"
	"slices"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
)

// Index answers for many roles at once: which of them can this caller have? Its answers are those
// of asking each policy, but it looks only at the policies that name the caller or may mean it. It
// is immutable and safe for concurrent use; the zero value has no roles.
type Index struct {
	roles    []string // ARNs, sorted
	policies []*Policy
	named    map[string]*roleSet // by principal in lower case
	anybody  roleSet             // principals that do not say who
}

// roleSet holds roles, as indexes, by the sub that a token must have.
type roleSet struct {
	any    []int
	exact  map[string][]int
	prefix map[string][]int // by the sub's beginning
}

// NewIndex takes the policies by the ARNs of their roles.
func NewIndex(policies map[string]*Policy) *Index {
	x := &Index{roles: slices.Sorted(maps.Keys(policies)), named: map[string]*roleSet{}}
	for i, role := range x.roles {
		p := policies[role]
		x.policies = append(x.policies, p)
		for j := range p.list() {
			if s := &p.statements[j]; s.effect == Allow {
				x.add(i, s)
			}
		}
	}
	return x
}

func (x *Index) add(role int, s *statement) {
	p := &s.principals
	if p.isVague() {
		x.anybody.any = append(x.anybody.any, role)
	}
	for _, name := range slices.Concat(p.federated, p.aws, p.service) {
		key := principalKey(name)
		set := x.named[key]
		if set == nil {
			set = &roleSet{}
			x.named[key] = set
		}
		provider, err := ParseProviderARN(name)
		if err != nil {
			set.any = append(set.any, role)
			continue
		}
		set.add(role, s, provider.key+":sub")
	}
}

// add puts the role under what one condition asks of the sub, if one does.
func (set *roleSet) add(role int, s *statement, key string) {
	for i := range s.conditions {
		c := &s.conditions[i]
		narrows := c.lookup == key && c.op.isMatching() && c.op.family != familyStringIgnoreCase &&
			!c.op.ifExists && c.op.set != setForAllValues && c.flaw == ""
		if !narrows || slices.ContainsFunc(c.values, func(m matcher) bool { return m.flaw || m.template != nil }) {
			continue
		}
		for _, text := range c.texts {
			star := strings.IndexAny(text, "*?")
			switch {
			case c.op.family == familyString || star < 0:
				set.exact = appendTo(set.exact, text, role)
			default:
				set.prefix = appendTo(set.prefix, text[:star], role)
			}
		}
		return
	}
	set.any = append(set.any, role)
}

func appendTo(m map[string][]int, key string, role int) map[string][]int {
	if m == nil {
		m = map[string][]int{}
	}
	m[key] = append(m[key], role)
	return m
}

// principalKey is the same for a principal and for who is meant by it.
func principalKey(name string) string {
	if arn.CheckAccountID(name) == nil {
		return name
	}
	if a, err := arn.Parse(name); err == nil && a.Service == "iam" && a.Resource == "root" {
		return a.AccountID
	}
	return lowerASCII(name)
}

// candidates are the roles whose policies may admit the caller, a token with the sub if it is one.
func (x *Index) candidates(who *caller, sub string, hasSub bool) []int {
	id, _, _ := strings.Cut(who.id, ":")
	keys := unique([]string{principalKey(who.arn), lowerASCII(who.roleARN), who.accountID, lowerASCII(who.id), lowerASCII(id)})
	if who.kind == callerWebIdentity {
		keys = keys[:1]
	}
	list := slices.Clone(x.anybody.any)
	for _, key := range keys {
		set := x.named[key]
		if set == nil {
			continue
		}
		list = append(list, set.any...)
		if !hasSub {
			continue
		}
		list = append(list, set.exact[sub]...)
		for n := 0; n <= len(sub) && set.prefix != nil; n++ {
			list = append(list, set.prefix[sub[:n]]...)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Roles returns the ARNs of the roles that the request can have, sorted: those whose policies
// allow it.
func (x *Index) Roles(q Request) (roles []string) {
	if x == nil || q.r == nil {
		return nil
	}
	var sub string
	got, p := q.r.lookup(q.r.issuer + ":sub")
	if p == present {
		sub = got.at(0)
	}
	for _, i := range x.candidates(&q.r.caller, sub, p == present) {
		if x.policies[i].Allows(q) {
			roles = append(roles, x.roles[i])
		}
	}
	return roles
}

// RoleAdmission is a role that admits somebody.
type RoleAdmission struct {
	// Role is the role's ARN.
	Role string
	Admission
}

// Who returns the roles that the subject can have with a token of the provider for one of the
// audiences; no audience: sts.amazonaws.com. Like Policy.Who it names a role where the answer is
// not certain. The roles are sorted.
func (x *Index) Who(provider Provider, subject Subject, audiences ...string) (roles []RoleAdmission) {
	if x == nil {
		return nil
	}
	who := caller{kind: callerWebIdentity, arn: provider.arn}
	for _, i := range x.candidates(&who, subject.text, true) {
		for _, a := range x.policies[i].Who(provider, []Subject{subject}, audiences...) {
			roles = append(roles, RoleAdmission{x.roles[i], a})
		}
	}
	return roles
}

// Through returns the further roles that a session of the role can reach by role chaining. Each way
// is the shortest one to a role: a list of ARNs that begins with the given role and ends with the
// one that is reached. The ways are sorted by their ends. Only policies that name the role before
// them on the way count: a policy that trusts the whole account leaves the decision to the
// account's own policies. A session with tags, or one that needs an external id, may get less far.
func (x *Index) Through(role string) (ways [][]string) {
	if x == nil {
		return nil
	}
	reached := map[string]bool{role: true}
	for queue := [][]string{{role}}; len(queue) > 0; queue = queue[1:] {
		way := queue[0]
		for _, next := range x.next(way[len(way)-1]) {
			if !reached[next] {
				reached[next] = true
				longer := append(slices.Clip(way), next)
				queue, ways = append(queue, longer), append(ways, longer)
			}
		}
	}
	slices.SortFunc(ways, func(a, b []string) int { return strings.Compare(a[len(a)-1], b[len(b)-1]) })
	return ways
}

// next are the roles whose policies name the role and allow a session of it.
func (x *Index) next(role string) (roles []string) {
	set := x.named[lowerASCII(role)]
	if set == nil {
		return nil
	}
	q := AssumeRole(callOf(role))
	for _, i := range slices.Compact(slices.Clone(set.any)) {
		if x.policies[i].Allows(q) {
			roles = append(roles, x.roles[i])
		}
	}
	return roles
}
