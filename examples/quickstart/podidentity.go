package main

import (
	"context"
	"fmt"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
	"github.com/irsa-go/irsa/trust/trusttest"
)

// The way of EKS Pod Identity: no provider and no annotation, but an association in EKS.

// clusterName is what EKS calls the cluster on the bench.
const clusterName = "quickstart"

func (w *walker) walkPodIdentity(ctx context.Context) error {
	w.in.identity = mutate.Identity{Method: mutate.PodIdentity}
	return w.inCluster(ctx, w.addCluster, w.createRole, w.associate, w.mutatePod, w.projectToken, w.becomeRole, w.refuseWithoutAssociation)
}

func (w *walker) addCluster(context.Context) error {
	w.heading("The EKS cluster")
	tokens, err := oidc.NewVerifier(w.issuer, mutate.PodIdentityAudience, oidc.VerifierConfig{Client: w.client})
	if err != nil {
		return err
	}
	w.clusterARN, err = w.box.AddCluster(trusttest.Cluster{Name: clusterName, Tokens: tokens})
	if err != nil {
		return err
	}
	w.fact("ARN", "%s", w.clusterARN)
	subject, err := trust.ServiceAccount(w.in.serviceAccount.Namespace, w.in.serviceAccount.Name)
	if err != nil {
		return err
	}
	w.policy, err = trust.NewPodIdentity(trust.PodIdentityGrant{
		AccountID: w.in.role.AccountID, ClusterARNs: []string{w.clusterARN}, Subjects: []trust.Subject{subject},
	})
	return err
}

func (w *walker) associate(context.Context) error {
	w.heading("The association")
	w.fact("account", "%s", w.in.subject())
	w.fact("role", "%s", w.in.role)
	return w.box.Associate(clusterName, w.in.serviceAccount.Namespace, w.in.serviceAccount.Name, w.in.role.String())
}

// refuseWithoutAssociation tries a service account that nobody associated, and asks the role's
// trust policy what it would say if somebody did.
func (w *walker) refuseWithoutAssociation(ctx context.Context) error {
	w.heading("A pod of another service account")
	neighbour := w.in.serviceAccount.Name + "-neighbour"
	signed, err := w.kubelet.mint(&w.patched, neighbour, w.projection)
	if err != nil {
		return err
	}
	env := map[string]string{mutate.EnvCredentialsURI: w.box.AgentURL(clusterName), "AWS_CONTAINER_AUTHORIZATION_TOKEN": signed}
	cfg, err := token.Configure(w.cfg, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, token.Config{})
	if err != nil {
		return err
	}
	if _, err = cfg.Credentials.Retrieve(ctx); err == nil {
		return fmt.Errorf("%s got credentials: nobody has associated it", neighbour)
	}
	w.fact("denied", "%v", err)
	if explanation, ok := token.Explain(err); ok {
		w.block("which means", explanation.String())
	}
	w.block("with an association, the trust policy says", w.policy.Evaluate(trust.PodIdentity(trust.PodIdentitySession{
		AccountID: w.in.role.AccountID, ClusterARN: w.clusterARN, ClusterName: clusterName,
		Namespace: w.in.serviceAccount.Namespace, ServiceAccount: neighbour,
	})).String())
	return nil
}
