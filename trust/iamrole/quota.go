package iamrole

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/irsa-go/irsa/internal/iamcall"
	"github.com/irsa-go/irsa/trust"
)

// Quota returns how many characters, white space not counted, a trust policy may have in the
// account: what [trust.Policy.CheckSize] wants to know.
// The caller needs iam:GetAccountSummary.
func Quota(ctx context.Context, api QuotaAPI) (int, error) {
	if api == nil {
		return 0, fmt.Errorf("iamrole: %w", ErrNoClient)
	}
	out, err := api.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
	if err != nil {
		return 0, fmt.Errorf("iamrole: read the account's quotas: %w", err)
	}
	n := out.SummaryMap[string(types.SummaryKeyTypeAssumeRolePolicySizeQuota)]
	if n <= 0 {
		return 0, errors.New("iamrole: the account's summary has no AssumeRolePolicySizeQuota")
	}
	return int(n), nil
}

// quota is the account's, asked for once and only when a policy is larger than any account
// takes.
type quota struct {
	asked bool
	known int // 0: it may not be read
}

// check reports a policy that the account does not take. Who may not read the quota leaves it
// to IAM.
func (q *quota) check(ctx context.Context, api QuotaAPI, p *trust.Policy) error {
	if p.Size() <= trust.DefaultSizeQuota {
		return nil
	}
	if !q.asked {
		n, err := Quota(ctx, api)
		if err != nil && !iamcall.Is(err, iamcall.AccessDenied) {
			return err
		}
		q.asked, q.known = true, n
	}
	if q.known == 0 {
		return nil
	}
	return p.CheckSize(q.known)
}
