package iamrole

import (
	"errors"
	"fmt"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/trust"
)

// home is where a role is; a field that is "" is not known yet.
type home struct{ partition, accountID string }

// check reports what is somewhere else.
func (h home) check(partition, accountID string) error {
	if h.partition != "" && h.partition != partition {
		return fmt.Errorf("%w: its partition is %q, the role's is %q", ErrOtherAccount, partition, h.partition)
	}
	if h.accountID != "" && h.accountID != accountID {
		return fmt.Errorf("%w: its account is %q, the role's is %q", ErrOtherAccount, accountID, h.accountID)
	}
	return nil
}

// settle fills in what is not known by the providers of a trust policy, and reports those that
// are somewhere else: STS only looks among the providers of the role's own account.
func (h *home) settle(providers []trust.Provider) error {
	var found []error
	for _, p := range providers {
		if err := h.check(p.Partition(), p.AccountID()); err != nil {
			found = append(found, fmt.Errorf("provider %s: %w", p, err))
			continue
		}
		h.partition, h.accountID = p.Partition(), p.AccountID()
	}
	return errors.Join(found...)
}

// checkPolicyARN checks a managed policy: AWS's own, or one of the role's account.
func (h home) checkPolicyARN(s string) error {
	a, err := arn.ParsePolicy(s)
	if err != nil {
		return err
	}
	if a.AccountID == "aws" {
		h.accountID = ""
	}
	return h.check(a.Partition, a.AccountID)
}
