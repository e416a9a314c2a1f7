package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/iamprovider"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/iamrole"
)

// region is the cluster's, which EKS gives to its pods.
const region = "eu-central-1"

// walker goes from the issuer to the credentials. Each step uses what the ones before it found.
type walker struct {
	*world
	*printer
	in      *input
	mutator *mutate.Mutator

	thumbprints []string
	provider    trust.Provider
	policy      *trust.Policy
	patched     corev1.Pod
	kubelet     kubelet
	projection  projection
	clusterARN  string // of EKS; "" by IRSA
}

func walk(ctx context.Context, o options, stdin io.Reader, stdout io.Writer) error {
	mutator, err := mutate.New(mutate.EKS(region))
	if err != nil {
		return err
	}
	in, err := readInput(o.files, o.policy, mutator)
	if err != nil {
		return err
	}
	world, err := newWorld(ctx, o, in)
	if err != nil {
		return err
	}
	defer world.close()
	w := &walker{world: world, printer: &printer{w: stdout}, in: in, mutator: mutator}
	if o.podIdentity {
		return w.walkPodIdentity(ctx)
	}
	if err := w.plan(ctx); err != nil {
		return err
	}
	if o.aws {
		if err := w.confirm(ctx, o.yes, stdin); err != nil {
			return err
		}
	}
	outside := []func(context.Context) error{w.createProvider, w.createRole, w.mutatePod}
	if w.cluster != nil {
		return w.inCluster(ctx, append(outside, w.projectToken, w.becomeRole, w.refuseNeighbour)...)
	}
	if err := w.take(ctx, outside...); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "\nThe rest happens in the cluster: only it can sign its tokens.")
	return nil
}

func (w *walker) take(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// inCluster takes steps that need a node.
func (w *walker) inCluster(ctx context.Context, steps ...func(context.Context) error) error {
	dir, err := os.MkdirTemp("", "irsa-quickstart-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w.kubelet = kubelet{dir: dir, issuer: w.cluster}
	return w.take(ctx, steps...)
}

// plan reads the issuer and works out the documents. It creates nothing.
func (w *walker) plan(ctx context.Context) error {
	w.heading("The cluster's issuer")
	w.fact("issuer", "%s", w.issuer)
	document, err := w.client.Discover(ctx, w.issuer)
	if err != nil {
		return err
	}
	w.fact("keys at", "%s", document.JWKSURI)
	keys, err := w.client.Keys(ctx, w.issuer)
	if err != nil {
		return err
	}
	w.fact("key ids", "%s", strings.Join(keys.IDs(), ", "))
	report, err := w.client.Thumbprints(ctx, w.issuer)
	if err != nil {
		return err
	}
	w.thumbprints = report.Thumbprints
	w.fact("thumbprint", "%s", strings.Join(report.Thumbprints, ", "))
	w.fact("needed?", "%s", report.Need)
	for _, endpoint := range report.Endpoints {
		w.chain(endpoint)
	}
	if w.provider, err = trust.NewProvider(w.in.role.Partition, w.in.role.AccountID, w.issuer.String()); err != nil {
		return err
	}
	subject, err := trust.ServiceAccount(w.in.serviceAccount.Namespace, w.in.serviceAccount.Name)
	if err != nil {
		return err
	}
	w.policy, err = trust.New(trust.Grant{Provider: w.provider, Subjects: []trust.Subject{subject}, Audiences: w.in.audiences()})
	return err
}

// chain shows where a thumbprint comes from: the last certificate that the server sends.
func (w *walker) chain(endpoint oidc.Endpoint) {
	var lines strings.Builder
	for i, c := range endpoint.Chain {
		fmt.Fprintf(&lines, "%d  %s  %s  until %s\n", i, c.SHA1, c.Subject, c.NotAfter.Format("2006-01-02"))
	}
	w.block(fmt.Sprintf("chain sent by %s (%s), last one counts", endpoint.Host, endpoint.TLSVersion), lines.String())
}

func (w *walker) providerSpec() iamprovider.Spec {
	return iamprovider.Spec{
		Partition: w.in.role.Partition, AccountID: w.in.role.AccountID,
		Issuer: w.issuer, ClientIDs: w.in.audiences(), Thumbprints: w.thumbprints,
	}
}

func (w *walker) roleSpec() iamrole.Spec {
	return iamrole.Spec{
		Name: w.in.roleName(), Path: w.in.rolePath(), Trust: w.policy,
		InlinePolicies: map[string]string{"quickstart": w.in.policy},
		Tags:           map[string]string{"service-account": w.in.subject()},
	}
}

// confirm shows what would be written to a real account, and asks.
func (w *walker) confirm(ctx context.Context, yes bool, stdin io.Reader) error {
	provider, err := iamprovider.Plan(ctx, w.iam(), w.providerSpec())
	if err != nil {
		return err
	}
	role, err := iamrole.Plan(ctx, w.iam(), w.roleSpec())
	if err != nil {
		return err
	}
	w.block("in AWS account "+w.in.role.AccountID, provider.String()+"\n"+role.String())
	if yes {
		return nil
	}
	fmt.Fprint(w.w, "   do this? [y/N] ")
	line, err := bufio.NewReader(stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return errors.New("not confirmed, nothing was created")
	}
	return nil
}

func (w *walker) createProvider(ctx context.Context) error {
	w.heading("The IAM OIDC provider")
	result, err := iamprovider.Ensure(ctx, w.iam(), w.providerSpec(), iamprovider.Config{})
	if err != nil {
		return err
	}
	w.fact("ARN", "%s", result.ARN)
	return nil
}

func (w *walker) createRole(ctx context.Context) error {
	w.heading("The IAM role")
	result, err := iamrole.Ensure(ctx, w.iam(), w.roleSpec(), iamrole.Config{})
	if err != nil {
		return err
	}
	w.fact("ARN", "%s", result.ARN)
	var indented strings.Builder
	encoder := json.NewEncoder(&indented)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(w.policy); err != nil {
		return err
	}
	w.block("trust policy", indented.String())
	w.block("inline policy, from "+w.in.policyFile, w.in.policy)
	return nil
}

func (w *walker) mutatePod(context.Context) error {
	w.heading("The pod, as it comes out of admission")
	w.fact("from", "%s", strings.Join(w.in.files, ", "))
	for _, name := range slices.Sorted(maps.Keys(w.in.serviceAccount.Annotations)) {
		if w.in.identity.Method == mutate.PodIdentity {
			break // which does not read them
		}
		w.fact("annotation", "%s: %s", name, w.in.serviceAccount.Annotations[name])
	}
	result, err := w.mutator.RawPod(w.in.podJSON, w.in.identity)
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(w.in.files, ", "), err)
	}
	for _, warning := range result.Warnings {
		w.fact("warning", "%s", warning)
	}
	var operations strings.Builder
	for _, op := range result.Operations() {
		operations.WriteString(op.Json() + "\n")
	}
	w.block("JSON patch", operations.String())
	patched, err := result.Apply(w.in.podJSON)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(patched, &w.patched); err != nil {
		return err
	}
	return w.yaml("patched pod", patched)
}
