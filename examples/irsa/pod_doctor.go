package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/token/doctor"
)

// examination is the command line of "irsa doctor".
type examination struct {
	process
	iam, noSTS       bool
	profile, ca, pod string
	timeout          time.Duration
}

// newDoctor says which link between a pod and its AWS role is the first that is broken.
func (p process) newDoctor() *cobra.Command {
	e := examination{process: p}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "The first broken link between this pod and its AWS role",
		Long: "Walks the chain from this pod to its role: environment, token file, token, issuer, IAM OIDC provider, role,\n" +
			"trust policy, STS. Run it in the pod, as a debug container with the pod's environment and volumes for\n" +
			"example. With --iam it reads the provider and the role too (iam:GetOpenIDConnectProvider, iam:GetRole), which\n" +
			"a pod's own role seldom may. Exits with 1 when a link is broken.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.run(cmd) },
	}
	f := cmd.Flags()
	f.BoolVar(&e.iam, "iam", false, "read the IAM OIDC provider and the role too")
	f.StringVar(&e.profile, "profile", "", "`NAME` of the AWS profile for --iam")
	f.BoolVar(&e.noSTS, "no-sts", false, "do not ask STS for credentials at the end")
	f.StringVar(&e.pod, "pod", "", "`FILE` with the pod, as kubectl get pod NAME -o json prints it, to see whether it was mutated")
	f.DurationVar(&e.timeout, "timeout", time.Minute, "for all of it")
	addCA(cmd, &e.ca)
	return cmd
}

func (e examination) run(cmd *cobra.Command) error {
	if e.profile != "" && !e.iam {
		return errors.New("--profile: it needs --iam")
	}
	if e.timeout <= 0 {
		return errors.New("--timeout: it must be more than 0")
	}
	client, err := issuers(cmd, e.ca)
	if err != nil {
		return err
	}
	cfg := doctor.Config{Issuers: client}
	if !e.noSTS {
		cfg.Assume = e.assume
	}
	if e.pod != "" {
		document, err := readFile(cmd, e.pod)
		if err != nil {
			return err
		}
		var pod corev1.Pod
		if err := yaml.Unmarshal(document, &pod); err != nil || len(pod.Spec.Containers) == 0 {
			return fmt.Errorf("%s: it is not a pod", e.pod)
		}
		cfg.Mutation = func(context.Context) ([]string, error) { return e.missed(&pod) }
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), e.timeout)
	defer cancel()
	if e.iam {
		if err := e.readIAM(ctx, &cfg); err != nil {
			return err
		}
	}
	report := doctor.Run(ctx, e.lookup, cfg)
	_, broken := report.FirstBroken()
	return conclude(show(cmd, report), broken)
}

// assume asks STS once, with the region and the endpoint that the environment names.
func (p process) assume(ctx context.Context, r token.Resolution) error {
	provider, err := p.provider(ctx, r, token.Config{Refresh: token.Refresh{Timeout: 10 * time.Second}})
	if err == nil {
		_, err = provider.Retrieve(ctx)
	}
	return err
}

func (e examination) readIAM(ctx context.Context, cfg *doctor.Config) error {
	loaded, err := e.load(ctx, config.WithSharedConfigProfile(e.profile)) // "": the default one
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

// missed says which containers of a pod lack the identity that the environment names, or any where it names no role.
func (p process) missed(pod *corev1.Pod) (wrong []string, err error) {
	region, _ := p.lookup("AWS_REGION")
	mutator, err := mutate.New(mutate.EKS(region))
	if err != nil {
		return nil, err
	}
	var id mutate.Identity
	if id.RoleARN, _ = p.lookup("AWS_ROLE_ARN"); id.RoleARN == "" {
		id.Method = mutate.PodIdentity // needs no role
	}
	diagnosis, err := mutator.Diagnose(pod, id)
	for _, f := range diagnosis.Missed() {
		wrong = append(wrong, fmt.Sprintf("container %s: %s", f.Name, f.Message))
	}
	return wrong, err
}
