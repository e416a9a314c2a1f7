package mutate

import (
	"errors"
	"fmt"

	"github.com/irsa-go/irsa/internal/rolerule"
)

// RoleRule says which role a service account has, by its namespace and name alone. It is the same
// type as iamrole.RoleRule, which makes the roles.
type RoleRule = rolerule.RoleRule

// LabelRoleByRule is the label of a pod that asks for the role of Config.RoleRule, under
// Config.AnnotationDomain, and LabelRoleByRuleValue its value.
const (
	LabelRoleByRule      = "role-by-rule"
	LabelRoleByRuleValue = "true"
)

var errNoRule = errors.New("Config.RoleRule is not set")

// IdentityByRule returns the identity that Config.RoleRule gives to the pods of a service account.
// The account itself is not looked at, and need not be known; its annotations have no effect.
// Everything but the role comes from [Config]. It fails without a rule, and for names that no
// account has.
func (m *Mutator) IdentityByRule(t Target) (Identity, error) {
	id, err := m.byRule(t)
	if err != nil {
		return Identity{}, fmt.Errorf("mutate: identity by rule: %w", err)
	}
	return id, nil
}

func (m *Mutator) byRule(t Target) (Identity, error) {
	if m == nil || m.scanners == nil {
		return Identity{}, errNoMutator
	}
	if m.cfg.RoleRule.IsZero() {
		return Identity{}, errNoRule
	}
	role, err := m.cfg.RoleRule.ARN(t.Namespace, t.ServiceAccount)
	if err != nil {
		return Identity{}, err
	}
	id := m.cfg.identity()
	id.RoleARN = role
	return id, nil
}

// followsRule says whether the rule decides about a pod.
func (m *Mutator) followsRule(t Target, v *view) bool {
	return !m.cfg.RoleRule.IsZero() && (m.cfg.RoleRuleForEveryPod || v.byRule) && !m.accounts[t]
}

// identity is what c gives to every identity that has a role.
func (c Config) identity() Identity {
	id := Identity{RegionalSTS: c.RegionalSTS}
	if c.TokenExpiration != DefaultTokenExpiration {
		id.TokenExpiration = c.TokenExpiration
	}
	if c.Audience != DefaultAudience {
		id.Audience = c.Audience
	}
	return id
}
