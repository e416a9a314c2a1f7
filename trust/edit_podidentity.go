package trust

import (
	"slices"

	"github.com/irsa-go/irsa/internal/jsontree"
)

// The condition keys that a PodIdentityGrant asks for.
const (
	keySourceAccount  = "aws:sourceaccount"
	keySourceARN      = "aws:sourcearn"
	keyNamespace      = "aws:requesttag/kubernetes-namespace"
	keyServiceAccount = "aws:requesttag/kubernetes-service-account"
)

// WithPodIdentity returns a policy that also lets pods have the role as the grant says, changed as
// little as possible: service accounts and namespaces join a statement that is otherwise the same;
// without one, a statement is added. It returns the receiver itself when the grant's own statements
// are there. All other statements stay as they are, those for web identities too, so a role can
// move from IRSA to EKS Pod Identity and back. *EditError: the grant would have no effect because
// of a Deny or of the policy's version.
func (p *Policy) WithPodIdentity(g PodIdentityGrant) (*Policy, error) {
	if err := g.check("trust: WithPodIdentity"); err != nil {
		return nil, err
	}
	out := p
	for _, n := range g.nodes() {
		out = out.addPods(n)
	}
	var errs []error
	units := g.units()
	for _, unit := range units {
		if e := out.checkPods(unit); e != nil {
			e.Path = p.pathOf(e.Path, out)
			errs = append(errs, e)
		}
	}
	errs = append(errs, p.widened(out, "WithPodIdentity", func(of []*statement) ([]*request, bool) { return podRequests(of, g) }, func(r *request) bool {
		return slices.ContainsFunc(units, func(unit PodIdentityGrant) bool { return unit.covers(r) })
	})...)
	if err := p.settled("WithPodIdentity", out, errs); err != nil {
		return nil, err
	}
	return out, nil
}

// WithoutPodIdentity returns a policy that no longer admits the pods that the grant names, in any
// of its clusters, changed as little as possible; the zero grant names every pod. It returns the
// receiver itself when nothing of the grant is there. *EditError: a pod that the grant names would
// stay admitted, as by a statement for a whole namespace or cluster, or by one from which nothing
// can be taken without taking or opening more.
func (p *Policy) WithoutPodIdentity(g PodIdentityGrant) (*Policy, error) {
	if err := g.check("trust: WithoutPodIdentity"); err != nil {
		return nil, err
	}
	units := g.units()
	rev := p.revise(func(s *statement) []*jsontree.Value {
		nodes := []*jsontree.Value{s.node}
		for _, unit := range units {
			var left []*jsontree.Value
			for _, part := range p.compiled(nodes) {
				left = append(left, p.withoutPods(part, unit)...)
			}
			nodes = left
		}
		return nodes
	})
	var errs []error
	for _, unit := range units {
		if s := rev.policy.admittingPods(unit); s != nil {
			errs = append(errs, &EditError{Edit: "WithoutPodIdentity", Subject: unit.subject(), Path: rev.origin(s), Reason: "would stay admitted by a statement for more"})
		}
	}
	if err := p.settled("WithoutPodIdentity", rev.policy, errs); err != nil {
		return nil, err
	}
	return rev.policy, nil
}

// units are grants that together say the same, each for at most one namespace and one account.
func (g PodIdentityGrant) units() []PodIdentityGrant {
	var units []PodIdentityGrant
	for _, namespace := range g.Namespaces {
		units = append(units, PodIdentityGrant{g.AccountID, g.ClusterARNs, []string{namespace}, nil})
	}
	for _, s := range g.Subjects {
		units = append(units, PodIdentityGrant{g.AccountID, g.ClusterARNs, nil, []Subject{s}})
	}
	if len(units) == 0 {
		return []PodIdentityGrant{g}
	}
	return units
}

