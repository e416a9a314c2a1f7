package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	corev1 "k8s.io/api/core/v1"

	"github.com/irsa-go/irsa/mutate"
	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/token"
	"github.com/irsa-go/irsa/trust"
)

// The steps inside the cluster, which take a token that only the cluster can sign.

func (w *walker) projectToken(context.Context) error {
	w.heading("The projected token, as the kubelet writes it")
	for _, p := range projections(&w.patched) {
		signed, err := w.kubelet.mint(&w.patched, w.patched.Spec.ServiceAccountName, p)
		if err != nil {
			return err
		}
		if err := w.kubelet.write(p, signed); err != nil {
			return err
		}
		said, err := token.Inspect(signed)
		if err != nil {
			return err
		}
		w.projection = p
		w.fact("volume", "%s, path %s", p.Volume, p.Path)
		w.fact("audience", "%s", p.Audience)
		w.fact("subject", "%s", said.Subject)
		w.fact("expires", "%s, after %s", said.Expires.UTC().Format("2006-01-02 15:04:05 MST"), p.Lifetime)
		w.fact("in", "%s", w.kubelet.dir)
	}
	if w.projection == (projection{}) {
		return fmt.Errorf("%s: Pod %q: spec.volumes: no token is projected", strings.Join(w.in.files, ", "), w.patched.Name)
	}
	return nil
}

// becomeRole gives the container's own environment, and nothing else, to package token.
func (w *walker) becomeRole(ctx context.Context) error {
	w.heading("The container becomes the role")
	container := w.container()
	env := map[string]string{}
	var lines strings.Builder
	for _, v := range container.Env {
		env[v.Name] = v.Value
		if strings.HasPrefix(v.Name, "AWS_") {
			fmt.Fprintf(&lines, "%s=%s\n", v.Name, v.Value)
		}
	}
	w.block("environment of container "+container.Name, lines.String())
	if err := w.ontoThisMachine(container, env); err != nil {
		return err
	}
	cfg, err := token.Configure(w.cfg, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, token.Config{})
	if err != nil {
		return fmt.Errorf("container %q: %w", container.Name, err)
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return err
	}
	creds, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	w.fact("$", "aws sts get-caller-identity")
	w.fact("Arn", "%s", aws.ToString(who.Arn))
	w.fact("ask again", "%s", creds.Expires.UTC().Format("2006-01-02 15:04:05 MST"))
	return nil
}

// ontoThisMachine makes the environment lead to where this machine has what a node has.
func (w *walker) ontoThisMachine(container corev1.Container, env map[string]string) error {
	for _, name := range []string{mutate.EnvTokenFile, mutate.EnvCredentialsAuth} {
		if env[name] == "" {
			continue
		}
		path, err := w.kubelet.hostPath(container, env[name])
		if err != nil {
			return err
		}
		env[name] = path
	}
	if env[mutate.EnvCredentialsURI] != "" {
		env[mutate.EnvCredentialsURI] = w.box.AgentURL(clusterName)
		w.fact("the agent", "answers on this machine at %s", env[mutate.EnvCredentialsURI])
	}
	return nil
}

// container is the first one that was given the identity, else the first of all.
func (w *walker) container() corev1.Container {
	for _, c := range w.patched.Spec.Containers {
		if slices.ContainsFunc(c.Env, func(v corev1.EnvVar) bool {
			return v.Name == mutate.EnvTokenFile || v.Name == mutate.EnvCredentialsAuth
		}) {
			return c
		}
	}
	return w.patched.Spec.Containers[0]
}

// refuseNeighbour tries the same role with the token of another service account.
func (w *walker) refuseNeighbour(ctx context.Context) error {
	w.heading("A pod of another service account")
	neighbour := w.in.serviceAccount.Name + "-neighbour"
	signed, err := w.kubelet.mint(&w.patched, neighbour, w.projection)
	if err != nil {
		return err
	}
	source := token.SourceFunc(func(context.Context) (string, error) { return signed, nil })
	provider, err := token.NewProvider(w.sts(), w.in.identity.RoleARN, source, token.Config{})
	if err != nil {
		return err
	}
	_, err = provider.Retrieve(ctx)
	if err == nil {
		return fmt.Errorf("%s became %s: the trust policy must not allow that", neighbour, w.in.identity.RoleARN)
	}
	w.fact("denied", "%v", err)
	if explanation, ok := token.Explain(err); ok {
		w.block("which means", explanation.String())
	}
	verifier, err := oidc.NewVerifier(w.issuer, w.projection.Audience, oidc.VerifierConfig{Client: w.client})
	if err != nil {
		return err
	}
	claims, err := verifier.Verify(ctx, signed)
	if err != nil {
		return err
	}
	w.block("the trust policy says", w.policy.Evaluate(trust.WebIdentity(w.provider, claims.Map())).String())
	return nil
}
