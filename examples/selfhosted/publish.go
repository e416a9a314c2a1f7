package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/irsa-go/irsa/oidc"
)

// newKey writes a new private key, readable by its owner alone. A file that is there already is
// never touched: the cluster may be signing with it.
func newKey(_ context.Context, o options, stdout io.Writer) error {
	signer, text, err := oidc.GenerateKey(o.algorithm)
	if err != nil {
		return err
	}
	kid, err := oidc.KeyID(signer.Public())
	if err != nil {
		return err
	}
	file, err := os.OpenFile(o.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "key %s in %s\n", kid, o.out)
	return nil
}

func readKeys(names []string) (*oidc.KeySet, error) {
	var files [][]byte
	for _, name := range names {
		file, err := os.ReadFile(name)
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

func publish(ctx context.Context, o options, stdout io.Writer) error {
	keys, err := readKeys(o.keys)
	if err != nil {
		return err
	}
	store, err := o.store(ctx)
	if err != nil {
		return err
	}
	if o.jwksURI == "" { // stay where an earlier tool has put the keys
		served, _, err := oidc.Served(ctx, store, o.iss)
		if err != nil && !o.replaceIssuer {
			return err
		}
		if served != nil {
			o.jwksURI = served.JWKSURI
		}
	}
	return o.put(ctx, store, keys, stdout)
}

func (o options) put(ctx context.Context, store oidc.ObjectStore, keys *oidc.KeySet, stdout io.Writer) error {
	doc, err := oidc.NewDocument(o.iss, o.jwksURI, keys)
	if err != nil {
		return err
	}
	err = oidc.Publish(ctx, store, doc, keys, oidc.PublishConfig{Drop: o.drop, ReplaceIssuer: o.replaceIssuer})
	if errors.Is(err, oidc.ErrKeyServed) {
		return fmt.Errorf("%w: add its -key, or -drop its id", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "published the document of %s, and at %s the keys\n  %s\n", doc.Issuer, doc.JWKSURI, strings.Join(keys.IDs(), "\n  "))
	return nil
}

func unpublish(ctx context.Context, o options, stdout io.Writer) error {
	store, err := o.store(ctx)
	if err != nil {
		return err
	}
	if err := oidc.Unpublish(ctx, store, o.iss); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "nothing is published of %s any more\n", o.iss)
	return nil
}
