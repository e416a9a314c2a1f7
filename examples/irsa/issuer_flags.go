package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irsa-go/irsa/oidc"
)

// apiAudience is what pods' own tokens are for. It is not the issuer, so none of them reaches STS.
const apiAudience = "https://kubernetes.default.svc"

// newFlags prints what the cluster's API servers must be started with, in two rounds: an API
// server that does not accept an issuer or a key yet refuses the tokens that another one signs.
func (p process) newFlags() *cobra.Command {
	o := &issuerOptions{process: p}
	var oldIssuer, signing string
	cmd := o.ofIssuer("flags", "What the cluster's API servers must be started with, round by round", func(cmd *cobra.Command) error {
		if oldIssuer != "" {
			if _, err := oidc.ParseIssuer(oldIssuer); err != nil {
				return fmt.Errorf("--old-issuer: %w", err)
			}
		}
		return show(cmd, o.rounds(oldIssuer, signing))
	})
	o.addKeys(cmd)
	cmd.Flags().StringVar(&oldIssuer, "old-issuer", "", "`URL` of the issuer that the cluster has now")
	cmd.Flags().StringVar(&signing, "signing-key", "", "PEM `FILE` with the private key to sign with")
	required(cmd, "signing-key")
	return cmd
}

// rounds are what is done one after the other.
type rounds []round

type round struct {
	Name  string   `json:"name"`
	What  string   `json:"what"`
	Flags []string `json:"flags,omitempty"`
}

// String has the flags below what they are for.
func (all rounds) String() string {
	var texts []string
	for _, r := range all {
		texts = append(texts, strings.Join(append([]string{r.Name + ": " + r.What}, r.Flags...), "\n  "))
	}
	return strings.Join(texts, "\n\n")
}

func (o *issuerOptions) rounds(oldIssuer, signing string) rounds {
	files := slices.Clone(o.keys)
	if !slices.Contains(files, signing) {
		files = append(files, signing)
	}
	audiences := apiAudience
	if oldIssuer != "" {
		audiences += "," + oldIssuer // the tokens that pods have are for it
	}
	flags := func(name string, values ...string) (flags []string) {
		for _, v := range values {
			if v != "" {
				flags = append(flags, "--"+name+"="+v)
			}
		}
		return flags
	}
	accepted := slices.Concat(flags("service-account-key-file", files...), flags("api-audiences", audiences))
	return rounds{
		{"1. accept", "on every API server before step 2 on any; the signing key stays as it is",
			append(flags("service-account-issuer", oldIssuer, o.issuer.String()), accepted...)}, // the first one signs
		{"2. publish", "irsa issuer publish, then irsa issuer preflight", nil},
		{"3. sign", "on every API server, an hour after publishing a new key", slices.Concat(
			flags("service-account-issuer", o.issuer.String(), oldIssuer), flags("service-account-jwks-uri", cmp.Or(o.jwksURI, o.issuer.JWKSURL())),
			flags("service-account-signing-key-file", signing), accepted)},
		{"4. sign", "on every kube-controller-manager", flags("service-account-private-key-file", signing)},
	}
}
