package oidc_test

import (
	"context"
	"crypto/elliptic"
	"errors"
	"os"
	"path/filepath"
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
	require.NoError(t, oidc.Publish(t.Context(), &to, doc, keys))
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
	require.ErrorIs(t, oidc.Publish(t.Context(), &to, doc, keys), to.fail)
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
	var to recorder
	for name, err := range map[string]error{
		"key_ops":              oidc.Publish(t.Context(), &to, doc, ops),
		"no keys":              oidc.Publish(t.Context(), &to, doc, nil),
		"other algorithms":     oidc.Publish(t.Context(), &to, doc, p384),
		"keys elsewhere":       oidc.Publish(t.Context(), &to, elsewhere, keys),
		"keys as the document": oidc.Publish(t.Context(), &to, asDocument, keys),
		"keys with a query":    oidc.Publish(t.Context(), &to, query, keys),
		"no document":          oidc.Publish(t.Context(), &to, nil, keys),
		"nowhere":              oidc.Publish(t.Context(), nil, doc, keys),
	} {
		assert.Error(t, err, name)
	}
	assert.Empty(t, to.objects)
}

func TestADirectoryStaysWithinItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	doc, keys := published(t, "")
	for range 2 {
		require.NoError(t, oidc.Publish(t.Context(), oidc.Directory(dir), doc, keys))
	}
	body, err := os.ReadFile(filepath.Join(dir, ".well-known", "openid-configuration"))
	require.NoError(t, err)
	back, err := oidc.ParseDocument(body)
	require.NoError(t, err)
	assert.Equal(t, doc, back)
	files, err := filepath.Glob(filepath.Join(dir, "*", "*", "*.tmp"))
	require.NoError(t, err)
	assert.Empty(t, files)

	outside := t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link")))
	for _, path := range []string{"", "../x", "/x", "a/../../x", "link/x"} {
		assert.Error(t, oidc.Directory(dir).PutObject(t.Context(), oidc.Object{Path: path}), path)
	}
	left, err := os.ReadDir(outside)
	require.NoError(t, err)
	assert.Empty(t, left)
	assert.Error(t, oidc.Directory(filepath.Join(dir, "missing")).PutObject(t.Context(), oidc.Object{Path: "a"}))
}

func TestAKeyIsRetiredWhenItsLastTokenIsGone(t *testing.T) {
	t.Parallel()
	set, err := oidc.NewKeySet(ecKey(t, elliptic.P256()).Public(), ecKey(t, elliptic.P256()).Public())
	require.NoError(t, err)
	old := set.IDs()[0]
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := oidc.Rotation{Published: now}
	assert.Equal(t, now.Add(time.Hour), r.SwitchAfter())
	assert.Zero(t, r.RetireAfter())
	_, err = r.Retire(set, now.AddDate(1, 0, 0), old)
	require.ErrorIs(t, err, oidc.ErrKeyInUse)
	r.Switched = now
	_, err = r.Retire(set, now.Add(24*time.Hour), old)
	require.ErrorIs(t, err, oidc.ErrKeyInUse)
	left, err := r.Retire(set, now.Add(24*time.Hour+5*time.Minute), old)
	require.NoError(t, err)
	assert.Equal(t, set.IDs()[1:], left.IDs())
	_, err = r.Retire(set, now.AddDate(1, 0, 0), set.IDs()...)
	assert.ErrorIs(t, err, oidc.ErrKey)
	assert.Zero(t, oidc.Rotation{}.SwitchAfter())
}
