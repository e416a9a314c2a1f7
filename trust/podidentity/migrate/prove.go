package migrate

import (
	"errors"
	"fmt"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/trust"
)

// admitBoth is the role's policy with the new way added, itself when it has it. It is proved to
// admit nobody but whom the policy admits now and this account in the new way.
func (p *planner) admitBoth() (*trust.Policy, error) {
	if p.admits(p.Trust, p.to) {
		return p.Trust, nil
	}
	with, exact, err := p.edited()
	if err != nil {
		return nil, err
	}
	if !p.admits(with, p.to) {
		why := "its policy asks for more than is known here"
		if p.Association != nil && p.Association.DisableSessionTags {
			why = "its association sets no session tags, by which the account is told from others"
		}
		return nil, fmt.Errorf("role %s would still not admit the account by %s: %s", p.role, wayOf(p.to), why)
	}
	bound, err := trust.Join(p.Trust, exact)
	if err != nil {
		return nil, err
	}
	if proof := with.Within(bound); proof.Outcome != trust.Holds {
		return nil, fmt.Errorf("role %s: it is not proved that the new trust policy admits nobody else: %s", p.role, proof)
	}
	return with, nil
}

// edited is the policy with the new way, and the policy of the new way alone.
func (p *planner) edited() (with, exact *trust.Policy, err error) {
	if p.to == mutate.PodIdentity {
		with, err = p.Trust.WithPodIdentity(p.pods)
		if err == nil {
			exact, err = trust.NewPodIdentity(p.pods)
		}
		return with, exact, err
	}
	with, err = p.Trust.WithGrant(p.web)
	if err == nil {
		exact, err = trust.New(p.web)
	}
	return with, exact, err
}

// admitOne is the policy without the old way, proved to admit nobody that the other does not; the
// policy itself, with a note, when the account would stay admitted by a statement for more.
func (p *planner) admitOne(both *trust.Policy) (one *trust.Policy, note string, err error) {
	if p.to == mutate.PodIdentity {
		one, err = both.WithoutGrant(p.web)
	} else {
		one, err = both.WithoutPodIdentity(p.pods)
	}
	if _, stays := errors.AsType[*trust.EditError](err); stays {
		return both, fmt.Sprintf("role %s keeps admitting the old way: %v", p.role, err), nil
	}
	if err != nil || one == both {
		return both, "", err
	}
	if proof := one.Within(both); proof.Outcome != trust.Holds || !p.admits(one, p.to) {
		return nil, "", fmt.Errorf("role %s: it is not proved that the last trust policy admits the account, and nobody else: %s", p.role, proof)
	}
	return one, "", nil
}

// admits asks for the account's own pods.
func (p *planner) admits(policy *trust.Policy, by mutate.Method) bool {
	if by == mutate.WebIdentity {
		return policy.Allows(trust.WebIdentity(p.Provider, trust.Claims{"sub": p.web.Subjects[0].String(), "aud": p.audience()}))
	}
	return policy.Allows(trust.PodIdentity(trust.PodIdentitySession{
		AccountID: p.cluster, ClusterARN: p.ClusterARN, Namespace: p.Account.Namespace, ServiceAccount: p.Account.Name,
		DisableSessionTags: p.Association != nil && p.Association.DisableSessionTags,
	}))
}
