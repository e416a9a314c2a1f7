// Package s3store keeps what an issuer publishes in an S3 bucket, for [oidc.Publish] and the like. A
// few signed requests are all that takes, so it does without the SDK's S3 client.
package s3store

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
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/irsa-go/irsa/internal/partition"
	"github.com/irsa-go/irsa/oidc"
)

// timeout is that of a call, with its body.
const timeout = 30 * time.Second

// Bucket is where an issuer's objects are. It is immutable and safe for concurrent use.
type Bucket struct {
	base        string // URL below which the issuer's objects are, without a slash at its end
	region      string
	credentials aws.CredentialsProvider
	client      aws.HTTPClient
}

var _ oidc.ObjectStore = (*Bucket)(nil)

// New returns the bucket of that name, with the region, the credentials and the HTTPClient of cfg
// (nil: http.DefaultClient). A call takes at most 30 s. The objects go below the issuer's own path, so that clusters can share a bucket.
//
// Errors: cfg lacks a region or credentials; the region does not have the shape of one; the issuer's
// URL is that of another bucket.
func New(cfg aws.Config, bucket string, iss oidc.Issuer) (*Bucket, error) {
	fail := func(format string, args ...any) (*Bucket, error) {
		return nil, fmt.Errorf("s3store: bucket %q: "+format, append([]any{bucket}, args...)...)
	}
	region, known := partition.ByRegion(cfg.Region)
	switch {
	case bucket == "" || strings.ContainsAny(bucket, "/?#@:"):
		return fail("it is not the name of a bucket")
	case cfg.Region == "":
		return fail("no AWS region is configured: set AWS_REGION to the bucket's")
	case !known:
		return fail("AWS region %q: it does not have the shape of a region", cfg.Region)
	case cfg.Credentials == nil:
		return fail("no AWS credentials are configured")
	}
	at, err := url.Parse(iss.String())
	if err != nil {
		return fail("%w", err)
	}
	host, path := "s3."+cfg.Region+"."+region.DNSSuffix, strings.TrimSuffix(at.EscapedPath(), "/")
	if at.Host == host { // https://s3.REGION.SUFFIX/BUCKET/PATH
		below, ok := strings.CutPrefix(path+"/", "/"+bucket+"/")
		if !ok {
			return fail("the issuer %q is not in it", iss)
		}
		path = strings.TrimSuffix("/"+below, "/")
	}
	b := &Bucket{base: "https://" + bucket + "." + host + path, region: cfg.Region, credentials: cfg.Credentials, client: cfg.HTTPClient}
	if b.client == nil {
		b.client = http.DefaultClient
	}
	return b, nil
}

// GetObject needs s3:GetObject, and s3:ListBucket on the bucket: without that, S3 answers 403 for
// what is not there.
func (b *Bucket) GetObject(ctx context.Context, path string, limit int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
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
		return nil, b.answered(resp)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if err == nil && len(body) > limit {
		err = oidc.ErrTooLarge
	}
	return body, err
}

// PutObject needs s3:PutObject on the object. It sends no ACL: reading is granted by the
// bucket's policy or through CloudFront.
func (b *Bucket) PutObject(ctx context.Context, o oidc.Object) error {
	return b.change(ctx, http.MethodPut, o.Path, o.Body, http.Header{
		"Content-Type": {o.ContentType}, "Cache-Control": {o.CacheControl},
	})
}

// DeleteObject needs s3:DeleteObject.
func (b *Bucket) DeleteObject(ctx context.Context, path string) error {
	return b.change(ctx, http.MethodDelete, path, nil, nil)
}

func (b *Bucket) change(ctx context.Context, method, path string, body []byte, header http.Header) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	resp, err := b.do(ctx, method, path, body, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		return b.answered(resp)
	}
	return nil
}

func (b *Bucket) answered(resp *http.Response) error {
	err := fmt.Errorf("S3 answered %s", resp.Status)
	if region := resp.Header.Get("X-Amz-Bucket-Region"); region != "" && region != b.region {
		err = fmt.Errorf("%w: the bucket is in region %q, not %q", err, region, b.region)
	}
	return err
}

func (b *Bucket) do(ctx context.Context, method, path string, body []byte, header http.Header) (*http.Response, error) {
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
