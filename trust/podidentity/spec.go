package podidentity

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/trust"
)

// Spec is what an association should be, as a whole: what is empty here is taken away there,
// but for tags.
type Spec struct {
	Target
	// RoleARN is the role that pods get; required, in the cluster's account.
	RoleARN string
	// TargetRoleARN is a role of any account that pods get instead, by way of RoleARN; "" for none.
	TargetRoleARN string
	// Policy is a session policy: what pods may do is what the role, or the target role, and this
	// document both allow. "" for none. EKS demands DisableSessionTags with it.
	Policy string
	// DisableSessionTags keeps EKS from setting session tags. A trust policy that asks for them, as
	// one for certain namespaces or service accounts does, then admits nobody.
	DisableSessionTags bool
	// Tags are set on the association. Others stay, unless ForeignTags is [Remove].
	Tags map[string]string
	// ForeignTags says what becomes of tags that are not in Tags.
	ForeignTags Foreign

	// Trust and TargetTrust are the trust policies of the two roles, to judge them together with
	// the association; nil leaves one out.
	Trust, TargetTrust *trust.Policy
}

// Foreign says what becomes of tags that a spec does not list.
type Foreign int

const (
	// Keep leaves it alone.
	Keep Foreign = iota
	// Remove takes it away.
	Remove
)

// maxPolicy is the longest session policy, in characters
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
const maxPolicy = 2048

func (s Spec) check() (arn.Cluster, error) {
	c, err := s.Target.check()
	found := []error{err, s.checkRole(c)}
	if s.TargetRoleARN != "" {
		if _, err := arn.ParseRole(s.TargetRoleARN); err != nil {
			found = append(found, fmt.Errorf("TargetRoleARN %q: %w", s.TargetRoleARN, err))
		}
	}
	if s.Policy != "" {
		if policy := jsontext.Value(s.Policy); !policy.IsValid() || policy.Kind() != '{' {
			found = append(found, errors.New("the session policy is not a JSON object"))
		}
		if n := len([]rune(s.Policy)); n > maxPolicy {
			found = append(found, fmt.Errorf("the session policy has %d characters, at most %d are possible", n, maxPolicy))
		}
		if !s.DisableSessionTags {
			found = append(found, errors.New("a session policy is given: EKS takes one only with DisableSessionTags"))
		}
	}
	if s.ForeignTags != Keep && s.ForeignTags != Remove {
		found = append(found, fmt.Errorf("ForeignTags is %d, want Keep or Remove", s.ForeignTags))
	}
	return c, errors.Join(found...)
}

func (s Spec) checkRole(c arn.Cluster) error {
	role, err := arn.ParseRole(s.RoleARN)
	switch {
	case err != nil:
		return fmt.Errorf("RoleARN %q: %w", s.RoleARN, err)
	case c != arn.Cluster{} && (role.AccountID != c.AccountID || role.Partition != c.Partition):
		return fmt.Errorf("RoleARN %q: EKS only takes a role of the cluster's account, %s: for a role of another, set TargetRoleARN", s.RoleARN, c.AccountID)
	}
	return nil
}
