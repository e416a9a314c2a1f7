// Package s3store keeps what an issuer publishes in an S3 bucket, for [oidc.Publish], [oidc.Served] and
// [oidc.Unpublish]. A few signed requests are all that takes, so it does without the SDK's S3 client.
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
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/encoding/httpbinding"

	"github.com/irsa-go/irsa/internal/partition"
	"github.com/irsa-go/irsa/oidc"
)

// timeout is that of a call, with its body.
const timeout = 30 * time.Second

// Bucket is where an issuer's objects are. [New] returns one; the zero value gives errors. It is
// immutable and safe for concurrent use.
type Bucket struct {
	base        string // URL below which the issuer's objects are, without a slash at its end
	region      string
	credentials aws.CredentialsProvider
	client      aws.HTTPClient
}

var _ oidc.ObjectStore = (*Bucket)(nil)

// New returns the bucket of that name, with the region, the credentials and the HTTPClient of cfg
// (nil: http.DefaultClient); it uses nothing else of it. A call takes at most 30 s. The objects go
// below the issuer's own path, so that clusters can share a bucket.
//
// Errors: a name that no bucket has; cfg lacks a region or credentials; the region does not have the
// shape of one; the issuer is the zero value, or its URL is that of another bucket.
func New(cfg aws.Config, bucket string, iss oidc.Issuer) (*Bucket, error) {
	fail := func(format string, args ...any) (*Bucket, error) {
		return nil, fmt.Errorf("s3store: bucket %q: "+format, append([]any{bucket}, args...)...)
	}
	region, known := partition.ByRegion(cfg.Region)
	switch {
	case bucket == "" || strings.Trim(bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "":
		return fail("it is not the name of a bucket")
	case cfg.Region == "":
		return fail("no AWS region is configured: set AWS_REGION to the bucket's")
	case !known:
		return fail("AWS region %q: it does not have the shape of a region", cfg.Region)
	case cfg.Credentials == nil:
		return fail("no AWS credentials are configured")
	case iss.IsZero():
		return fail("%w", oidc.ErrIssuerZero)
	}
	base, err := baseOf(bucket, "s3."+cfg.Region+"."+region.DNSSuffix, region.DNSSuffix, iss)
	if err != nil {
		return fail("%w", err)
	}
	b := &Bucket{base: base, region: cfg.Region, credentials: cfg.Credentials, client: cfg.HTTPClient}
	if b.client == nil {
		b.client = http.DefaultClient
	}
	return b, nil
}

// baseOf is the URL below which the bucket has the issuer's objects; host is S3's in the region.
func baseOf(bucket, host, suffix string, iss oidc.Issuer) (string, error) {
	at, err := url.Parse(iss.String())
	if err != nil {
		return "", err
	}
	of, path, below := onS3(at)
	if below != "" && (of != bucket || below != suffix) {
		return "", fmt.Errorf("the issuer %q is not in it", iss)
	}
	path = escape(strings.TrimSuffix(path, "/"))
	if strings.Contains(bucket, ".") { // S3's certificate is for one label before its host
		return "https://" + host + "/" + bucket + path, nil
	}
	return "https://" + bucket + "." + host + path, nil
}

// s3Host has the forms of S3's hosts, old ones too, without AWS's DNS suffix: s3, s3.REGION, s3-REGION and
// s3.dualstack.REGION, each perhaps after the name of a bucket
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html).
var s3Host = regexp.MustCompile(`^(?:(.+)\.)?s3(?:-fips)?(?:\.dualstack)?(?:[.-][a-z0-9-]+)?$`)

// onS3 takes S3's own URL of an object apart. The suffix is AWS's DNS suffix in it, "" for another host's.
func onS3(at *url.URL) (bucket, path, suffix string) {
	host := strings.ToLower(at.Hostname())
	for _, name := range partition.Names() {
		p, _ := partition.ByName(name)
		rest, below := strings.CutSuffix(host, "."+p.DNSSuffix)
		m := s3Host.FindStringSubmatch(rest)
		switch {
		case !below || m == nil:
		case m[1] != "": // https://BUCKET.s3.REGION.SUFFIX/PATH
			return m[1], at.Path, p.DNSSuffix
		default: // https://s3.REGION.SUFFIX/BUCKET/PATH
			bucket, path, _ = strings.Cut(strings.TrimPrefix(at.Path, "/"), "/")
			return bucket, "/" + path, p.DNSSuffix
		}
	}
	return "", at.Path, ""
}

