package trust

import (
	"iter"
	"slices"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/language"
)

// asked are the condition keys of the unit with its values, the narrowest first.
func (g PodIdentityGrant) asked() [4]struct {
	key    string
	values []string
} {
	session := g.session()
	return [4]struct {
		key    string
		values []string
	}{
		{keyServiceAccount, []string{session.ServiceAccount}},
		{keyNamespace, []string{session.Namespace}},
		{keySourceARN, g.ClusterARNs},
		{keySourceAccount, []string{g.AccountID}},
	}
}

// covers says whether the request is of a pod that the unit is for.
func (g PodIdentityGrant) covers(r *request) bool {
	is := func(key string, values ...string) bool {
		got, presence := r.lookup(key)
		return presence == present && slices.Contains(values, got.one)
	}
	session := g.session()
	return r.caller.arn == podIdentityService &&
		(g.AccountID == "" || is(keySourceAccount, g.AccountID)) &&
		(len(g.ClusterARNs) == 0 || is(keySourceARN, g.ClusterARNs...)) &&
		(len(g.Namespaces)+len(g.Subjects) == 0 || is(keyNamespace, session.Namespace)) &&
		(len(g.Subjects) == 0 || is(keyServiceAccount, session.ServiceAccount))
}

// admittingPods finds a statement that lets a pod of the unit in, or might.
func (p *Policy) admittingPods(g PodIdentityGrant) *statement {
	var all []*statement
	for i := range p.list() {
		all = append(all, &p.statements[i])
	}
	requests, ok := podRequests(all, g)
	for _, r := range requests {
		if g.covers(r) {
			if s := p.admitting(r, actionAssumeRole); s != nil {
				return s
			}
		}
	}
	if !ok {
		return all[0]
	}
	return nil
}

// podRequests are pods of each cluster, namespace and name that the statements can tell apart, with
// session tags and without, and callers of every other kind.
func podRequests(statements []*statement, g PodIdentityGrant) ([]*request, bool) {
	all, ok := webRequests(statements)
	words, complete := g.words(statements)
	if !ok || !complete {
		return nil, false
	}
	all = slices.DeleteFunc(all, func(r *request) bool { return r.caller.arn == podIdentityService })
	for cluster, account := range clusters(words) {
		all = append(all, podRequest(account, cluster, attribute{name: keyNamespace, isMany: true}, attribute{name: keyServiceAccount, isMany: true}))
		for _, namespace := range words[keyNamespace] {
			for _, name := range words[keyServiceAccount] {
				all = append(all, podRequest(account, cluster, attribute{name: keyNamespace, one: namespace}, attribute{name: keyServiceAccount, one: name}))
			}
		}
	}
	return all, true
}

// words are the values to try of each key that a grant asks for.
func (g PodIdentityGrant) words(statements []*statement) (words map[string][]string, ok bool) {
	words = map[string][]string{}
	size, budget := 1, &language.Budget{Left: maxGridWork}
	for _, asked := range g.asked() {
		unions := []language.Union{{language.Literal("")}}
		for _, v := range asked.values {
			unions = append(unions, language.Union{language.Literal(v)})
		}
		for _, s := range statements {
			for i := range s.conditions {
				if c := &s.conditions[i]; c.lookup == asked.key {
					unions = append(unions, c.languages()...)
				}
			}
		}
		if words[asked.key], ok = language.Classes(unions, nil, budget); !ok {
			return nil, false
		}
		size *= len(words[asked.key])
	}
	return words, size <= maxGrid
}

// clusters are one that nobody names in each account, and each that somebody names in its own.
func clusters(words map[string][]string) iter.Seq2[string, string] {
	return func(yield func(cluster, account string) bool) {
		for _, account := range words[keySourceAccount] {
			if account != "" && !yield("arn:aws:eks:nowhere:"+account+":cluster/nobodys", account) {
				return
			}
		}
		for _, cluster := range words[keySourceARN] {
			if a, err := arn.Parse(cluster); err == nil && !yield(cluster, a.AccountID) {
				return
			}
		}
	}
}

func podRequest(account, cluster string, tags ...attribute) *request {
	r := &request{caller: caller{kind: callerService, arn: podIdentityService}, partial: true, keys: tags}
	r.set("aws:securetransport", "true")
	r.set(keySourceAccount, account)
	r.set(keySourceARN, cluster)
	return r
}
