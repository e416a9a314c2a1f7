package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"

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
		var out bytes.Buffer
		o.flags(&out, oldIssuer, signing)
		_, err := out.WriteTo(cmd.OutOrStdout())
		return err
	})
	o.addKeys(cmd)
	cmd.Flags().StringVar(&oldIssuer, "old-issuer", "", "`URL` of the issuer that the cluster has now")
	cmd.Flags().StringVar(&signing, "signing-key", "", "PEM `FILE` with the private key to sign with")
	required(cmd, "signing-key")
	return cmd
}

func (o *issuerOptions) flags(stdout io.Writer, oldIssuer, signing string) {
	if o.jwksURI == "" {
		o.jwksURI = o.issuer.JWKSURL()
	}
	files := slices.Clone(o.keys)
	if !slices.Contains(files, signing) {
		files = append(files, signing)
	}
	print := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				fmt.Fprintf(stdout, "  --%s=%s\n", name, v)
			}
		}
	}
	audiences := apiAudience
	if oldIssuer != "" {
		audiences += "," + oldIssuer // the tokens that pods have are for it
	}
	fmt.Fprintln(stdout, "1. accept: on every API server before step 2 on any; the signing key stays as it is")
	print("service-account-issuer", oldIssuer, o.issuer.String()) // the first one signs
	print("service-account-key-file", files...)
	print("api-audiences", audiences)
	fmt.Fprintln(stdout, "\n2. publish: irsa issuer publish, then irsa issuer preflight")
	fmt.Fprintln(stdout, "\n3. sign: on every API server, an hour after publishing a new key")
	print("service-account-issuer", o.issuer.String(), oldIssuer)
	print("service-account-jwks-uri", o.jwksURI)
	print("service-account-signing-key-file", signing)
	print("service-account-key-file", files...)
	print("api-audiences", audiences)
	fmt.Fprintln(stdout, "\nand on every kube-controller-manager")
	print("service-account-private-key-file", signing)
}