// escape writes a path as S3 does when it checks a signature: a colon, for one, is not left as it is
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
func escape(path string) string { return httpbinding.EscapePath(path, false) }

// GetObject reads an object of up to limit bytes; a longer one is [oidc.ErrTooLarge], and one that does
// not exist [fs.ErrNotExist]. It needs s3:GetObject, and s3:ListBucket on the bucket: without that, S3
// answers 403 for what is not there. A bucket that does not exist is another error.
func (b *Bucket) GetObject(ctx context.Context, path string, limit int) ([]byte, error) {
	body, err := b.get(ctx, path, limit)
	if err != nil {
		return nil, fmt.Errorf("s3store: %s: %w", path, err)
	}
	return body, nil
}

func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx == nil {
		ctx = context.Background()
	}
	return context.WithTimeout(ctx, timeout)
}

func (b *Bucket) get(ctx context.Context, path string, limit int) ([]byte, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	resp, err := b.do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, b.notRead(resp)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if err == nil && len(body) > limit {
		err = oidc.ErrTooLarge
	}
	return body, err
}

// PutObject writes an object, in place of one that is there. It needs s3:PutObject on the object. It
// sends no ACL: reading is granted by the bucket's policy or through CloudFront. Any answer of S3 but a
// success is an error, which names the bucket's region when that is another one.
func (b *Bucket) PutObject(ctx context.Context, o oidc.Object) error {
	return b.change(ctx, http.MethodPut, o.Path, o.Body, http.Header{
		"Content-Type": {o.ContentType}, "Cache-Control": {o.CacheControl},
	})
}

// DeleteObject deletes an object; S3 takes one that does not exist for deleted. It needs
// s3:DeleteObject. Errors are as of PutObject.
func (b *Bucket) DeleteObject(ctx context.Context, path string) error {
	return b.change(ctx, http.MethodDelete, path, nil, nil)
}

func (b *Bucket) change(ctx context.Context, method, path string, body []byte, header http.Header) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	resp, err := b.do(ctx, method, path, body, header)
	if err == nil {
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
			_, err = b.answered(resp)
		}
	}
	if err != nil {
		return fmt.Errorf("s3store: %s: %w", path, err)
	}
	return nil
}

// notRead tells an object that does not exist from everything else, a bucket that does not exist included.
func (b *Bucket) notRead(resp *http.Response) error {
	code, err := b.answered(resp)
	switch {
	case resp.StatusCode == http.StatusNotFound && code != "NoSuchBucket":
		return fs.ErrNotExist
	case resp.StatusCode == http.StatusForbidden && (code == "AccessDenied" || code == ""):
		return fmt.Errorf("%w: reading needs s3:GetObject, and s3:ListBucket to tell what is not there", err)
	}
	return err
}

var errorCode = regexp.MustCompile(`<Code>([A-Za-z0-9]{1,64})</Code>`)

// answered returns what S3 says as an error, and its code
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), "" where S3 gives none.
func (b *Bucket) answered(resp *http.Response) (code string, err error) {
	err = fmt.Errorf("S3 answered %s", resp.Status)
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if m := errorCode.FindSubmatch(body); m != nil {
		code = string(m[1])
		err = fmt.Errorf("%w, %s", err, code)
	}
	if region := resp.Header.Get("X-Amz-Bucket-Region"); region != "" && region != b.region {
		err = fmt.Errorf("%w: the bucket is in region %q, not %q", err, region, b.region)
	}
	return code, err
}

func (b *Bucket) do(ctx context.Context, method, path string, body []byte, header http.Header) (*http.Response, error) {
	if b == nil || b.client == nil {
		return nil, errors.New("the bucket is not one that New returned")
	}
	req, err := http.NewRequestWithContext(ctx, method, b.base+"/"+escape(path), bytes.NewReader(body))
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
