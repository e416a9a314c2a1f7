// Command installer gives a service account an IAM role: it makes the IAM OIDC provider of the
// cluster's issuer, makes the role, and prints the account for kubectl. With -delete it deletes the
// role; the provider stays, for the other accounts of the cluster.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err == nil {
		err = run(ctx, os.Args[1:], cfg, &oidc.Client{}, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "installer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, cfg aws.Config, client *oidc.Client, out io.Writer) error {
	flags := flag.NewFlagSet("installer", flag.ContinueOnError)
	issuerURL := flags.String("issuer", "", "`URL` of the cluster's issuer")
	account := flags.String("account", "", "service account, as `NAMESPACE/NAME`")
	policy := flags.String("policy", "", "`ARN` of the policy that the role is to have")
	remove := flags.Bool("delete", false, "delete the role")
	if err := flags.Parse(args); err != nil {
		return err
	}
	issuer, err1 := oidc.ParseIssuer(*issuerURL)
	namespace, name, ok := strings.Cut(*account, "/")
	subject, err2 := trust.ServiceAccount(namespace, name)
	if err := errors.Join(err1, err2); err != nil || !ok {
		return errors.Join(err, errors.New("usage: installer -issuer URL -account NAMESPACE/NAME -policy ARN [-delete]"))
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	if err != nil {
		return err
	}
	provider, err := trust.NewProvider(strings.Split(*who.Arn, ":")[1], *who.Account, issuer.String())
	if err != nil {
		return err
	}
	roleName, err1 := iamrole.NameFor("irsa-", issuer.HostPath(), namespace, name)
	trusts, err2 := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	api, owner := iam.NewFromConfig(cfg), map[string]string{"installed-for": subject.String()}
	if *remove {
		deleted, err := iamrole.Delete(ctx, api, roleName, iamrole.DeleteConfig{Owner: owner})
		if deleted.ARN != "" {
			fmt.Fprintln(out, "deleted", deleted.ARN)
		}
		return err
	}

	spec := iamrole.Spec{Name: roleName, Trust: trusts, ManagedPolicies: []string{*policy}, Tags: owner}
	_, err1 = iamrole.Plan(ctx, api, spec) // before anything is made
	report, err2 := client.Thumbprints(ctx, issuer)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if _, err := iamprovider.Ensure(ctx, api, iamprovider.Spec{
		AccountID: provider.AccountID(), Partition: provider.Partition(), Issuer: issuer, Thumbprints: report.Thumbprints,
	}, iamprovider.Config{}); err != nil {
		return err
	}
	role, err := iamrole.Ensure(ctx, api, spec, iamrole.Config{})
	if err != nil {
		return err
	}
	manifest, err := annotated(namespace, name, role.ARN)
	if err != nil {
		return err
	}
	_, err = out.Write(manifest)
	return err
}

// annotated is the service account as YAML, with the role that its pods get.
func annotated(namespace, name, role string) ([]byte, error) {
	return yaml.Marshal(corev1.ServiceAccount{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: map[string]string{
			mutate.DefaultAnnotationDomain + "/" + mutate.AnnotationRoleARN: role,
		}},
	})
}
