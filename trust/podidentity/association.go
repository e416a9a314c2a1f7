package podidentity

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/iamcall"
)

// Errors that a caller may want to tell apart, with errors.Is.
var (
	// ErrNotFound is in the error of a service account that has no association.
	ErrNotFound = errors.New("the service account has no association")
	// ErrOwned is in the error of an association that an EKS add-on owns: only the add-on's own
	// settings may change it.
	ErrOwned = errors.New("the association belongs to an EKS add-on")
	// ErrNoClient is in the error of a call without a client for EKS.
	ErrNoClient = errors.New("the EKS client is nil")
)

// Association is an association as EKS has it. It is a plain value.
type Association struct {
	Target
	// ARN and ID are EKS's names for the association.
	ARN, ID string
	// RoleARN is the role that pods get, in the cluster's account.
	RoleARN string
	// TargetRoleARN is the role that pods get instead, by way of RoleARN; "" for none.
	TargetRoleARN string
	// ExternalID is what EKS gives as sts:ExternalId when it assumes the target role; "" without one.
	ExternalID string
	// Policy is the session policy, a JSON document; "" for none.
	Policy string
	// DisableSessionTags is true when EKS sets no session tags.
	DisableSessionTags bool
	// OwnerARN is the add-on that owns the association; "" for none.
	OwnerARN string
	// Tags are the association's own.
	Tags map[string]string
}

// Read returns the association of a service account. The caller needs
// eks:ListPodIdentityAssociations and eks:DescribePodIdentityAssociation.
//
// Errors: [ErrNotFound], what is wrong with the target, what EKS answers.
func Read(ctx context.Context, api Reader, t Target) (Association, error) {
	fail := func(err error) (Association, error) { return Association{}, fmt.Errorf("podidentity: %s: %w", t, err) }
	c, err := t.check()
	if err != nil {
		return fail(err)
	}
	if api == nil {
		return fail(ErrNoClient)
	}
	a, err := find(ctx, api, c, t)
	if err != nil {
		return fail(err)
	}
	if a == nil {
		return fail(ErrNotFound)
	}
	return *a, nil
}

// List returns the associations of a cluster, of one namespace unless that is "", in EKS's order.
// Each costs a call, since EKS lists them without their roles. The caller needs what [Read] needs.
func List(ctx context.Context, api Reader, clusterARN, namespace string) ([]Association, error) {
	fail := func(err error) ([]Association, error) { return nil, fmt.Errorf("podidentity: list: %w", err) }
	c, err := parseCluster(clusterARN)
	if err != nil {
		return fail(err)
	}
	if api == nil {
		return fail(ErrNoClient)
	}
	summaries, err := list(ctx, api, c, Target{ClusterARN: clusterARN, Namespace: namespace})
	if err != nil {
		return fail(err)
	}
	var found []Association
	for _, s := range summaries {
		a, err := describe(ctx, api, c, clusterARN, s)
		if err != nil {
			return fail(err)
		}
		if a != nil {
			found = append(found, *a)
		}
	}
	return found, nil
}

// find returns nil when the association does not exist.
func find(ctx context.Context, api Reader, c arn.Cluster, t Target) (*Association, error) {
	summaries, err := list(ctx, api, c, t)
	if err != nil {
		return nil, err
	}
	for _, s := range summaries {
		if aws.ToString(s.Namespace) == t.Namespace && aws.ToString(s.ServiceAccount) == t.ServiceAccount {
			return describe(ctx, api, c, t.ClusterARN, s)
		}
	}
	return nil, nil
}

func list(ctx context.Context, api Reader, c arn.Cluster, t Target) ([]types.PodIdentityAssociationSummary, error) {
	in := &eks.ListPodIdentityAssociationsInput{ClusterName: &c.Name, Namespace: given(t.Namespace), ServiceAccount: given(t.ServiceAccount)}
	var all []types.PodIdentityAssociationSummary
	for {
		page, err := api.ListPodIdentityAssociations(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list associations: %w", err)
		}
		all = append(all, page.Associations...)
		if aws.ToString(page.NextToken) == "" {
			return all, nil
		}
		in.NextToken = page.NextToken
	}
}

// describe returns nil for an association that is gone meanwhile.
func describe(ctx context.Context, api Reader, c arn.Cluster, clusterARN string, s types.PodIdentityAssociationSummary) (*Association, error) {
	out, err := api.DescribePodIdentityAssociation(ctx, &eks.DescribePodIdentityAssociationInput{ClusterName: &c.Name, AssociationId: s.AssociationId})
	switch {
	case iamcall.Is(err, codeNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("describe association %s: %w", aws.ToString(s.AssociationId), err)
	case out.Association == nil:
		return nil, fmt.Errorf("describe association %s: EKS answered without one", aws.ToString(s.AssociationId))
	}
	a := associationOf(clusterARN, out.Association)
	return &a, nil
}

func associationOf(clusterARN string, a *types.PodIdentityAssociation) Association {
	return Association{
		Target: Target{ClusterARN: clusterARN, Namespace: aws.ToString(a.Namespace), ServiceAccount: aws.ToString(a.ServiceAccount)},
		ARN:    aws.ToString(a.AssociationArn), ID: aws.ToString(a.AssociationId),
		RoleARN: aws.ToString(a.RoleArn), TargetRoleARN: aws.ToString(a.TargetRoleArn), ExternalID: aws.ToString(a.ExternalId),
		Policy: aws.ToString(a.Policy), DisableSessionTags: aws.ToBool(a.DisableSessionTags),
		OwnerARN: aws.ToString(a.OwnerArn), Tags: maps.Clone(a.Tags),
	}
}

// given is nil for "".
func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
