package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
)

func TestWhatIsPublishedPassesThePreflight(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	web, private, ca := filepath.Join(dir, "web"), filepath.Join(dir, "sa.key"), filepath.Join(dir, "ca.pem")
	require.NoError(t, os.Mkdir(web, 0o755))
	srv := httptest.NewTLSServer(http.FileServer(http.Dir(web)))
	defer srv.Close()
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600))
	var out bytes.Buffer
	err := run(t.Context(), []string{"-issuer", srv.URL, "-new-key", private, "-dir", web, "-preflight", "-ca", ca}, &out, io.Discard)
	require.NoError(t, err, out.String())
	assert.Contains(t, out.String(), "passed   keys-valid")
	assert.Contains(t, out.String(), "--service-account-issuer="+srv.URL)
	info, err := os.Stat(private)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	jwks, err := os.ReadFile(filepath.Join(web, "openid", "v1", "jwks"))
	require.NoError(t, err)
	first, err := oidc.ParseKeySet(jwks)
	require.NoError(t, err)

	// The next rotation: the old key stays published beside the new one.
	require.Error(t, run(t.Context(), []string{"-issuer", srv.URL, "-new-key", private, "-dir", web}, &out, io.Discard), "a key is never overwritten")
	second := filepath.Join(dir, "sa2.key")
	require.NoError(t, run(t.Context(), []string{"-issuer", srv.URL, "-key", private, "-new-key", second, "-dir", web}, &out, io.Discard))
	jwks, err = os.ReadFile(filepath.Join(web, "openid", "v1", "jwks"))
	require.NoError(t, err)
	both, err := oidc.ParseKeySet(jwks)
	require.NoError(t, err)
	assert.Equal(t, 2, both.Len())
	assert.Equal(t, first.IDs()[0], both.IDs()[0])
}

func TestWrongInputIsOneClearLineAndLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := filepath.Join(dir, "sa.key")
	bad := filepath.Join(dir, "bad.pem")
	require.NoError(t, os.WriteFile(bad, []byte("no key"), 0o600))
	for args, want := range map[string]string{
		"":                          "-issuer is required",
		"-issuer https://a.example": "-key or -new-key",
		"-issuer https://a.example -new-key " + key:                                   "-dir and -bucket",
		"-issuer http://a.example -dir " + dir + " -new-key " + key:                   "https://",
		"-issuer https://a.example:8443 -dir " + dir + " -new-key " + key:             "port",
		"-issuer https://a.example -dir " + dir + " -key " + bad:                      bad,
		"-issuer https://a.example -dir " + dir + " -key " + bad + " -new-key " + key: bad,
	} {
		err := run(t.Context(), strings.Fields(args), io.Discard, io.Discard)
		require.ErrorContains(t, err, want, args)
		assert.NoFileExists(t, key, args)
	}
}

func TestABucketGetsOneSignedRequestPerObject(t *testing.T) {
	t.Parallel()
	var got *http.Request
	status := http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.WriteHeader(status)
	}))
	defer srv.Close()
	b := &bucket{endpoint: srv.URL, region: "eu-west-1", client: srv.Client(), credentials: aws.CredentialsProviderFunc(
		func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		})}
	o := oidc.Object{Path: ".well-known/openid-configuration", Body: []byte("{}"), ContentType: "application/json", CacheControl: "public"}
	require.NoError(t, b.PutObject(t.Context(), o))
	assert.Equal(t, http.MethodPut, got.Method)
	assert.Equal(t, "/.well-known/openid-configuration", got.URL.Path)
	assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
	assert.Contains(t, got.Header.Get("Authorization"), "/eu-west-1/s3/aws4_request")
	assert.Empty(t, got.Header.Get("X-Amz-Acl"))
	status = http.StatusForbidden
	assert.ErrorContains(t, b.PutObject(t.Context(), o), "403")
}

func TestABucketIsInItsRegionsPartition(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"eu-west-1":      "https://b.s3.eu-west-1.amazonaws.com",
		"cn-north-1":     "https://b.s3.cn-north-1.amazonaws.com.cn",
		"us-gov-west-1":  "https://b.s3.us-gov-west-1.amazonaws.com",
		"eusc-de-east-1": "https://b.s3.eusc-de-east-1.amazonaws.eu",
	} {
		b, err := newBucket(aws.Config{Region: region, Credentials: aws.AnonymousCredentials{}}, "b")
		require.NoError(t, err, region)
		assert.Equal(t, want, b.endpoint)
	}
	for _, region := range []string{"", "moon", "eu-west-1.example.com/"} {
		_, err := newBucket(aws.Config{Region: region, Credentials: aws.AnonymousCredentials{}}, "b")
		assert.Error(t, err, region)
	}
}
