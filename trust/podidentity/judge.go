package podidentity

import (
	"fmt"
	"strings"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/trust"
)

// Code says what kind of thing a [Warning] is about.
type Code string

// The codes of warnings.
const (
	// CodeRoleRefuses: the role's trust policy does not admit EKS for this service account.
	CodeRoleRefuses Code = "role-refuses"
	// CodeTagsMissing: the role's trust policy asks for session tags, and they are disabled.
	CodeTagsMissing Code = "tags-missing"
	// CodeTargetRefuses: the target role's trust policy does not admit the role's sessions.
	CodeTargetRefuses Code = "target-refuses"
	// CodeTargetOpen: the target role's trust policy does not ask for the association's external
	// id, so any session of the role may have it.
	CodeTargetOpen Code = "target-open"
)

// Warning says why an association would not work, or would admit more than it says. It is a
// plain value.
type Warning struct {
	Code    Code
	Message string
}

// String returns the message and the code.
func (w Warning) String() string { return fmt.Sprintf("%s (%s)", w.Message, w.Code) }

// judge asks the trust policies about the requests that EKS will make. externalID is "" as long as
// the association does not exist.
func (s Spec) judge(c arn.Cluster, externalID string) []Warning {
	var found []Warning
	if s.Trust != nil {
		found = append(found, s.judgeRole(c)...)
	}
	if s.TargetTrust != nil && s.TargetRoleARN != "" {
		found = append(found, s.judgeTarget(c, externalID)...)
	}
	return found
}

func (s Spec) judgeRole(c arn.Cluster) []Warning {
	session := trust.PodIdentitySession{
		AccountID: c.AccountID, ClusterARN: s.ClusterARN, ClusterName: c.Name,
		Namespace: s.Namespace, ServiceAccount: s.ServiceAccount, DisableSessionTags: s.DisableSessionTags,
	}
	decision := s.Trust.Evaluate(trust.PodIdentity(session))
	if decision.Allowed {
		return nil
	}
	session.DisableSessionTags = false
	if s.DisableSessionTags && s.Trust.Allows(trust.PodIdentity(session)) {
		return []Warning{{CodeTagsMissing, fmt.Sprintf("role %s asks for session tags, which the association disables: no pod gets it", s.RoleARN)}}
	}
	return []Warning{{CodeRoleRefuses, fmt.Sprintf("role %s does not admit EKS Pod Identity: %s", s.RoleARN, headline(decision))}}
}

func (s Spec) judgeTarget(c arn.Cluster, externalID string) []Warning {
	role, err := arn.ParseRole(s.RoleARN)
	if err != nil {
		return nil // check has refused it
	}
	session := trust.AssumeRoleSession{
		PrincipalARN: "arn:" + role.Partition + ":sts::" + role.AccountID + ":assumed-role/" + role.Name + "/eks-pod",
		RoleARN:      s.RoleARN, ExternalID: externalID,
	}
	if !s.DisableSessionTags {
		session.SessionTags = map[string]string{
			"eks-cluster-arn": s.ClusterARN, "eks-cluster-name": c.Name,
			"kubernetes-namespace": s.Namespace, "kubernetes-service-account": s.ServiceAccount,
		}
		for tag := range session.SessionTags {
			session.TransitiveTagKeys = append(session.TransitiveTagKeys, tag)
		}
	}
	decision := s.TargetTrust.Evaluate(trust.AssumeRole(session))
	another := session
	another.ExternalID = "another-association"
	switch {
	case s.TargetTrust.Allows(trust.AssumeRole(another)):
		return []Warning{{CodeTargetOpen, fmt.Sprintf("target role %s does not ask for the association's external id: every session of %s may have it", s.TargetRoleARN, s.RoleARN)}}
	case decision.Allowed:
		return nil
	case externalID == "":
		return []Warning{{CodeTargetRefuses, fmt.Sprintf("target role %s may ask for an external id, which EKS chooses when it creates the association: write Association.ExternalID into its trust policy then", s.TargetRoleARN)}}
	}
	return []Warning{{CodeTargetRefuses, fmt.Sprintf("target role %s does not admit sessions of %s: %s", s.TargetRoleARN, s.RoleARN, headline(decision))}}
}

// headline is the first line of a decision: why it is as it is.
func headline(d trust.Decision) string {
	line, _, _ := strings.Cut(d.String(), "\n")
	return strings.TrimPrefix(line, "denied: ")
}
