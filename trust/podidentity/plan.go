package podidentity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/iamcall"
)

const createAction = "eks:CreatePodIdentityAssociation"

// plan returns what there is, zero for none, and what there is to write. The writes keep what is
// returned true.
func (s Spec) plan(ctx context.Context, api Reader, c arn.Cluster) (*Association, []write, error) {
	have, err := find(ctx, api, c, s.Target)
	switch {
	case err != nil:
		return nil, nil, err
	case have == nil:
		have = &Association{}
		return have, []write{s.create(c, have)}, nil
	}
	writes := s.compare(c, have)
	if len(writes) > 0 && have.OwnerARN != "" {
		return nil, nil, fmt.Errorf("%w, %s", ErrOwned, have.OwnerARN)
	}
	return have, writes, nil
}

func (s Spec) compare(c arn.Cluster, have *Association) []write {
	var writes []write
	if have.RoleARN != s.RoleARN || have.TargetRoleARN != s.TargetRoleARN || have.Policy != s.Policy || have.DisableSessionTags != s.DisableSessionTags {
		writes = append(writes, s.update(c, have))
	}
	set := maps.Clone(s.Tags)
	maps.DeleteFunc(set, func(key, value string) bool { old, ok := have.Tags[key]; return ok && old == value })
	if len(set) > 0 {
		writes = append(writes, write{
			Step: Step{Action: "eks:TagResource", Text: iamcall.QuotedTags("set tags ", set)},
			Run: func(ctx context.Context, api API) error {
				_, err := api.TagResource(ctx, &eks.TagResourceInput{ResourceArn: &have.ARN, Tags: set})
				if err == nil {
					have.Tags = merged(have.Tags, set)
				}
				return err
			},
		})
	}
	if foreign := s.foreignTags(have.Tags); len(foreign) > 0 {
		writes = append(writes, write{
			Step: Step{Action: "eks:UntagResource", Text: "remove tags " + iamcall.Quoted(foreign), Removes: true},
			Run: func(ctx context.Context, api API) error {
				_, err := api.UntagResource(ctx, &eks.UntagResourceInput{ResourceArn: &have.ARN, TagKeys: foreign})
				if err == nil {
					maps.DeleteFunc(have.Tags, func(key, _ string) bool { return slices.Contains(foreign, key) })
				}
				return err
			},
		})
	}
	return writes
}

func (s Spec) foreignTags(have map[string]string) []string {
	if s.ForeignTags != Remove {
		return nil
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(have)), func(key string) bool {
		_, wanted := s.Tags[key]
		return wanted || strings.HasPrefix(strings.ToLower(key), "aws:")
	})
}

func merged(have, set map[string]string) map[string]string {
	all := maps.Clone(set)
	for key, value := range have {
		if _, changed := set[key]; !changed {
			all[key] = value
		}
	}
	return all
}

func (s Spec) create(c arn.Cluster, have *Association) write {
	return write{
		Step: Step{Action: createAction, Text: "create association with role " + s.RoleARN + s.details()},
		Run: func(ctx context.Context, api API) error {
			out, err := api.CreatePodIdentityAssociation(ctx, &eks.CreatePodIdentityAssociationInput{
				ClusterName: &c.Name, Namespace: &s.Namespace, ServiceAccount: &s.ServiceAccount, RoleArn: &s.RoleARN,
				TargetRoleArn: given(s.TargetRoleARN), Policy: given(s.Policy), DisableSessionTags: &s.DisableSessionTags, Tags: s.Tags,
			})
			if err != nil {
				return err
			}
			return have.read(s.ClusterARN, out.Association)
		},
	}
}

// update sends all settings. EKS takes "" for "none any more" of the target role, as ACK's
// controller for EKS found (https://github.com/aws-controllers-k8s/eks-controller/pull/164).
func (s Spec) update(c arn.Cluster, have *Association) write {
	text := "change role " + have.RoleARN + " to " + s.RoleARN + s.details()
	if have.RoleARN == s.RoleARN {
		text = "change settings" + s.details()
	}
	return write{
		Step: Step{Action: "eks:UpdatePodIdentityAssociation", Text: text},
		Run: func(ctx context.Context, api API) error {
			in := &eks.UpdatePodIdentityAssociationInput{
				ClusterName: &c.Name, AssociationId: &have.ID, RoleArn: &s.RoleARN, DisableSessionTags: &s.DisableSessionTags,
			}
			if have.TargetRoleARN != s.TargetRoleARN {
				in.TargetRoleArn = &s.TargetRoleARN
			}
			if have.Policy != s.Policy {
				in.Policy = &s.Policy
			}
			out, err := api.UpdatePodIdentityAssociation(ctx, in)
			if err != nil {
				return err
			}
			return have.read(s.ClusterARN, out.Association)
		},
	}
}

// details says what else the association has, for a person.
func (s Spec) details() string {
	var text string
	if s.TargetRoleARN != "" {
		text += ", target role " + s.TargetRoleARN
	}
	if s.Policy != "" {
		text += ", a session policy"
	}
	if s.DisableSessionTags {
		text += ", without session tags"
	}
	return text
}

// read takes over what EKS says of the association that was written, its external id above all.
func (a *Association) read(clusterARN string, written *types.PodIdentityAssociation) error {
	if written == nil {
		return errors.New("EKS answered without the association")
	}
	*a = associationOf(clusterARN, written)
	return nil
}
