package migrate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/podidentity"
)

// ErrNoRole is in the error for a service account that has no role in either way.
var ErrNoRole = errors.New("it has no role, neither by annotation nor by association")

// Plan is the way of one service account. It is a plain value.
type Plan struct {
	Target podidentity.Target
	// To is the new way: mutate.WebIdentity, which is IRSA, or mutate.PodIdentity.
	To mutate.Method
	// Steps are what is left, in order; none when the account has arrived, or stays.
	Steps []Step
	// Stays says why the account must keep IRSA; "" when it can move.
	Stays string
	// Notes are what the move leaves as it is, such as a statement for more accounts than this one.
	Notes []string
}

// Next are the steps that can be taken now, all of one kind of change: read the state again
// after them. A [Restart] is for whoever runs the pods.
func (p Plan) Next() []Step {
	for i, s := range p.Steps {
		if s.Kind.phase() != p.Steps[0].Kind.phase() || s.gap != p.Steps[0].gap {
			return p.Steps[:i]
		}
	}
	return p.Steps
}

// String prints the plan: a line for the account, for each step and each note.
func (p Plan) String() string {
	lines := []string{p.Target.String() + ": to " + wayOf(p.To)}
	switch {
	case p.Stays != "":
		lines = append(lines, "  = keeps IRSA: "+p.Stays)
	case len(p.Steps) == 0:
		lines = append(lines, "  = nothing is left to do")
	}
	for _, s := range p.Steps {
		lines = append(lines, "  "+strings.ReplaceAll(s.String(), "\n", "\n  "))
	}
	for _, note := range p.Notes {
		lines = append(lines, "  ! "+note)
	}
	return strings.Join(lines, "\n")
}

func wayOf(m mutate.Method) string {
	if m == mutate.PodIdentity {
		return "EKS Pod Identity"
	}
	return "IRSA"
}

// New plans what is left of the way to a method. The same state gives the same plan.
//
// Errors: [ErrNoRole]; two roles; an association with settings that IRSA cannot express; a trust
// policy that cannot admit the account in the new way, or that cannot be proved to admit nobody
// else; a pod that cannot be read.
func New(to mutate.Method, s State, cfg Config) (Plan, error) {
	p, err := newPlanner(to, s, cfg)
	if err != nil {
		return Plan{}, err
	}
	out, err := p.plan()
	if err != nil {
		return Plan{}, fmt.Errorf("migrate: %s: %w", s.target(), err)
	}
	return out, nil
}

type planner struct {
	State
	cfg     Config
	to      mutate.Method
	mutator *mutate.Mutator
	role    string
	cluster string // its account
	// The identity of pods and the grants for exactly this account, by each way.
	identities [2]mutate.Identity
	web        trust.Grant
	pods       trust.PodIdentityGrant
}

func newPlanner(to mutate.Method, s State, cfg Config) (*planner, error) {
	role, err := Role(s, cfg)
	if err != nil {
		return nil, err
	}
	p := &planner{State: s, cfg: cfg, to: to, role: role}
	if err := p.read(); err != nil {
		return nil, fmt.Errorf("migrate: %s: %w", s.target(), err)
	}
	return p, nil
}

