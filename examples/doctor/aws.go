package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/token/doctor"
)

// assume asks STS once, with the region and the endpoint that the environment names. STS needs no
// credentials for a web identity, so that none are looked for.
func (p program) assume(ctx context.Context, r token.Resolution) error {
	cfg, err := p.load(ctx, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
	if err != nil {
		return err
	}
	provider, err := r.Provider(sts.NewFromConfig(cfg), token.Config{Refresh: token.Refresh{Timeout: 10 * time.Second}})
	if err != nil {
		return err
	}
	_, err = provider.Retrieve(ctx)
	return err
}

// readIAM lets the doctor read the provider and the role. It needs the permissions
// iam:GetOpenIDConnectProvider and iam:GetRole in the role's account, which a pod's own role
// seldom has.
func (p program) readIAM(ctx context.Context, profile string, cfg *doctor.Config) error {
	var named []func(*config.LoadOptions) error
	if profile != "" {
		named = append(named, config.WithSharedConfigProfile(profile))
	}
	loaded, err := p.load(ctx, named...)
	if err != nil {
		return err
	}
	client := iam.NewFromConfig(loaded)
	cfg.ReadProvider = func(ctx context.Context, arn string) (doctor.Provider, error) {
		out, err := client.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
		if err != nil {
			return doctor.Provider{}, err
		}
		return doctor.Provider{ClientIDs: out.ClientIDList, Thumbprints: out.ThumbprintList}, nil
	}
	cfg.ReadRole = func(ctx context.Context, name string) (doctor.Role, error) {
		out, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
		if err != nil {
			return doctor.Role{}, err
		}
		return doctor.Role{ARN: aws.ToString(out.Role.Arn), TrustPolicy: aws.ToString(out.Role.AssumeRolePolicyDocument)}, nil
	}
	return nil
}
