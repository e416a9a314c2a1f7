package s3store_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/oidc"
	"github.com/irsa-go/irsa/oidc/s3store"
)

func credentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
}

// objects is S3: what it keeps by URL, and the requests that it got.
type objects struct {
	kept map[string]string
	got  []*http.Request
	says string // with a refusal
}

// Do is for aws.Config.HTTPClient.
func (o *objects) Do(r *http.Request) (*http.Response, error) {
	o.got = append(o.got, r)
	w := httptest.NewRecorder()
	at := r.URL.String()
	switch body, there := o.kept[at]; {
	case r.Method == http.MethodPut:
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		o.kept[at] = string(text)
	case r.Method == http.MethodDelete:
		delete(o.kept, at)
		w.WriteHeader(http.StatusNoContent)
	case strings.HasPrefix(r.URL.Host, "missing."):
		w.WriteHeader(http.StatusNotFound)
		w.WriteString(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>`)
	case !there:
		w.WriteHeader(http.StatusNotFound)
	case body == "forbidden":
		w.WriteHeader(http.StatusForbidden)
		w.WriteString(o.says)
	case body == "elsewhere":
		w.Header().Set("X-Amz-Bucket-Region", "eu-west-3")
		w.WriteHeader(http.StatusMovedPermanently)
	default:
		w.WriteString(body)
	}
	return w.Result(), nil
}

func issuer(t *testing.T, raw string) oidc.Issuer {
	t.Helper()
	iss, err := oidc.ParseIssuer(raw)
	require.NoError(t, err)
	return iss
}

func Example() {
	cfg := aws.Config{Region: "eu-west-1", Credentials: aws.CredentialsProviderFunc(credentials), HTTPClient: &objects{kept: map[string]string{}}}
	iss, err := oidc.ParseIssuer("https://irsa-issuers.s3.eu-west-1.amazonaws.com/blue")
	if err != nil {
		fmt.Println(err)
		return
	}
	bucket, err := s3store.New(cfg, "irsa-issuers", iss)
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, _, err := oidc.GenerateKey("ES256")
	if err != nil {
		fmt.Println(err)
		return
	}
	keys, err := oidc.NewKeySet(signer.Public())
	if err != nil {
		fmt.Println(err)
		return
	}
	doc, err := oidc.NewDocument(iss, "", keys)
	if err == nil {
		err = oidc.Publish(context.Background(), bucket, doc, keys, oidc.PublishConfig{})
	}
	fmt.Println(doc.JWKSURI, err)
	// Output: https://irsa-issuers.s3.eu-west-1.amazonaws.com/blue/openid/v1/jwks <nil>
}

func TestABucketIsReadAndWrittenBySignedRequests(t *testing.T) {
	t.Parallel()
	s3 := &objects{kept: map[string]string{}}
	iss := issuer(t, "https://bucket.example/cluster")
	b, err := s3store.New(aws.Config{Region: "eu-west-1", Credentials: aws.CredentialsProviderFunc(credentials), HTTPClient: s3}, "b", iss)
	require.NoError(t, err)
	signer, _, err := oidc.GenerateKey("ES256")
	require.NoError(t, err)
	keys, err := oidc.NewKeySet(signer.Public())
	require.NoError(t, err)
	doc, err := oidc.NewDocument(iss, "", keys)
	require.NoError(t, err)
	require.NoError(t, oidc.Publish(t.Context(), b, doc, keys, oidc.PublishConfig{}))
	last := s3.got[len(s3.got)-1]
	const document = "https://b.s3.eu-west-1.amazonaws.com/cluster/.well-known/openid-configuration"
	assert.Equal(t, document, last.URL.String())
	assert.Equal(t, "application/json", last.Header.Get("Content-Type"))
	assert.Contains(t, last.Header.Get("Authorization"), "/eu-west-1/s3/aws4_request")
	assert.Empty(t, last.Header.Get("X-Amz-Acl"))
	assert.Len(t, s3.kept, 2)
	require.NoError(t, oidc.Publish(t.Context(), b, doc, keys, oidc.PublishConfig{}), "once more")
	body, err := b.GetObject(t.Context(), "openid/v1/jwks", 5)
	require.ErrorIs(t, err, oidc.ErrTooLarge)
	require.ErrorContains(t, err, "s3store: openid/v1/jwks: ")
	assert.Nil(t, body)
	require.NoError(t, oidc.Unpublish(t.Context(), b, iss))
	assert.Empty(t, s3.kept)
	s3.kept[document] = "forbidden"
	assert.ErrorContains(t, oidc.Publish(t.Context(), b, doc, keys, oidc.PublishConfig{}), "403", "what is not known is not absent")
	s3.kept[document] = "elsewhere"
	assert.ErrorContains(t, oidc.Publish(t.Context(), b, doc, keys, oidc.PublishConfig{}), `the bucket is in region "eu-west-3", not "eu-west-1"`)
}

func TestABucketKeepsTheIssuersPathInItsRegionsPartition(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ region, issuer, want string }{
		{"eu-west-1", "https://b.s3.eu-west-1.amazonaws.com", "https://b.s3.eu-west-1.amazonaws.com"},
		{"eu-west-1", "https://b.s3.eu-west-1.amazonaws.com/a/b", "https://b.s3.eu-west-1.amazonaws.com/a/b"},
		{"eu-west-1", "https://cdn.example/cluster/", "https://b.s3.eu-west-1.amazonaws.com/cluster"},
		{"eu-west-1", "https://s3.eu-west-1.amazonaws.com/b", "https://b.s3.eu-west-1.amazonaws.com"},
		{"eu-west-1", "https://s3.eu-west-1.amazonaws.com/b/cluster", "https://b.s3.eu-west-1.amazonaws.com/cluster"},
		{"eu-west-1", "https://s3-eu-west-1.amazonaws.com/b", "https://b.s3.eu-west-1.amazonaws.com"}, // the webhook's guide
		{"eu-west-1", "https://s3-eu-west-1.amazonaws.com/b/cluster/", "https://b.s3.eu-west-1.amazonaws.com/cluster"},
		{"us-east-1", "https://s3.amazonaws.com/b/cluster", "https://b.s3.us-east-1.amazonaws.com/cluster"},
		{"eu-west-1", "https://s3.dualstack.eu-west-1.amazonaws.com/b/cluster", "https://b.s3.eu-west-1.amazonaws.com/cluster"},
		{"eu-west-1", "https://B.S3.eu-west-1.amazonaws.com:443/Cluster", "https://b.s3.eu-west-1.amazonaws.com/Cluster"},
		{"eu-west-1", "https://b.s3.us-west-2.amazonaws.com/c", "https://b.s3.eu-west-1.amazonaws.com/c"}, // S3 says which region
		{"eu-west-1", "https://s3.other.example/b/c", "https://b.s3.eu-west-1.amazonaws.com/b/c"},
		{"eu-west-1", "https://s3.lb.elb.amazonaws.com/b/c", "https://b.s3.eu-west-1.amazonaws.com/b/c"},
		{"eu-west-1", "https://cdn.example/a:b+c=d@e%7E/%41%2Fb", "https://b.s3.eu-west-1.amazonaws.com/a%3Ab%2Bc%3Dd%40e~/A/b"},
		{"cn-north-1", "https://cdn.example", "https://b.s3.cn-north-1.amazonaws.com.cn"},
		{"us-gov-west-1", "https://cdn.example", "https://b.s3.us-gov-west-1.amazonaws.com"},
		{"eusc-de-east-1", "https://cdn.example", "https://b.s3.eusc-de-east-1.amazonaws.eu"},
	} {
		s3 := &objects{kept: map[string]string{}}
		b, err := s3store.New(aws.Config{Region: c.region, Credentials: aws.CredentialsProviderFunc(credentials), HTTPClient: s3}, "b", issuer(t, c.issuer))
		require.NoError(t, err, c.issuer)
		require.NoError(t, b.DeleteObject(t.Context(), "x y"))
		assert.Equal(t, c.want+"/x%20y", s3.got[0].URL.String())
	}
}

func TestAMissingBucketIsNotOneWithoutTheObject(t *testing.T) {
	t.Parallel()
	iss := issuer(t, "https://cdn.example")
	b, err := s3store.New(aws.Config{Region: "eu-west-1", Credentials: aws.CredentialsProviderFunc(credentials), HTTPClient: &objects{}}, "missing", iss)
	require.NoError(t, err)
	assert.ErrorContains(t, oidc.Unpublish(t.Context(), b, iss), "S3 answered 404 Not Found, NoSuchBucket")
}

func TestARefusalIsSaidToBeOfPermissionsWhenItIs(t *testing.T) {
	t.Parallel()
	const hint = "reading needs s3:GetObject"
	for code, hinted := range map[string]bool{"AccessDenied": true, "": true, "RequestTimeTooSkewed": false, "SignatureDoesNotMatch": false} {
		const url = "https://b.s3.eu-west-1.amazonaws.com/x"
		s3 := &objects{kept: map[string]string{url: "forbidden"}, says: "<Error><Code>" + code + "</Code><Message>secret</Message></Error>"}
		b, err := s3store.New(aws.Config{Region: "eu-west-1", Credentials: aws.CredentialsProviderFunc(credentials), HTTPClient: s3}, "b", issuer(t, "https://cdn.example"))
		require.NoError(t, err)
		_, err = b.GetObject(t.Context(), "x", 1)
		require.ErrorContains(t, err, "S3 answered 403 Forbidden")
		assert.ErrorContains(t, err, code)
		assert.NotContains(t, err.Error(), "secret")
		assert.Equal(t, hinted, strings.Contains(err.Error(), hint), code)
	}
}

func TestANilContextIsOneWithoutAnEnd(t *testing.T) {
	t.Parallel()
	var none context.Context
	b, err := s3store.New(aws.Config{Region: "eu-west-1", Credentials: aws.CredentialsProviderFunc(credentials), HTTPClient: &objects{}}, "b", issuer(t, "https://cdn.example"))
	require.NoError(t, err)
	require.NoError(t, b.DeleteObject(none, "x"))
	_, err = b.GetObject(none, "x", 1)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// S3's certificate has one label before its host.
func TestABucketWithADotIsAskedForInThePath(t *testing.T) {
	t.Parallel()
	for iss, want := range map[string]string{
		"https://oidc.example/c":                                    "https://s3.eu-west-1.amazonaws.com/oidc.example/c/x",
		"https://s3.eu-west-1.amazonaws.com/oidc.example/c":         "https://s3.eu-west-1.amazonaws.com/oidc.example/c/x",
		"https://oidc.example.s3.eu-west-1.amazonaws.com/c":         "https://s3.eu-west-1.amazonaws.com/oidc.example/c/x",
		"https://oidc.example.s3.eu-west-1.amazonaws.com.cn.test/c": "https://s3.eu-west-1.amazonaws.com/oidc.example/c/x",
	} {
		s3 := &objects{kept: map[string]string{}}
		b, err := s3store.New(aws.Config{Region: "eu-west-1", Credentials: aws.CredentialsProviderFunc(credentials), HTTPClient: s3}, "oidc.example", issuer(t, iss))
		require.NoError(t, err, iss)
		require.NoError(t, b.DeleteObject(t.Context(), "x"))
		assert.Equal(t, want, s3.got[0].URL.String(), iss)
	}
}

func TestABucketThatNobodyMadeGivesErrors(t *testing.T) {
	t.Parallel()
	for _, b := range []*s3store.Bucket{nil, {}} {
		_, err := b.GetObject(t.Context(), "x", 1)
		require.Error(t, err)
		require.Error(t, b.PutObject(t.Context(), oidc.Object{Path: "x"}))
		require.Error(t, b.DeleteObject(t.Context(), "x"))
	}
	_, err := s3store.New(aws.Config{Region: "eu-west-1", Credentials: aws.AnonymousCredentials{}}, "b", oidc.Issuer{})
	assert.ErrorIs(t, err, oidc.ErrIssuerZero)
}

func TestABucketThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	good := aws.Config{Region: "eu-west-1", Credentials: aws.AnonymousCredentials{}}
	for says, c := range map[string]struct {
		region, bucket, issuer string
	}{
		"no AWS region":                                          {"", "b", "https://cdn.example"},
		`AWS region "moon": it does not have`:                    {"moon", "b", "https://cdn.example"},
		`AWS region "eu-west-1.example.com/": it does`:           {"eu-west-1.example.com/", "b", "https://cdn.example"},
		`"evil.example/": it is not the name`:                    {"eu-west-1", "evil.example/", "https://cdn.example"},
		`issuer "https://s3.eu-west-1.amazonaws.com/bb/cluster"`: {"eu-west-1", "b", "https://s3.eu-west-1.amazonaws.com/bb/cluster"},
		`issuer "https://s3.eu-west-1.amazonaws.com/other"`:      {"eu-west-1", "b", "https://s3.eu-west-1.amazonaws.com/other"},
		`issuer "https://other.s3.eu-west-1.amazonaws.com"`:      {"eu-west-1", "b", "https://other.s3.eu-west-1.amazonaws.com"},
		`issuer "https://a.b.s3.eu-west-1.amazonaws.com"`:        {"eu-west-1", "b", "https://a.b.s3.eu-west-1.amazonaws.com"},
		`issuer "https://s3-eu-west-1.amazonaws.com/other/b"`:    {"eu-west-1", "b", "https://s3-eu-west-1.amazonaws.com/other/b"},
		`issuer "https://other.s3.amazonaws.com"`:                {"eu-west-1", "b", "https://other.s3.amazonaws.com"},
		`issuer "https://other.s3-eu-west-1.amazonaws.com"`:      {"eu-west-1", "b", "https://other.s3-eu-west-1.amazonaws.com"},
		`issuer "https://b.s3.cn-north-1.amazonaws.com.cn"`:      {"eu-west-1", "b", "https://b.s3.cn-north-1.amazonaws.com.cn"},
		`"b%2f": it is not the name`:                             {"eu-west-1", "b%2f", "https://cdn.example"},
	} {
		cfg := good
		cfg.Region = c.region
		b, err := s3store.New(cfg, c.bucket, issuer(t, c.issuer))
		assert.ErrorContains(t, err, says)
		assert.Nil(t, b)
	}
	good.Credentials = nil
	_, err := s3store.New(good, "b", issuer(t, "https://cdn.example"))
	assert.ErrorContains(t, err, "no AWS credentials")
}
