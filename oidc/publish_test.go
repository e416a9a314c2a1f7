package oidc_test

import (
	"context"
	"crypto"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
)

type recorder struct {
	objects []oidc.Object
	fail    error
}

func (r *recorder) GetObject(context.Context, string, int) ([]byte, error) {
	return nil, fs.ErrNotExist
}
func (r *recorder) DeleteObject(context.Context, string) error { return r.fail }
func (r *recorder) PutObject(_ context.Context, o oidc.Object) error {
	r.objects = append(r.objects, o)
	return r.fail
}

func published(t *testing.T, jwksURI string) (*oidc.Document, *oidc.KeySet) {
	t.Helper()
	keys, err := oidc.NewKeySet(ecKey(t, elliptic.P256()).Public())
	require.NoError(t, err)
	doc, err := oidc.NewDocument(issuer(t, "https://bucket.example.com/cluster"), jwksURI, keys)
	require.NoError(t, err)
	return doc, keys
}

func TestKeysArePublishedBeforeTheDocument(t *testing.T) {
	t.Parallel()
	doc, keys := published(t, "")
	var to recorder
	require.NoError(t, oidc.Publish(t.Context(), &to, doc, keys, oidc.PublishConfig{}))
	require.Len(t, to.objects, 2)
	assert.Equal(t, "openid/v1/jwks", to.objects[0].Path)
	assert.Equal(t, "application/jwk-set+json", to.objects[0].ContentType)
	assert.Equal(t, ".well-known/openid-configuration", to.objects[1].Path)
	assert.Equal(t, "application/json", to.objects[1].ContentType)
	assert.NotEmpty(t, to.objects[1].CacheControl)
	set, err := oidc.ParseKeySet(to.objects[0].Body)
	require.NoError(t, err)
	assert.Equal(t, keys.IDs(), set.IDs())
	back, err := oidc.ParseDocument(to.objects[1].Body)
	require.NoError(t, err)
	assert.Equal(t, doc, back)

	to = recorder{fail: errors.New("full")}
	require.ErrorIs(t, oidc.Publish(t.Context(), &to, doc, keys, oidc.PublishConfig{}), to.fail)
	assert.Len(t, to.objects, 1)
}

func TestNothingIsPublishedThatSTSWouldRefuse(t *testing.T) {
	t.Parallel()
	doc, keys := published(t, "")
	ops, err := oidc.ParseKeySet([]byte(`{"keys":[{` + p + `,"key_ops":["verify"]}]}`))
	require.NoError(t, err)
	p384, err := oidc.NewKeySet(ecKey(t, elliptic.P384()).Public())
	require.NoError(t, err)
	elsewhere, _ := published(t, "https://keys.example.com/jwks")
	asDocument, _ := published(t, "https://bucket.example.com/cluster/.well-known/openid-configuration")
	query, _ := published(t, "https://bucket.example.com/cluster/keys?x")
	around, _ := published(t, "https://bucket.example.com/cluster/x%2F..%2F.well-known%2Fopenid-configuration")
	twice, _ := published(t, "https://bucket.example.com/cluster//keys")
	var to recorder
	for want, err := range map[string]error{
		"no key that STS could verify":        oidc.Publish(t.Context(), &to, doc, ops, oidc.PublishConfig{}),
		"it has no key":                       oidc.Publish(t.Context(), &to, doc, nil, oidc.PublishConfig{}),
		`the document names the algorithms`:   oidc.Publish(t.Context(), &to, doc, p384, oidc.PublishConfig{}),
		"jwks\" is not a path below":          oidc.Publish(t.Context(), &to, elsewhere, keys, oidc.PublishConfig{}),
		"the discovery document's own place":  oidc.Publish(t.Context(), &to, asDocument, keys, oidc.PublishConfig{}),
		"keys?x\" is not a path below":        oidc.Publish(t.Context(), &to, query, keys, oidc.PublishConfig{}),
		`openid-configuration" names no file`: oidc.Publish(t.Context(), &to, around, keys, oidc.PublishConfig{}),
		`cluster//keys" names no file`:        oidc.Publish(t.Context(), &to, twice, keys, oidc.PublishConfig{}),
		oidc.ErrIssuerZero.Error():            oidc.Publish(t.Context(), &to, nil, keys, oidc.PublishConfig{}),
		"the store is nil":                    oidc.Publish(t.Context(), nil, doc, keys, oidc.PublishConfig{}),
	} {
		assert.ErrorContains(t, err, want)
	}
	assert.Empty(t, to.objects)
}

func TestADirectoryStaysWithinItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	doc, keys := published(t, "")
	for range 2 {
		require.NoError(t, oidc.Publish(t.Context(), oidc.Directory(dir), doc, keys, oidc.PublishConfig{}))
	}
	body, err := os.ReadFile(filepath.Join(dir, ".well-known", "openid-configuration"))
	require.NoError(t, err)
	back, err := oidc.ParseDocument(body)
	require.NoError(t, err)
	assert.Equal(t, doc, back)
	assert.Len(t, contents(t, oidc.Directory(dir)), 2, "nothing temporary is left")

	outside := t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link")))
	for path, want := range map[string]string{
		"": "does not stay in it", ".": "does not stay in it", "../x": "does not stay in it", "/x": "does not stay in it",
		"a/../../x": "does not stay in it", "link/x": "escapes",
	} {
		assert.ErrorContains(t, oidc.Directory(dir).PutObject(t.Context(), oidc.Object{Path: path}), want, path)
		assert.ErrorContains(t, oidc.Directory(dir).DeleteObject(t.Context(), path), want, path)
		_, err := oidc.Directory(dir).GetObject(t.Context(), path, 10)
		assert.ErrorContains(t, err, want, path)
	}
	left, err := os.ReadDir(outside)
	require.NoError(t, err)
	assert.Empty(t, left)
	missing := oidc.Directory(filepath.Join(dir, "missing"))
	assert.ErrorContains(t, missing.PutObject(t.Context(), oidc.Object{Path: "a"}), "it does not exist")
	_, err = missing.GetObject(t.Context(), "a", 10)
	require.ErrorContains(t, err, "it does not exist")
	assert.NotErrorIs(t, err, fs.ErrNotExist, "a directory that is not there says nothing of the file")
	_, err = oidc.Directory(dir).GetObject(t.Context(), "openid/v1/jwks", 10)
	assert.ErrorIs(t, err, oidc.ErrTooLarge)
}

