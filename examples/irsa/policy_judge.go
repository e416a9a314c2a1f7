package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irsa-go/irsa/internal/arn"
	"github.com/irsa-go/irsa/internal/strictjson"
	"github.com/irsa-go/irsa/trust"
)

// ofTwo is a subcommand that judges one policy by another.
func ofTwo(cmd cobra.Command, judge func(*cobra.Command, *trust.Policy, *trust.Policy) error) *cobra.Command {
	cmd.Args = cobra.ExactArgs(2)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		first, err1 := onePolicy(cmd, args[0])
		second, err2 := onePolicy(cmd, args[1])
		if err := cmp.Or(err1, err2); err != nil {
			return err
		}
		return judge(cmd, first, second)
	}
	return &cmd
}

// asker is who asks for the role, from the command line.
type asker struct {
	provider, account, audience, claims string
	principal, cluster                  string
	with                                map[string]string
}

// newEvaluate judges one request, with the reasons.
func newEvaluate() *cobra.Command {
	var a asker
	cmd := &cobra.Command{
		Use:   "evaluate FILE",
		Short: "Whether a trust policy admits a token, a pod or a principal, and why",
		Long: "Judges a trust policy: a token of --provider for --account or with --claims, a pod of --account by EKS Pod\n" +
			"Identity with --cluster, or an IAM --principal. Exits with 1 when the role is refused.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			request, err := a.request()
			if err != nil {
				return err
			}
			policy, err := onePolicy(cmd, args[0])
			if err != nil {
				return err
			}
			decision := policy.Evaluate(request)
			return conclude(show(cmd, decision), !decision.Allowed)
		},
	}
	f := cmd.Flags()
	f.StringVar(&a.provider, "provider", "", "`ARN` of the IAM OIDC provider whose token is judged")
	f.StringVar(&a.account, "account", "", "`NAMESPACE/NAME` of the service account")
	f.StringVar(&a.audience, "audience", trust.DefaultAudience, "`AUDIENCE` of the token")
	f.StringVar(&a.claims, "claims", "", "`JSON` of the token's claims, in place of --account and --audience")
	f.StringVar(&a.cluster, "cluster", "", "`ARN` of the EKS cluster, for EKS Pod Identity")
	f.StringVar(&a.principal, "principal", "", "`ARN` of the IAM principal, as get-caller-identity names it")
	f.StringToStringVar(&a.with, "with", nil, "condition keys that are known besides, as `KEY=VALUE`")
	cmd.MarkFlagsOneRequired("provider", "cluster", "principal")
	cmd.MarkFlagsMutuallyExclusive("provider", "cluster", "principal")
	cmd.MarkFlagsMutuallyExclusive("account", "claims", "principal")
	for _, flag := range []string{"claims", "cluster", "principal"} {
		cmd.MarkFlagsMutuallyExclusive("audience", flag)
	}
	return cmd
}

// request is one that can be made, or the error names the flag that makes it impossible.
func (a asker) request() (trust.Request, error) {
	request, flag, err := a.who()
	refusal := new(trust.Policy).Evaluate(request).Refusal
	for key, value := range a.with {
		if err == nil && refusal == "" {
			flag, request = "--with "+key, request.With(key, value)
			refusal = new(trust.Policy).Evaluate(request).Refusal
		}
	}
	if err == nil && refusal == "" {
		return request, nil
	}
	return trust.Request{}, fmt.Errorf("%s: %w", flag, cmp.Or(err, errors.New(refusal)))
}