// subject is what an error calls the unit.
func (g PodIdentityGrant) subject() string {
	if len(g.Subjects) > 0 {
		return g.Subjects[0].text
	}
	if len(g.Namespaces) > 0 {
		return serviceAccountPrefix + g.Namespaces[0] + ":*"
	}
	return podIdentityService
}

// addPods lets a statement of NewPodIdentity join one that differs in a list of names, or adds it.
func (p *Policy) addPods(n *jsontree.Value) *Policy {
	added := p.compiled([]*jsontree.Value{n})[0]
	for i := range p.list() {
		s := &p.statements[i]
		for _, key := range [...]string{keyServiceAccount, keyNamespace} {
			have, want := s.find("StringEquals", key), added.find("StringEquals", key)
			if have == nil || want == nil || s.flaw != "" {
				continue
			}
			alike := p.compiled([]*jsontree.Value{withValues(s.node, have, want.texts).Without("Sid")})[0]
			if alike.form() == added.form() {
				values := unique(slices.Concat(have.texts, want.texts))
				if len(values) == len(have.texts) {
					return p
				}
				return p.replaceStatement(i, withValues(s.node, have, values))
			}
		}
		if p.compiled([]*jsontree.Value{s.node.Without("Sid")})[0].form() == added.form() {
			return p
		}
	}
	return p.appendStatement(n)
}

// checkPods says what keeps a unit that the policy has from working. A Deny that depends on the
// network or the clock does not count.
func (p *Policy) checkPods(g PodIdentityGrant) *EditError {
	e := &EditError{Edit: "WithPodIdentity", Subject: g.subject(), Reason: "would still not be allowed"}
	if p.isRefused() {
		e.Path, e.Reason = p.refused.Path, "would not be allowed: IAM does not store the policy: "+p.refused.Message
		return e
	}
	q := PodIdentity(g.session())
	j := judge{q.r, no}
	if j.policy(p, nil) {
		return nil
	}
	for i := range p.list() {
		s := &p.statements[i]
		for _, action := range q.r.actions {
			if s.effect != Allow && j.statement(s, action, nil) != no {
				e.Path, e.Reason = s.pointer, "would be denied"
				return e
			}
		}
	}
	return e
}

// session is one pod of the unit.
func (g PodIdentityGrant) session() PodIdentitySession {
	s := PodIdentitySession{AccountID: g.AccountID, Namespace: "x", ServiceAccount: "x"}
	if len(g.ClusterARNs) > 0 {
		s.ClusterARN = g.ClusterARNs[0]
	}
	if len(g.Namespaces) > 0 {
		s.Namespace = g.Namespaces[0]
	}
	if len(g.Subjects) > 0 {
		s.Namespace, s.ServiceAccount, _ = g.Subjects[0].ServiceAccount()
	}
	return s
}

// withoutPods tries, for a statement that admits pods of the unit, to take the service away, then
// one value of one key. The first part that answers all other pods as before stays.
func (p *Policy) withoutPods(s *statement, g PodIdentityGrant) []*jsontree.Value {
	unchanged := []*jsontree.Value{s.node}
	requests, _ := podRequests([]*statement{s}, g)
	if s.effect != Allow || s.flaw != "" ||
		!slices.ContainsFunc(requests, func(r *request) bool { return g.covers(r) && answers(r, []*statement{s}) != [4]answer{} }) {
		return unchanged
	}
	candidates := [][]*jsontree.Value{{s.withoutPrincipal("Service", podIdentityService)}}
	for _, c := range g.asked() {
		n := s.filtered(s.node, c.key, func(v string) bool { return slices.Contains(c.values, v) }, false)
		if n != s.node {
			candidates = append(candidates, []*jsontree.Value{n})
		}
	}
	for _, parts := range candidates {
		parts = slices.DeleteFunc(parts, func(n *jsontree.Value) bool { return n == nil })
		if p.keeps(s, parts, func(of []*statement) ([]*request, bool) { return podRequests(of, g) }, g.covers) {
			return parts
		}
	}
	return unchanged
}
