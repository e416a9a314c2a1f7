package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/irsa-go/irsa/oidc"
)

// bucket keeps objects in S3. A few signed requests are all that takes, so the SDK's S3 client,
// which would be this program's largest part, is not needed.
type bucket struct {
	base        string // URL below which the issuer's objects are, without a slash at its end
	region      string
	credentials aws.CredentialsProvider
	client      *http.Client
}

var _ oidc.ObjectStore = (*bucket)(nil)

// newBucket puts the objects below the issuer's own path, so that clusters can share a bucket.
func newBucket(ctx context.Context, cfg aws.Config, name string, iss oidc.Issuer) (*bucket, error) {
	switch {
	case cfg.Region == "":
		return nil, errors.New("no AWS region is configured: set AWS_REGION to the bucket's")
	case cfg.Credentials == nil:
		return nil, errors.New("no AWS credentials are configured")
	}
	host, err := bucketHost(ctx, cfg.Region)
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(iss.String())
	if err != nil {
		return nil, err
	}
	path := strings.TrimSuffix(at.EscapedPath(), "/")
	if at.Host == host { // https://s3.REGION.SUFFIX/BUCKET/PATH
		below, ok := strings.CutPrefix(path+"/", "/"+name+"/")
		if !ok {
			return nil, fmt.Errorf("the issuer %q is not in bucket %q", iss, name)
		}
		path = strings.TrimSuffix("/"+below, "/")
	}
	return &bucket{
		base: "https://" + name + "." + host + path, region: cfg.Region, credentials: cfg.Credentials,
		client: &http.Client{Timeout: 30 * time.Second},
	}, nil
}

var regionShape = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)

// bucketHost is S3's host in a region. The SDK's table of partitions is behind its endpoints: that
// of STS differs in its first label only.
func bucketHost(ctx context.Context, region string) (string, error) {
	if !regionShape.MatchString(region) {
		return "", fmt.Errorf("AWS region %q: it does not have the shape of a region", region)
	}
	endpoint, err := sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sts.EndpointParameters{Region: &region})
	if err != nil {
		return "", fmt.Errorf("AWS region %q: %w", region, err)
	}
	return "s3." + strings.TrimPrefix(endpoint.URI.Host, "sts."), nil
}

// GetObject needs s3:GetObject, and s3:ListBucket on the bucket: without that, S3 answers 403 for
// what is not there.
func (b *bucket) GetObject(ctx context.Context, path string, limit int) ([]byte, error) {
	resp, err := b.do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	case http.StatusForbidden:
		return nil, errors.New("S3 answered 403 Forbidden: reading needs s3:GetObject, and s3:ListBucket to tell what is not there")
	default:
		return nil, fmt.Errorf("S3 answered %s", resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if err == nil && len(body) > limit {
		err = oidc.ErrTooLarge
	}
	return body, err
}

// PutObject needs s3:PutObject on the object. It sends no ACL: reading is granted by the
// bucket's policy or through CloudFront.
func (b *bucket) PutObject(ctx context.Context, o oidc.Object) error {
	return b.change(ctx, http.MethodPut, o.Path, o.Body, http.Header{
		"Content-Type": {o.ContentType}, "Cache-Control": {o.CacheControl},
	})
}

// DeleteObject needs s3:DeleteObject.
func (b *bucket) DeleteObject(ctx context.Context, path string) error {
	return b.change(ctx, http.MethodDelete, path, nil, nil)
}

func (b *bucket) change(ctx context.Context, method, path string, body []byte, header http.Header) error {
	resp, err := b.do(ctx, method, path, body, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("S3 answered %s", resp.Status)
	}
	return nil
}

func (b *bucket) do(ctx context.Context, method, path string, body []byte, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, b.base+"/"+(&url.URL{Path: path}).EscapedPath(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	creds, err := b.credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }) // S3 escapes once
	if err := signer.SignHTTP(ctx, creds, req, hash, "s3", b.region, time.Now()); err != nil {
		return nil, err
	}
	return b.client.Do(req)
}
