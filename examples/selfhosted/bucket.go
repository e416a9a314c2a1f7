package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/irsa-go/irsa/internal/partition"
	"github.com/irsa-go/irsa/oidc"
)

// bucket puts objects in S3. One signed PUT is all that takes, so the SDK's S3 client, which
// would be this program's largest part, is not needed.
type bucket struct {
	endpoint    string // URL of the bucket, without a slash at its end
	region      string
	credentials aws.CredentialsProvider
	client      *http.Client
}

var _ oidc.ObjectPutter = (*bucket)(nil)

func newBucket(cfg aws.Config, name string) (*bucket, error) {
	switch {
	case cfg.Region == "":
		return nil, errors.New("no AWS region is configured: set AWS_REGION to the bucket's")
	case cfg.Credentials == nil:
		return nil, errors.New("no AWS credentials are configured")
	}
	part, ok := partition.ByRegion(cfg.Region)
	if !ok {
		return nil, fmt.Errorf("AWS region %q: it is no region of any known partition", cfg.Region)
	}
	return &bucket{
		endpoint:    "https://" + name + ".s3." + cfg.Region + "." + part.DNSSuffix,
		region:      cfg.Region,
		credentials: cfg.Credentials,
		client:      &http.Client{Timeout: 30 * time.Second},
	}, nil
}

// PutObject needs s3:PutObject on the object. It sends no ACL: reading is granted by the
// bucket's policy or through CloudFront.
func (b *bucket) PutObject(ctx context.Context, o oidc.Object) error {
	to := b.endpoint + "/" + (&url.URL{Path: o.Path}).EscapedPath()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, to, bytes.NewReader(o.Body))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(o.Body)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("Content-Type", o.ContentType)
	req.Header.Set("Cache-Control", o.CacheControl)
	req.Header.Set("X-Amz-Content-Sha256", hash)
	creds, err := b.credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }) // S3 escapes once
	if err := signer.SignHTTP(ctx, creds, req, hash, "s3", b.region, time.Now()); err != nil {
		return err
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("S3 answered %s", resp.Status)
	}
	return nil
}
