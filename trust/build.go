package trust

import (
	"errors"
	"fmt"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/jsontree"
	"github.com/irsa-go/irsa/internal/kubename"
)

// New builds a policy from web identity grants: one statement for each provider and list of
// audiences with subjects, and one with patterns. The same grants give the same bytes. It refuses
// an empty list of grants, and a grant without a provider, without subjects and patterns, with a
// zero value among them, or with an audience that is empty or has a wildcard. A policy that IAM
// would not store is an *InvalidError.
func New(grants ...Grant) (*Policy, error) {
	if len(grants) == 0 {
		return nil, errors.New("trust: new policy: it has no grants")
	}
	p := newPolicy(emptyDocument())
	var errs []error
	for i, g := range grants {
		if err := g.check(); err != nil {
			errs = append(errs, fmt.Errorf("grant %d: %w", i+1, err))
			continue
		}
		p = p.add(g)
	}
	if err := joinProblems("trust: new policy", errs...); err != nil {
		return nil, err
	}
	for i := range p.flaws {
		if f := &p.flaws[i]; !f.Unproven {
			return nil, fmt.Errorf("trust: new policy: IAM would not store it: %w", &f.InvalidError)
		}
	}
	return p, nil
}

// PodIdentityGrant lets pods have a role through EKS Pod Identity. The zero value is AWS's own
// recommendation: every pod that an association in the role's account gives the role to; each field
// narrows it. Conditions on namespaces and service accounts need the session tags. An association
// can switch these off, and then nobody meets the conditions.
type PodIdentityGrant struct {
	// AccountID is the account of the clusters (aws:SourceAccount); "": any account.
	AccountID string
	// ClusterARNs are the clusters (aws:SourceArn); nil: any cluster.
	ClusterARNs []string
	// Namespaces admits all service accounts of these namespaces; nil: any namespace.
	Namespaces []string
	// Subjects admits exactly these service accounts; each namespace makes one statement. It cannot
	// be set together with Namespaces.
	Subjects []Subject
}

// NewPodIdentity builds the policy for EKS Pod Identity
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html,
// https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html): the service principal
// pods.eks.amazonaws.com with sts:AssumeRole and sts:TagSession.
func NewPodIdentity(g PodIdentityGrant) (*Policy, error) {
	if err := g.check("trust: new pod identity policy"); err != nil {
		return nil, err
	}
	return newPolicy(emptyDocument().With("Statement", jsontree.Array(g.nodes()...))), nil
}

// nodes are the statements of a checked grant, one for each namespace of its subjects.
func (g PodIdentityGrant) nodes() []*jsontree.Value {
	if len(g.Subjects) == 0 {
		return []*jsontree.Value{g.statementNode(g.Namespaces, nil)}
	}
	var namespaces []string
	names := map[string][]string{}
	for _, s := range g.Subjects {
		namespace, name, _ := s.ServiceAccount()
		namespaces = append(namespaces, namespace)
		names[namespace] = append(names[namespace], name)
	}
	var nodes []*jsontree.Value
	for _, namespace := range unique(namespaces) {
		nodes = append(nodes, g.statementNode([]string{namespace}, unique(names[namespace])))
	}
	return nodes
}

// check returns everything that is wrong with the grant, behind a prefix.
func (g PodIdentityGrant) check(prefix string) error {
	var errs []error
	if g.AccountID != "" {
		errs = append(errs, arn.CheckAccountID(g.AccountID))
	}
	for _, s := range g.ClusterARNs {
		cluster, err := arn.ParseCluster(s)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("cluster ARN %q: %w", clip(s), err))
		case g.AccountID != "" && cluster.AccountID != g.AccountID:
			errs = append(errs, fmt.Errorf("cluster ARN %q: it is not in account %s", s, g.AccountID))
		}
	}
	for _, namespace := range g.Namespaces {
		errs = append(errs, kubename.CheckNamespace(namespace))
	}
	for _, s := range g.Subjects {
		if _, _, ok := s.ServiceAccount(); !ok {
			errs = append(errs, fmt.Errorf("subject %q is not a service account", s.text))
		}
	}
	if len(g.Namespaces) > 0 && len(g.Subjects) > 0 {
		errs = append(errs, errors.New("it has both namespaces and subjects"))
	}
	return joinProblems(prefix, errs...)
}

func (g PodIdentityGrant) statementNode(namespaces, names []string) *jsontree.Value {
	equals := jsontree.Object()
	add := func(n *jsontree.Value, key string, values []string) *jsontree.Value {
		if len(values) == 0 {
			return n
		}
		return n.With(key, jsontree.List(unique(values)))
	}
	if g.AccountID != "" {
		equals = add(equals, "aws:SourceAccount", []string{g.AccountID})
	}
	equals = add(equals, "aws:RequestTag/kubernetes-namespace", namespaces)
	equals = add(equals, "aws:RequestTag/kubernetes-service-account", names)
	conditions := jsontree.Object()
	if len(equals.Members()) > 0 {
		conditions = conditions.With("StringEquals", equals)
	}
	if len(g.ClusterARNs) > 0 {
		conditions = conditions.With("ArnEquals", add(jsontree.Object(), "aws:SourceArn", g.ClusterARNs))
	}
	return assumeRoleNode(jsontree.Named("Service", jsontree.String(podIdentityService)), true, conditions)
}

