package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
)

// auditor is what one audit knows of the accounts and has found so far.
type auditor struct {
	report  auditReport
	roles   map[string]*trust.Policy // by ARN
	index   *trust.Index
	mutator *mutate.Mutator
	several bool // clusters: their names must be said
}

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
	f.VarP(&format{"text", []string{"text", "json", "yaml", "mermaid", "html"}}, "output", "o", "`FORMAT`: text, json, yaml, mermaid (a graph of who can become what) or html (a page with the graph and filters)")
	required(cmd, "provider", "cluster")
	cmd.MarkFlagsOneRequired("roles", "iam")
	return cmd
}

func (s auditSources) audit(cmd *cobra.Command) (err error) {
	a := auditor{roles: map[string]*trust.Policy{}, several: len(s.clusters) > 1}
	a.report = auditReport{Admitted: []admitted{}, Nowhere: []remark{}, AsNode: []remark{}, Findings: []remark{}}
	if len(s.providers) != len(s.clusters) {
		return fmt.Errorf("--provider is given %d times and --cluster %d times: want one of each for a cluster", len(s.providers), len(s.clusters))
	}
	if len(s.profiles) > 0 && !s.iam {
		return errors.New("--profile: it needs --iam")
	}
	var providers []trust.Provider
	for _, arn := range s.providers {
		provider, err := trust.ParseProviderARN(arn)
		if err != nil {
			return fmt.Errorf("--provider: %w", err)
		}
		providers = append(providers, provider)
	}
	if err := s.readRoles(cmd, a.roles); err != nil {
		return err
	}
	a.index = trust.NewIndex(a.roles)
	if a.mutator, err = mutate.New(mutate.Config{}); err != nil {
		return err
	}
	for i, file := range s.clusters {
		if err := readCluster(cmd, file, a.account(providers[i]), a.pod(providers[i])); err != nil {
			return fmt.Errorf("--cluster %s: %w", file, err)
		}
	}
	a.lint(providers)
	return a.report.show(cmd)
}

// readRoles reads dumps, then asks IAM.
func (s auditSources) readRoles(cmd *cobra.Command, roles map[string]*trust.Policy) error {
	counted, end := progress(cmd, "roles")
	defer end()
	for _, file := range s.roles {
		if err := readRoles(cmd, file, roles, counted); err != nil {
			return fmt.Errorf("--roles %s: %w", file, err)
		}
	}
	if s.iam && len(s.profiles) == 0 {
		s.profiles = []string{""}
	}
	for _, profile := range s.profiles {
		if err := s.askRoles(cmd.Context(), profile, roles, counted); err != nil {
			return fmt.Errorf("%s: %w", strings.TrimSpace("--iam "+profile), err)
		}
	}
	return nil
}

// account looks at a service account.
func (a *auditor) account(provider trust.Provider) func(*corev1.ServiceAccount) error {
	return func(sa *corev1.ServiceAccount) error {
		s, err := trust.ServiceAccount(sa.Namespace, sa.Name)
		if err != nil {
			return err
		}
		who := a.name(provider, sa.Namespace+"/"+sa.Name)
		for _, admission := range a.index.Who(provider, s) {
			a.report.Admitted = append(a.report.Admitted, admitted{Who: who, Role: admission.Role, Unproven: admission.Unproven})
			for _, way := range a.index.Through(admission.Role) {
				last := len(way) - 1
				a.report.Admitted = append(a.report.Admitted, admitted{who, way[last], way[:last], admission.Unproven})
			}
		}
		if problem := a.annotation(provider, sa, s); problem != "" {
			a.report.Nowhere = append(a.report.Nowhere, remark{Who: who, What: problem})
		}
		return nil
	}
}

// annotation follows the role that an account names, and says why it leads nowhere.
func (a *auditor) annotation(provider trust.Provider, sa *corev1.ServiceAccount, s trust.Subject) (problem string) {
	id, err := a.mutator.Identity(sa)
	switch {
	case err != nil:
		return err.Error()
	case id.IsZero():
		return ""
	case a.roles[id.RoleARN] == nil && !a.knows(id.RoleARN):
		return id.RoleARN + ": nothing is known of this role's account: give its roles too"
	case a.roles[id.RoleARN] == nil:
		return id.RoleARN + ": the account has no such role"
	}
	audience := cmp.Or(id.Audience, trust.DefaultAudience)
	d := a.roles[id.RoleARN].Evaluate(trust.WebIdentity(provider, trust.Claims{"sub": s.String(), "aud": []any{audience}}))
	if d.Allowed {
		return ""
	}
	reason, _, _ := strings.Cut(d.String(), "\n")
	return id.RoleARN + ": " + reason
}

// knows says whether there is a role of the same account.
func (a *auditor) knows(role string) bool {
	account, _, _ := strings.Cut(role, ":role/")
	for arn := range a.roles {
		if strings.HasPrefix(arn, account+":role/") {
			return true
		}
	}
	return false
}

// pod looks for containers whose SDK would find nothing and fall back to the node's role.
func (a *auditor) pod(provider trust.Provider) func(*corev1.Pod) error {
	return func(pod *corev1.Pod) error {
		var names []string
		for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
			env := map[string]string{}
			for _, v := range c.Env {
				env[v.Name] = cmp.Or(v.Value, "from elsewhere")
			}
			_, err := token.Resolve(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
			if errors.Is(err, token.ErrNoIdentity) {
				names = append(names, c.Name)
			}
		}
		if len(names) > 0 {
			a.report.AsNode = append(a.report.AsNode, remark{
				Who:  a.name(provider, pod.Namespace+"/"+pod.Name),
				What: "as service account " + cmp.Or(pod.Spec.ServiceAccountName, "default") + ", containers " + strings.Join(names, ", "),
			})
		}
		return nil
	}
}

// name says in which cluster somebody is, when there are several.
func (a *auditor) name(provider trust.Provider, who string) string {
	if a.several {
		return who + " of " + provider.HostPath()
	}
	return who
}

// lint adds what is wrong with the policies that are about one of the clusters.
func (a *auditor) lint(providers []trust.Provider) {
	for arn, policy := range a.roles {
		document := policy.Document()
		if !slices.ContainsFunc(providers, func(p trust.Provider) bool { return strings.Contains(document, p.HostPath()) }) {
			continue
		}
		for _, f := range policy.Lint() {
			a.report.Findings = append(a.report.Findings, remark{arn, f.String(), f.Code, f.Severity.String()})
		}
	}
}
