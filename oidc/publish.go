package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Object is one file of a self-hosted issuer. It is a plain value.
type Object struct {
	// Path is relative to the issuer's URL: ".well-known/openid-configuration" or the like,
	// with slashes and without one at the beginning.
	Path string
	// Body is the whole content.
	Body []byte
	// ContentType and CacheControl are the HTTP headers to serve it with.
	ContentType, CacheControl string
}

// ObjectPutter stores an object so that the issuer's URL serves it: a bucket, a directory of
// a web server, a ConfigMap. PutObject replaces what is there; it should do so at once, as a
// verifier may read at any time.
type ObjectPutter interface {
	PutObject(ctx context.Context, o Object) error
}

// How long a verifier may keep what it read. A new key should get around soon; the document
// does not change.
const (
	keysCacheControl     = "public, max-age=300"
	documentCacheControl = "public, max-age=3600"
)

// Publish puts the key set and then the document, so that no document ever names keys that
// are not there. Before it puts anything it checks what STS would refuse of the keys
// ([KeySet.CheckSTS]), that the document names their algorithms, and that its jwks_uri lies
// below its issuer, which is where the keys are put. The first failing put ends it.
//
// On S3, grant reading by a bucket policy or through CloudFront: buckets refuse public ACLs by
// default since April 2023.
func Publish(ctx context.Context, to ObjectPutter, doc *Document, keys *KeySet) error {
	objects, err := Objects(doc, keys)
	if err != nil {
		return err
	}
	if to == nil {
		return fmt.Errorf("oidc: publish issuer %q: there is nothing to put to", doc.Issuer)
	}
	for _, o := range objects {
		if err := to.PutObject(ctx, o); err != nil {
			return fmt.Errorf("oidc: publish issuer %q: %s: %w", doc.Issuer, o.Path, err)
		}
	}
	return nil
}

// Objects returns what [Publish] puts, in its order and after its checks: the same bytes for
// the same document and keys.
func Objects(doc *Document, keys *KeySet) ([]Object, error) {
	if doc == nil || doc.Issuer.IsZero() {
		return nil, fmt.Errorf("oidc: publish: %w", ErrIssuerZero)
	}
	objects, err := doc.objects(keys)
	if err != nil {
		return nil, fmt.Errorf("oidc: publish issuer %q: %w", doc.Issuer, err)
	}
	return objects, nil
}

func (d *Document) objects(keys *KeySet) ([]Object, error) {
	if err := keys.CheckSTS(); err != nil {
		return nil, err
	}
	if want := keys.Algorithms(); !slices.Equal(slices.Sorted(slices.Values(d.SigningAlgorithms)), want) {
		return nil, fmt.Errorf("the document names the algorithms %q, the keys have %q", d.SigningAlgorithms, want)
	}
	path, err := d.keysPath()
	if err != nil {
		return nil, err
	}
	jwks, err := json.Marshal(keys)
	if err != nil {
		return nil, err
	}
	document, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return []Object{
		{Path: path, Body: jwks, ContentType: "application/jwk-set+json", CacheControl: keysCacheControl},
		{Path: strings.TrimPrefix(discoveryPath, "/"), Body: document, ContentType: "application/json", CacheControl: documentCacheControl},
	}, nil
}

// keysPath is relative to the issuer.
func (d *Document) keysPath() (string, error) {
	if _, err := parseJWKSURI(d.JWKSURI); err != nil {
		return "", err
	}
	raw, below := strings.CutPrefix(d.JWKSURI, d.Issuer.base()+"/")
	if !below || strings.Contains(raw, "?") {
		return "", fmt.Errorf("jwks_uri %q is not a path below the issuer", d.JWKSURI)
	}
	path, err := url.PathUnescape(raw)
	if err != nil || path == "" || strings.HasSuffix(path, "/") {
		return "", fmt.Errorf("jwks_uri %q names no file", d.JWKSURI)
	}
	if path == strings.TrimPrefix(discoveryPath, "/") {
		return "", errors.New("jwks_uri is the discovery document's own place")
	}
	return path, nil
}