// assumeRoleNode is an Allow of sts:AssumeRole, with sts:TagSession when tags are to be set.
func assumeRoleNode(principal jsontree.Member, tags bool, conditions *jsontree.Value) *jsontree.Value {
	actions := []string{"sts:AssumeRole"}
	if tags {
		actions = append(actions, "sts:TagSession")
	}
	n := jsontree.Object(
		jsontree.Named("Effect", jsontree.String(string(Allow))),
		jsontree.Named("Principal", jsontree.Object(principal)),
		jsontree.Named("Action", jsontree.List(actions)),
	)
	if len(conditions.Members()) > 0 {
		n = n.With("Condition", conditions)
	}
	return n
}

// ChainGrant lets sessions of other roles have a role: role chaining, the target role of an EKS Pod
// Identity association, and the role of a service account that a controller acts for.
type ChainGrant struct {
	// RoleARNs are the roles whose sessions are admitted; required. Each must exist when IAM
	// stores the policy.
	RoleARNs []string
	// ExternalID is what the call must have as sts:ExternalId. EKS sends one for an association
	// with a target role. "": the call may have any or none.
	ExternalID string
	// TagSession lets sessions carry tags, as those of EKS Pod Identity do.
	TagSession bool
	// Subject asks for session tags that name exactly this service account, as token.NewTenantPool
	// sets them for a controller that acts for it; TagSession is implied. Zero: no tags are
	// required.
	Subject Subject
}

// NewChain builds the policy of a role that sessions of other roles may assume
// (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-assign-target-role.html).
func NewChain(g ChainGrant) (*Policy, error) {
	var errs []error
	if len(g.RoleARNs) == 0 {
		errs = append(errs, errors.New("it names no role"))
	}
	for _, s := range g.RoleARNs {
		if _, err := arn.ParseRole(s); err != nil {
			errs = append(errs, fmt.Errorf("role ARN %q: %w", clip(s), err))
		}
	}
	errs = append(errs, checkExternalID(g.ExternalID))
	namespace, name, isAccount := g.Subject.ServiceAccount()
	if !isAccount && !g.Subject.IsZero() {
		errs = append(errs, fmt.Errorf("subject %q is not a service account", g.Subject.text))
	}
	if err := joinProblems("trust: new chaining policy", errs...); err != nil {
		return nil, err
	}
	equals := jsontree.Object()
	if g.ExternalID != "" {
		equals = equals.With("sts:ExternalId", jsontree.String(g.ExternalID))
	}
	if isAccount {
		equals = equals.With("aws:RequestTag/kubernetes-namespace", jsontree.String(namespace)).
			With("aws:RequestTag/kubernetes-service-account", jsontree.String(name))
	}
	conditions := jsontree.Object()
	if len(equals.Members()) > 0 {
		conditions = conditions.With("StringEquals", equals)
	}
	s := assumeRoleNode(jsontree.Named("AWS", jsontree.List(unique(g.RoleARNs))), g.TagSession || isAccount, conditions)
	return newPolicy(emptyDocument().With("Statement", jsontree.Array(s))), nil
}

// checkExternalID allows what STS takes: 2 to 1224 of [\w+=,.@:\/-]
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
func checkExternalID(id string) error {
	if id == "" {
		return nil
	}
	if len(id) < 2 || len(id) > 1224 {
		return fmt.Errorf("the external id has %d characters, want 2 to 1224", len(id))
	}
	if !arn.Only(id, arn.IsExternalIDRune) {
		return errors.New("the external id has a character other than letters, digits and _+=,.@:/-")
	}
	return nil
}

// Join puts the statements of several policies into one policy: those of New and of NewPodIdentity,
// for instance, for a role that moves from one to the other. A statement that is there already is
// left out. It refuses policies of another version than 2012-10-17, in which values mean something
// else, a policy that IAM does not store, whose statements would begin to count, and two statements
// with the same Sid.
func Join(policies ...*Policy) (*Policy, error) {
	var statements []*jsontree.Value
	sids := map[string]bool{}
	seen := map[string]bool{}
	for i, p := range policies {
		if v := p.tree().Get("Version"); v == nil || v.Text() != versionCurrent {
			return nil, fmt.Errorf("trust: join policies: policy %d is not of version %s", i+1, versionCurrent)
		}
		if p.isRefused() {
			return nil, fmt.Errorf("trust: join policies: policy %d is one that IAM does not store: %w", i+1, &p.refused.InvalidError)
		}
		for _, s := range p.list() {
			text := s.node.JSON()
			if seen[text] {
				continue
			}
			if s.sid != "" && sids[s.sid] {
				return nil, fmt.Errorf("trust: join policies: policy %d has another statement with Sid %q", i+1, s.sid)
			}
			seen[text], sids[s.sid] = true, true
			statements = append(statements, s.node)
		}
	}
	return newPolicy(emptyDocument().With("Statement", jsontree.Array(statements...))), nil
}
