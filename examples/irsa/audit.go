package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/spf13/cobra"

	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/audit"
)

// auditSources is the command line of "irsa audit".
type auditSources struct {
	process
	providers, clusters, roles, profiles []string
	iam                                  bool
}

// newAudit says who in clusters can become which role, and what leads nowhere.
func (p process) newAudit() *cobra.Command {
	s := auditSources{process: p}
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Who in clusters can become which role, and through it which others; what leads nowhere",
		Long: "Says who in clusters can become which IAM role, and through it which others; which service accounts name a\n" +
			"role that they cannot have; and which pods run as their node.\n\n" +
			"  kubectl get serviceaccounts,pods --all-namespaces -o json |\n" +
			"    irsa audit --provider arn:aws:iam::111122223333:oidc-provider/oidc.eks.… --cluster - --iam\n\n" +
			"The cluster is what kubectl prints, of now or of before; - is standard input. The roles are those that IAM lists\n" +
			"now (--iam, which needs iam:ListRoles and nothing else), or a dump, which needs no rights:\n\n" +
			"  aws iam get-account-authorization-details --filter Role > roles.json\n\n" +
			"For several clusters give --provider and --cluster several times, in the same order; for several accounts\n" +
			"--roles or --profile. JSON is read as a stream. Exits with 1 when there is something to look at.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.audit(cmd) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&s.providers, "provider", nil, "`ARN` of a cluster's IAM OIDC provider")
	f.StringArrayVar(&s.clusters, "cluster", nil, "`FILE` with the service accounts and pods of that cluster")
	f.StringArrayVar(&s.roles, "roles", nil, "`FILE` with an account's roles")
	f.BoolVar(&s.iam, "iam", false, "ask IAM for the account's roles, with the default AWS configuration")
	f.StringArrayVar(&s.profiles, "profile", nil, "`NAME` of an AWS profile for --iam, in place of the default; for each account")
	setFormats(cmd, "`FORMAT`: text, json, yaml, mermaid (a graph of who can become what) or html (a page with the graph and filters)", "text", "json", "yaml", "mermaid", "html")
	required(cmd, "provider", "cluster")
	cmd.MarkFlagsOneRequired("roles", "iam")
	return cmd
}

func (s auditSources) audit(cmd *cobra.Command) error {
	report, err := s.report(cmd)
	if err != nil {
		return err
	}
	switch output(cmd) {
	case "mermaid":
		err = print(cmd, "text", words(report.Mermaid()))
	case "html":
		err = report.WriteHTML(cmd.OutOrStdout())
	default:
		err = show(cmd, report)
	}
	return conclude(err, report.Found())
}

func (s auditSources) report(cmd *cobra.Command) (*audit.Report, error) {
	providers, err := s.check()
	if err != nil {
		return nil, err
	}
	roles, err := s.readRoles(cmd)
	if err != nil {
		return nil, err
	}
	a, err := audit.New(roles, providers...)
	if err != nil {
		return nil, err
	}
	for i, file := range s.clusters {
		in, err := open(cmd, file)
		if err == nil {
			err = errors.Join(a.Cluster(providers[i], in), in.Close())
		}
		if err != nil {
			return nil, fmt.Errorf("--cluster %s: %w", file, err)
		}
	}
	return a.Report(), nil
}

// check finds flags that do not go together, before anything is read.
func (s auditSources) check() (providers []trust.Provider, err error) {
	if len(s.providers) != len(s.clusters) {
		return nil, fmt.Errorf("--provider is given %d times and --cluster %d times: want one of each for a cluster", len(s.providers), len(s.clusters))
	}
	if len(s.profiles) > 0 && !s.iam {
		return nil, errors.New("--profile: it needs --iam")
	}
	for _, arn := range s.providers {
		provider, err := trust.ParseProviderARN(arn)
		if err != nil {
			return nil, fmt.Errorf("--provider: %w", err)
		}
		providers = append(providers, provider)
	}
	return providers, nil
}

// readRoles reads dumps, then asks IAM.
func (s auditSources) readRoles(cmd *cobra.Command) (map[string]*trust.Policy, error) {
	roles := map[string]*trust.Policy{}
	for _, file := range s.roles {
		in, err := open(cmd, file)
		if err != nil {
			return nil, fmt.Errorf("--roles %s: %w", file, err)
		}
		found, err := audit.ReadRoles(file, in)
		if err = errors.Join(err, in.Close()); err != nil {
			return nil, fmt.Errorf("--roles %s: %w", file, err)
		}
		for arn, policy := range found {
			if known := roles[arn]; known != nil && !known.Equal(policy) {
				return nil, fmt.Errorf("--roles %s: role %q has another policy in a file before", file, arn)
			}
			roles[arn] = policy
		}
	}
	if s.iam && len(s.profiles) == 0 {
		s.profiles = []string{""}
	}
	counted, end := progress(cmd, "roles")
	defer end()
	for _, profile := range s.profiles {
		if err := s.askRoles(cmd.Context(), profile, roles, counted); err != nil {
			return nil, fmt.Errorf("%s: %w", strings.TrimSpace("--iam "+profile), err)
		}
	}
	return roles, nil
}

// askRoles asks IAM for the roles of a profile's account, page by page. The caller needs iam:ListRoles:
// trust policies are all that an audit reads, so it asks for nothing that shows what roles may do.
func (p process) askRoles(ctx context.Context, profile string, roles map[string]*trust.Policy, counted func(int)) error {
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
		}
		counted(len(page.Roles))
	}
	return nil
}
