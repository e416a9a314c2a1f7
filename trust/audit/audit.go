// Package audit joins clusters with AWS accounts: who can become which IAM role, and through it
// which others; which service accounts name a role that they cannot have; which pods run as their
// node; and what is wrong with the trust policies that are about the clusters.
//
// It needs no rights: the clusters are what kubectl prints and the roles what "aws iam
// get-account-authorization-details" does, read as streams, or objects that the program has anyway.
package audit

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/trust"
)

// Audit is what is known of the accounts and has been found so far. Make one with [New]. It is not
// safe for concurrent use.
type Audit struct {
	roles    map[string]*trust.Policy // by ARN
	clusters []trust.Provider
	index    *trust.Index
	mutator  *mutate.Mutator
	report   Report
}

// New begins an audit of clusters, by their IAM OIDC providers. The roles are those of all accounts
// that matter, by ARN; they must stay as they are. A zero provider is an error.
func New(roles map[string]*trust.Policy, clusters ...trust.Provider) (*Audit, error) {
	if i := slices.Index(clusters, trust.Provider{}); i >= 0 {
		return nil, fmt.Errorf("audit: cluster %d has no provider", i+1)
	}
	mutator, err := mutate.New(mutate.Config{})
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return &Audit{roles: roles, clusters: clusters, index: trust.NewIndex(roles), mutator: mutator}, nil
}

// ServiceAccount looks at a service account of a cluster: the roles that it can have with a token for
// STS, or for the audience that its annotation names, and the role that it names. A name that no service
// account can have is an error, and so is nil.
func (a *Audit) ServiceAccount(cluster trust.Provider, sa *corev1.ServiceAccount) error {
	if sa == nil {
		return errors.New("audit: the service account is nil")
	}
	s, err := trust.ServiceAccount(sa.Namespace, sa.Name)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	who := a.name(cluster, sa.Namespace+"/"+sa.Name)
	id, bad := a.mutator.Identity(sa)
	audiences := []string{trust.DefaultAudience}
	if id.Audience != "" {
		audiences = append(audiences, id.Audience)
	}
	for _, admission := range a.index.Who(cluster, s, audiences...) {
		a.report.Admitted = append(a.report.Admitted, Admission{Who: who, Role: admission.Role, Unproven: admission.Unproven})
		for _, way := range a.index.Through(admission.Role) {
			last := len(way) - 1
			a.report.Admitted = append(a.report.Admitted, Admission{who, way[last], way[:last], admission.Unproven})
		}
	}
	problem := ""
	if bad != nil {
		problem = bad.Error()
	} else if !id.IsZero() {
		problem = a.annotation(cluster, id, s)
	}
	if problem != "" {
		a.report.Nowhere = append(a.report.Nowhere, Remark{Who: who, What: problem})
	}
	return nil
}

// annotation follows the role that an account names, and says why it leads nowhere.
func (a *Audit) annotation(cluster trust.Provider, id mutate.Identity, s trust.Subject) (problem string) {
	policy, listed := a.roles[id.RoleARN]
	switch {
	case !listed && !a.knows(id.RoleARN):
		return id.RoleARN + ": nothing is known of this role's account: give its roles too"
	case !listed:
		return id.RoleARN + ": the account has no such role"
	}
	audience := cmp.Or(id.Audience, trust.DefaultAudience)
	d := policy.Evaluate(trust.WebIdentity(cluster, trust.Claims{"sub": s.String(), "aud": []any{audience}}))
	if d.Allowed {
		return ""
	}
	reason, _, _ := strings.Cut(d.String(), "\n")
	return id.RoleARN + ": " + reason
}

// knows says whether a role of the same account is known.
func (a *Audit) knows(role string) bool {
	account, _, _ := strings.Cut(role, ":role/")
	for arn := range a.roles {
		if strings.HasPrefix(arn, account+":role/") {
			return true
		}
	}
	return false
}

// Pod looks for containers of a pod that fall back to the node's role, by the rule of
// [mutate.Mutator.Diagnose]. Where that depends on values that the pod does not show, such as those of a
// Secret, the container is listed with that remark. nil is an error.
func (a *Audit) Pod(cluster trust.Provider, pod *corev1.Pod) error {
	diagnosis, err := a.mutator.Diagnose(pod, mutate.Identity{})
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	var names []string
	for _, f := range diagnosis.Containers {
		switch {
		case f.Standing == mutate.FallsToNode:
			names = append(names, f.Name)
		case f.Standing == mutate.Unknown && f.Causes[0] != mutate.CauseReference:
			names = append(names, f.Name+" (unless values from elsewhere give it an identity)")
		}
	}
	if len(names) > 0 {
		a.report.AsNode = append(a.report.AsNode, Remark{
			Who:  a.name(cluster, pod.Namespace+"/"+pod.Name),
			What: "as service account " + cmp.Or(pod.Spec.ServiceAccountName, "default") + ", containers " + strings.Join(names, ", "),
		})
	}
	return nil
}

// name says in which cluster somebody is, when there are several.
func (a *Audit) name(cluster trust.Provider, who string) string {
	if len(a.clusters) > 1 {
		return who + " of " + cluster.HostPath()
	}
	return who
}

// Report is what was found, with what [trust.Policy.Lint] says of the policies that are about one of
// the clusters. It is the caller's own.
func (a *Audit) Report() *Report {
	r := a.report
	r.Findings = nil
	for arn, policy := range a.roles {
		document := policy.Document()
		if !slices.ContainsFunc(a.clusters, func(p trust.Provider) bool { return strings.Contains(document, p.HostPath()) }) {
			continue
		}
		for _, f := range policy.Lint() {
			r.Findings = append(r.Findings, Remark{arn, f.String(), f.Code, f.Severity.String()})
		}
	}
	r.Admitted = sorted(r.Admitted, func(a Admission) string { return a.Who })
	for _, list := range []*[]Remark{&r.Nowhere, &r.AsNode, &r.Findings} {
		*list = sorted(*list, func(r Remark) string { return r.Who })
	}
	return &r
}

// sorted is a copy, which is not nil: in JSON it is a list too when it is empty.
func sorted[T any](list []T, who func(T) string) []T {
	list = append([]T{}, list...)
	slices.SortStableFunc(list, func(x, y T) int { return cmp.Compare(who(x), who(y)) })
	return list
}
