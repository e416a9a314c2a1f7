package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/irsa-go/irsa/trust"
)

// askRoles asks IAM for the roles of a profile's account, page by page. The caller needs iam:ListRoles:
// trust policies are all that an audit reads, so it asks for nothing that shows what roles may do.
func (p process) askRoles(ctx context.Context, profile string, roles map[string]*trust.Policy, counted func()) error {
	cfg, err := p.load(ctx, config.WithSharedConfigProfile(profile)) // "": the default one
	if err != nil {
		return err
	}
	pages := iam.NewListRolesPaginator(iam.NewFromConfig(cfg), &iam.ListRolesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, role := range page.Roles {
			arn := aws.ToString(role.Arn)
			if roles[arn], err = trust.ParseEncoded(aws.ToString(role.AssumeRolePolicyDocument)); err != nil {
				return fmt.Errorf("role %q: %w", arn, err)
			}
			counted()
		}
	}
	return nil
}
