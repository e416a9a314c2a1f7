package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irsa-go/irsa/oidc"
)

// done is what a step has done, by name.
type done map[string]string

// String is a line for each.
func (d done) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(d)) {
		fmt.Fprintf(&b, "%s: %s\n", name, d[name])
	}
	return b.String()
}

// newKeys writes a new private key, readable by its owner alone. A file that is there already is
// never touched: the cluster may be signing with it.
func newKeys() *cobra.Command {
	var out, algorithm string
	cmd := &cobra.Command{
		Use: "keys", Short: "Make a private key to sign service account tokens with", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			signer, text, err := oidc.GenerateKey(algorithm)
			if err != nil {
				return err
			}
			kid, err := oidc.KeyID(signer.Public())
			if err != nil {
				return err
			}
			if err := createFile(out, text); err != nil {
				return err
			}
			return show(cmd, done{"key": kid, "file": out})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`FILE` to make the private key in, which must not exist")
	cmd.Flags().StringVar(&algorithm, "algorithm", "RS256", "RS256, ES256, ES384 or ES512")
	required(cmd, "out")
	return cmd
}

func readKeys(cmd *cobra.Command, names ...string) (*oidc.KeySet, error) {
	var files [][]byte
	for _, name := range names {
		file, err := readFile(cmd, name)
		if err != nil {
			return nil, err
		}
		if _, err := oidc.PublicKeysFromPEM(file); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files = append(files, file)
	}
	return oidc.KeySetFromPEM(files...)
}

func (p process) newPublish() *cobra.Command {
	o := &issuerOptions{process: p}
	cmd := o.addStore(o.ofIssuer("publish", "Publish an issuer's document and keys", o.publish))
	o.addKeys(cmd)
	cmd.Flags().StringArrayVar(&o.drop, "drop", nil, "`ID` of a served key that may go; for each")
	cmd.Flags().BoolVar(&o.replaceIssuer, "replace-issuer", false, "overwrite another issuer's documents")
	return cmd
}

func (o *issuerOptions) publish(cmd *cobra.Command) error {
	keys, err := readKeys(cmd, o.keys...)
	if err != nil {
		return err
	}
	store, err := o.store(cmd.Context())
	if err != nil {
		return err
	}
	if o.jwksURI == "" { // stay where an earlier tool has put the keys
		served, _, err := oidc.Served(cmd.Context(), store, o.issuer)
		if err != nil && !o.replaceIssuer {
			return err
		}
		if served != nil {
			o.jwksURI = served.JWKSURI
		}
	}
	return o.put(cmd, store, keys)
}

func (o *issuerOptions) put(cmd *cobra.Command, store oidc.ObjectStore, keys *oidc.KeySet) error {
	doc, err := oidc.NewDocument(o.issuer, o.jwksURI, keys)
	if err != nil {
		return err
	}
	err = oidc.Publish(cmd.Context(), store, doc, keys, oidc.PublishConfig{Drop: o.drop, ReplaceIssuer: o.replaceIssuer})
	if errors.Is(err, oidc.ErrKeyServed) {
		return fmt.Errorf("%w: add its --key, or --drop its id", err)
	}
	if err != nil {
		return err
	}
	return show(cmd, done{"published": doc.Issuer.String(), "keys at": doc.JWKSURI, "keys": strings.Join(keys.IDs(), " ")})
}

func (p process) newUnpublish() *cobra.Command {
	o := &issuerOptions{process: p}
	return o.addStore(o.ofIssuer("unpublish", "Take down an issuer's document and keys", func(cmd *cobra.Command) error {
		store, err := o.store(cmd.Context())
		if err != nil {
			return err
		}
		if err := oidc.Unpublish(cmd.Context(), store, o.issuer); err != nil {
			return err
		}
		return show(cmd, done{"no longer published": o.issuer.String()})
	}))
}
