package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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

// ObjectStore keeps objects where the issuer's URL serves them: a bucket, a directory of a web
// server, a ConfigMap. Paths are those of [Object].
type ObjectStore interface {
	// GetObject reads at most limit bytes; longer is an error. An object that does not exist is
	// [fs.ErrNotExist]. Every other failure must be another error: to publish over an object whose
	// state is unknown could drop keys.
	GetObject(ctx context.Context, path string, limit int) ([]byte, error)
	// PutObject replaces what is there; it should do so at once, as a verifier may read at any
	// time.
	PutObject(ctx context.Context, o Object) error
	// DeleteObject removes what is there, if anything.
	DeleteObject(ctx context.Context, path string) error
}

// How long a verifier may keep what it read. A new key should get around soon; the document
// does not change.
const (
	keysCacheControl     = "public, max-age=300"
	documentCacheControl = "public, max-age=3600"
)

// ErrKeyServed is in the error of publishing a set without a key that is served now.
var ErrKeyServed = errors.New("a key that is served would be dropped, and the tokens of its cluster refused")

// PublishConfig says what [Publish] may take away. The zero value takes nothing away.
type PublishConfig struct {
	// Drop are the keys that may go: each the id that it has in the served set, or the one that
	// Kubernetes gives it ([KeyID]); "" is every entry without an id. [Rotation.Retire] says when
	// it is time.
	Drop []string
	// ReplaceIssuer allows Publish to overwrite the document of another issuer, one that cannot be read, and
	// their keys. Where the document is the issuer's own, keys that can be read need to be in Drop all the same.
	ReplaceIssuer bool
}

// Served reads what [Publish] has put for an issuer: the document, nil when there is none, and
// the keys to which it points, or those where kube-apiserver has them. A document of another
// issuer is [ErrIssuerMismatch], one that cannot be read [ErrDocument]. Take JWKSURI from the
// document to publish again where an earlier tool has put the keys.
func Served(ctx context.Context, from ObjectStore, iss Issuer) (*Document, *KeySet, error) {
	fail := func(err error) (*Document, *KeySet, error) {
		return nil, nil, fmt.Errorf("oidc: read what is served of issuer %q: %w", iss, err)
	}
	if iss.IsZero() {
		return fail(ErrIssuerZero)
	}
	doc, err := ownDocument(ctx, from, iss)
	if err != nil {
		return fail(err)
	}
	at := doc
	if at == nil {
		at = &Document{Issuer: iss, JWKSURI: iss.JWKSURL()}
	}
	path, err := at.keysPath()
	if err != nil {
		return fail(err)
	}
	keys, err := servedKeys(ctx, from, path)
	if err != nil {
		return fail(err)
	}
	return doc, keys, nil
}

// ownDocument is the issuer's, nil when there is none.
func ownDocument(ctx context.Context, from ObjectStore, iss Issuer) (*Document, error) {
	if from == nil {
		return nil, errors.New("the store is nil")
	}
	doc, err := servedDocument(ctx, from)
	if err == nil && doc != nil && doc.Issuer != iss {
		return nil, fmt.Errorf("%w: the published document says %q", ErrIssuerMismatch, doc.Issuer)
	}
	return doc, err
}

