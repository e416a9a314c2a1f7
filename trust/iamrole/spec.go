package iamrole

import (
	"errors"
	"fmt"
	"time"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/iamcall"
	"github.com/irsa-go/irsa/trust"
)

// Spec says what the role should be. It is a plain value.
type Spec struct {
	// Name is the role's name: 1 to 64 of letters, digits and _+=,.@-. Required.
	Name string
	// Path begins and ends with "/". "" is "/" for a new role; an existing one may then be
	// under any path. IAM cannot move a role: another path is [ErrOtherPath]. Paths under
	// "/aws-service-role/" and "/aws-reserved/" are AWS's own: [ErrProtected].
	Path string
	// AccountID is the account that the role is in; Partition its partition. "" is that of
	// the providers in Trust. Credentials for another account are an error before any write when
	// the role exists or this is set. Otherwise the ARN of the role that IAM creates shows
	// it, and the role is deleted again at once.
	AccountID string
	Partition string
	// Trust says who may assume the role; it replaces the role's policy as a whole. nil leaves
	// an existing role's policy as it is.
	Trust *trust.Policy
	// Description has at most 1000 characters, none beyond U+00FF. "" leaves what is there.
	Description string
	// ClearDescription takes an existing description away. Description must be "" then.
	ClearDescription bool
	// MaxSessionDuration is 1 to 12 hours, in whole seconds. 0 leaves what is there; a new
	// role has one hour.
	MaxSessionDuration time.Duration
	// PermissionsBoundary is the ARN of the policy that bounds what the role may do. "" leaves
	// what is there.
	PermissionsBoundary string
	// ClearPermissionsBoundary takes an existing boundary away, after everything else is done:
	// the role may then do all that its policies say. PermissionsBoundary must be "" then.
	ClearPermissionsBoundary bool
	// InlinePolicies are permission policies by name, as JSON documents.
	InlinePolicies map[string]string
	// ManagedPolicies are the ARNs of permission policies to attach.
	ManagedPolicies []string
	// Tags are set on the role.
	Tags map[string]string

	// ForeignInlinePolicies says what becomes of inline policies that are not listed above.
	ForeignInlinePolicies Foreign
	// ForeignManagedPolicies says what becomes of attached policies that are not listed above.
	ForeignManagedPolicies Foreign
	// ForeignTags says what becomes of tags that are not listed above. AWS's own always stay.
	ForeignTags Foreign
}

// Foreign says what becomes of something on a role that its spec does not list.
type Foreign int

const (
	// Keep leaves it.
	Keep Foreign = iota
	// Remove takes it away, after everything else is done.
	Remove
)

// Config says how patient Ensure, Grant and Revoke are. The zero value is what most callers
// want.
type Config struct {
	// Patience is how long in all to retry what IAM refuses for the moment: a concurrent
	// modification, or a principal or provider just created that it does not find yet. 0 is a
	// minute; less than 0 never waits.
	Patience time.Duration
	// Settle is how long after a change of a trust policy to read it again, to find out
	// whether another writer has replaced it. 0 is half a second; less than 0 does not read
	// again, and the edit may be lost to another writer.
	Settle time.Duration
}

// wanted is a checked Spec.
type wanted struct {
	Spec
	managed []string // without duplicates
	home    home
}

func (s Spec) wanted() (wanted, error) {
	w := wanted{Spec: s, managed: iamcall.Unique(s.ManagedPolicies), home: home{partition: s.Partition, accountID: s.AccountID}}
	var found []error
	check := func(err error) { found = append(found, err) }
	check(arn.CheckRoleName(s.Name))
	if s.Path != "" {
		check(arn.CheckPath(s.Path))
	}
	if isReservedPath(s.Path) {
		check(fmt.Errorf("path %q: %w", s.Path, ErrProtected))
	}
	if s.AccountID != "" {
		check(arn.CheckAccountID(s.AccountID))
	}
	if s.Partition != "" {
		check(arn.CheckPartition(s.Partition))
	}
	check(s.checkSettings())
	check(checkInlinePolicies(s.Name, s.InlinePolicies))
	check(iamcall.CheckTags(s.Tags))
	if s.Trust != nil {
		check(checkTrust(s.Trust))
		check(w.home.settle(s.Trust.Providers()))
	}
	check(w.checkManaged())
	if err := errors.Join(found...); err != nil {
		return wanted{}, err
	}
	return w, nil
}

// Limits of https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html.
const (
	maxDescription = 1000
	minSession     = time.Hour
	maxSession     = 12 * time.Hour
)

func (s Spec) checkSettings() error {
	var found []error
	if n := len([]rune(s.Description)); n > maxDescription {
		found = append(found, fmt.Errorf("the description has %d characters, at most %d are possible", n, maxDescription))
	}
	if !arn.Only(s.Description, arn.IsDescriptionRune) {
		found = append(found, errors.New("the description has characters that IAM does not take: control characters, or characters beyond U+00FF"))
	}
	if s.ClearDescription && s.Description != "" {
		found = append(found, errors.New("ClearDescription is set together with a Description"))
	}
	if s.ClearPermissionsBoundary && s.PermissionsBoundary != "" {
		found = append(found, errors.New("ClearPermissionsBoundary is set together with a PermissionsBoundary"))
	}
	if d := s.MaxSessionDuration; d != 0 && (d < minSession || d > maxSession || d%time.Second != 0) {
		found = append(found, fmt.Errorf("the maximum session duration is %v, want whole seconds from %v to %v", d, minSession, maxSession))
	}
	for i, v := range []Foreign{s.ForeignInlinePolicies, s.ForeignManagedPolicies, s.ForeignTags} {
		if v != Keep && v != Remove {
			field := []string{"ForeignInlinePolicies", "ForeignManagedPolicies", "ForeignTags"}[i]
			found = append(found, fmt.Errorf("%s is %d, want Keep or Remove", field, v))
		}
	}
	return errors.Join(found...)
}

func (w wanted) checkManaged() error {
	var found []error
	for _, policy := range w.managed {
		if err := w.home.checkPolicyARN(policy); err != nil {
			found = append(found, fmt.Errorf("managed policy %q: %w", policy, err))
		}
	}
	if w.PermissionsBoundary != "" {
		if err := w.home.checkPolicyARN(w.PermissionsBoundary); err != nil {
			found = append(found, fmt.Errorf("permissions boundary %q: %w", w.PermissionsBoundary, err))
		}
	}
	return errors.Join(found...)
}