// who is the request of the caller, and the flag that names it.
func (a asker) who() (_ trust.Request, flag string, err error) {
	if a.principal != "" {
		return trust.AssumeRole(trust.AssumeRoleSession{PrincipalARN: a.principal}), "--principal", nil
	}
	namespace, name, ok := strings.Cut(a.account, "/")
	if a.claims == "" && (!ok || namespace == "" || name == "") {
		return trust.Request{}, "--account", fmt.Errorf("it is %q, want NAMESPACE/NAME", a.account)
	}
	subject, err := trust.ServiceAccount(namespace, name)
	if a.claims == "" && err != nil {
		return trust.Request{}, "--account", err
	}
	if a.cluster != "" {
		_, err := arn.ParseCluster(a.cluster)
		return trust.PodIdentity(trust.PodIdentitySession{ClusterARN: a.cluster, Namespace: namespace, ServiceAccount: name}), "--cluster", err
	}
	provider, err := trust.ParseProviderARN(a.provider)
	if err != nil {
		return trust.Request{}, "--provider", err
	}
	if a.claims == "" {
		return trust.WebIdentity(provider, trust.Claims{"sub": subject.String(), "aud": a.audience}), "--account", nil
	}
	claims, err := claimsOf(a.claims)
	if err != nil {
		return trust.Request{}, "--claims", err
	}
	return trust.WebIdentity(provider, claims), "--claims", nil
}

// claimsOf reads one JSON object. A name that it has twice is refused, as in a token.
func claimsOf(text string) (claims trust.Claims, err error) {
	if err := strictjson.Check([]byte(text), strictjson.Limits{Bytes: 1 << 20, Depth: 128}); err != nil {
		return nil, fmt.Errorf("it is not one JSON object: %w", err)
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&claims); err != nil || claims == nil {
		return nil, errors.New("it is not one JSON object")
	}
	return claims, nil
}

// newWithin proves that a policy admits nobody whom another does not.
func newWithin() *cobra.Command {
	return ofTwo(cobra.Command{
		Use:   "within INNER OUTER",
		Short: "Whether one trust policy admits nobody whom another does not: a proof, or a witness",
		Long: "Proves, over every request that could be made, that OUTER allows all that INNER allows, or prints a request\n" +
			"that only INNER allows. As a review: is NEW within OLD? Exits with 1 when it is not, or cannot be decided.",
	}, func(cmd *cobra.Command, inner, outer *trust.Policy) error {
		proof := inner.Within(outer)
		return conclude(show(cmd, proof), proof.Outcome != trust.Holds)
	})
}

// newDiff shows a reviewer whom an update lets in and keeps out.
func newDiff() *cobra.Command {
	return ofTwo(cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Whom an update of a trust policy lets in and keeps out, over every request that could be made",
		Long:  "Compares two trust policies. Exits with 1 when somebody is let in or kept out, or it cannot be decided.",
	}, func(cmd *cobra.Command, from, to *trust.Policy) error {
		comparison := from.Compare(to)
		return conclude(show(cmd, comparison), len(comparison.Admits)+len(comparison.Drops) > 0)
	})
}

// newWho lists everybody whom policies can ever admit.
func newWho() *cobra.Command {
	return &cobra.Command{
		Use:   "who FILE|FOLDER...",
		Short: "Everybody who can ever have the roles of trust policies",
		Long:  "Lists, for each trust policy of the files, everybody whom it can ever admit, in parts that do not overlap.",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var report reachReport
			look := search(cmd)
			for p, err := range look.Policies(args...) {
				if err == nil && p.Err != nil {
					err = fmt.Errorf("%s: %w", strings.TrimSuffix(p.File+": "+p.Name, ": "), p.Err)
				}
				if err != nil {
					return err
				}
				report = append(report, roleReach{File: p.File, Role: p.Name, Reach: p.Policy.Reach()})
			}
			noteUnread(cmd, look)
			return show(cmd, report)
		},
	}
}

// reachReport is who can have which role.
type reachReport []roleReach

type roleReach struct {
	File  string        `json:"file"`
	Role  string        `json:"role,omitempty"`
	Reach []trust.Reach `json:"reach"`
}

func (r reachReport) String() string {
	var b strings.Builder
	for _, role := range r {
		fmt.Fprintln(&b, strings.TrimSpace(role.File+" "+role.Role)+":")
		if len(role.Reach) == 0 {
			fmt.Fprintln(&b, "  nobody")
		}
		for _, part := range role.Reach {
			fmt.Fprintln(&b, "  "+part.String())
		}
	}
	return b.String()
}
