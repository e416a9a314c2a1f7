package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/irsa-go/irsa/oidc"
)

// apiAudience is what pods' own tokens are for. It is not the issuer, so none of them reaches STS.
const apiAudience = "https://kubernetes.default.svc"

// printFlags prints what the cluster's API servers must be started with, in two rounds: an API
// server that does not accept an issuer or a key yet refuses the tokens that another one signs.
func printFlags(_ context.Context, o options, stdout io.Writer) error {
	if o.oldIssuer != "" {
		if _, err := oidc.ParseIssuer(o.oldIssuer); err != nil {
			return err
		}
	}
	if o.jwksURI == "" {
		o.jwksURI = o.iss.JWKSURL()
	}
	files := slices.Clone(o.keys)
	if !slices.Contains(files, o.signing) {
		files = append(files, o.signing)
	}
	print := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				fmt.Fprintf(stdout, "  --%s=%s\n", name, v)
			}
		}
	}
	audiences := apiAudience
	if o.oldIssuer != "" {
		audiences += "," + o.oldIssuer // the tokens that pods have are for it
	}
	fmt.Fprintln(stdout, "1. accept: on every API server before step 2 on any; the signing key stays as it is")
	print("service-account-issuer", o.oldIssuer, o.iss.String()) // the first one signs
	print("service-account-key-file", files...)
	print("api-audiences", audiences)
	fmt.Fprintln(stdout, "\n2. publish: selfhosted publish, then selfhosted preflight")
	fmt.Fprintln(stdout, "\n3. sign: on every API server, an hour after publishing a new key")
	print("service-account-issuer", o.iss.String(), o.oldIssuer)
	print("service-account-jwks-uri", o.jwksURI)
	print("service-account-signing-key-file", o.signing)
	print("service-account-key-file", files...)
	print("api-audiences", audiences)
	fmt.Fprintln(stdout, "\nand on every kube-controller-manager")
	print("service-account-private-key-file", o.signing)
	return nil
}
