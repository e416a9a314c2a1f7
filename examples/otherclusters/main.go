// Command otherclusters shows that pods of GKE and AKS become AWS roles by the same calls as those of any
// other cluster: from the issuer to credentials, with the test benches as cluster and account.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/oidc/oidctest"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
	"github.com/irsa-go/irsa/trust/trusttest"
)

const (
	gke = "https://container.googleapis.com/v1/projects/shop/locations/europe-west1/clusters/prod"
	aks = "https://westeurope.oic.prod-aks.azure.com/72f988bf-86f1-41af-91ab-2d7cd011db47/0a1b2c3d-0000-4000-8000-000000000000/"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	for _, issuerURL := range []string{gke, aks} {
		who, err := walk(ctx, issuerURL, issuerURL)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, who)
	}
	who, err := walk(ctx, aks, strings.TrimSuffix(aks, "/")) // somebody copied it without the slash
	explained, ok := token.Explain(err)
	if !ok {
		return fmt.Errorf("without the slash: %q, %w", who, err)
	}
	fmt.Fprintln(out, explained.Code+":", explained.Meaning)
	return nil
}

// walk registers a cluster's issuer as what somebody wrote of it, makes a role, mutates a pod, and
// becomes the role with the pod's token.
func walk(ctx context.Context, issuerURL, written string) (who string, err error) {
	cluster, err := oidctest.NewServer(oidctest.Config{Issuer: issuerURL})
	if err != nil {
		return "", err
	}
	defer cluster.Close()
	account, err := trusttest.NewAccount(trusttest.Config{DialContext: cluster.DialContext, RootCAs: cluster.CertPool()})
	if err != nil {
		return "", err
	}
	defer account.Close()
	cfg := account.AWSConfig()

	issuer, err := oidc.ParseIssuer(written)
	if err != nil {
		return "", err
	}
	registered, err := iamprovider.Ensure(ctx, iam.NewFromConfig(cfg), iamprovider.Spec{AccountID: account.AccountID(), Issuer: issuer}, iamprovider.Config{})
	if err != nil {
		return "", err
	}
	provider, err := trust.ParseProviderARN(registered.ARN)
	if err != nil {
		return "", err
	}
	subject, err := trust.ServiceAccount("shop", "cart")
	if err != nil {
		return "", err
	}
	policy, err := trust.New(trust.Grant{Provider: provider, Subjects: []trust.Subject{subject}})
	if err != nil {
		return "", err
	}
	role, err := iamrole.Ensure(ctx, iam.NewFromConfig(cfg), iamrole.Spec{Name: "cart", Trust: policy}, iamrole.Config{})
	if err != nil {
		return "", err
	}

	pod, err := mutated(role.ARN)
	if err != nil {
		return "", err
	}
	its, err := cluster.Token(oidctest.TokenRequest{Namespace: "shop", ServiceAccount: "cart", Audiences: []string{pod.audience}})
	if err != nil {
		return "", err
	}
	cfg.Region, cfg.Credentials = pod.env["AWS_REGION"], nil
	credentials, err := token.NewProvider(sts.NewFromConfig(cfg), pod.env["AWS_ROLE_ARN"],
		token.SourceFunc(func(context.Context) (string, error) { return its, nil }), token.Config{SessionName: "shop.cart"})
	if err != nil {
		return "", err
	}
	cfg.Credentials = credentials
	identity, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	if err != nil {
		return "", err
	}
	return *identity.Arn, nil
}

// environment is what the pod's container sees of its mutation.
type environment struct {
	env      map[string]string
	audience string
}

// mutated is the pod of the annotated account. The region is given, because a node that is not AWS's
// does not have one that could be asked for.
func mutated(roleARN string) (environment, error) {
	cfg := mutate.EKS("eu-central-1")
	cfg.DisableEC2Metadata = true
	mutator, err := mutate.New(cfg)
	if err != nil {
		return environment{}, err
	}
	id, err := mutator.Identity(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "cart", Annotations: map[string]string{"eks.amazonaws.com/role-arn": roleARN},
	}})
	if err != nil {
		return environment{}, err
	}
	pod := []byte(`{"spec": {"serviceAccountName": "cart", "containers": [{"name": "app"}]}}`)
	result, err := mutator.RawPod(pod, id)
	if err != nil {
		return environment{}, err
	}
	patched, err := result.Apply(pod)
	if err != nil {
		return environment{}, err
	}
	var after corev1.Pod
	if err := json.Unmarshal(patched, &after); err != nil {
		return environment{}, err
	}
	e := environment{env: map[string]string{}, audience: after.Spec.Volumes[0].Projected.Sources[0].ServiceAccountToken.Audience}
	for _, v := range after.Spec.Containers[0].Env {
		e.env[v.Name] = v.Value
	}
	return e, nil
}
