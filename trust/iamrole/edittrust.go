package iamrole

import (
	"context"

	"github.com/irsa-go/irsa/trust"
)

// EditTrust changes a live role's trust policy to what change makes of it: for edits that [Grant]
// and [Revoke] do not make, such as those for EKS Pod Identity. change returns its argument itself
// when nothing is to be done, and then nothing is written. It may be called several times, each
// time with the policy that IAM has then.
//
// The caller needs what [Grant] needs. Errors are those of Grant, and what change returns.
func EditTrust(ctx context.Context, api TrustAPI, roleName string, change func(*trust.Policy) (*trust.Policy, error), cfg Config) (Edit, error) {
	return editTrust(ctx, api, roleName, cfg, func(role *Role) (*trust.Policy, error) {
		if err := role.checkEditable(trust.Grant{}); err != nil {
			return nil, err
		}
		return change(role.Trust)
	})
}
