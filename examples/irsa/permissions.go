package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irsa-go/irsa/internal/arn"
)

// job is a function of the library that asks AWS, and what its caller needs. A test holds the list to
// the functions' documentation.
type job struct {
	name    string
	needs   string // what that job needs too
	actions []string
}

var jobs = [...]job{
	{"iamprovider.Plan", "", []string{"iam:GetOpenIDConnectProvider"}},
	{"iamprovider.Ensure", "", []string{
		"iam:GetOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider", "iam:AddClientIDToOpenIDConnectProvider",
		"iam:UpdateOpenIDConnectProviderThumbprint", "iam:RemoveClientIDFromOpenIDConnectProvider", "iam:UntagOpenIDConnectProvider",
	}},
	{"iamprovider.Delete", "", []string{"iam:DeleteOpenIDConnectProvider"}},
	{"iamprovider.Stale", "", []string{"iam:ListOpenIDConnectProviders"}},
	{"iamrole.Read", "", []string{"iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"}},
	{"iamrole.Plan", "", []string{"iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetAccountSummary"}},
	{"iamrole.Ensure", "iamrole.Plan", []string{
		"iam:CreateRole", "iam:TagRole", "iam:DeleteRole", "iam:PutRolePermissionsBoundary", "iam:UpdateRole", "iam:UpdateAssumeRolePolicy",
		"iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:DeleteRolePolicy", "iam:UntagRole",
		"iam:DeleteRolePermissionsBoundary", "iam:ListRoles",
	}},
	{"iamrole.Grant", "", []string{"iam:GetRole", "iam:UpdateAssumeRolePolicy", "iam:GetAccountSummary"}},
	{"iamrole.Revoke", "iamrole.Grant", nil},
	{"iamrole.EditTrust", "iamrole.Grant", nil},
	{"iamrole.Quota", "", []string{"iam:GetAccountSummary"}},
	{"iamrole.Delete", "", []string{
		"iam:GetRole", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies",
		"iam:DetachRolePolicy", "iam:DeleteRolePolicy", "iam:DeleteRole",
	}},
	{"podidentity.Read", "", []string{"eks:ListPodIdentityAssociations", "eks:DescribePodIdentityAssociation"}},
	{"podidentity.List", "podidentity.Read", nil},
	{"podidentity.Plan", "podidentity.Read", nil},
	{"podidentity.Ensure", "podidentity.Plan", []string{
		"eks:CreatePodIdentityAssociation", "eks:UpdatePodIdentityAssociation", "eks:TagResource", "eks:UntagResource", "iam:GetRole", "iam:PassRole",
	}},
	{"podidentity.Delete", "podidentity.Read", []string{"eks:DeletePodIdentityAssociation"}},
}

// actionsOf is what jobs need together, each once, in order.
func actionsOf(names ...string) (actions []string, err error) {
	for _, name := range names {
		i := slices.IndexFunc(jobs[:], func(j job) bool { return j.name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown function %q; irsa permissions --help lists them", name)
		}
		actions = append(actions, jobs[i].actions...)
		if more := jobs[i].needs; more != "" {
			inner, err := actionsOf(more)
			if err != nil {
				return nil, err
			}
			actions = append(actions, inner...)
		}
	}
	slices.Sort(actions)
	return slices.Compact(actions), nil
}

// scope is where a job may be done.
type scope struct{ partition, account, region, cluster, roles string }

// newPermissions prints the IAM policy with which the library's functions can do their jobs.
func newPermissions() *cobra.Command {
	var s scope
	var names []string
	for _, j := range jobs {
		names = append(names, j.name)
	}
	cmd := &cobra.Command{
		Use:       "permissions FUNCTION...",
		Short:     "The IAM policy that callers of the library's functions need",
		Long:      "Prints the IAM policy that callers of these functions need, as JSON:\n\n  " + strings.Join(names, "\n  "),
		Args:      cobra.MinimumNArgs(1),
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(); err != nil {
				return err
			}
			actions, err := actionsOf(args...)
			if err != nil {
				return err
			}
			return show(cmd, s.policy(actions))
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.partition, "partition", "aws", "`NAME` of the partition")
	f.StringVar(&s.account, "account", "", "AWS account `ID`")
	f.StringVar(&s.region, "region", "*", "`REGION` of the clusters")
	f.StringVar(&s.cluster, "cluster", "*", "`NAME` of the cluster, for EKS Pod Identity")
	f.StringVar(&s.roles, "roles", "*", "`PATTERN` of path and name of the roles, such as irsa/*")
	required(cmd, "account")
	return cmd
}

func (s scope) check() error {
	if err := arn.CheckPartition(s.partition); err != nil {
		return fmt.Errorf("--partition: %w", err)
	}
	if err := arn.CheckAccountID(s.account); err != nil {
		return fmt.Errorf("--account: %w", err)
	}
	return nil
}

// permissions is a permission policy.
type permissions struct {
	Version   string
	Statement []permission
}

type permission struct {
	Effect    string
	Action    []string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

// policy has a statement for each kind of resource
// (https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html).
func (s scope) policy(actions []string) permissions {
	p := permissions{Version: "2012-10-17"}
	for _, action := range actions {
		allowed := permission{Effect: "Allow", Resource: s.resource(action)}
		if action == "iam:PassRole" {
			allowed.Condition = map[string]map[string]string{"StringEquals": {"iam:PassedToService": "pods.eks.amazonaws.com"}}
		}
		i := slices.IndexFunc(p.Statement, func(have permission) bool {
			return have.Resource == allowed.Resource && len(have.Condition) == len(allowed.Condition)
		})
		if i < 0 {
			i = len(p.Statement)
			p.Statement = append(p.Statement, allowed)
		}
		p.Statement[i].Action = append(p.Statement[i].Action, action)
	}
	return p
}

func (s scope) resource(action string) string {
	iam := "arn:" + s.partition + ":iam::" + s.account + ":"
	eks := "arn:" + s.partition + ":eks:" + s.region + ":" + s.account + ":"
	switch {
	case slices.Contains([]string{"iam:GetAccountSummary", "iam:ListRoles", "iam:ListOpenIDConnectProviders"}, action):
		return "*" // they are of the account
	case strings.Contains(action, "OpenIDConnectProvider"):
		return iam + "oidc-provider/*"
	case strings.HasPrefix(action, "iam:"):
		return iam + "role/" + s.roles
	case slices.Contains([]string{"eks:ListPodIdentityAssociations", "eks:CreatePodIdentityAssociation"}, action):
		return eks + "cluster/" + s.cluster
	}
	return eks + "podidentityassociation/" + s.cluster + "/*"
}