func TestWhatIsServedIsNotTakenAway(t *testing.T) {
	t.Parallel()
	iss := issuer(t, "https://bucket.example.com/cluster")
	first, second := ecKey(t, elliptic.P256()).Public(), ecKey(t, elliptic.P256()).Public()
	set := func(keys ...crypto.PublicKey) *oidc.KeySet {
		keySet, err := oidc.NewKeySet(keys...)
		require.NoError(t, err)
		return keySet
	}
	firstID := set(first).IDs()[0]
	put := func(to oidc.ObjectStore, iss oidc.Issuer, jwksURI string, keys *oidc.KeySet, cfg oidc.PublishConfig) error {
		doc, err := oidc.NewDocument(iss, jwksURI, keys)
		require.NoError(t, err)
		return oidc.Publish(t.Context(), to, doc, keys, cfg)
	}
	other := issuer(t, "https://bucket.example.com/other")
	for name, c := range map[string]struct {
		before func(dir oidc.Directory)
		iss    oidc.Issuer
		uri    string
		keys   *oidc.KeySet
		cfg    oidc.PublishConfig
		want   error // nil: it is published
	}{
		"nothing is there":          {nil, iss, "", set(second), oidc.PublishConfig{}, nil},
		"the same again":            {nil, iss, "", set(first), oidc.PublishConfig{}, nil},
		"a key more":                {nil, iss, "", set(first, second), oidc.PublishConfig{}, nil},
		"a key less":                {nil, iss, "", set(second), oidc.PublishConfig{}, oidc.ErrKeyServed},
		"a key less, as told":       {nil, iss, "", set(second), oidc.PublishConfig{Drop: []string{firstID}}, nil},
		"another key was told":      {nil, iss, "", set(second), oidc.PublishConfig{Drop: []string{"x", ""}}, oidc.ErrKeyServed},
		"a key less, elsewhere":     {nil, iss, iss.String() + "/keys.json", set(second), oidc.PublishConfig{}, oidc.ErrKeyServed},
		"another issuer":            {nil, other, "", set(first), oidc.PublishConfig{}, oidc.ErrIssuerMismatch},
		"told, but it is its own":   {nil, iss, "", set(second), oidc.PublishConfig{ReplaceIssuer: true}, oidc.ErrKeyServed},
		"its own, garbage for keys": {write(t, "openid/v1/jwks", "<html>"), iss, "", set(second), oidc.PublishConfig{ReplaceIssuer: true}, nil},
		"keys alone, as told":       {remove(t, ".well-known/openid-configuration"), iss, "", set(second), oidc.PublishConfig{ReplaceIssuer: true}, nil},
		"the key under its own id":  {write(t, "openid/v1/jwks", renamed(t, set(first), "signer-1")), iss, "", set(first), oidc.PublishConfig{}, oidc.ErrKeyServed},
		"as told":                   {write(t, "openid/v1/jwks", renamed(t, set(first), "signer-1")), iss, "", set(first), oidc.PublishConfig{Drop: []string{"signer-1"}}, nil},
		"the key without an id":     {write(t, "openid/v1/jwks", renamed(t, set(first), "")), iss, "", set(first), oidc.PublishConfig{}, nil},
		"another issuer, as told":   {nil, other, "", set(second), oidc.PublishConfig{ReplaceIssuer: true}, nil},
		"an unreadable document":    {write(t, ".well-known/openid-configuration", "<html>"), iss, "", set(first), oidc.PublishConfig{}, oidc.ErrDocument},
		"unreadable, as told":       {write(t, ".well-known/openid-configuration", "<html>"), iss, "", set(first), oidc.PublishConfig{ReplaceIssuer: true}, nil},
		"keys without a document":   {remove(t, ".well-known/openid-configuration"), iss, "", set(second), oidc.PublishConfig{}, oidc.ErrKeyServed},
		"a key that we do not know": {write(t, "openid/v1/jwks", `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"AA"}]}`), iss, "", set(first), oidc.PublishConfig{}, oidc.ErrKeyServed},
		"that key, as told":         {write(t, "openid/v1/jwks", `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"AA"}]}`), iss, "", set(first), oidc.PublishConfig{Drop: []string{"ed"}}, nil},
		"a private key":             {write(t, "openid/v1/jwks", `{"keys":[{"kty":"RSA","d":"AA"}]}`), iss, "", set(first), oidc.PublishConfig{}, oidc.ErrPrivateKey},
	} {
		dir := oidc.Directory(t.TempDir())
		if name != "nothing is there" {
			require.NoError(t, put(dir, iss, "", set(first), oidc.PublishConfig{}), name)
		}
		if c.before != nil {
			c.before(dir)
		}
		before := contents(t, dir)
		err := put(dir, c.iss, c.uri, c.keys, c.cfg)
		if c.want != nil {
			require.ErrorIs(t, err, c.want, name)
			assert.Equal(t, before, contents(t, dir), name)
			continue
		}
		require.NoError(t, err, name)
		doc, served, err := oidc.Served(t.Context(), dir, c.iss)
		require.NoError(t, err, name)
		assert.Equal(t, c.iss, doc.Issuer, name)
		assert.Equal(t, c.keys.IDs(), served.IDs(), name)
	}
	doc, keys := published(t, "")
	err := oidc.Publish(t.Context(), failing{}, doc, keys, oidc.PublishConfig{})
	assert.ErrorIs(t, err, errForbidden, "what is not known is not absent")
}

var errForbidden = errors.New("403 Forbidden")

// failing is a store that cannot be read.
type failing struct{ oidc.ObjectStore }

func (failing) GetObject(context.Context, string, int) ([]byte, error) { return nil, errForbidden }

func write(t *testing.T, path, body string) func(oidc.Directory) {
	return func(dir oidc.Directory) {
		require.NoError(t, dir.PutObject(t.Context(), oidc.Object{Path: path, Body: []byte(body)}))
	}
}

// renamed is the key set with that id for its only key.
func renamed(t *testing.T, keys *oidc.KeySet, kid string) string {
	t.Helper()
	jwks, err := json.Marshal(keys)
	require.NoError(t, err)
	return strings.Replace(string(jwks), keys.IDs()[0], kid, 1)
}

func remove(t *testing.T, path string) func(oidc.Directory) {
	return func(dir oidc.Directory) { require.NoError(t, dir.DeleteObject(t.Context(), path)) }
}

