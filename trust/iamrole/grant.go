package iamrole

import (
	"context"
	"fmt"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/iamcall"
	"github.com/irsa-go/irsa/trust"
)

// Edit is what Grant, Revoke or EditTrust has done to a role's trust policy. It is a plain value.
type Edit struct {
	// ARN is the role's.
	ARN string
	// Changed is true when something was written.
	Changed bool
	// Before and After are the policies; the same one when nothing was written.
	Before, After *trust.Policy
	// Unconfirmed is true when IAM still answered with the old policy when it was read again:
	// eventual consistency, or another writer who put it back.
	Unconfirmed bool
}

// Grant lets the subjects and patterns of a grant assume a live role: [trust.Policy.WithGrant] on
// its trust policy. Everything else in the policy stays as it is. Nothing is written when that changes
// nothing. It may be called from several places at once, for the same role too.
//
// The caller needs iam:GetRole and iam:UpdateAssumeRolePolicy, and for a policy of more than
// [trust.DefaultSizeQuota] characters iam:GetAccountSummary.
//
// Errors, all before anything is written: [ErrNotFound]; [ErrProtected]; [ErrOtherAccount] for
// a provider that is not of the role's account; *[trust.EditError], *[trust.SizeError] and
// *[DeletedPrincipalError]. IAM's "Invalid principal in policy" is retried, as a new provider
// is not known everywhere at once: see [Config].Patience.
func Grant(ctx context.Context, api TrustAPI, roleName string, g trust.Grant, cfg Config) (Edit, error) {
	return editTrust(ctx, api, roleName, cfg, func(role *Role) (*trust.Policy, error) {
		if err := role.checkEditable(g); err != nil {
			return nil, err
		}
		return role.Trust.WithGrant(g)
	})
}

// Revoke takes the subjects and patterns of a grant out of a live role's trust policy, as
// [trust.Policy.WithoutGrant] does; all else stays as it is. Sessions that they have already
// live on until they expire.
//
// IAM stores no trust policy without statements. When the last one goes, Revoke writes one in
// its place that admits nobody: a Deny with the Sid "NobodyIsAdmitted", for connections
// without TLS, which AWS does not take anyway, so that it is in nobody's way later.
//
// The caller needs what [Grant] needs. Errors are those of Grant; *[trust.EditError] says that a
// subject would stay admitted by something else.
func Revoke(ctx context.Context, api TrustAPI, roleName string, g trust.Grant, cfg Config) (Edit, error) {
	return editTrust(ctx, api, roleName, cfg, func(role *Role) (*trust.Policy, error) {
		if err := role.checkEditable(g); err != nil {
			return nil, err
		}
		next, err := role.Trust.WithoutGrant(g)
		if err == nil && next.Len() == 0 {
			return nobody(role.home)
		}
		return next, err
	})
}

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

func editTrust(ctx context.Context, api TrustAPI, roleName string, cfg Config, f edit) (Edit, error) {
	fail := func(err error) (Edit, error) {
		return Edit{}, fmt.Errorf("iamrole: role %q: %w", roleName, err)
	}
	if err := arn.CheckRoleName(roleName); err != nil {
		return fail(err)
	}
	if api == nil {
		return fail(ErrNoClient)
	}
	e := editor{api: api, name: roleName, edit: f, settle: cfg.Settle, patience: iamcall.NewPatience(cfg.Patience)}
	done, err := e.run(ctx)
	if err != nil {
		return fail(err)
	}
	return Edit{
		ARN: done.role.ARN, Changed: done.changed, Unconfirmed: done.unconfirmed,
		Before: done.before, After: done.after,
	}, nil
}

func (r *Role) checkEditable(g trust.Grant) error {
	if r.isProtected() {
		return ErrProtected
	}
	if r.TrustError != nil {
		return fmt.Errorf("its trust policy cannot be read: %w", r.TrustError)
	}
	if g.Provider.IsZero() {
		return nil // the edit itself says so
	}
	if err := r.home.check(g.Provider.Partition(), g.Provider.AccountID()); err != nil {
		return fmt.Errorf("provider %s: %w", g.Provider, err)
	}
	return nil
}

// nobody is the smallest policy that IAM stores and that lets nobody in: it has no Allow.
func nobody(role home) (*trust.Policy, error) {
	return trust.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Sid":"NobodyIsAdmitted","Effect":"Deny",` +
		`"Principal":{"AWS":"arn:` + role.partition + `:iam::` + role.accountID + `:root"},` +
		`"Action":"sts:AssumeRole","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`))
}
