package iamrole

import (
	"errors"
	"fmt"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/rolerule"
	"github.com/irsa-go/irsa/trust"
)

// RoleRule says which role a service account has, by its namespace and name alone. It is the same
// type as mutate.RoleRule, which gives the roles to pods.
type RoleRule = rolerule.RoleRule

// SpecByRule returns the role that a service account has under a rule: its name, path, account and
// partition, and a trust policy that admits this one account of the provider's cluster, with the
// audience sts.amazonaws.com. What the role may do is the caller's to add.
//
// It fails for names that no account has, and for a provider of another AWS account than the
// rule's, since IAM refuses such a trust policy.
func SpecByRule(rule RoleRule, provider trust.Provider, namespace, account string) (Spec, error) {
	spec, err := specByRule(rule, provider, namespace, account)
	if err != nil {
		return Spec{}, fmt.Errorf("iamrole: spec by rule: %w", err)
	}
	return spec, nil
}

// ErrSharedRole is in the error about a role by rule that somebody else may become.
var ErrSharedRole = errors.New("its trust policy admits more than its own service account")

// CheckByRule reports a role whose name a rule gives to one service account of the provider's cluster,
// and whose trust policy admits anybody else: [ErrSharedRole], with a request that is admitted. The
// pods of that account would share the role with strangers. That the policy admits the account itself
// is checked too. It is nil for a role that is not under the rule. What cannot be decided is an error,
// and so is a policy that is nil.
func CheckByRule(rule RoleRule, provider trust.Provider, roleARN string, policy *trust.Policy) error {
	namespace, account, ok := rule.Account(roleARN)
	if !ok {
		return nil
	}
	fail := func(err error) error {
		return fmt.Errorf("iamrole: role %q belongs to service account %q by rule: %w", roleARN, namespace+"/"+account, err)
	}
	spec, err := specByRule(rule, provider, namespace, account)
	if err != nil {
		return fail(err)
	}
	if policy == nil {
		return fail(errors.New("it has no trust policy"))
	}
	switch proof := policy.Within(spec.Trust); proof.Outcome {
	case trust.Holds:
	case trust.Fails:
		return fail(fmt.Errorf("%w: %v", ErrSharedRole, proof.Witness))
	default:
		return fail(fmt.Errorf("it cannot be decided whom its trust policy admits: %v", proof))
	}
	if proof := spec.Trust.Within(policy); proof.Outcome != trust.Holds {
		return fail(errors.New("its trust policy does not admit the account itself"))
	}
	return nil
}

func specByRule(rule RoleRule, provider trust.Provider, namespace, account string) (Spec, error) {
	composed, err := rule.ARN(namespace, account)
	if err != nil {
		return Spec{}, err
	}
	role, err := arn.ParseRole(composed)
	if err != nil {
		return Spec{}, err
	}
	if provider.AccountID() != role.AccountID || provider.Partition() != role.Partition {
		return Spec{}, fmt.Errorf("provider %q is not in account %s of partition %s, where the role is", provider, role.AccountID, role.Partition)
	}
	subject, err := trust.ServiceAccount(namespace, account)
	if err != nil {
		return Spec{}, err
	}
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	if err != nil {
		return Spec{}, err
	}
	return Spec{Name: role.Name, Path: role.Path, AccountID: role.AccountID, Partition: role.Partition, Trust: policy}, nil
}