// servedDocument is nil when there is none.
func servedDocument(ctx context.Context, from ObjectStore) (*Document, error) {
	body, err := from.GetObject(ctx, documentPath(), documentLimits.Bytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	doc, err := parseDocument(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	return doc, nil
}

// servedKeys is empty when there are none.
func servedKeys(ctx context.Context, from ObjectStore, path string) (*KeySet, error) {
	body, err := from.GetObject(ctx, path, keySetLimits.Bytes)
	if errors.Is(err, fs.ErrNotExist) {
		return &KeySet{}, nil
	}
	if err != nil {
		return nil, err
	}
	keys, err := parseKeySet(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return keys, nil
}

// Publish puts the key set and then the document, so that no document ever names keys that are not
// there. Before it puts anything it checks that STS can verify with the keys ([KeySet.CheckSTS]),
// that the document names their algorithms, and that its jwks_uri lies below its issuer, which is
// where the keys are put. Entries that [ParseKeySet] left out are not put. It reads what is there,
// and refuses to drop a key that is served ([ErrKeyServed]), to replace another issuer's document
// ([ErrIssuerMismatch]) and to overwrite what it cannot read, unless cfg says so. It stops at the
// first put that fails. Two calls at the same time do not see each other: let one program publish.
//
// On S3, grant reading by a bucket policy or through CloudFront: buckets refuse public ACLs by
// default since April 2023.
func Publish(ctx context.Context, to ObjectStore, doc *Document, keys *KeySet, cfg PublishConfig) error {
	if doc == nil || doc.Issuer.IsZero() {
		return fmt.Errorf("oidc: publish: %w", ErrIssuerZero)
	}
	if err := publish(ctx, to, doc, keys, cfg); err != nil {
		return fmt.Errorf("oidc: publish issuer %q: %w", doc.Issuer, err)
	}
	return nil
}

func publish(ctx context.Context, to ObjectStore, doc *Document, keys *KeySet, cfg PublishConfig) error {
	objects, err := doc.objects(keys)
	if err != nil {
		return err
	}
	if to == nil {
		return errors.New("the store is nil")
	}
	if err := mayReplace(ctx, to, doc, keys, cfg); err != nil {
		return err
	}
	for _, o := range objects {
		if err := to.PutObject(ctx, o); err != nil {
			return fmt.Errorf("%s: %w", o.Path, err)
		}
	}
	return nil
}

// mayReplace looks at the document that is there, and at the keys where it and the new one have
// them.
func mayReplace(ctx context.Context, to ObjectStore, doc *Document, keys *KeySet, cfg PublishConfig) error {
	served, err := ownDocument(ctx, to, doc.Issuer)
	if cfg.ReplaceIssuer && (err != nil || served == nil) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what is published: %w", err)
	}
	path, err := doc.keysPath()
	if err != nil {
		return err
	}
	paths := []string{path}
	if served != nil {
		if old, err := served.keysPath(); err == nil && old != path {
			paths = append(paths, old)
		}
	}
	for _, path := range paths {
		have, err := servedKeys(ctx, to, path)
		if err != nil && !cfg.ReplaceIssuer {
			return fmt.Errorf("read what is published: %w", err)
		}
		if err := keepsAll(have, keys, cfg.Drop); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// keepsAll reports a served entry whose key is not in the new set, or under another id. Entries that
// this library does not write count too: somebody else may need them.
func keepsAll(served, next *KeySet, drop []string) error {
	for _, k := range served.entries() {
		own := ""
		if k.pub != nil {
			own, _ = keyID(k.pub)
		}
		if next.keeps(k) || slices.Contains(drop, k.kid) || own != "" && slices.Contains(drop, own) {
			continue
		}
		return fmt.Errorf("%w: entry %d, id %q", ErrKeyServed, k.index+1, k.kid)
	}
	return nil
}

// Unpublish removes what [Publish] has put for an issuer: the keys, then the document, so that
// it can be called again when it fails in between. Nothing is removed when the document is
// another issuer's ([ErrIssuerMismatch]) or cannot be read ([ErrDocument]), and it is not an
// error when nothing is there. Tokens of the issuer are refused from then on.
func Unpublish(ctx context.Context, from ObjectStore, iss Issuer) error {
	if iss.IsZero() {
		return fmt.Errorf("oidc: unpublish: %w", ErrIssuerZero)
	}
	if err := unpublish(ctx, from, iss); err != nil {
		return fmt.Errorf("oidc: unpublish issuer %q: %w", iss, err)
	}
	return nil
}

func unpublish(ctx context.Context, from ObjectStore, iss Issuer) error {
	doc, err := ownDocument(ctx, from, iss)
	if err != nil || doc == nil {
		return err
	}
	path, err := doc.keysPath()
	if err != nil {
		return err
	}
	for _, path := range []string{path, documentPath()} {
		if err := from.DeleteObject(ctx, path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// objects are what Publish puts, in its order.
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
		{Path: documentPath(), Body: document, ContentType: "application/json", CacheControl: documentCacheControl},
	}, nil
}

func documentPath() string { return strings.TrimPrefix(discoveryPath, "/") }

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
	if err != nil || !fs.ValidPath(path) {
		return "", fmt.Errorf("jwks_uri %q names no file", d.JWKSURI)
	}
	if path == documentPath() {
		return "", errors.New("jwks_uri is the discovery document's own place")
	}
	return path, nil
}