// contents are all files below a directory.
func contents(t *testing.T, dir oidc.Directory) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(string(dir), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			body, err := os.ReadFile(path)
			require.NoError(t, err)
			files[path] = string(body)
		}
		return err
	}))
	return files
}

func TestWhatIsUnpublishedIsGone(t *testing.T) {
	t.Parallel()
	dir := oidc.Directory(t.TempDir())
	doc, keys := published(t, "https://bucket.example.com/cluster/keys.json")
	require.NoError(t, oidc.Unpublish(t.Context(), dir, doc.Issuer), "nothing is there")
	require.NoError(t, oidc.Publish(t.Context(), dir, doc, keys, oidc.PublishConfig{}))
	require.NoError(t, dir.PutObject(t.Context(), oidc.Object{Path: "openid/v1/jwks", Body: []byte("of somebody else")}))
	require.ErrorIs(t, oidc.Unpublish(t.Context(), dir, issuer(t, "https://bucket.example.com")), oidc.ErrIssuerMismatch)
	require.ErrorIs(t, oidc.Unpublish(t.Context(), dir, oidc.Issuer{}), oidc.ErrIssuerZero)
	assert.Len(t, contents(t, dir), 3)
	require.NoError(t, oidc.Unpublish(t.Context(), dir, doc.Issuer))
	assert.Len(t, contents(t, dir), 1)
	require.NoError(t, oidc.Unpublish(t.Context(), dir, doc.Issuer))
	write(t, ".well-known/openid-configuration", "{}")(dir)
	assert.ErrorIs(t, oidc.Unpublish(t.Context(), dir, doc.Issuer), oidc.ErrDocument)
}

func TestARotationGoesStepByStep(t *testing.T) {
	t.Parallel()
	set, err := oidc.NewKeySet(ecKey(t, elliptic.P256()).Public(), ecKey(t, elliptic.P256()).Public())
	require.NoError(t, err)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := oidc.Rotation{Old: set.IDs()[0], New: set.IDs()[1]}
	for _, step := range []struct {
		step oidc.RotationStep
		wait time.Duration
	}{{oidc.StepAccept, 0}, {oidc.StepPublish, 0}, {oidc.StepSign, time.Hour}, {oidc.StepRetire, 24*time.Hour + 5*time.Minute}} {
		next, from := r.Next()
		assert.Equal(t, step.step, next)
		for _, other := range []oidc.RotationStep{oidc.StepAccept, oidc.StepPublish, oidc.StepSign, oidc.StepRetire, oidc.StepNone, "x"} {
			if other != next {
				_, err = r.Done(other, now.AddDate(1, 0, 0))
				assert.ErrorIs(t, err, oidc.ErrRotationOrder, "%s before %s", other, next)
			}
		}
		if step.wait > 0 {
			assert.Equal(t, now.Add(step.wait), from)
			_, err = r.Done(next, from.Add(-1))
			require.ErrorIs(t, err, oidc.ErrRotationOrder)
			_, err = r.Retire(set, from.Add(-1))
			require.ErrorIs(t, err, oidc.ErrKeyInUse)
			now = from
		}
		if next == oidc.StepRetire {
			left, err := r.Retire(set, now)
			require.NoError(t, err)
			assert.Equal(t, set.IDs()[1:], left.IDs())
			_, err = r.Retire(left, now)
			require.ErrorIs(t, err, oidc.ErrUnknownKey, "it is gone already")
			alone, err := set.Without(r.New)
			require.NoError(t, err)
			_, err = r.Retire(alone, now)
			require.ErrorIs(t, err, oidc.ErrUnknownKey, "the set would be empty")
		}
		r, err = r.Done(next, now)
		require.NoError(t, err)
		stored, err := json.Marshal(r)
		require.NoError(t, err)
		var back oidc.Rotation
		require.NoError(t, json.Unmarshal(stored, &back))
		assert.Equal(t, r, back)
	}
	last, _ := r.Next()
	assert.Equal(t, oidc.StepNone, last)
	for _, bad := range []oidc.Rotation{{}, {Old: "a"}, {New: "a"}, {Old: "a", New: "a"}, {Old: "a", New: "b", CacheAge: -1}} {
		_, err = bad.Done(oidc.StepAccept, now)
		assert.ErrorContains(t, err, "the ids of two different keys")
		_, err = bad.Retire(set, now)
		assert.ErrorContains(t, err, "the ids of two different keys")
	}
}