func (p *planner) read() (err error) {
	injection := p.cfg.Injection
	injection.PodIdentityAccounts = nil
	cluster, clusterErr := arn.Parse(p.ClusterARN)
	role, roleErr := arn.ParseRole(p.role)
	switch {
	case p.to > mutate.PodIdentity:
		return fmt.Errorf("method %v is unknown", p.to)
	case p.role == "":
		return ErrNoRole
	case p.Trust == nil:
		return errors.New("the role's trust policy is nil")
	case clusterErr != nil:
		return fmt.Errorf("cluster ARN %q: %w", p.ClusterARN, clusterErr)
	case roleErr != nil:
		return fmt.Errorf("role ARN %q: %w", p.role, roleErr)
	case p.Provider.AccountID() != role.AccountID || p.Provider.Partition() != role.Partition:
		return fmt.Errorf("provider %s is not in the account of role %s", p.Provider, p.role)
	}
	p.cluster = cluster.AccountID
	if p.mutator, err = mutate.New(injection); err != nil {
		return err
	}
	annotated := p.Account.DeepCopy()
	if annotated.Annotations == nil {
		annotated.Annotations = map[string]string{}
	}
	annotated.Annotations[p.cfg.annotation()] = p.role
	id, err := p.mutator.Identity(annotated)
	if err != nil {
		return err
	}
	p.identities = [2]mutate.Identity{mutate.WebIdentity: id, mutate.PodIdentity: {Method: mutate.PodIdentity}}
	subject, err := trust.ServiceAccount(p.Account.Namespace, p.Account.Name)
	if err != nil {
		return err
	}
	p.web = trust.Grant{Provider: p.Provider, Subjects: []trust.Subject{subject}}
	if audience := p.audience(); audience != mutate.DefaultAudience {
		p.web.Audiences = []string{audience}
	}
	p.pods = trust.PodIdentityGrant{AccountID: p.cluster, ClusterARNs: []string{p.ClusterARN}, Subjects: []trust.Subject{subject}}
	return nil
}

// audience is that of the account's tokens for STS.
func (p *planner) audience() string {
	for _, audience := range []string{p.identities[mutate.WebIdentity].Audience, p.cfg.Injection.Audience} {
		if audience != "" {
			return audience
		}
	}
	return mutate.DefaultAudience
}

func (p *planner) plan() (Plan, error) {
	out := Plan{Target: p.target(), To: p.to}
	if p.to == mutate.PodIdentity {
		if out.Stays = p.staysBecause(p.role, p.cluster); out.Stays != "" {
			return out, nil
		}
	} else if err := p.checkAssociation(); err != nil {
		return Plan{}, err
	}
	both, err := p.admitBoth()
	if err != nil {
		return Plan{}, err
	}
	one, note, err := p.admitOne(both)
	if err != nil {
		return Plan{}, err
	}
	waiting, err := p.waiting(p.mutator, p.identities[p.to])
	if err != nil {
		return Plan{}, err
	}
	out.Steps = p.steps(both, one, waiting)
	if note != "" {
		out.Notes = []string{note}
	}
	return out, nil
}

// steps lists what differs from the end of the way.
func (p *planner) steps(both, one *trust.Policy, waiting []Pod) (steps []Step) {
	add := func(wanted bool, s Step) {
		if wanted {
			s.Target, s.RoleARN, s.To, s.Annotation = p.target(), p.role, p.to, p.cfg.annotation()
			steps = append(steps, s)
		}
	}
	toPods := p.to == mutate.PodIdentity
	annotated, gap := p.Account.Annotations[p.cfg.annotation()] != "", p.cfg.AllowGap && !toPods
	add(both != p.Trust, Step{Kind: AdmitBoth, Before: p.Trust, After: both})
	add(toPods && p.Association == nil, Step{Kind: Associate})
	add(!toPods && !annotated, Step{Kind: Annotate})
	add(gap && p.Association != nil, Step{Kind: Dissociate, gap: true})
	add(len(waiting) > 0, Step{Kind: Restart, Pods: waiting})
	add(toPods && annotated, Step{Kind: Unannotate})
	add(!toPods && !gap && p.Association != nil, Step{Kind: Dissociate})
	add(one != both, Step{Kind: AdmitOne, Before: both, After: one})
	return steps
}

// checkAssociation refuses what would be lost on the way to IRSA.
func (p *planner) checkAssociation() error {
	a := p.Association
	switch {
	case a == nil:
		return nil
	case a.OwnerARN != "":
		return fmt.Errorf("%w, %s", podidentity.ErrOwned, a.OwnerARN)
	case a.TargetRoleARN != "":
		return fmt.Errorf("its association has target role %s, which IRSA does not assume", a.TargetRoleARN)
	case a.Policy != "":
		return errors.New("its association has a session policy, which pods would no longer have by IRSA")
	}
	return nil
}
