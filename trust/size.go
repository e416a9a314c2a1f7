package trust

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// DefaultSizeQuota is the number of non-whitespace characters that a trust policy may have in
// an account whose quota (AssumeRolePolicySizeQuota of iam:GetAccountSummary) was never raised
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const DefaultSizeQuota = 2048

// Size counts the document's characters as IAM does: without white space.
func (p *Policy) Size() int {
	doc := p.tree().AppendJSON(nil)
	n := utf8.RuneCount(doc)
	for _, space := range [...]string{" ", "\t", "\n", "\r"} {
		n -= bytes.Count(doc, []byte(space))
	}
	return n
}

// SizeError says that a policy is larger than the account's quota. IAM's own answer would be
// LimitExceeded: "Cannot exceed quota for ACLSizePerRole: QUOTA".
type SizeError struct {
	// Size is the policy's size, Quota the largest size that is allowed, and Excess their
	// difference.
	Size, Quota, Excess int
	// Compacted is the size after Compact.
	Compacted int
}

// Error names the excess and what would help.
func (e *SizeError) Error() string {
	advice := "split it over several roles, use fewer providers, or have the quota raised"
	if e.Compacted <= e.Quota {
		advice = fmt.Sprintf("Compact brings it to %d", e.Compacted)
	}
	return fmt.Sprintf("the policy has %d characters, %d more than the quota of %d: %s", e.Size, e.Excess, e.Quota, advice)
}

// CheckSize returns a *SizeError when the policy is larger than the quota; 0 is
// DefaultSizeQuota.
func (p *Policy) CheckSize(quota int) error {
	if quota <= 0 {
		quota = DefaultSizeQuota
	}
	size := p.Size()
	if size <= quota {
		return nil
	}
	return fmt.Errorf("trust: %w", &SizeError{Size: size, Quota: quota, Excess: size - quota, Compacted: p.Compact().Size()})
}
